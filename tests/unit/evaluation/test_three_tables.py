"""A study of two networks gives what it gave before features, scores and models were tables."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.oracles.make_three_tables import WIDTHS, features
from tests.unit.test_house import ROOT

from microcalc.config.settings import complete
from microcalc.core.files import read_csv
from microcalc.evaluation import cohort_tables, predictions, result_tables
from microcalc.images import included as included_cases
from microcalc.models import predict
from microcalc.models.fit import fit_models
from microcalc.models.recipe import Recipe
from microcalc.models.training_tables import ScoreTables, Tables
from microcalc.selection import select

BEFORE = ROOT / "tests" / "oracles" / "three_tables"
SETS = {"main": "deep", "small": "small"}
TABLES = (
    "selected-main",
    "selected-small",
    "predictions",
    "metrics",
    "delong",
    "mcnemar",
    "equivalence",
)
CLOSE = 1e-9


def demo() -> dict[str, Any]:
    """Return the demo's config with a second network, and models of every kind."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["features"]["small"] = {"kind": "network", "backbone": "resnet18", "weights": "random"}
    config["scores"]["small"] = {"features": ["small"]}
    config["models"] |= {
        "as_in_the_paper": {"clinical": "screened", "features_of": ["deep"]},
        "small": {"scores": ["small"]},
        "small_combined": {"clinical": ["age", "birads"], "scores": ["small"]},
    }
    config["evaluation"]["resamples"] = 200
    return config


@pytest.fixture(scope="module")
def after() -> dict[str, pd.DataFrame]:
    study = complete(demo())
    path = BEFORE / "included.csv"
    cases = included_cases.read(path)
    scores, columns, found = {}, {}, {}
    for name, width in WIDTHS.items():
        own = SETS[name]
        made = features(cases, width)
        columns[own] = made.rename(columns=lambda c, own=own: c.replace("deep_", f"{own}_"))
        chosen = select.select(
            cases, columns[own], settings=study.selection_of(own), seed=study.seed
        )
        found[f"selected-{name}"] = chosen.chain.selected
        part: Any = {
            "kind": "network",
            "preprocessing": {"images": {}, "features": {}, "digest": "0"},
        }
        scores[own] = ScoreTables(
            learner="lasso",
            parts={own: part},
            features=columns[own],
            selected=chosen.chain.selected,
            crossfit=chosen.crossfit,
            crossfit_selected=chosen.crossfit_selected,
        )
    recipes = Recipe.of_models(
        study.models,
        study.clinical,
        study.screening,
        training_scores=study.selection.training_scores,
        seed=study.seed,
    )
    models, training = fit_models(
        recipes, Tables(cases, scores), threshold=study.threshold, labels=study.labels
    )
    held_out = predict.predict(models, cases[cases["split"] != "train"], columns)
    of_models = [own.assign(model=m["name"]) for m, own in zip(models, training, strict=True)]
    rows = pd.concat([held_out.assign(kind="held_out"), *of_models], ignore_index=True)
    identity = cases[["case_id", "patient_id", "center", "split", "y"]]
    rows = rows.merge(identity, on="case_id", validate="m:1")[list(predict.COLUMNS)]
    rows = rows.sort_values(["case_id", "model", "kind"], ignore_index=True)
    tables = result_tables.discrimination(
        predictions.check(rows),
        {model["name"]: model for model in models},
        cohort_tables.included(path),
        settings=study.evaluation,
        paper=study.published,
        seed=study.seed,
    )
    return {**tables, **found, "predictions": rows[["case_id", "model", "kind", "probability"]]}


@pytest.mark.parametrize("table", TABLES)
def test_every_number_is_what_it_was(table: str, after: dict[str, pd.DataFrame]) -> None:
    before = read_csv(BEFORE / f"{table}.csv")
    now = after[table].reset_index(drop=True)
    assert list(now.columns) == list(before.columns)
    for column in before.columns:
        if pd.api.types.is_numeric_dtype(before[column]):
            np.testing.assert_allclose(
                now[column].to_numpy(dtype=float), before[column], rtol=CLOSE, atol=CLOSE
            )
        else:
            texts = now[column].fillna("").astype(str)
            if column == "feature":  # every network's were called deep_
                texts = texts.str.replace("small_", "deep_")
            assert texts.tolist() == before[column].fillna("").astype(str).tolist(), column
