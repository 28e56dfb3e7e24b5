"""The LASSO: coefficients along the path, and the curve that chose lambda."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from microcalc.figures import number_format, palette, style

INTERCEPT = "(intercept)"
MOST_LABELS = 8
LONGEST_BESIDE = 20
"""Letters of a feature's name that fit beside the end of its line; longer ones go to a legend."""
LONGEST_NAME = 56
ROOM_FOR_A_NAME, ROOM_FOR_A_LINE = 0.13, 0.05
"""What share of the axis the name of a lambda takes, lying and upright."""
NO_PATH = "No feature reached the LASSO: there is no path."
NAMES = {"lambda_min": "λ min", "lambda_1se": "λ 1SE"}


@style.styled
def draw_path(path: pd.DataFrame, cv: pd.DataFrame, *, choose: str) -> Figure:
    """Return the coefficients along the path, those that survive at the chosen lambda in color.

    Parameters
    ----------
    path
        `selection/<score>/lasso_path.csv`: lambda, feature, coefficient per standard deviation.
        Rows with a coefficient of 0 may be left out.
    cv
        `selection/<score>/lasso_cv.csv`.
    choose
        lambda_min or lambda_1se, as the config says.

    Returns
    -------
    matplotlib.figure.Figure
        85 mm wide; a sentence instead where there is no path.
    """
    if cv.empty:
        return style.message(style.new_figure(style.COLUMN_MM, 70), NO_PATH)
    lambdas = np.sort(cv["lambda"].to_numpy(dtype=float))[::-1]
    wide = (
        path[path["feature"] != INTERCEPT]
        .pivot_table(index="lambda", columns="feature", values="coefficient", aggfunc="first")
        .fillna(0.0)
        .sort_index(ascending=False)
    )
    x = np.log(wide.index.to_numpy(dtype=float))
    chosen = _lambda(cv, choose)
    at_chosen = _row_at(wide, chosen)
    survivors = at_chosen[at_chosen != 0].abs().sort_values(ascending=False, kind="stable")
    labeled = list(survivors.index[:MOST_LABELS])
    colors = dict(zip(labeled, _label_colors(), strict=False))
    has_legend = any(len(name) > LONGEST_BESIDE for name in labeled)
    figure = style.new_figure(style.COLUMN_MM, 70 + (4 * len(labeled) + 3 if has_legend else 0))
    axes = figure.add_subplot()
    for feature in wide.columns:
        alive = feature in survivors.index
        axes.plot(
            x,
            wide[feature],
            color=colors.get(feature, palette.GREY if alive else palette.PALE),
            linewidth=1.1 if alive else 0.7,
            zorder=3 if feature in colors else 2,
        )
    axes.axhline(0, color=palette.BLACK, linewidth=0.5, zorder=1)
    axes.set(xlabel="log λ", ylabel="Coefficient per SD")
    _log_lambda_axis(axes, lambdas)
    _mark_lambdas(axes, cv, choose, above=True)
    if has_legend:
        _legend(figure, labeled, colors)
    else:
        _label_lines(axes, wide, labeled, colors)
    return figure


@style.styled
def draw_cv(cv: pd.DataFrame, *, choose: str) -> Figure:
    """Return the cross-validation curve against log lambda, with one standard error either way.

    Parameters
    ----------
    cv
        `selection/<score>/lasso_cv.csv`; where it has an AUC, that chose lambda and is drawn,
        else the deviance.
    choose
        lambda_min or lambda_1se: its line is drawn solid.

    Returns
    -------
    matplotlib.figure.Figure
        85 mm wide; a sentence instead where there is no path.
    """
    figure = style.new_figure(style.COLUMN_MM, 70)
    if cv.empty:
        return style.message(figure, NO_PATH)
    axes = figure.add_subplot()
    table = cv.sort_values("lambda", ascending=False)
    x = np.log(table["lambda"].to_numpy(dtype=float))
    measure, error, name = (
        ("auc", "auc_se", "Cross-validated AUC")
        if "auc" in table
        else ("deviance", "se", "Cross-validated binomial deviance")
    )
    axes.errorbar(
        x,
        table[measure],
        yerr=table[error],
        fmt="o",
        color=palette.VERMILLION,
        ecolor=palette.PALE,
        elinewidth=0.7,
        markersize=2,
    )
    axes.set(xlabel="log λ", ylabel=name)
    axes.margins(y=0.12)
    _log_lambda_axis(axes, table["lambda"].to_numpy(dtype=float))
    _mark_lambdas(axes, cv, choose)
    _count_axis(axes, table)
    return figure


def _lambda(cv: pd.DataFrame, choose: str) -> float:
    flag = {"lambda_min": "is_min", "lambda_1se": "is_1se"}[choose]
    return float(cv.loc[cv[flag].astype(bool), "lambda"].iloc[0])


def _row_at(wide: pd.DataFrame, chosen: float) -> "pd.Series[float]":
    if wide.empty:
        return pd.Series(dtype=float)
    nearest = np.argmin(np.abs(np.log(wide.index.to_numpy(dtype=float)) - np.log(chosen)))
    return wide.iloc[int(nearest)]


