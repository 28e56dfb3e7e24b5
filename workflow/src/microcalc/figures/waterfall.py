"""The score of every case, sorted, colored by the truth."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.special import logit

from microcalc.config.cohort_settings import Labels
from microcalc.config.score_names import score_column
from microcalc.figures import number_format, palette, shown_models, style
from microcalc.figures.roc import kind_shown

if TYPE_CHECKING:
    from microcalc.models.frozen import FrozenModel


@style.styled
def draw(
    predictions: pd.DataFrame,
    *,
    model: "FrozenModel | None",
    labels: Labels,
) -> Figure:
    """Return one panel per set: every case's score less the threshold, from low to high.

    A bar that rises is a case called positive. Scores are log odds; training is out of fold.

    Parameters
    ----------
    predictions
        `models/predictions.csv`.
    model
        The model of one score whose scores are drawn, or None when the study has none.
    labels
        Names of the `negative` and `positive` class.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; a sentence instead where the study has no model of a score alone.
    """
    score = shown_models.score_alone(model) if model else None
    if model is None or score is None:
        return style.message(
            style.new_figure(style.PAGE_MM, 40), "The study has no model of a score alone."
        )
    own = predictions[predictions["model"] == model["name"]]
    splits = [split for split in number_format.SPLITS if (own["split"] == split).any()]
    figure = style.new_figure(style.PAGE_MM, 12 + 38 * len(splits))
    panels = figure.subplots(len(splits), 1, squeeze=False, sharey=True)[:, 0]
    cut = logit(np.clip(float(model["threshold"]), 1e-6, 1 - 1e-6))
    for axes, split in zip(panels, splits, strict=True):
        rows = own[(own["split"] == split) & (own["kind"] == kind_shown(split))]
        height = logit(np.clip(rows["probability"].to_numpy(dtype=float), 1e-6, 1 - 1e-6)) - cut
        _bars(axes, height, rows["y"].to_numpy(dtype=int))
        n_positive = int(rows["y"].sum())
        what = number_format.split_label(split) + (
            ", out-of-fold scores" if split == "train" else ""
        )
        sizes = number_format.counts(len(rows) - n_positive, n_positive, labels)
        axes.set_title(f"{what} ({sizes})", fontsize=7.5, fontweight="normal")
    panels[-1].set_xlabel("Cases, sorted by score", labelpad=9)
    name = number_format.label(score_column(score))
    figure.supylabel(f"{name} − threshold (log odds)", fontsize=8)
    figure.legend(
        handles=[
            Patch(color=palette.NEGATIVE, label=f"truth: {labels.negative}"),
            Patch(color=palette.POSITIVE, label=f"truth: {labels.positive}"),
        ],
        loc="outside lower right",
        ncols=2,
    )
    return figure


def _bars(axes: Axes, height: "np.typing.NDArray[np.float64]", y: "np.typing.NDArray[Any]") -> None:
    order = np.lexsort((y, height))
    colors = np.where(y[order] == 1, palette.POSITIVE, palette.NEGATIVE)
    axes.bar(np.arange(len(order)), height[order], width=0.9, color=colors.tolist())
    axes.axhline(0, color=palette.BLACK, linewidth=0.6)
    # a strip of the truth below: a bar of no height has a color too
    axes.scatter(
        np.arange(len(order)),
        np.full(len(order), -0.04),
        transform=axes.get_xaxis_transform(),
        color=colors.tolist(),
        marker="|",
        s=14,
        linewidths=min(2.2, 330 / max(len(order), 1)),
        clip_on=False,
    )
    axes.set_xlim(-0.8, len(order) - 0.2)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    if np.ptp(height) < 1e-9:
        axes.text(
            0.5, 0.92, "The score is the same for every case", transform=axes.transAxes,
            ha="center", va="top", fontsize=7, bbox=style.ON_WHITE,
        )  # fmt: skip
