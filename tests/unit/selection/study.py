"""A small study with two informative features, for the selection and models rooms' tests."""

from typing import Any

import numpy as np
import pandas as pd

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.selection_settings import SelectionSettings

CHOSEN: dict[str, Any] = {"mrmr": {"n_features": 10}, "lasso": {"n_lambdas": 60, "folds": 5}}
SETTINGS = SelectionSettings.of(CHOSEN)
CLINICAL = ClinicalVariable.each_of(
    {
        "age": {"kind": "continuous", "unit": "years"},
        "birads": {"kind": "categorical", "levels": ["4A", "4B", "4C", "5"]},
        "palpable": {"kind": "categorical", "levels": ["no", "yes"]},
    }
)


def draw(
    seed: int = 0, n: int = 150, p: int = 60, effect: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return included cases, two thirds of them in training, and their features."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.6).astype(int)
    X = rng.normal(size=(n, p))
    X[:, :2] += effect * y[:, None]
    X[:, p - 1] = 3.0  # a dead feature
    place = rng.choice(["train", "train", "train", "train", "internal", "external"], n)
    levels = np.array(CLINICAL["birads"].categories)
    birads = levels[np.clip(rng.integers(0, 3, n) + (rng.random(n) < 0.6 * effect * y), 0, 3)]
    age = np.round(55 + 4 * effect * y + rng.normal(0, 9, n)).astype(int).astype(str)
    palpable = np.where(rng.random(n) < 0.3, "yes", "no").astype(object)
    palpable[rng.random(n) < 0.05] = np.nan
    ids = np.array([f"case{i:03d}" for i in range(n)])
    included = pd.DataFrame(
        {
            "case_id": ids,
            "patient_id": [f"patient{i:03d}" for i in range(n)],
            "center": np.where(place == "external", "B", "A"),
            "split": place,
            "label": np.where(y == 1, "IDC", "DCIS"),
            "y": y,
            "age": age,
            "birads": birads,
            "palpable": palpable,
        }
    )
    names = [f"deep_{j:04d}" for j in range(p)]
    features = pd.DataFrame(X.astype(np.float32), columns=names)
    features.insert(0, "case_id", ids)
    features.insert(1, "n_views", 2)
    return included, features
