"""`mcnemar.csv`: two models at their operating points, on the same cases."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import bdtr, ndtr, ndtri

from microcalc.errors import StudyError
from microcalc.evaluation import arrays, compare, predictions, resampling
from microcalc.evaluation.multiplicity import holm
from microcalc.evaluation.proportions import wilson

COLUMNS = (
    "split", "kind", "model_a", "model_b", "figure", "n", "n_patients",
    "a", "b", "only_a", "only_b", "difference", "low", "high", "p", "p_holm", "method",
)  # fmt: skip


@dataclass(frozen=True)
class PairedProportions:
    """Two proportions of the same cases: `difference` and its interval are A minus B."""

    n: int
    only_a: int
    only_b: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float
    method: str


def compare_paired(
    right_a: npt.ArrayLike,
    right_b: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> PairedProportions:
    """Return how often A and B are right on the same cases, and whether that differs.

    Parameters
    ----------
    right_a, right_b
        Whether each model is right, 0 or 1, shape (n,).
    patients
        Patient of each case, shape (n,).
    confidence
        Coverage of the interval of the difference, a fraction.

    Returns
    -------
    PairedProportions
        One case per patient: McNemar's exact test and Newcombe's interval (Stat Med 1998; 17:
        2635, method 10). Several: Durkalski's test for clustered pairs (Stat Med 2003; 22: 2417)
        and the interval that belongs to its variance. No discordant case: p = 1.

    Raises
    ------
    StudyError
        When the vectors differ in length, are empty, or hold anything but 0 and 1.
    """
    arrays.check_confidence(confidence)
    first, second = arrays.outcome(right_a), arrays.outcome(right_b)
    codes = resampling.patient_codes(patients)
    if not first.size == second.size == codes.size:
        raise StudyError(
            f"{first.size} and {second.size} calls of {codes.size} cases; expected one per case"
        )
    only_a, only_b = int((first & ~second).sum()), int((~first & second).sum())
    both = int((first & second).sum())
    n, discordant = first.size, only_a + only_b
    gap = (only_a - only_b) / n
    if resampling.has_clusters(codes):
        sums = np.bincount(codes, weights=first.astype(float) - second.astype(float))
        error = math.sqrt(float((sums**2).sum()))
        p = float(2 * ndtr(-abs((only_a - only_b) / error))) if error else 1.0
        reach = float(ndtri(0.5 + confidence / 2)) * error / n
        low, high = max(-1.0, gap - reach), min(1.0, gap + reach)
        method = "Durkalski, clustered"
    else:
        p = min(1.0, 2 * float(bdtr(min(only_a, only_b), discordant, 0.5))) if discordant else 1.0
        low, high = newcombe(both, only_a, only_b, n - both - discordant, confidence=confidence)
        method = "McNemar, exact"
    a, b = (both + only_a) / n, (both + only_b) / n
    return PairedProportions(n, only_a, only_b, a, b, gap, low, high, p, method)


def newcombe(
    both: int, only_a: int, only_b: int, neither: int, *, confidence: float
) -> tuple[float, float]:
    """Return Newcombe's interval of a difference of paired proportions (method 10).

    Wilson's intervals of the two proportions, joined with their correlation, which is
    corrected for continuity when it is positive.
    """
    n = both + only_a + only_b + neither
    a = wilson(both + only_a, n, confidence=confidence)
    b = wilson(both + only_b, n, confidence=confidence)
    product = float(both * neither - only_a * only_b)
    if product > 0:
        product = max(product - n / 2, 0)
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    phi = product / math.sqrt(margins) if margins else 0.0
    gap = a.estimate - b.estimate

    def reach(first: float, second: float) -> float:
        return math.sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))

    low = gap - reach(a.estimate - a.low, b.high - b.estimate)
    high = gap + reach(a.high - a.estimate, b.estimate - b.low)
    return low, high


def table(
    rows: pd.DataFrame,
    models: Mapping[str, Mapping[str, Any]],
    comparisons: Sequence[Sequence[str]],
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return each declared pair's sensitivity, specificity and accuracy side by side.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    models
        The frozen models by name, of which `threshold` is read.
    comparisons
        Pairs (A, B) of model names, the family for Holm within each set and figure.
    confidence
        Coverage of the interval of the difference.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; a figure without cases (specificity where all are positive) has no row.
        Apparent predictions have no interval and no test: see `compare.table`.
    """
    predictions.check(rows)
    compare.check_pairs(rows, comparisons)
    found = []
    for split, kind, of_set in predictions.sets(rows):
        for a, b in comparisons:
            both = compare.paired(of_set, a, b)
            y = both["y"].to_numpy() == 1
            right = [
                (both[side] >= float(models[name]["threshold"])).to_numpy() == y
                for side, name in (("a", a), ("b", b))
            ]
            patients = both["patient_id"].to_numpy()
            for figure, of in (("sensitivity", y), ("specificity", ~y), ("accuracy", y | ~y)):
                if not of.any():
                    continue
                test = compare_paired(
                    right[0][of], right[1][of], patients[of], confidence=confidence
                )
                found.append(
                    {
                        "split": split, "kind": kind, "model_a": a, "model_b": b,
                        "figure": figure, "n": test.n, "n_patients": np.unique(patients[of]).size,
                        "a": test.a, "b": test.b, "only_a": test.only_a, "only_b": test.only_b,
                        "difference": test.difference, "low": test.low, "high": test.high,
                        "p": test.p_value, "method": test.method,
                    }
                )  # fmt: skip
    result = compare.without_tests(pd.DataFrame(found, columns=list(COLUMNS)), "low", "high", "p")
    families = result.groupby(["split", "kind", "figure"], sort=False)["p"]
    result["p_holm"] = families.transform(lambda p: holm(p.to_numpy(dtype=float)))
    return result
