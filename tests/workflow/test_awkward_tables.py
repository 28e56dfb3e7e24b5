"""Tables that are no mistake and yet hard to model: the study finishes and says what it met."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.core.files import read_json
from tests.workflow import rooms
from tests.workflow.tiny import Study

pytestmark = pytest.mark.slow


def run(study: Study, cases: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return metrics.csv of the study with other cases, without Snakemake."""
    images = pd.read_csv(study.folder / "images.csv", dtype=str, keep_default_na=False)
    cases.to_csv(study.folder / "cases.csv", index=False)
    images[images.case_id.isin(cases.case_id)].to_csv(study.folder / "images.csv", index=False)
    rooms.run(study, study.config, folder)
    return pd.read_csv(folder / "metrics.csv")


@pytest.fixture
def cases(study: Study) -> pd.DataFrame:
    return pd.read_csv(study.folder / "cases.csv", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("values", [{"age": ""}, {"age": "60"}, {"birads": "", "palpable": "no"}])
def test_columns_that_say_nothing(
    study: Study, cases: pd.DataFrame, values: dict[str, Any], tmp_path: Path
) -> None:
    metrics = run(study, cases.assign(**values), tmp_path)
    assert len(metrics) == 3 * 4
    assert metrics.auc.between(0, 1).all()
    terms = read_json(tmp_path / "clinical.json")["terms"]
    assert not values.keys() & {term["variable"] for term in terms}


def test_a_perfect_predictor_goes_to_firth(
    study: Study, cases: pd.DataFrame, tmp_path: Path
) -> None:
    cases["palpable"] = np.where(cases.label == "IDC", "yes", "no")
    wrong = cases[cases.center == "B"].index[:2]
    cases.loc[wrong, "palpable"] = cases.loc[wrong, "palpable"].map({"yes": "no", "no": "yes"})
    metrics = run(study, cases, tmp_path)
    assert (metrics.auc[metrics.model == "clinical"] > 0.8).all()
    model = read_json(tmp_path / "clinical.json")
    assert "Firth" in model["method"]
    assert any(note.startswith("the predictors separate the classes") for note in model["notes"])


def test_more_features_than_cases(finished: Study) -> None:
    features = pd.read_parquet(finished.results / "features" / "deep" / "features.parquet")
    assert features.shape[1] - 1 > 10 * len(features)


def test_ten_cases_are_just_enough(study: Study, cases: pd.DataFrame, tmp_path: Path) -> None:
    study.configure(lambda config: config["cohort"].update(train_fraction=0.75))
    development = cases[cases.center == "A"].groupby("label").head(4)
    external = cases[cases.center == "B"].groupby("label").head(1)
    metrics = run(study, pd.concat([development, external]), tmp_path)
    assert metrics[metrics.model == "deep"].n.tolist() == [6, 6, 2, 2]
    assert metrics.auc.between(0, 1).all()


def test_a_development_center_of_one_class(
    study: Study, cases: pd.DataFrame, tmp_path: Path
) -> None:
    study.configure(lambda config: config["cohort"].update(development_centers=["A", "D"]))
    moved = cases[(cases.center == "A") & (cases.label == "IDC")].index[:6]
    cases.loc[moved, "center"] = "D"
    metrics = run(study, cases, tmp_path)
    assert metrics.auc.between(0, 1).all()


def test_nine_cases_are_too_few(study: Study, cases: pd.DataFrame, tmp_path: Path) -> None:
    by_label = cases[cases.center == "A"].groupby("label")
    development = by_label.head(4).assign(split="internal")
    development.loc[by_label.head(2).index, "split"] = "train"
    external = cases[cases.center == "B"].head(1).assign(split="external")
    few = r"3 patients of each class(.|\n)*'DCIS': 2\n.*'IDC': 2"
    with pytest.raises(StudyError, match=few):
        run(study, pd.concat([development, external]), tmp_path)


def test_an_external_set_of_one_class_has_no_auc(
    study: Study, cases: pd.DataFrame, tmp_path: Path
) -> None:
    metrics = run(study, cases[(cases.center == "A") | (cases.label == "IDC")], tmp_path)
    external = metrics[metrics.split == "external"]
    assert external.auc.isna().all()
    assert external.sensitivity.between(0, 1).all()
    assert external.specificity.isna().all()


def test_no_external_set(study: Study, cases: pd.DataFrame, tmp_path: Path) -> None:
    metrics = run(study, cases[cases.center == "A"], tmp_path)
    assert set(metrics.split) == {"train", "internal"}
