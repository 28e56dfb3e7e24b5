"""Average precision and the precision–recall curve."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.errors import StudyError
from microcalc.evaluation import arrays, predictions, resampling
from microcalc.evaluation.arrays import Floats
from microcalc.evaluation.resampling import Integers

CURVE_COLUMNS = ("model", "split", "kind", "threshold", "recall", "precision", "n_called")


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
    ones = np.ones((1, positive.size), dtype=np.int64)
    return float(_average_precision(ones, positive, score)[0])


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
    score = arrays.scores(score, n=positive.size)
    chunks = resampling.case_weights(resampling.patient_codes(patients), rng, resamples=resamples)
    replicates = np.concatenate([_average_precision(w, positive, score) for w in chunks])
    return (estimate, *resampling.percentile(replicates, confidence=confidence))


def curve(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the precision–recall curve of each model and set, with `CURVE_COLUMNS`.

    A row per distinct score, from the highest: recall and precision when it and all above it
    are called positive. A set without a positive case has no curve.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    """
    found = []
    for split, kind, of_set in predictions.sets(predictions.check(rows)):
        for model, of_model in of_set.groupby("model", sort=False):
            positive = of_model["y"].to_numpy() == 1
            if not positive.any():
                continue
            thresholds, group = np.unique(of_model["probability"], return_inverse=True)
            size = thresholds.size
            called = np.bincount(group, minlength=size)[::-1].cumsum()
            true = np.bincount(group, weights=positive, minlength=size)[::-1].cumsum()
            found.append(
                pd.DataFrame(
                    {
                        "model": model,
                        "split": split,
                        "kind": kind,
                        "threshold": thresholds[::-1],
                        "recall": true / positive.sum(),
                        "precision": true / called,
                        "n_called": called,
                    }
                )
            )
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=CURVE_COLUMNS)


def _average_precision(weights: Integers, positive: npt.NDArray[np.bool_], score: Floats) -> Floats:
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    weights = weights[:, order]
    called = weights.cumsum(axis=1)[:, last]
    true = (weights * positive[order]).cumsum(axis=1)[:, last]
    steps = np.diff(true, axis=1, prepend=0)
    total = true[:, -1].astype(np.float64)
    precision = np.divide(true, called, out=np.zeros(true.shape), where=called > 0)
    summed = (steps * precision).sum(axis=1)
    missing = np.full(total.shape, np.nan)
    return np.asarray(np.divide(summed, total, out=missing, where=total > 0))
