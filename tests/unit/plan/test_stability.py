"""What stability asks of images and selection."""

import copy
from typing import Any

import pytest

from microcalc.plan import stability

CONFIG: dict[str, Any] = {
    "images": {
        **{"spacing_mm": 0.1, "patch_mm": 20.0, "thumbnail_px": 96, "reader": "ann"},
        "on_error": "fail",
    },
    "features": {
        "stability": {
            **{"perturbations": 0, "readers": [], "icc_min": 0.75},
            **{"shift_mm": 1.0, "scale": 0.1, "rotate_deg": 0},
        }
    },
    "selection": {"folds": 5, "filters": {"variance": 0.0}},
    "evaluation": {"split_lottery": 0},
}


def changed(section: str, **values: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    target = config["features"]["stability"] if section == "stability" else config[section]
    target.update(values)
    return config


def test_no_feature_need_be_stable_where_no_region_is_drawn_otherwise() -> None:
    assert stability.selection(CONFIG) == {
        "folds": 5,
        "filters": {"variance": 0.0, "min_icc": None},
    }
    assert CONFIG["selection"]["filters"] == {"variance": 0.0}


@pytest.mark.parametrize("asked", [{"perturbations": 1}, {"readers": ["bob"]}])
def test_a_feature_must_survive_what_is_asked(asked: dict[str, Any]) -> None:
    found = stability.selection(changed("stability", **asked))
    assert found["filters"]["min_icc"] == 0.75


def test_a_window_holds_the_largest_scale_and_shift() -> None:
    found = stability.surroundings(CONFIG)
    assert found["surround"] == pytest.approx(1 + 0.1 + 2 * 1 / 20 + 0.02)
    assert (found["reader"], found["on_error"]) == ("ann", "exclude")


def test_the_split_lottery_needs_the_cases_that_the_study_holds_out() -> None:
    assert stability.perturbation(CONFIG)["splits"] == ["train"]
    lottery = changed("evaluation", split_lottery=3)
    assert stability.perturbation(lottery)["splits"] == ["train", "internal"]


def test_a_perturbed_patch_is_as_large_as_any_other() -> None:
    found = stability.perturbation(CONFIG)
    assert found["patch_px"] == 200
    assert found["limits"] == {"shift": 0.05, "scale": 0.1, "rotate_deg": 0.0}


def test_another_reader_excludes_images_instead_of_failing() -> None:
    found = stability.of_reader(CONFIG, "bob")
    assert found == {**CONFIG["images"], "reader": "bob", "on_error": "exclude"}
