"""Bootstrap optimism correction: `optimism.csv`, apparent performance, optimism and 0.632+.

Harrell's correction (Stat Med 1996; 15: 361) and, beside it, 0.632+ (Efron and Tibshirani, J Am
Stat Assoc 1997; 92: 548), since the first is too kind when the apparent AUC is near 1. Intervals
after Noma et al. (Stat Med 2021; 40: 5691), who shift the spread of the replicates' apparent
figures by the correction, Harrell's or that of 0.632+; it is put around the corrected figure here,
because in samples with copies a selection is more optimistic than in the study's, and its apparent
figures lie off to one side.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from microcalc.evaluation import predictions, replicates
from microcalc.statistics import resampling
from microcalc.statistics.proportions import wilson

COLUMNS = (
    "model", "measure", "n", "n_pos", "n_neg", "replicates", "failed", "apparent", "optimism",
    "corrected", "corrected_low", "corrected_high", "out_of_bag",
    "plus632", "plus632_low", "plus632_high", "method",
)  # fmt: skip
FREQUENCY_COLUMNS = (
    "design", "kind", "name", "selected", "replicates", "frequency", "low", "high", "in_final",
)  # fmt: skip
# Of fewer replicates the 2.5th percentile would be the smallest: they have no interval.
FEWEST = 20
METHOD = "whole chain refitted; Harrell and 0.632+; interval: spread of the replicates' {}"


def table(rows: pd.DataFrame, measured: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return the optimism-corrected AUC, slope and Brier score of each model, with `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`, whose apparent predictions are corrected.
    measured
        The bootstrap's replicates, `replicates.COLUMNS`; without any the table has no row.
    confidence
        Coverage of the intervals; there are none with fewer than 20 replicates, and where all
        replicates have the same figure.

    Returns
    -------
    pandas.DataFrame
        `optimism` is the mean of apparent − original over the replicates; `out_of_bag` the mean
        on patients not drawn. 0.632+ is defined for AUC and Brier score alone: a slope has no
        figure of no information. An apparent slope is missing where the sample is separated,
        and `replicates` counts those that remain.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).

    References
    ----------
    Harrell, Stat Med 1996; 15: 361; Efron and Tibshirani, J Am Stat Assoc 1997; 92: 548; Noma et
    al., Stat Med 2021; 40: 5691.
    """
    predictions.check(rows)
    failed = int(measured["model"].isna().sum())
    fitted = measured[measured["model"].notna()]
    found: list[dict[str, Any]] = []
    for model, own in fitted.groupby("model", sort=False):
        apparent = rows[(rows["model"] == model) & (rows["kind"] == "apparent")]
        y, p = apparent["y"].to_numpy(), apparent["probability"].to_numpy()
        n_pos = int(y.sum())
        common = {"model": model, "n": y.size, "n_pos": n_pos, "n_neg": y.size - n_pos,
                  "failed": failed}  # fmt: skip
        for name, value in replicates.measure(y, p).items():
            wide = own.pivot_table(index="replicate", columns="set", values=name, dropna=False)
            plus = _plus(name, value, wide["out_of_bag"].mean(), y, p)
            found.append(
                common
                | {"measure": name, "apparent": value}
                | _corrected(name, value, plus, wide, confidence)
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def no_information_brier(y: Any, probability: Any) -> float:
    """Return the no-information Brier score, over all pairs of an outcome and a probability.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    probability
        Shape (n,).

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Efron and Tibshirani, J Am Stat Assoc 1997; 92: 548.

    Examples
    --------
    >>> from microcalc.evaluation import optimism
    >>> optimism.no_information_brier([0, 1], [0.5, 0.5])
    0.25
    """
    p = np.asarray(probability, dtype=float)
    return float(np.mean(y) * (1 - 2 * p.mean()) + (p**2).mean())


def plus_632(apparent: float, out_of_bag: float, no_information: float) -> float:
    """Return Efron and Tibshirani's 0.632+ estimate of an error (smaller is better).

    Parameters
    ----------
    apparent, out_of_bag
        The error on the fitted cases, and its mean on cases left out of bootstrap samples.
    no_information
        What it is when predictions and outcomes are unrelated.

    Returns
    -------
    float
        In the unit of the errors, between the apparent and the out-of-bag one, the latter bounded
        by no information.

    Notes
    -----
    Equations 27 to 32 of the paper: the relative overfitting rate is 0 unless both other errors
    exceed the apparent one, and an error beyond no information counts as no information.

    References
    ----------
    Efron and Tibshirani, J Am Stat Assoc 1997; 92: 548.

    Examples
    --------
    >>> from microcalc.evaluation import optimism
    >>> round(optimism.plus_632(0.0, 0.5, 0.5), 3), round(optimism.plus_632(0.2, 0.3, 0.5), 3)
    (0.5, 0.272)
    """
    bounded = min(out_of_bag, no_information)
    overfitted = bounded > apparent and no_information > apparent
    rate = (bounded - apparent) / (no_information - apparent) if overfitted else 0.0
    weight = 0.632 / (1 - 0.368 * rate)
    return (1 - weight) * apparent + weight * bounded


def frequencies(
    design: str,
    measured: pd.DataFrame,
    selected: pd.DataFrame,
    final: set[tuple[str, str]],
    *,
    confidence: float,
) -> pd.DataFrame:
    """Return the selection frequency of each feature of a score and of each clinical variable.

    Parameters
    ----------
    design
        Named in the table's first column.
    measured, selected
        Of the replicates, from `replicates.run`.
    final
        (kind, name) of what the study's own models use; they stand in the table even when no
        replicate selected them.
    confidence
        Coverage of Wilson's interval.

    Returns
    -------
    pandas.DataFrame
        With `FREQUENCY_COLUMNS`, by kind, then the most frequent first; `frequency` is a share of
        the replicates that could be fitted. Without any there is no row.
    """
    n = int(measured.loc[measured["model"].notna(), "replicate"].nunique())
    if n == 0:
        return pd.DataFrame(columns=list(FREQUENCY_COLUMNS))
    counts = Counter(zip(selected["kind"], selected["name"], strict=True))
    found = []
    for kind, name in {*counts, *final}:
        share = wilson(counts[kind, name], n, confidence=confidence)
        found.append(
            [design, kind, name, share.successes, n, share.estimate, share.low, share.high,
             "yes" if (kind, name) in final else "no"]
        )  # fmt: skip
    result = pd.DataFrame(found, columns=list(FREQUENCY_COLUMNS))
    by = ["kind", "selected", "name"]
    return result.sort_values(by, ascending=[True, False, True], ignore_index=True)


def _corrected(
    measure: str, apparent: float, plus: float, wide: pd.DataFrame, confidence: float
) -> dict[str, Any]:
    gaps = (wide["apparent"] - wide["original"]).dropna()
    if gaps.empty:
        return {"replicates": 0}
    # A model by maximum likelihood has the apparent slope 1 in every sample: no spread at all.
    spread, what = (gaps, "corrections") if measure == "slope" else (wide["apparent"], "apparent")
    row: dict[str, Any] = {
        "replicates": len(gaps),
        "optimism": float(gaps.mean()),
        "corrected": apparent - float(gaps.mean()),
        "out_of_bag": float(wide["out_of_bag"].mean()),
        "plus632": plus,
        "method": METHOD.format(what),
    }
    for name in ("corrected", "plus632"):
        bounds = np.full(2, np.nan)
        # Replicates that all separate the classes have no spread, which is no certainty.
        if len(spread) >= FEWEST and np.ptp(spread.dropna()) > 0:
            bounds = np.array(resampling.centered(row[name], spread, confidence=confidence))
        if measure != "slope":
            bounds = np.clip(bounds, 0, 1)
        row[f"{name}_low"], row[f"{name}_high"] = (float(bound) for bound in bounds)
    return row


def _plus(measure: str, apparent: float, out_of_bag: float, y: Any, p: Any) -> float:
    if measure == "auc":
        return 1 - plus_632(1 - apparent, 1 - out_of_bag, 0.5)
    if measure == "brier":
        return plus_632(apparent, out_of_bag, no_information_brier(y, p))
    return math.nan
