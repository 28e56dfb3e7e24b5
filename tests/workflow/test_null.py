"""Permuted labels must find nothing: selection to evaluation, twenty times, on the tiny study."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from microcalc.settings import complete, read_schema
from tests.scripts import run_script
from tests.workflow.tiny import ROOT, Study

SEEDS = range(1, 21)


def run_from_selection(study: Study, permutation: int, folder: Path) -> pd.DataFrame:
    """Return metrics.csv of the study with its labels permuted."""
    schemas = ROOT / "workflow" / "schemas"
    config = complete(study.config, read_schema(schemas / "config.yaml"))
    shards = [str(path) for path in sorted((study.results / "images").glob("shard-*.npz"))]
    features = study.results / "features" / "features.parquet"
    weights = study.results / "features" / "weights" / "resnet18.safetensors"

    def made(*names: str) -> dict[str, str]:
        return {name: str(folder / f"{name}.csv") for name in names}

    def step(name: str, **given: Any) -> None:
        run_script(name, log=folder / f"{name}.log", **given)

    step(
        "build_cohort",
        input={
            "cases": str(study.folder / "cases.csv"),
            "images": str(study.folder / "images.csv"),
            "case_schema": str(schemas / "cases.yaml"),
            "image_schema": str(schemas / "images.yaml"),
        },
        output=made("eligible", "images", "exclusions"),
        params={
            "reading": {
                "clinical": config["clinical"],
                "labels": config["labels"],
                "other_columns": config["cohort"]["other_columns"],
            },
            "splitting": {
                "settings": config["cohort"] | {"permute_labels": permutation},
                "labels": config["labels"],
                "seed": config["seed"],
            },
        },
    )
    step(
        "gather_images",
        input=made("eligible") | {"shards": shards},
        output=made("qc", "included"),
        params={"settings": config["images"]},
    )
    step(
        "select_features",
        input=made("included") | {"features": str(features), "perturbed": []},
        output=made(
            *("mrmr", "lasso_path", "lasso_cv", "selected", "funnel"),
            *("crossfit", "crossfit_selected"),
        ),
        params={"settings": config["selection"], "seed": config["seed"]},
    )
    frozen = {model: str(folder / f"{model}.json") for model in config["models"]}
    training = {model: str(folder / f"{model}.training.csv") for model in config["models"]}
    for model, spec in config["models"].items():
        step(
            "fit_model",
            input=made("included", "selected", "crossfit", "crossfit_selected")
            | {"features": str(features), "weights": str(weights)},
            output={"model": frozen[model], "training": training[model]},
            params={"spec": spec}
            | {key: config[key] for key in ("clinical", "screening", "threshold", "labels", "seed")}
            | {
                "training_scores": config["selection"]["training_scores"],
                "preprocessing": {"images": config["images"], "extraction": config["features"]},
            },
            wildcards={"model": model},
        )
    step(
        "predict",
        input=made("included", "selected", "crossfit")
        | {
            "features": str(features),
            "models": list(frozen.values()),
            "training": list(training.values()),
        },
        output=made("predictions", "deep_scores"),
    )
    step(
        "evaluate_models",
        input=made("predictions", "included", "funnel") | {"models": list(frozen.values())},
        output=made(
            *("metrics", "delong", "equivalence", "mcnemar", "precision_recall", "subgroups"),
            *("sample_size", "published"),
        ),
        params={
            "settings": config["evaluation"] | {"resamples": 20},
            "sample_size": config["evaluation"]["sample_size"],
        }
        | {key: config[key] for key in ("models", "clinical", "published", "seed")},
    )
    return pd.read_csv(folder / "metrics.csv").assign(permutation=permutation)


@pytest.fixture(scope="module")
def null_metrics(finished: Study, shared: Callable[..., Path]) -> pd.DataFrame:
    def fill(folder: Path) -> None:
        for seed in SEEDS:
            (folder / str(seed)).mkdir()
            metrics = run_from_selection(finished, seed, folder / str(seed))
            metrics.to_csv(folder / f"{seed}.csv", index=False)

    folder = shared("null", fill)
    return pd.concat(pd.read_csv(folder / f"{seed}.csv") for seed in SEEDS)


@pytest.mark.parametrize("model", ["clinical", "deep", "combined"])
@pytest.mark.parametrize("split", ["internal", "external"])
def test_permuted_labels_give_chance(null_metrics: pd.DataFrame, model: str, split: str) -> None:
    found = null_metrics[(null_metrics.model == model) & (null_metrics.split == split)]
    assert len(found) == len(SEEDS)
    error = found.auc.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.auc.mean() - 0.5) <= 3 * error

    missed = ((found.auc_low > 0.5) | (found.auc_high < 0.5)).sum()
    assert missed <= binom.ppf(0.999, len(found), 0.05)


def test_permutations_differ(null_metrics: pd.DataFrame) -> None:
    deep = null_metrics[(null_metrics.model == "deep") & (null_metrics.split == "external")]
    assert deep.auc.nunique() > 5
