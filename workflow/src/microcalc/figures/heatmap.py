"""The selected features of every case, as colors."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from microcalc.config.cohort_settings import Labels
from microcalc.figures import number_format, palette, style

INTERCEPT = "(intercept)"
LONGEST_FEATURE = 44
"""Letters of a feature's name."""
MOST_FEATURES = 40
LIMIT = 3.0
LONGEST_NAME = 10
"""Letters of a class that stand above its cases; longer ones are told in a legend."""


@style.styled
def draw(
    cases: pd.DataFrame,
    features: pd.DataFrame,
    selected: pd.DataFrame,
    *,
    labels: Labels,
) -> Figure:
    """Return one panel per split: features as rows, cases as columns, class above.

    Cases are ordered by class and then by score, features by coefficient; colors are
    training standard deviations from the training mean.

    Parameters
    ----------
    cases
        The included cases: case_id, split, y.
    features
        case_id and the columns that the selection chose from.
    selected
        `selection/<score>/selected.csv`: mean, sd and coefficient of each kept feature.
    labels
        Names of the `negative` and `positive` class.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide, at most `MOST_FEATURES` rows; a sentence instead where no feature was kept.

    Raises
    ------
    KeyError
        When a case or a kept feature is not in `features`.
    """
    kept = selected[selected["feature"] != INTERCEPT]
    if kept.empty:
        return style.message(
            style.new_figure(style.PAGE_MM, 30),
            "The LASSO kept no feature: there is nothing to show.",
        )
    figure = style.new_figure(style.PAGE_MM, 45 + 3.2 * min(max(len(kept), 3), MOST_FEATURES))
    shown = kept.iloc[kept["coefficient"].abs().argsort(kind="stable")[::-1][:MOST_FEATURES]]
    shown = shown.sort_values("coefficient", ascending=False, kind="stable")
    scores = _standardized(cases, features, kept) @ kept["coefficient"].to_numpy()
    colors = _standardized(cases, features, shown)
    splits = [split for split in number_format.SPLITS if (cases["split"] == split).any()]
    sizes = [int((cases["split"] == split).sum()) for split in splits]
    grid = figure.subplots(
        2,
        len(splits),
        squeeze=False,
        gridspec_kw={"height_ratios": [1, max(len(shown), 3)], "width_ratios": _widths(sizes)},
    )
    names = number_format.shortened(shown["feature"].tolist(), LONGEST_FEATURE)
    # Long names leave the panels narrow.
    gap = "\n" if any(len(name) > LONGEST_NAME for name in names) else " "
    named_below = any(len(name) > LONGEST_NAME for name in labels.names)
    for column, split in enumerate(splits):
        at = np.flatnonzero((cases["split"] == split).to_numpy())
        y = cases["y"].to_numpy(dtype=int)[at]
        order = np.lexsort((scores[at], y))
        title = number_format.split_label(split).replace(" ", gap)
        _classes(grid[0, column], y[order], title, labels, named_below=named_below)
        image = grid[1, column].imshow(
            colors[at[order]].T,
            aspect="auto",
            interpolation="nearest",
            cmap="RdBu_r",
            vmin=-LIMIT,
            vmax=LIMIT,
            rasterized=True,
        )
        grid[1, column].set_xticks([])
        grid[1, column].set_yticks([])
    grid[1, 0].set_yticks(range(len(shown)), names, fontsize=7)
    grid[1, 0].tick_params(length=0)
    figure.colorbar(
        image,
        ax=grid[1, :].tolist(),
        orientation="horizontal",
        shrink=0.4,
        aspect=35,
        pad=0.03,
        extend="both",
        label="SD from the training mean",
    )
    if named_below:
        figure.legend(
            handles=[
                Patch(color=palette.NEGATIVE, label=labels.negative),
                Patch(color=palette.POSITIVE, label=labels.positive),
            ],
            loc="outside lower center",
            ncols=2,
        )
    return figure


def _standardized(
    cases: pd.DataFrame, features: pd.DataFrame, kept: pd.DataFrame
) -> npt.NDArray[np.float64]:
    table = features.set_index("case_id").loc[cases["case_id"], kept["feature"].tolist()]
    values = table.to_numpy(dtype=float) - kept["mean"].to_numpy(dtype=float)
    return np.asarray(values / kept["sd"].to_numpy(dtype=float))


def _widths(sizes: list[int]) -> list[float]:
    """Return widths in proportion to the cases, none under a quarter of the largest."""
    return [max(size, 0.25 * max(sizes)) for size in sizes]


def _classes(
    axes: Axes,
    y: npt.NDArray[np.int_],
    title: str,
    labels: Labels,
    *,
    named_below: bool,
) -> None:
    axes.imshow(
        y[None, :],
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap([palette.NEGATIVE, palette.POSITIVE]),
        vmin=0,
        vmax=1,
    )
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=7, fontweight="normal", loc="left", pad=14)
    n_negative = int((y == 0).sum())
    for name, low, high in (
        (labels.negative, 0, n_negative),
        (labels.positive, n_negative, len(y)),
    ):
        if high > low:
            text = str(high - low) if named_below else f"{high - low} {name}"
            axes.text((low + high - 1) / 2, -0.7, text, ha="center", va="bottom", fontsize=7)
