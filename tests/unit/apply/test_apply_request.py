from pathlib import Path
from typing import Any

import pytest
import yaml

from microcalc.apply import apply_request
from microcalc.config.cohort_settings import Labels
from microcalc.config.settings import complete
from microcalc.core.errors import StudyError
from microcalc.models import deployment_settings

ROOT = Path(__file__).parents[3]


def freeze(folder: Path, **tables: Any) -> None:
    """Freeze the demo with further rows in its tables of features, scores and models."""
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())
    plain = complete(demo).plain()
    config = complete(demo | {table: plain[table] | rows for table, rows in tables.items()})
    text = deployment_settings.to_yaml(
        config.part(*deployment_settings.SECTIONS), simulated=config.simulate is not None
    )
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "settings.yaml").write_text(text)


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    freeze(Path("results/demo"))
    return Path("results/demo")


def test_the_cohort_becomes_a_study_of_its_own_with_the_frozen_settings(frozen: Path) -> None:
    applied = apply_request.of({"models": str(frozen), "cohort": "hospital/2026", "case": "C7"})
    config = complete(applied.config)
    assert config.study == "demo-on-2026"
    assert config.cohort.cases == "hospital/2026/cases.csv"
    assert config.cohort.image_folder == "hospital/2026"
    assert (config.labels.negative, config.labels.positive) == ("DCIS", "IDC")
    assert config.images.patch_mm == 22.4
    assert config.images.max_excluded == 1
    assert config.simulate is None
    assert (applied.simulated, applied.case) == (True, "C7")
    assert applied.kept("models/settings.yaml", "gone.csv") == ["results/demo/models/settings.yaml"]


def test_the_prepared_weights_are_taken_where_they_were_kept(frozen: Path) -> None:
    asked = {"models": str(frozen), "cohort": "new"}
    assert apply_request.of(asked).config["features"]["deep"]["weights"] == "random"
    kept = frozen / "features" / "deep" / "weights" / "resnet101.safetensors"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert apply_request.of(asked).config["features"]["deep"]["weights"] == str(kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cohrot": "new"}, r"cohrot: no such key \(did you mean 'cohort'\?\)"),
        ({"models": "results/nothing"}, "there is no results/nothing/models/settings.yaml"),
        ({"study": "demo"}, "are the results of the models themselves"),
    ],
)
def test_what_cannot_be_is_refused(frozen: Path, change: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        apply_request.of({"models": str(frozen), "cohort": "new"} | change)


def test_a_cohort_must_be_named(frozen: Path) -> None:
    with pytest.raises(StudyError, match="cohort: is missing"):
        apply_request.of({"models": str(frozen)})


def test_every_set_has_its_own_prepared_weights(tmp_path: Path) -> None:
    other = {"kind": "network", "backbone": "resnet18", "weights": "random"}
    freeze(
        tmp_path,
        features={"small": other | {"stability": {"perturbations": 3}}},
        scores={"both": {"features": ["deep", "small"]}},
        models={"both": {"scores": ["both"]}},
    )
    kept = tmp_path / "features" / "small" / "weights" / "resnet18.safetensors"
    kept.parent.mkdir(parents=True)
    kept.touch()
    config = complete(apply_request.of({"models": str(tmp_path), "cohort": "new"}).config)
    weights = {name: row.plain()["weights"] for name, row in config.features.items()}
    assert weights == {"deep": "random", "small": str(kept)}
    # Nothing is selected any more.
    assert config.features["small"].plain()["stability"]["perturbations"] == 0


def test_transductive_models_are_refused(tmp_path: Path) -> None:
    other = {"kind": "network", "backbone": "resnet18", "weights": "random"}
    freeze(
        tmp_path / "study",
        features={"small": other | {"harmonize": "combat"}},
        scores={"both": {"features": ["deep", "small"]}},
        models={"both": {"scores": ["both"]}},
    )
    with pytest.raises(StudyError, match="features of small were harmonized between centers"):
        apply_request.of({"models": str(tmp_path / "study"), "cohort": "new"})


def test_a_harmonized_set_that_no_model_takes_refuses_nothing(tmp_path: Path) -> None:
    """Only the first score need not be taken."""
    other = {"kind": "network", "backbone": "resnet18", "weights": "random"}
    freeze(
        tmp_path / "study",
        features={"even": other | {"harmonize": "combat"}},
        scores={"deep": {"features": ["even"]}, "plain": {"features": ["deep"]}},
        models={"deep": {"scores": ["plain"]}, "combined": {"scores": ["plain"]}},
    )
    found = apply_request.of({"models": str(tmp_path / "study"), "cohort": "new"})
    assert set(found.config["features"]) == {"deep", "even"}


@pytest.mark.parametrize("version", [1, None])
def test_settings_of_another_version_are_refused(frozen: Path, version: int | None) -> None:
    path = frozen / "models" / "settings.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"version": version}))
    message = rf"settings\.yaml: of version {version}, this MicroCalc reads version 2; apply the"
    with pytest.raises(StudyError, match=message):
        apply_request.of({"models": str(frozen), "cohort": "new"})


@pytest.mark.parametrize(
    ("column", "enough"),
    [("a,a,b,b", True), ("a,a,b,", False), (",,,", False), ("a,a,a,x", False)],
)
def test_two_cases_of_either_class_are_enough(tmp_path: Path, column: str, enough: bool) -> None:
    rows = [f"C{i},{label}" for i, label in enumerate(column.split(","))]
    (tmp_path / "cases.csv").write_text("\n".join(["case_id,label", *rows]))
    labels = Labels(negative="a", positive="b")
    assert apply_request.labelled(tmp_path / "cases.csv", labels) == enough
