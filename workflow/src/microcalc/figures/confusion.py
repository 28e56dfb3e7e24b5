"""Confusion matrices of every model in every set, at the threshold fixed on training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from microcalc.config.cohort_settings import Labels
from microcalc.figures import number_format, style
from microcalc.figures.roc import kind_shown


@style.styled
def draw(metrics: pd.DataFrame, *, models: Sequence[str], labels: Labels) -> Figure:
    """Return a grid of 2 × 2 tables: models as rows, sets as columns.

    Cells hold the number of cases and its share of the true class, which also shades them.

    Parameters
    ----------
    metrics
        `evaluation/metrics.csv`: tp, fp, tn, fn. Training is shown out of fold.
    models
        Every model of the study, in the order of its config.
    labels
        Names of the `negative` and `positive` class.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide, at most `style.TALLEST_MM` high.
    """
    shown = {
        (row["model"], row["split"]): row
        for row in metrics.to_dict("records")
        if row["kind"] == kind_shown(row["split"])
    }
    splits = [split for split in number_format.SPLITS if any(split == key[1] for key in shown)]
    height = min(16 + 40 * len(models), style.TALLEST_MM)
    figure = style.new_figure(style.PAGE_MM, height)
    grid = figure.subplots(len(models), len(splits), squeeze=False)
    looks = style.models(models)
    for i, model in enumerate(models):
        for j, split in enumerate(splits):
            axes = grid[i, j]
            _matrix(axes, shown.get((model, split)), looks[model].color, labels)
            if i == 0:
                what = number_format.split_label(split) + (
                    ", out of fold" if split == "train" else ""
                )
                axes.set_title(what, fontsize=7.5, fontweight="normal", loc="center")
            if j == 0:
                axes.set_ylabel(f"{number_format.label(model)}\nTrue class", fontsize=7.5)
            if i == len(models) - 1:
                axes.set_xlabel("Predicted class", fontsize=7.5)
    return figure


def _matrix(axes: Axes, row: Mapping[Any, Any] | None, color: str, labels: Labels) -> None:
    names = [number_format.wrapped(name, 10) for name in labels.names]
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center", multialignment="center")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(True)
    if row is None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "not scored", ha="center", transform=axes.transAxes, fontsize=7)
        return
    counts = np.array([[row["tn"], row["fp"]], [row["fn"], row["tp"]]], dtype=int)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros((2, 2)), where=totals > 0)
    # the darkest shade keeps black print readable
    shade = LinearSegmentedColormap.from_list("shade", ["white", color])
    # not an image, which a file of vectors would hold in pixels
    edges = [-0.5, 0.5, 1.5]
    axes.pcolormesh(edges, edges, shares, cmap=shade, vmin=0, vmax=1.8)
    axes.invert_yaxis()
    for (i, j), count in np.ndenumerate(counts):
        share = f"{100 * shares[i, j]:.0f}%" if totals[i, 0] else "–"
        axes.text(j, i, f"{count}\n({share})", ha="center", va="center", fontsize=8)
