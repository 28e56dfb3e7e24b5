"""The features that mRMR ranked: relevance to the class against redundancy among themselves."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from microcalc.figures import palette, style

MEASURES = {"correlation": ("|Pearson correlation|", "F statistic")}
"""Of schemes that measure otherwise than by mutual information, in what."""

# where a label is tried around its point: right, left, above, below, corners
PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


@style.styled
def draw(ranked: pd.DataFrame, selected: pd.DataFrame, *, scheme: str) -> Figure:
    """Return relevance against redundancy, the features that the LASSO kept filled.

    Parameters
    ----------
    ranked
        `selection/<score>/mrmr.csv`: rank, feature, relevance, redundancy, the latter the mean over
        the features ranked before.
    selected
        `selection/<score>/selected.csv`.
    scheme
        The selection's `mrmr.scheme`: with "correlation" relevance is an F statistic and
        redundancy an absolute correlation, else both are mutual information.

    Returns
    -------
    matplotlib.figure.Figure
        85 mm wide.
    """
    figure = style.new_figure(style.COLUMN_MM, 75)
    axes = figure.add_subplot()
    kept = ranked["feature"].isin(selected["feature"])
    for chosen, face, edge, name in (
        (~kept, "white", palette.GREY, "ranked only"),
        (kept, palette.VERMILLION, palette.VERMILLION, "kept by the LASSO"),
    ):
        rows = ranked[chosen]
        axes.scatter(
            rows["redundancy"],
            rows["relevance"],
            s=16,
            linewidths=0.8,
            zorder=3,
            facecolors=face,
            edgecolors=edge,
            label=f"{name} (n = {len(rows)})",
        )
    of_redundancy, of_relevance = MEASURES.get(scheme, ("bits", "bits"))
    axes.set(
        xlabel=f"Mean redundancy ({of_redundancy})",
        ylabel=f"Relevance to the class ({of_relevance})",
    )
    axes.margins(0.08)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    _label_ranks(figure, axes, ranked, kept)
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handletextpad=0.2, columnspacing=1.2
    )
    return figure


def _label_ranks(figure: Figure, axes: Axes, ranked: pd.DataFrame, kept: "pd.Series[bool]") -> None:
    """Write the rank beside each kept feature, where neither a point nor another rank stands."""
    figure.draw_without_rendering()
    pixels_per_point = figure.dpi / 72
    places = axes.transData.transform(ranked[["redundancy", "relevance"]].to_numpy(dtype=float))
    taken = [(x, y, 2.4, 2.4) for x, y in places / pixels_per_point]
    centers = places[kept.to_numpy()] / pixels_per_point
    own = ranked.loc[kept, ["redundancy", "relevance"]].to_numpy(dtype=float)
    for rank, place, (x, y) in zip(ranked.loc[kept, "rank"], own, centers, strict=True):
        text = str(rank)
        half = 1.9 * len(text)
        for dx, dy in PLACES:
            box = (x + dx * (half + 3.2), y + dy * 5.6, half, 2.6)
            if not any(
                abs(box[0] - other[0]) < box[2] + other[2]
                and abs(box[1] - other[1]) < box[3] + other[3]
                for other in taken
            ):
                break
        else:
            continue
        taken.append(box)
        axes.annotate(
            text,
            xy=(place[0], place[1]),
            xytext=(box[0] - x, box[1] - y),
            textcoords="offset points",
            fontsize=7,
            ha="center",
            va="center",
        )
