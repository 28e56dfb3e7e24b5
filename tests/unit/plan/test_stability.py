"""What stability asks of images and selection."""

import copy
from typing import Any

import pytest
from tests.unit.configs import changed as config_changed
from tests.unit.configs import study_config

from microcalc.config.study_config import StudyConfig
from microcalc.plan import stability

CONFIG: dict[str, Any] = {
    "images": {
        **{"spacing_mm": 0.1, "patch_mm": 20.0, "thumbnail_px": 96, "reader": "ann"},
        "on_error": "fail",
    },
    "features": {
        "deep": {
            "stability": {
                **{"perturbations": 0, "readers": [], "icc_min": 0.75},
                **{"shift_mm": 1.0, "scale": 0.1, "rotate_deg": 0.0},
            },
        },
    },
    "evaluation": {"split_lottery": 0},
}


def changed(section: str, **values: Any) -> StudyConfig:
    config = copy.deepcopy(CONFIG)
    target = config["features"]["deep"]["stability"] if section == "stability" else config[section]
    target.update(values)
    return study_config(**config)


STUDY = changed("images")


def test_no_feature_need_be_stable_where_no_region_is_drawn_otherwise() -> None:
    assert stability.redrawn(STUDY, "deep") == []


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [({"perturbations": 1}, "perturbed"), ({"readers": ["bob"]}, "other_readers")],
)
def test_a_feature_must_survive_what_is_asked(asked: dict[str, Any], drawn: str) -> None:
    config = changed("stability", **asked)
    assert stability.redrawn(config, "deep") == [("deep", drawn, 0.75)]
    assert stability.least_iccs(config, "deep") == [0.75]


def test_of_a_set_that_two_scores_take_the_features_are_there_once() -> None:
    config = config_changed(
        changed("stability", perturbations=2),
        features={"small": {"kind": "network", "weights": "random"}},
        scores={"both": {"features": ["small", "deep"]}, "deep": {"features": ["deep"]}},
    )
    assert stability.redrawn(config, "both", "deep") == [("deep", "perturbed", 0.75)]


def test_a_window_holds_the_largest_scale_and_shift() -> None:
    found = stability.surroundings(STUDY)
    assert stability.surround(STUDY, "deep") == pytest.approx(1 + 0.1 + 2 * 1 / 20 + 0.02)
    assert (found["reader"], found["on_error"]) == ("ann", "exclude")


def test_the_split_lottery_needs_the_cases_that_the_study_holds_out() -> None:
    assert stability.perturbation(STUDY, "deep")["splits"] == ["train"]
    lottery = changed("evaluation", split_lottery=3)
    assert stability.perturbation(lottery, "deep")["splits"] == ["train", "internal"]


def test_a_perturbed_patch_is_as_large_as_any_other() -> None:
    found = stability.perturbation(STUDY, "deep")
    assert found["patch_px"] == 200
    assert found["limits"] == {"shift": 0.05, "scale": 0.1, "rotate_deg": 0.0}


def test_another_reader_excludes_images_instead_of_failing() -> None:
    found = stability.of_reader(STUDY, "bob")
    assert found == {**STUDY.images.plain(), "reader": "bob", "on_error": "exclude"}
