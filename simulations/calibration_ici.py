"""Whether the ICI can tell that probabilities are right: its interval, and its p value.

External sets of `n` cases, whose predicted log odds are normal with variance 1.44.
`truth` calibrated: outcomes have these odds; overconfident: their log odds are half of that.
With `several` cases of one patient (one to six), log odds and outcomes of a patient are
correlated.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, ndtr

from microcalc.evaluation import calibration_tables

LEVEL = 0.05
RESAMPLES = 99

CELLS = [
    {"n": n, "patients": patients, "truth": truth}
    for n in (60, 150)
    for patients in ("one case", "several")
    for truth in ("calibrated", "overconfident")
]
REPLICATES = 200
SAMPLE = 30


def simulate(cell: dict[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return how often the p value is at most 0.05, and how often the interval lies above 0."""
    found = pd.DataFrame([_assessed(cell, rng) for _ in range(replicates)])
    return {
        "rejected": (found["ici_p"] <= LEVEL).mean(),
        "interval_above_0": (found["ici_low"] > 0).mean(),
        "ici": found["ici"].mean(),
        "smallest_p": found["ici_p"].min(),
    }


def _assessed(cell: dict[str, Any], rng: np.random.Generator) -> dict[str, float]:
    while True:
        rows = _draw(cell, rng)
        if 0 < rows["y"].sum() < len(rows):
            break
    seed = int(rng.integers(2**31))
    estimates, _ = calibration_tables.assess(rows, confidence=0.95, resamples=RESAMPLES, seed=seed)
    return {name: float(estimates[name].iloc[0]) for name in ("ici", "ici_low", "ici_p")}


def _draw(cell: dict[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    n, several = cell["n"], cell["patients"] == "several"
    code = np.arange(n)
    if several:
        code = np.repeat(code, rng.choice([1, 2, 3, 6], n, p=[0.5, 0.3, 0.1, 0.1]))[:n]
    share = 0.5 if several else 0.0
    log_odds = 1.2 * _correlated(code, share, rng)
    odds = log_odds if cell["truth"] == "calibrated" else log_odds / 2
    # A uniform variable with a patient's part in it: each case's outcome has its own probability.
    y = ndtr(_correlated(code, share, rng)) < expit(odds)
    return pd.DataFrame(
        {
            "case_id": [f"case{i:03d}" for i in range(n)],
            "patient_id": [f"patient{i:03d}" for i in code],
            "center": "B",
            "split": "external",
            "y": y.astype(int),
            "model": "simulated",
            "kind": "held_out",
            "probability": expit(log_odds),
        }
    )


def _correlated(
    code: npt.NDArray[np.int64], share: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return standard normal values of which patients share a part."""
    of_patients = rng.normal(size=int(code.max()) + 1)[code]
    return np.asarray(
        np.sqrt(share) * of_patients + np.sqrt(1 - share) * rng.normal(size=code.size)
    )


def faults(rows: pd.DataFrame) -> list[str]:
    """Return where the p value has another size than 0.05, no power, or is 0."""
    error = 3 * np.sqrt(LEVEL * (1 - LEVEL) / rows["replicates"])
    null = rows["truth"] == "calibrated"
    # By patient the test is asymptotic: 7.5 % is borne.
    bound = np.where(rows["patients"] == "several", 0.075, LEVEL) + error
    found = [
        f"n = {row.n}, {row.patients}: right probabilities are rejected in {row.rejected:.3f}"
        for row in rows[null & (rows["rejected"] > bound)].itertuples()
    ]
    exact = rows[null & (rows["patients"] == "one case")]
    if (exact["rejected"] < LEVEL - error[exact.index]).any():
        found.append("one case each: the p value is not that of its null distribution")
    far = rows[~null & (rows["n"] == 150) & (rows["patients"] == "one case")]
    if (far["rejected"] < 0.5 - 1.5 / np.sqrt(far["replicates"])).any():
        found.append("n = 150: overconfident probabilities are found in less than half of studies")
    if (rows["smallest_p"] <= 0).any():
        found.append("a p of 0")
    above = rows.loc[null, "interval_above_0"]
    if (above < 0.2).all():
        found.append("the interval would be a test after all")
    return found
