"""The published numbers beside this run's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from microcalc.figures import number_format, palette, style


@style.styled
def draw(published: pd.DataFrame, *, models: Sequence[str], confidence: float) -> Figure:
    """Return a dot plot, one panel per published set: hollow published, filled this run.

    Parameters
    ----------
    published
        `evaluation/published.csv`; training may stand in it twice, apparent and out of fold.
    models
        Every model of the study, in the order of its config.
    confidence
        Level of this run's intervals, for the legend.

    Returns
    -------
    matplotlib.figure.Figure
        85 mm wide; a sentence instead where the config names no published numbers.
    """
    sets = published[["split", "kind"]].fillna("").drop_duplicates().to_dict("records")
    if not sets:
        return style.message(
            style.new_figure(style.COLUMN_MM, 30), "The config names no published numbers."
        )
    counts = [len(_rows(published, of_set)) for of_set in sets]
    figure = style.new_figure(style.COLUMN_MM, 24 + sum(8 + 3.9 * n for n in counts))
    panels = figure.subplots(len(sets), 1, squeeze=False, height_ratios=counts, sharex=True)
    for axes, of_set in zip(panels[:, 0], sets, strict=True):
        _panel(axes, _rows(published, of_set), models)
        kind = {"apparent": ", apparent", "out_of_fold": ", out of fold"}.get(of_set["kind"], "")
        title = (
            f"{number_format.split_label(of_set['split'])}{kind}{_size(_rows(published, of_set))}"
        )
        axes.set_title(title, fontsize=7.5, fontweight="normal")
    panels[-1, 0].set_xlabel("Value")
    panels[-1, 0].set_xlim(-0.02, 1.02)
    handles = [
        Line2D([], [], color=palette.GREY, marker="D", markerfacecolor="white", linestyle="none"),
        Line2D([], [], color=palette.GREY, marker="o"),
    ]
    names = ["published", f"this run ({100 * confidence:g}% CI)"]
    for handle in handles:
        handle.set_markersize(4)
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


def _rows(table: pd.DataFrame, of_set: Mapping[Any, Any]) -> pd.DataFrame:
    own = table["kind"].fillna("") == of_set["kind"]
    rows: pd.DataFrame = table[own & (table["split"] == of_set["split"])]
    return rows


def _size(rows: pd.DataFrame) -> str:
    known = rows["n"].dropna()
    return "" if known.empty else f" (n = {int(known.iloc[0])})"


def _panel(axes: Axes, rows: pd.DataFrame, models: Sequence[str]) -> None:
    looks = style.models([*models, *(set(rows["model"]) - set(models))])
    metrics = [name for name in number_format.MEASURES if name in set(rows["metric"])]
    metrics += [
        name for name in dict.fromkeys(rows["metric"]) if name not in number_format.MEASURES
    ]
    order = [(metric, model) for metric in metrics for model in looks]
    lookup = {(row["metric"], row["model"]): row for row in rows.to_dict("records")}
    lines = [(key, lookup[key]) for key in order if key in lookup]
    for place, ((_, model), row) in enumerate(lines):
        color = looks[model].color
        if np.isfinite(row["estimate"]):
            axes.plot([row["low"], row["high"]], [place, place], color=color, linewidth=1)
            axes.plot(row["estimate"], place, marker="o", markersize=4, color=color)
        axes.plot(
            row["published"],
            place,
            marker="D",
            markersize=4,
            markerfacecolor="white",
            color=color,
            zorder=3,
        )
    names = [
        f"{number_format.MEASURES.get(metric, metric)}, {number_format.label(model).lower()}"
        for (metric, model), _ in lines
    ]
    axes.set_yticks(range(len(lines)), names, fontsize=7)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    starts = [i for i in range(1, len(lines)) if lines[i][0][0] != lines[i - 1][0][0]]
    for start in starts:
        axes.axhline(start - 0.5, color=palette.PALE, linewidth=0.5)
