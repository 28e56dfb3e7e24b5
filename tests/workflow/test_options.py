"""Options of the features room, taken through every room to the report."""

import json

import pandas as pd
import pytest

from tests.workflow.tiny import Study

EVALUATED = ("evaluate_models", "assess_probabilities", "summarize_refits", "audit_study")
"""What makes every table of evaluation/."""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["adabn", "combat"])
def test_harmonized_results_are_called_transductive(study: Study, method: str) -> None:
    """In every table; on the page that goes with them, of which one is made."""
    plain = pd.read_csv(study.results / "models" / "predictions.csv")
    fitted = json.loads((study.results / "models" / "deep.json").read_text())
    study.configure(lambda config: config["features"]["deep"].update(harmonize=method))
    study.snakemake(*([] if method == "combat" else EVALUATED))
    predictions = pd.read_csv(study.results / "models" / "predictions.csv")
    again = json.loads((study.results / "models" / "deep.json").read_text())
    assert not predictions.equals(plain)
    assert ("adapted" in again["tables"]["deep"]["weights"]) == (method == "adabn")
    if method == "combat":  # towards the training cases, which stay where they are
        harmonized = again["tables"]["deep"].pop("preprocessing")
        as_it_is = fitted["tables"]["deep"].pop("preprocessing")
        assert harmonized["images"] == as_it_is["images"]
        assert harmonized["features"] == as_it_is["features"] | {"harmonize": "combat"}
        assert again == fitted
        page = (study.results / "report" / "report.html").read_text()
        assert page.count("Transductive (ComBat).") > 20
    unlabelled = {
        path.stem
        for folder in ("models", "evaluation")
        for path in (study.results / folder).glob("*.csv")
        if set(pd.read_csv(path).get("transductive", ["no"])) - {method}
    }
    # what describes cases, clinical variables and the fit knows no harmonized feature
    assert unlabelled == {
        *("table1", "leakage", "univariable", "multivariable", "missing"),
        *(f"{model}.training" for model in study.config["models"]),
    }


@pytest.mark.slow
def test_features_must_survive_chance_and_another_reader(study: Study) -> None:
    images = pd.read_csv(study.folder / "images.csv", dtype=str)
    second = images[images.case_id.isin(images.case_id.unique()[::2])].copy()
    for column in ("x0", "x1", "y0", "y1"):
        second[column] = (second[column].astype(float) + 15).astype(str)
    both = pd.concat([images.assign(reader="ann"), second.assign(reader="bob")])
    both.to_csv(study.folder / "images.csv", index=False)

    def ask(config: dict) -> None:
        config["images"]["reader"] = "ann"
        config["features"]["deep"]["stability"] = {"perturbations": 1, "readers": ["bob"]}

    study.configure(ask)
    study.snakemake("results/tiny/selection/deep/selected.csv")
    splits = pd.read_csv(study.results / "cohort" / "eligible.csv", dtype=str)
    train = splits.case_id[splits.split == "train"]
    drawn = train.isin(second.case_id).sum()
    log = study.log("select_features/deep")
    assert f"stability is judged on {len(train)} of {len(train)} cases" in log
    assert f"stability is judged on {drawn} of {len(train)} cases" in log
    funnel = (
        pd.read_csv(study.results / "selection" / "deep" / "funnel.csv")
        .set_index("step")
        .n_features
    )
    assert 0 < funnel["stable"] < funnel["extracted"]
