"""ROC curves of all models in one split."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from microcalc.config.cohort_settings import Labels
from microcalc.core.seeds import stream
from microcalc.figures import number_format, palette, style
from microcalc.statistics import roc_band

Floats = npt.NDArray[np.float64]
Corner = Literal["upper left", "lower right"]
MOST_INSIDE = 4
"""Models up to which the legend has room below the diagonal."""
LEGEND_LINE_MM = 3.9


def points(y: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the corners of the empirical ROC curve.

    Parameters
    ----------
    y
        True classes, shape (n,), 1 is positive; both must occur.
    score
        Scores, shape (n,), larger is more positive. Tied cases make one slanted step.

    Returns
    -------
    false_positive_rate, true_positive_rate
        From (0, 0) to (1, 1), in the order of falling thresholds.
    """
    truth = np.asarray(y, dtype=bool)
    values = np.asarray(score, dtype=float)
    order = np.argsort(-values, kind="stable")
    truth, values = truth[order], values[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    true_positives = np.cumsum(truth)[last_of_tie]
    false_positives = last_of_tie + 1 - true_positives
    return (
        np.append(0.0, false_positives / false_positives[-1]),
        np.append(0.0, true_positives / true_positives[-1]),
    )


def kind_shown(split: str) -> str:
    """Return the kind of prediction that a split is judged by.

    Parameters
    ----------
    split
        train, internal or external.

    Returns
    -------
    str
        "out_of_fold" for training, else "held_out".
    """
    return "out_of_fold" if split == "train" else "held_out"


@style.styled
def draw(
    predictions: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    split: str,
    models: Sequence[str],
    labels: Labels,
    confidence: float,
    seed: int,
) -> Figure:
    """Return the ROC curves of one split with their bands.

    The training set is drawn from out-of-fold scores and says so.

    Parameters
    ----------
    predictions
        `models/predictions.csv`.
    metrics
        `evaluation/metrics.csv`: AUC and interval for the legend, sensitivity and specificity
        for the operating point.
    split
        train, internal or external.
    models
        Every model of the study, in the order of its config.
    labels
        Names of the `negative` and `positive` class.
    confidence
        Level of the intervals in `metrics`, for the legend's heading, and of the bands.
    seed
        The study's, for the bands' bootstrap.

    Returns
    -------
    matplotlib.figure.Figure
        85 mm wide; the legend stands below the axes where there are more than `MOST_INSIDE` models.
    """
    kind = kind_shown(split)
    scores = predictions[(predictions["split"] == split) & (predictions["kind"] == kind)]
    rows = metrics[(metrics["split"] == split) & (metrics["kind"] == kind)].set_index("model")
    below = len(models) > MOST_INSIDE
    height = style.COLUMN_MM + (LEGEND_LINE_MM * (len(models) + 3) if below else 0)
    figure = style.new_figure(style.COLUMN_MM, height)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=palette.PALE, linewidth=0.8, zorder=1)
    n_negative = n_positive = 0
    curves: list[tuple[Floats, Floats]] = []
    operating: dict[str, tuple[float, float]] = {}
    for name, look in style.models(models).items():
        own = scores[scores["model"] == name]
        if own.empty:
            continue
        n_positive = int(own["y"].sum())
        n_negative = len(own) - n_positive
        if not n_negative or not n_positive:
            axes.plot(
                [],
                [],
                color=look.color,
                linestyle=look.line,
                label=f"{number_format.label(name)}: not estimable",
            )
            continue
        row = rows.loc[name].to_dict()
        x, y = points(own["y"], own["probability"])
        curves.append((x, y))
        _band(axes, own, look.color, confidence, stream(seed, "roc band", split, name))
        axes.plot(
            x,
            y,
            color=look.color,
            linestyle=look.line,
            zorder=look.zorder,
            label=f"{number_format.label(name)} "
            + number_format.estimate(
                float(row["auc"]), float(row["auc_low"]), float(row["auc_high"])
            )
            + (", selected on" if row.get("selected_on") == "yes" else ""),
        )
        operating[name] = float(1 - row["specificity"]), float(row["sensitivity"])
    _mark(axes, operating, style.models(models))
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        xlabel="1 − specificity",
        ylabel="Sensitivity",
        aspect="equal",
    )
    what = number_format.split_label(split) + (", out-of-fold scores" if split == "train" else "")
    counts = number_format.counts_in_lines(n_negative, n_positive, labels, 34)
    title = f"{what}\n{counts}\nAUC ({100 * confidence:g}% CI)"
    if below:
        figure.legend(loc="outside lower left", title=title, alignment="left")
        return figure
    axes.legend(
        loc=_free_corner(curves),
        title=title,
        alignment="left",
        borderaxespad=0.2,
        # a curve below the diagonal passes behind the text
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        fancybox=False,
    ).set_zorder(5)
    return figure


def _mark(
    axes: Axes, operating: Mapping[str, tuple[float, float]], looks: Mapping[str, style.ModelLook]
) -> None:
    """Mark the operating points; of several at one place the first is the largest."""
    places = list(operating.values())
    for i, (name, place) in enumerate(operating.items()):
        axes.plot(
            *place,
            marker=looks[name].marker,
            color=looks[name].color,
            markeredgecolor="white",
            markeredgewidth=0.7,
            markersize=6.5 + 3.5 * places[i + 1 :].count(place),
            zorder=4,
            clip_on=False,
        )


def _free_corner(curves: Sequence[tuple[Floats, Floats]]) -> Corner:
    """Return where the legend hides no curve: below the diagonal, unless only curves are there."""
    right, left = np.linspace(0.4, 0.99, 60), np.linspace(0.01, 0.6, 60)
    below = any(np.interp(right, x, y).min() < 0.33 for x, y in curves)
    above = any(np.interp(left, x, y).max() > 0.67 for x, y in curves)
    return "upper left" if below and not above else "lower right"


def _band(
    axes: Axes, own: pd.DataFrame, color: str, confidence: float, rng: np.random.Generator
) -> None:
    x, low, high = roc_band.band(
        own["y"], own["probability"], own["patient_id"], rng=rng, confidence=confidence
    )
    axes.fill_between(x, low, high, color=color, alpha=0.08, linewidth=0, zorder=2)
