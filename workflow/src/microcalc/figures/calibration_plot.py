"""Calibration plots: predicted probability against observed frequency."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from microcalc.config.cohort_settings import Labels
from microcalc.figures import number_format, palette, style
from microcalc.figures.roc import kind_shown

LEAST = 10
"""Cases of either class below which a smooth curve would show single cases."""

LOW_ROW_MM = 50.0
"""Height of a model's row below which two names do not fit beside it."""

HEADING: dict[str, Any] = {"fontsize": 7.5, "fontweight": "normal", "loc": "center", "pad": 25}


@style.styled
def draw(
    measures: pd.DataFrame,
    curve: pd.DataFrame,
    groups: pd.DataFrame,
    histogram: pd.DataFrame,
    *,
    models: Sequence[str],
    labels: Labels,
    confidence: float,
) -> Figure:
    """Return a grid of calibration plots: models as rows, sets as columns.

    Each shows the smooth curve with its band, groups of cases with intervals, the ideal
    diagonal, calibration in the large (as "Intercept") and slope, and below it how many cases of
    each class had which probability. Training is judged out of fold.

    Parameters
    ----------
    measures, curve, groups, histogram
        `evaluation/calibration.csv`, `calibration_curve.csv`, `calibration_groups.csv` and
        `calibration_histogram.csv`.
    models
        Every model of the study, in the order of its config.
    labels
        Names of the `negative` and `positive` class.
    confidence
        Level of the intervals, for the legend.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide, at most `style.TALLEST_MM` high. No curve is drawn where a set has fewer than
        `LEAST` cases of a class.
    """
    there = set(measures["split"])
    splits = [split for split in number_format.SPLITS if split in there]
    height = min(20 + 66 * len(models), style.TALLEST_MM)
    figure = style.new_figure(style.PAGE_MM, height)
    low = height / len(models) < LOW_ROW_MM
    grid = figure.subplots(
        2 * len(models),
        len(splits),
        squeeze=False,
        sharex=True,
        height_ratios=[4, 1] * len(models),
    )
    looks = style.models(models)
    for i, model in enumerate(models):
        for j, split in enumerate(splits):
            above, below = grid[2 * i, j], grid[2 * i + 1, j]
            parts = (_own(table, model, split) for table in (measures, curve, groups))
            _curve(above, looks[model].color, *parts)
            of_bins = _own(histogram, model, split)
            _histogram(below, of_bins, low=low)
            if i == 0:
                above.set_title(_heading(measures, split, labels), **HEADING)
            if j == 0 and low:
                above.set_ylabel(number_format.label(model), fontsize=7)
            elif j == 0:
                above.set_ylabel(f"{number_format.label(model)}\nObserved share", fontsize=7.5)
                below.set_ylabel("Cases", fontsize=7.5)
    for axes in grid[-1]:
        predicted = number_format.wrapped(f"Predicted probability of {labels.positive}", 36)
        axes.set_xlabel(predicted, fontsize=7.5)
    if low:
        figure.supylabel("Observed share, and below it cases", fontsize=7.5)
    figure.align_ylabels(grid[:, 0])
    level = f"{100 * confidence:g}%"
    handles = [
        Line2D([], [], color=palette.GREY, label=f"smoothed, {level} band"),
        Line2D(
            [], [], color=palette.GREY, marker="o", markersize=2.5, linewidth=0.6,
            label=f"groups of cases, {level} CI",
        ),
        Line2D([], [], color=palette.PALE, linewidth=0.8, label="perfect agreement"),
        Patch(color=palette.POSITIVE, label=labels.positive),
        Patch(color=palette.NEGATIVE, label=labels.negative),
    ]  # fmt: skip
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=style.legend_columns([str(handle.get_label()) for handle in handles]),
        handlelength=1.5,
        columnspacing=1.2,
        title=f"Intercept and slope: estimate ({level} CI)",
    )
    return figure


def _heading(measures: pd.DataFrame, split: str, labels: Labels) -> str:
    first = measures[(measures["split"] == split) & (measures["kind"] == kind_shown(split))].iloc[0]
    what = number_format.split_label(split) + (", out of fold" if split == "train" else "")
    sizes = int(first["n_neg"]), int(first["n_pos"])
    return f"{what}\n{number_format.counts_in_lines(*sizes, labels, 36)}"


def _own(table: pd.DataFrame, model: str, split: str) -> pd.DataFrame:
    kind = kind_shown(split)
    rows: pd.DataFrame = table[
        (table["model"] == model) & (table["split"] == split) & (table["kind"] == kind)
    ]
    return rows


def _curve(
    axes: Axes, color: str, measures: pd.DataFrame, curve: pd.DataFrame, groups: pd.DataFrame
) -> None:
    axes.plot([0, 1], [0, 1], color=palette.PALE, linewidth=0.8, zorder=1)
    if len(measures) and min(measures["n_neg"].iloc[0], measures["n_pos"].iloc[0]) >= LEAST:
        axes.fill_between(
            curve["probability"], curve["low"], curve["high"], color=color, alpha=0.15, linewidth=0
        )
        axes.plot(curve["probability"], curve["observed"], color=color, zorder=3)
    observed = groups["observed"].to_numpy(dtype=float)
    reach = np.abs(groups[["low", "high"]].to_numpy(dtype=float) - observed[:, None]).T
    axes.errorbar(
        groups["mean_probability"],
        observed,
        yerr=reach,
        fmt="o",
        markersize=2.5,
        color=palette.GREY,
        elinewidth=0.6,
        zorder=2,
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), yticks=[0, 0.5, 1])
    axes.tick_params(axis="x", length=2)
    if measures.empty:
        return
    row = measures.iloc[0]
    # beside the axes' upper end, where neither curve nor interval passes
    text = "\n".join(
        f"{name} {number_format.estimate(row[column], row[column + '_low'], row[column + '_high'])}"
        for name, column in (("Intercept", "citl"), ("Slope", "slope"))
    )
    axes.text(0, 1.02, text, transform=axes.transAxes, fontsize=7, va="bottom")


def _histogram(axes: Axes, rows: pd.DataFrame, *, low: bool) -> None:
    """Draw the positive class upwards, the negative downwards."""
    middle = (rows["bin_low"] + rows["bin_high"]) / 2
    width = 0.9 * (rows["bin_high"] - rows["bin_low"])
    positive, negative = rows["n_pos"].to_numpy(), rows["n_neg"].to_numpy()
    axes.bar(middle, positive, width=width, color=palette.POSITIVE)
    axes.bar(middle, -negative, width=width, color=palette.NEGATIVE)
    axes.axhline(0, color=palette.BLACK, linewidth=0.5)
    most = max([1, *positive, *negative])
    axes.set_ylim(-1.1 * most, 1.1 * most)
    ticks = [most] if low else [-most, 0, most]
    axes.set_yticks(ticks, [str(int(abs(tick))) for tick in ticks])
