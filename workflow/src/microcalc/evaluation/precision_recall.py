"""Average precision and the precision–recall curve."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.evaluation import predictions
from microcalc.statistics import arrays, resampling
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.proportions import CLUSTERED, WILSON, clustered_bounds, wilson_bounds
from microcalc.statistics.resampling import Integers

CURVE_COLUMNS = (
    "model", "split", "kind", "threshold", "recall", "precision", "n_called",
    "recall_low", "recall_high", "precision_low", "precision_high", "n_pos", "method",
)  # fmt: skip


@dataclass(frozen=True)
class _Ranking:
    """Cases from the highest score down: their order, their class, and where each score ends."""

    order: npt.NDArray[np.intp]
    positive: Bools
    last: npt.NDArray[np.intp]

    @classmethod
    def of(cls, positive: Bools, score: Floats) -> Self:
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        return cls(order, positive[order], last)


def average_precision(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the mean precision over the positives: Σ (recall step) · precision.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,), at least one positive.
    score
        Any real numbers, larger meaning more likely positive, shape (n,).

    Raises
    ------
    StudyError
        When there is no positive case, a score is NaN, or y holds anything but 0 and 1.

    Notes
    -----
    Steps, not trapezoids, which flatter (Davis and Goadrich, ICML 2006). The reference line is
    the share of positives, not one half, so it compares between sets of equal prevalence only.
    """
    positive = arrays.outcome(y)
    if not positive.any():
        raise StudyError("there is no positive case; precision and recall are not defined")
    score = arrays.scores(score, n=positive.size)
    return float(_average_precision(_each_once(positive.size), _Ranking.of(positive, score))[0])


def average_precision_ci(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int,
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Return average precision with its bootstrap percentile interval: (estimate, low, high).

    Parameters
    ----------
    y, score
        As for `average_precision`.
    patients
        Patient of each case, shape (n,): patients are drawn, with all their cases.
    rng, resamples
        See `resampling.case_weights`.
    confidence
        Coverage of the interval, a fraction.
    """
    estimate = average_precision(y, score)
    positive = arrays.outcome(y)
    ranking = _Ranking.of(positive, arrays.scores(score, n=positive.size))
    codes = resampling.patient_codes(patients)[ranking.order]
    chunks = resampling.case_weights(codes, rng, resamples=resamples)
    replicates = np.concatenate([_average_precision(weights, ranking) for weights in chunks])
    return (estimate, *resampling.percentile(replicates, confidence=confidence))


def curve(rows: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return the precision–recall curve of each model and set, with `CURVE_COLUMNS`.

    A row per distinct score, from the highest: recall (of `n_pos`) and precision (of `n_called`)
    when it and all above it are called positive. A set without a positive case has no curve.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    confidence
        Coverage of the pointwise intervals: Wilson's, at the effective sample size where a
        patient has more than one case, as `method` says.
    """
    found = []
    for split, kind, of_set in predictions.sets(predictions.check(rows)):
        for model, part in of_set.groupby("model", sort=False):
            positive = part["y"].to_numpy() == 1
            if not positive.any():
                continue
            score = part["probability"].to_numpy()
            ranking = _Ranking.of(positive, score)
            called, true = (counts[0] for counts in _cumulated(_each_once(score.size), ranking))
            n_pos = int(positive.sum())
            table = pd.DataFrame(
                {
                    "threshold": np.unique(score)[::-1],
                    "recall": true / n_pos,
                    "precision": true / called,
                    "n_called": called,
                    "n_pos": n_pos,
                }
            ).assign(model=model, split=split, kind=kind)
            if resampling.has_clusters(part["patient_id"]):
                limits = _clustered_limits(part["patient_id"], ranking, confidence=confidence)
                table = table.assign(**limits, method=CLUSTERED)
            else:
                recall = wilson_bounds(true, n_pos, confidence=confidence)
                precision = wilson_bounds(true, called, confidence=confidence)
                table = table.assign(**_named(*recall, *precision), method=WILSON)
            found.append(table[list(CURVE_COLUMNS)])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=CURVE_COLUMNS)


def _clustered_limits(
    patients: npt.ArrayLike, ranking: _Ranking, *, confidence: float
) -> dict[str, Floats]:
    """Return the limits of recall and of precision at each distinct score, from the highest."""
    codes = resampling.patient_codes(patients)[ranking.order]
    n_patients = int(codes.max()) + 1
    positives = np.bincount(codes[ranking.positive], minlength=n_patients)
    called, true = np.zeros(n_patients), np.zeros(n_patients)
    limits = []
    for new in np.split(np.arange(codes.size), ranking.last[:-1] + 1):
        called += np.bincount(codes[new], minlength=n_patients)
        true += np.bincount(codes[new], weights=ranking.positive[new], minlength=n_patients)
        recall = clustered_bounds(true, positives, confidence=confidence)
        precision = clustered_bounds(true, called, confidence=confidence)
        limits.append((*recall, *precision))
    return _named(*np.array(limits).T)


def _named(*bounds: Floats) -> dict[str, Floats]:
    names = ("recall_low", "recall_high", "precision_low", "precision_high")
    return dict(zip(names, bounds, strict=True))


def _cumulated(weights: Integers, ranking: _Ranking) -> tuple[Integers, Integers]:
    """Return cases and positives with at least each distinct score, from the highest, (b, t).

    `weights` are those of the cases as they are ranked, shape (b, n).
    """
    called = weights.cumsum(axis=1)[:, ranking.last]
    true = (weights * ranking.positive).cumsum(axis=1)[:, ranking.last]
    return called, true


def _each_once(n: int) -> Integers:
    return np.ones((1, n), dtype=np.int64)


def _average_precision(weights: Integers, ranking: _Ranking) -> Floats:
    called, true = _cumulated(weights, ranking)
    steps = np.diff(true, axis=1, prepend=0)
    total = true[:, -1].astype(np.float64)
    precision = np.divide(true, called, out=np.zeros(true.shape), where=called > 0)
    summed = (steps * precision).sum(axis=1)
    missing = np.full(total.shape, np.nan)
    return np.asarray(np.divide(summed, total, out=missing, where=total > 0))
