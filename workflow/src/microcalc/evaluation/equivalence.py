"""`equivalence.csv`: what "comparable" may mean, since p > 0.05 shows no equality."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from scipy.special import ndtr, ndtri

from microcalc.errors import StudyError
from microcalc.evaluation import compare, predictions

Verdict = Literal["equivalent", "non-inferior", "inferior", "not shown", "undefined"]
COLUMNS = (
    "split", "kind", "model_a", "model_b", "n_pos", "n_neg", "delta", "margin", "alpha",
    "low", "high", "p_non_inferior", "p_equivalent", "verdict", "statement", "method",
)  # fmt: skip


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a difference A − B against ±margin.

    `low` and `high` bound the 1 − 2α interval whose place within the margin is the test.
    """

    low: float
    high: float
    p_non_inferior: float
    p_equivalent: float
    verdict: Verdict


def judge(delta: float, variance: float, *, margin: float, alpha: float = 0.05) -> Equivalence:
    """Return whether A is not worse than B by `margin`, and whether the two are equivalent.

    Parameters
    ----------
    delta, variance
        The difference of AUCs, A − B, and its variance.
    margin
        The largest difference that would not matter, above 0, fixed before looking.
    alpha
        Level of each one-sided test; the interval has confidence 1 − 2 · alpha.

    Returns
    -------
    Equivalence
        "equivalent": both tests reject (Schuirmann's TOST). "non-inferior": only that of
        delta ≤ −margin does. "inferior": the whole interval lies below −margin. "not shown":
        the data decide neither. "undefined": no variance could be estimated.

    Raises
    ------
    StudyError
        When the margin is not above 0 or alpha not between 0 and 0.5.
    """
    if not margin > 0:
        raise StudyError(f"the equivalence margin is {margin}; expected a difference above 0")
    if not 0 < alpha < 0.5:
        raise StudyError(f"alpha is {alpha}; expected a level such as 0.05")
    if math.isnan(variance):
        return Equivalence(math.nan, math.nan, math.nan, math.nan, "undefined")
    error = math.sqrt(variance)
    reach = float(ndtri(1 - alpha)) * error
    low, high = delta - reach, delta + reach
    p_lower, p_upper = _tail(delta + margin, error), _tail(margin - delta, error)
    verdict: Verdict = "not shown"
    if max(p_lower, p_upper) < alpha:
        verdict = "equivalent"
    elif p_lower < alpha:
        verdict = "non-inferior"
    elif high < -margin:
        verdict = "inferior"
    return Equivalence(low, high, p_lower, max(p_lower, p_upper), verdict)


def table(
    rows: pd.DataFrame,
    comparisons: Sequence[Sequence[str]],
    *,
    margin: float,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return the judgement of each declared pair on each set, with `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    comparisons
        Pairs (A, B) of model names: is A as good as B?
    margin, alpha
        As for `judge`.
    """
    predictions.check(rows)
    compare.check_pairs(rows, comparisons)
    found: list[dict[str, Any]] = []
    for split, kind, of_set in predictions.sets(rows):
        for a, b in comparisons:
            test, method = compare.pair_test(compare.paired(of_set, a, b), confidence=0.95)
            if test is None:
                continue
            result = judge(test.delta, test.variance, margin=margin, alpha=alpha)
            found.append(
                {
                    "split": split, "kind": kind, "model_a": a, "model_b": b,
                    "n_pos": test.n_pos, "n_neg": test.n_neg, "delta": test.delta,
                    "margin": margin, "alpha": alpha, "low": result.low, "high": result.high,
                    "p_non_inferior": result.p_non_inferior, "p_equivalent": result.p_equivalent,
                    "verdict": result.verdict, "method": method,
                    "statement": _statement(a, b, test.delta, result, margin, alpha),
                }
            )  # fmt: skip
    return pd.DataFrame(found, columns=list(COLUMNS))


def _tail(distance: float, error: float) -> float:
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(ndtr(-distance / error))


def _statement(
    a: str, b: str, delta: float, result: Equivalence, margin: float, alpha: float
) -> str:
    numbers = (
        f"the AUC of {a} minus that of {b} is {delta:+.3f} "
        f"({100 * (1 - 2 * alpha):g} % interval {result.low:+.3f} to {result.high:+.3f}, "
        f"margin {margin:g})"
    )
    if result.verdict == "equivalent":
        return f"{a} and {b} are equivalent within the margin: {numbers}."
    if result.verdict == "non-inferior":
        return f"{a} is not inferior to {b}, equivalence is not shown: {numbers}."
    if result.verdict == "inferior":
        return f"{a} is inferior to {b} by more than the margin: {numbers}."
    if result.verdict == "undefined":
        return f"{a} and {b} cannot be judged, a class has too few cases."
    return f"Neither equivalence nor inferiority is shown: {numbers}."
