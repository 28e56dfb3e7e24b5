"""Non-inferiority and equivalence of AUCs: `equivalence.csv`, two one-sided tests by a margin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from scipy.special import ndtr, ndtri

from microcalc.core.errors import StudyError
from microcalc.evaluation import compare, predictions
from microcalc.evaluation.compare import PairTest
from microcalc.statistics.constant_ranks import Alike

Verdict = Literal[
    "equivalent", "non-inferior", "inferior", "not shown", "undetermined", "not tested"
]
COLUMNS = (
    "split", "kind", "model_a", "model_b", "n_pos", "n_neg", "delta", "margin", "alpha",
    "low", "high", "p_non_inferior", "p_equivalent", "verdict", "statement", "method",
)  # fmt: skip


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a difference A − B against ±margin.

    Attributes
    ----------
    low, high
        Bounds of the 1 − 2α interval whose place within the margin is the test.
    p_non_inferior
        P value of the hypothesis that the difference is −margin or less.
    p_equivalent
        The larger of that and the P value of the hypothesis that it is the margin or more.
    verdict
        What they show, see `judge`.
    """

    low: float
    high: float
    p_non_inferior: float
    p_equivalent: float
    verdict: Verdict


def judge(
    delta: float,
    variance: float,
    *,
    margin: float,
    alpha: float,
    alike: Alike | None = None,
) -> Equivalence:
    """Return the tests of non-inferiority and of equivalence of A and B within a margin.

    Parameters
    ----------
    delta, variance
        The difference of AUCs, A − B, and its variance.
    margin
        The largest difference that would not matter, above 0, fixed before looking.
    alpha
        Level of each one-sided test; the interval has confidence 1 − 2 · alpha.
    alike
        What every pair of cases shows, from `constant_ranks.alike`, where the variance is 0.

    Returns
    -------
    Equivalence
        "equivalent": both tests reject (Schuirmann's TOST). "non-inferior": only that of
        delta ≤ −margin does. "inferior": the whole interval lies below −margin. "not shown":
        the data decide neither. "undetermined": there is no variance, and the tests are empty
        or, where all pairs of cases are alike, exact and decide neither.

    Raises
    ------
    StudyError
        When the margin is not above 0 or alpha not between 0 and 0.5.

    Examples
    --------
    >>> from microcalc.evaluation import equivalence
    >>> found = equivalence.judge(0.01, 0.015**2, margin=0.05, alpha=0.05)
    >>> found.verdict, round(found.low, 3), round(found.high, 3)
    ('equivalent', -0.015, 0.035)
    """
    if not margin > 0:
        raise StudyError(f"the equivalence margin is {margin}; expected a difference above 0")
    if not 0 < alpha < 0.5:
        raise StudyError(f"alpha is {alpha}; expected a level such as 0.05")
    verdict: Verdict
    if alike is not None:
        low, high = alike.interval(confidence=1 - 2 * alpha)
        p_lower, p_upper, verdict = alike.p_above(-margin), alike.p_below(margin), "undetermined"
    elif not variance > 0:
        return Equivalence(math.nan, math.nan, math.nan, math.nan, "undetermined")
    else:
        error = math.sqrt(variance)
        reach = float(ndtri(1 - alpha)) * error
        low, high, verdict = delta - reach, delta + reach, "not shown"
        p_lower, p_upper = (float(ndtr(-(margin + way * delta) / error)) for way in (1, -1))
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
    alpha: float,
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

    Returns
    -------
    pandas.DataFrame
        A set of one class has no row. Apparent predictions are "not tested": see
        `compare.table`.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), a pair names a model without
        predictions, two models disagree on a case's y, or as `judge`.
    """
    predictions.check(rows)
    compare.check_pairs(rows, comparisons)
    found: list[dict[str, Any]] = []
    for split, kind, of_set in predictions.sets(rows):
        for a, b in comparisons:
            pair = compare.pair_test(compare.paired(of_set, a, b), confidence=0.95)
            test = pair.comparison
            if test is None:
                continue
            result, method = _result(kind, pair, margin=margin, alpha=alpha), pair.method
            if result.verdict == "not tested":
                method = compare.NOT_TESTED
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


def _result(kind: str, pair: PairTest, *, margin: float, alpha: float) -> Equivalence:
    test = pair.comparison
    if kind == "apparent" or test is None:
        return Equivalence(math.nan, math.nan, math.nan, math.nan, "not tested")
    return judge(test.delta, test.variance, margin=margin, alpha=alpha, alike=pair.alike)


def _statement(
    a: str, b: str, delta: float, result: Equivalence, margin: float, alpha: float
) -> str:
    if result.verdict == "not tested":
        return f"{a} and {b} are not judged here, on the cases that they were fitted on."
    if math.isnan(result.low):
        return f"Whether {a} and {b} differ is undetermined: no variance can be estimated."
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
    if result.verdict == "undetermined":
        return (
            f"Whether {a} and {b} differ is undetermined, since all pairs of cases are alike: "
            f"{numbers}."
        )
    return f"Neither equivalence nor inferiority is shown: {numbers}."