def _log_lambda_axis(axes: Axes, lambdas: np.typing.NDArray[np.float64]) -> None:
    low, high = np.log(lambdas.min()), np.log(lambdas.max())
    margin = 0.03 * max(high - low, 0.1)
    # from the empty model on the left to the full one on the right
    axes.set_xlim(high + margin, low - margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _mark_lambdas(axes: Axes, cv: pd.DataFrame, choose: str, *, above: bool = False) -> None:
    """Draw a line at each lambda and name it: inside the axes, or above where nothing stands."""
    places = {name: float(np.log(_lambda(cv, name))) for name in NAMES}
    same = places["lambda_min"] == places["lambda_1se"]
    for name, place in places.items():
        if same and name != choose:
            continue
        solid = name == choose
        axes.axvline(
            place, color=palette.BLACK, linewidth=0.8, linestyle="solid" if solid else (0, (2, 2))
        )
        text = " = ".join(NAMES.values()) if same else NAMES[name]
        # the axis falls to the right: lambda 1SE is the larger and stands left of lambda min
        start, end = axes.get_xlim()
        share = (place - start) / (end - start)
        upright = name == "lambda_1se" and not (same or above) and share < ROOM_FOR_A_NAME
        left = name == "lambda_1se" and not same and (above or share > ROOM_FOR_A_LINE)
        axes.annotate(
            text,
            xy=(place, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if left else 3, 2 if above else -2),
            textcoords="offset points",
            rotation=90 if upright else 0,
            ha="right" if left else "left",
            va="bottom" if above else "top",
            fontsize=7,
            fontweight="bold" if solid else "normal",
            bbox=style.ON_WHITE,
        )


def _count_axis(axes: Axes, table: pd.DataFrame) -> None:
    top = axes.secondary_xaxis("top")
    positions = np.linspace(0, len(table) - 1, min(7, len(table))).round().astype(int)
    rows = table.iloc[positions]
    top.set_xticks(
        np.log(rows["lambda"].to_numpy(dtype=float)), [str(int(n)) for n in rows["n_nonzero"]]
    )
    top.set_xlabel("Features with a coefficient other than 0")
    top.tick_params(length=2)


def _label_colors() -> list[str]:
    return [
        palette.VERMILLION,
        palette.BLUE,
        palette.GREEN,
        palette.PURPLE,
        palette.ORANGE,
        palette.SKY,
        "#7A5195",
        "#4D4D4D",
    ]


def _legend(figure: Figure, labeled: list[str], colors: dict[str, str]) -> None:
    """Name the lines below the axes, the largest coefficient first."""
    named = zip(number_format.shortened(labeled, LONGEST_NAME), labeled, strict=True)
    figure.legend(
        handles=[Line2D([], [], color=colors[name], label=text) for text, name in named],
        loc="outside lower left",
        fontsize=7,
        labelspacing=0.3,
    )


def _label_lines(
    axes: Axes, wide: pd.DataFrame, labeled: list[str], colors: dict[str, str]
) -> None:
    """Write each name beside the end of its line, pushed apart until none overlap."""
    if not labeled:
        axes.text(
            0.5,
            0.9,
            "No feature survives at the chosen λ",
            transform=axes.transAxes,
            ha="center",
            fontsize=7,
        )
        return
    ends = wide.iloc[-1][labeled].sort_values(kind="stable")
    low, high = axes.get_ylim()
    gap = 0.052 * (high - low)
    heights = spread(ends.to_numpy(dtype=float), gap)
    for feature, end, height in zip(ends.index, ends, heights, strict=True):
        axes.annotate(
            str(feature),
            xy=(1, float(end)),
            xycoords=("axes fraction", "data"),
            xytext=(1.07, height),
            textcoords=("axes fraction", "data"),
            color=colors[str(feature)],
            fontsize=7,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colors[str(feature)],
                "linewidth": 0.5,
                "shrinkA": 1,
                "shrinkB": 1,
                # the line starts where the name does, whatever the height it was moved to
                "relpos": (0, 0.5),
            },
        )


def spread(values: np.typing.NDArray[np.float64], gap: float) -> np.typing.NDArray[np.float64]:
    """Return values moved apart as little as it takes to stand a gap from each other.

    Least squares with the order kept: isotonic regression (pool adjacent violators) of the
    values less their gaps.

    Parameters
    ----------
    values
        Sorted, shape (n,).
    gap
        The least distance of neighbors, in their unit.

    Returns
    -------
    numpy.ndarray
        Shape (n,).

    References
    ----------
    Barlow, Bartholomew, Bremner and Brunk, Statistical Inference under Order Restrictions, 1972.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.figures import lasso_plots
    >>> lasso_plots.spread(np.array([1.0, 1.0, 5.0]), 1.0)
    array([0.5, 1.5, 5. ])
    """
    blocks: list[tuple[float, int]] = []
    for i, value in enumerate(values):
        mean, size = float(value) - gap * i, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean = (before * count + mean * size) / (count + size)
            size += count
        blocks.append((mean, size))
    pooled = np.concatenate([np.full(size, mean) for mean, size in blocks]) if blocks else values
    return pooled + gap * np.arange(len(values))
