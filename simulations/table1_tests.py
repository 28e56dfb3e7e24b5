"""Size of Table 1's tests between classes when patients have two lesions each, or some do.

`cases` lesions; a `share` of the patients has two. The variable is measured per patient (age) or
per lesion, with intraclass correlation one half; so is the label. `size` is how often p < 0.05
where the two have nothing to do with each other, with `permutations` of patients as in
`evaluation.baseline_tests`; `ignoring` that of the tests that take lesions for patients. `power` is
that of the permutation test where what is measured, or cut into three levels, lies half a standard
deviation higher in the positive class.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from microcalc.statistics import baseline_tests

CELLS = [
    {"variable": variable, "measured": measured, "label": label, "share": share, "cases": 60}
    for variable in ("normal", "skewed", "three levels")
    for measured, label in (
        ("patient", "patient"), ("patient", "lesion"), ("lesion", "patient"), ("lesion", "lesion")
    )
    for share in (0.1, 0.3, 1.0)
]  # fmt: skip
REPLICATES, SAMPLE = 4000, 200
PERMUTATIONS = 399
LEVEL, MOST = 0.05, 0.07


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return size, and power, of the permutation test, and the size without regard to patients."""
    p = np.array([_study(cell, rng) for _ in range(replicates)])
    size, ignoring, power = np.mean(p < LEVEL, axis=0).tolist()
    return {"permutations": PERMUTATIONS, "size": size, "ignoring": ignoring, "power": power}


def faults(rows: pd.DataFrame) -> list[str]:
    """Return the cells whose size, with its Monte Carlo error, goes beyond what is allowed."""
    found = []
    for _, row in rows.iterrows():
        error = sqrt(LEVEL * (1 - LEVEL) / row["replicates"])
        what = (
            f"{row['variable']}, measured per {row['measured']}, label per {row['label']}, "
            f"{100 * row['share']:.0f} % with two lesions"
        )
        # An exact test's size is at most the level; MOST must hold with the error of this many.
        if row["size"] - 3 * error > LEVEL:
            found.append(f"{what}: size {row['size']:.3f}")
        if row["replicates"] >= 1000 and row["size"] + 1.96 * error > MOST:
            found.append(f"{what}: the size's upper limit is {row['size'] + 1.96 * error:.3f}")
        if not row["power"] > row["size"] + 3 * error:
            found.append(f"{what}: power {row['power']:.3f} is no more than the size")
    return found


def _study(cell: Mapping[str, Any], rng: np.random.Generator) -> tuple[float, float, float]:
    cases = int(cell["cases"])
    twice = round(cell["share"] * cases / (1 + cell["share"]))
    patients = np.concatenate([np.repeat(np.arange(twice), 2), np.arange(twice, cases - twice)])
    positive = _drawn(patients, cell["label"], rng) > 0
    x = _drawn(patients, cell["measured"], rng)
    null = _of_variable(x, cell["variable"])
    shifted = _of_variable(x + 0.5 * positive, cell["variable"])
    return (
        _permuted(null, positive, patients, cell["variable"], rng),
        _ignoring(null, positive, cell["variable"]),
        _permuted(shifted, positive, patients, cell["variable"], rng),
    )


def _drawn(patients: Any, per: str, rng: np.random.Generator) -> Any:
    """Return a standard normal per case, the same for a patient's cases or correlated by half."""
    shared = rng.standard_normal(patients.max() + 1)[patients]
    if per == "patient":
        return shared
    return sqrt(0.5) * shared + sqrt(0.5) * rng.standard_normal(patients.size)


def _of_variable(x: Any, variable: str) -> Any:
    if variable == "three levels":
        return np.searchsorted((0.0, 1.0), x)
    return np.exp(x) if variable == "skewed" else x


def _permuted(
    x: Any, positive: Any, patients: Any, variable: str, rng: np.random.Generator
) -> float:
    settings = {"rng": rng, "permutations": PERMUTATIONS}
    if variable == "three levels":
        found = baseline_tests.permuted_categorical(x, positive, patients, **settings)
    else:
        found = baseline_tests.permuted_continuous(
            x, positive, patients, normal=variable == "normal", **settings
        )
    return found.p_value


def _ignoring(x: Any, positive: Any, variable: str) -> float:
    if variable == "three levels":
        counts = [[(x[of] == level).sum() for of in (~positive, positive)] for level in range(3)]
        return baseline_tests.categorical(counts).p_value
    normal = variable == "normal"
    return baseline_tests.continuous(x[~positive], x[positive], normal=normal).p_value
