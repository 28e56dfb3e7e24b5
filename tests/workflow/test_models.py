"""Rows of `models` of every kind, planned and run: another network, a score from elsewhere."""

from typing import Any

import pandas as pd
import pytest

from tests.workflow.tiny import Study

NETWORK = {"kind": "network", "backbone": "resnet34", "weights": "random"}


def add_models(config: dict[str, Any]) -> None:
    config["features"]["larger"] = NETWORK
    config["scores"]["larger"] = {"features": ["larger"]}
    config["models"]["larger"] = {"scores": ["larger"]}


def test_a_further_network_plans_what_is_new_alone(study: Study) -> None:
    study.configure(add_models)
    planned = study.planned("results/tiny/models/predictions.csv")
    assert planned == {
        **{"prepare_weights": 1, "extract_features": 3, "gather_features": 1},
        **{"select_features": 1, "fit_models": 1, "predict": 1},
    }


@pytest.mark.slow
def test_every_kind_of_model_runs_to_the_end(study: Study) -> None:
    """With all refits, and features filtered by stability, also where splits are drawn anew."""
    cases = pd.read_csv(study.folder / "cases.csv", dtype=str)
    cases["suspicion"] = [str(i % 5 + (label == "IDC")) for i, label in enumerate(cases["label"])]
    cases.to_csv(study.folder / "cases.csv", index=False)

    def change(config: dict[str, Any]) -> None:
        add_models(config)
        for row in config["features"].values():
            row["stability"] = {"perturbations": 1, "icc_min": 0.2}
        config["clinical"]["suspicion"] = {"kind": "continuous", "candidate": False}
        config["models"]["reader"] = {"kind": "external_score", "column": "suspicion"}
        config["evaluation"] |= {"bootstrap": 1, "split_lottery": 1, "permutation": 1}

    study.configure(change)
    study.snakemake()
    models = set(study.config["models"])
    for table in ("metrics", "optimism", "split_lottery", "permutation"):
        found = pd.read_csv(study.results / "evaluation" / f"{table}.csv")
        assert set(found["model"]) == models, table
    lottery = pd.read_csv(study.results / "evaluation" / "split_lottery.csv")
    assert set(lottery["failed"]) == {0}
    funnels = study.contents("selection/*/funnel.csv")
    assert all(b"stable" in funnel for funnel in funnels.values())
    assert len(funnels) == 2
    report = (study.results / "report" / "report.html").read_text()
    assert "The larger features were the pooled output of resnet34" in report
    assert "is the score suspicion from elsewhere" in report
