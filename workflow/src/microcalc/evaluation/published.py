"""Published results: `published.csv`, the paper's numbers beside this run's."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from microcalc.config.evaluation_settings import PublishedSettings

COLUMNS = (
    "split", "kind", "model", "metric", "published",
    "estimate", "low", "high", "n", "difference", "inside_interval",
)  # fmt: skip


def compare(metrics: pd.DataFrame, published: PublishedSettings | None) -> pd.DataFrame:
    """Return a row for each published number, with this run's estimate and interval beside it.

    Parameters
    ----------
    metrics
        `evaluation/metrics.csv`.
    published
        The config's `published`, or None.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`. A published training number stands beside both the apparent row (which
        is how the paper got it) and the out-of-fold row. `difference` is estimate − published;
        `inside_interval` says whether this run's interval holds the published number. A model
        or set that this run lacks has no estimate.
    """
    rows = []
    for split, models in (published.sets if published else {}).items():
        for model, numbers in models.items():
            same = metrics[(metrics["split"] == split) & (metrics["model"] == model)]
            for metric, value in numbers.items():
                runs = same.to_dict("records") or [{"kind": ""}]
                rows += [_row(split, model, metric, value, run) for run in runs]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(split: str, model: str, metric: str, value: float, run: Mapping[Any, Any]) -> Any:
    low, high = run.get(f"{metric}_low", math.nan), run.get(f"{metric}_high", math.nan)
    estimate = run.get(metric, math.nan)
    bounded = not (math.isnan(low) or math.isnan(high))
    return {
        "split": split,
        "kind": run["kind"],
        "model": model,
        "metric": metric,
        "published": value,
        "estimate": estimate,
        "low": low,
        "high": high,
        "n": run.get("n"),
        "difference": estimate - value,
        "inside_interval": ("yes" if low <= value <= high else "no") if bounded else "",
    }
