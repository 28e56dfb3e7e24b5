"""Decision curve analysis: `net_benefit.csv`, net benefit against treating all or none."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.core.seeds import stream
from microcalc.evaluation import predictions
from microcalc.statistics import resampling
from microcalc.statistics.arrays import Floats
from microcalc.statistics.net_benefit import check_thresholds, measure, net_of_counts

COLUMNS = (
    "split", "kind", "model", "threshold", "n", "n_pos",
    "net_benefit", "low", "high", "standardized", "standardized_low", "standardized_high",
    "avoided_per_100", "avoided_low", "avoided_high", "method",
)  # fmt: skip


STRATEGIES = ("treat_all", "treat_none")


def table(
    rows: pd.DataFrame,
    *,
    thresholds: Sequence[float] | Floats,
    confidence: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Return the decision curves of every model, and of acting on all and on none, per set.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    thresholds
        Threshold probabilities, inside (0, 1), in any order.
    confidence, resamples, seed
        Of the pointwise percentile bands, by bootstrap of whole patients.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`. `standardized` divides by the share of positives, so that 1 is the best
        possible; `avoided_per_100` is how many actions a model spares per hundred cases, at the
        same number of true positives less missed ones, against acting on all. Acting on none has
        net benefit 0 by definition. Where the replicates agree, as where a model calls no case
        positive, the interval is missing and `method` says that it is undetermined.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), a threshold lies outside
        (0, 1), or there are fewer than 20 resamples.

    References
    ----------
    Vickers and Elkin, Med Decis Making 2006; 26: 565.
    """
    resampling.check_resamples(resamples)
    at = check_thresholds(thresholds)
    found = []
    for split, kind, of_set in predictions.sets(predictions.check(rows)):
        named = {str(model): part for model, part in of_set.groupby("model", sort=True)}
        # Models may lack cases; the reference strategies are drawn for the cases of any.
        everyone = of_set.drop_duplicates("case_id").sort_values("case_id")
        named |= {name: everyone.assign(probability=float(name == "treat_all"))
                  for name in STRATEGIES}  # fmt: skip
        for model, part in named.items():
            rng = stream(seed, "evaluation.net_benefit", model, split, kind)
            found.append(
                _curve(part, at, confidence=confidence, resamples=resamples, rng=rng).assign(
                    split=split, kind=kind, model=model
                )
            )
    result = pd.concat(found, ignore_index=True)[list(COLUMNS)]
    result.loc[result["model"] == "treat_none", "method"] = "by definition"
    return result


def _curve(
    part: pd.DataFrame,
    at: Floats,
    *,
    confidence: float,
    resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    positive = part["y"].to_numpy() == 1
    p = part["probability"].to_numpy()
    n = positive.size
    # Which thresholds a case passes is one number, so cases fall into few kinds.
    passed = np.searchsorted(at, p, side="right")
    width = at.size + 1
    cells = np.zeros((n, 2 * width), dtype=np.int64)
    cells[np.arange(n), passed + width * positive] = 1
    codes = resampling.patient_codes(part["patient_id"])
    drawn = resampling.cell_counts(cells, codes, rng, resamples=resamples)
    fp, tp = (_at_least(drawn[:, start : start + width]) for start in (0, width))
    sizes = drawn.sum(axis=1, keepdims=True)
    shares = drawn[:, width:].sum(axis=1, keepdims=True) / sizes
    replicates = net_of_counts(tp, fp, sizes, at)
    missing = np.full(replicates.shape, np.nan)
    scaled = np.divide(replicates, shares, out=missing, where=shares > 0)
    net = measure(positive, p, at)
    share = float(positive.mean())
    avoided = _avoided(replicates, shares, at)
    low, high = resampling.pointwise(replicates, confidence=confidence)
    clustered = "cluster " if resampling.has_clusters(part["patient_id"]) else ""
    scaled_low, scaled_high = resampling.pointwise(scaled, confidence=confidence)
    avoided_low, avoided_high = resampling.pointwise(avoided, confidence=confidence)
    return pd.DataFrame(
        {
            "threshold": at,
            "n": n,
            "n_pos": int(positive.sum()),
            "net_benefit": net,
            "low": low,
            "high": high,
            "standardized": net / share if share else np.nan,
            "standardized_low": scaled_low,
            "standardized_high": scaled_high,
            "avoided_per_100": _avoided(net, share, at),
            "avoided_low": avoided_low,
            "avoided_high": avoided_high,
            "method": np.where(np.isnan(low), "undetermined", f"{clustered}bootstrap"),
        }
    )


def _at_least(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return from counts per number of thresholds passed how many cases pass each."""
    return np.asarray(counts[:, :0:-1].cumsum(axis=1)[:, ::-1])


def _avoided(net: Floats, share: npt.ArrayLike, at: Floats) -> Floats:
    """Return actions spared per hundred cases against acting on all; `share` are positive."""
    positives = np.asarray(share)
    all_treated = positives - (1 - positives) * at / (1 - at)
    return np.asarray(100 * (net - all_treated) * (1 - at) / at)
