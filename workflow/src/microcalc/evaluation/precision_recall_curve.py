"""Average precision and the precision–recall curve."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.evaluation import predictions
from microcalc.statistics import resampling
from microcalc.statistics.arrays import Floats
from microcalc.statistics.precision_recall import Ranking, cumulated, each_once
from microcalc.statistics.proportions import CLUSTERED, WILSON, clustered_bounds, wilson_bounds

CURVE_COLUMNS = (
    "model", "split", "kind", "threshold", "recall", "precision", "n_called",
    "recall_low", "recall_high", "precision_low", "precision_high", "n_pos", "method",
)  # fmt: skip


def curve(rows: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return the precision–recall curve of each model and set, with `CURVE_COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    confidence
        Coverage of the pointwise intervals: Wilson's, at the effective sample size where a
        patient has more than one case, as `method` says.

    Returns
    -------
    pandas.DataFrame
        A row per distinct score, from the highest: recall (of `n_pos`) and precision (of
        `n_called`) when it and all above it are called positive. A set without a positive case has
        no curve.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).
    """
    found = []
    for split, kind, of_set in predictions.sets(predictions.check(rows)):
        for model, part in of_set.groupby("model", sort=False):
            positive = part["y"].to_numpy() == 1
            if not positive.any():
                continue
            score = part["probability"].to_numpy()
            ranking = Ranking.of(positive, score)
            called, true = (counts[0] for counts in cumulated(each_once(score.size), ranking))
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
    patients: npt.ArrayLike, ranking: Ranking, *, confidence: float
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
