"""A small study of two sets of features and three scores, one of them of both sets."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from tests.unit.models.test_fit import PART
from tests.unit.selection.study import CHOSEN, draw

from microcalc.config.selection_settings import SelectionSettings
from microcalc.models.training_tables import ScoreTables, Tables
from microcalc.selection.select import select
from microcalc.selection.training import joined

MADE_OF = {"deep": ["deep"], "around": ["around"], "both": ["deep", "around"]}
SELECTIONS = {
    "deep": SelectionSettings.of(CHOSEN),
    "around": SelectionSettings.of(CHOSEN | {"mrmr": {"n_features": 4}}),
    "both": SelectionSettings.of(CHOSEN | {"lasso": {**CHOSEN["lasso"], "choose": "lambda_1se"}}),
}
SEED = 1


def draw_sets(seed: int = 0, effect: float = 1.0) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return included cases, and the features of two sets, each of which knows something else."""
    included, deep = draw(seed, effect=effect)
    random = np.random.default_rng([seed, 2])
    X = random.normal(size=(len(included), 30))
    X[:, 3] += 0.8 * effect * included["y"]
    X[:, 4] += 0.5 * deep["deep_0000"]
    around = pd.DataFrame(X.astype(np.float32), columns=[f"around_{j:04d}" for j in range(30)])
    around.insert(0, "case_id", included["case_id"])
    around.insert(1, "n_views", 2)
    # Tables need not have the cases in one order.
    return included, {"deep": deep, "around": around.iloc[::-1].reset_index(drop=True)}


def tables_of(
    included: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    selections: Mapping[str, SelectionSettings] = SELECTIONS,
) -> Tables:
    """Return the tables of the study, every score selected by itself."""
    scores = {}
    for name, sets in MADE_OF.items():
        own = joined([features[one] for one in sets])
        found = select(included, own, settings=selections[name], seed=SEED)
        scores[name] = ScoreTables(
            *("lasso", dict.fromkeys(sets, PART), own, found.chain.selected),
            *(found.crossfit, found.crossfit_selected),
        )
    return Tables(included, scores)
