"""Principal components of features: all cases in the plane of the first two."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from microcalc.config.cohort_settings import Labels
from microcalc.figures import palette, style

Floats = npt.NDArray[np.float64]
# not the colors of the models or the classes
CENTERS = (
    (palette.BLACK, "o"), (palette.ORANGE, "^"), (palette.GREY, "s"), (palette.YELLOW, "D"),
    (palette.BLACK, "v"), (palette.ORANGE, "P"), (palette.GREY, "X"),
)  # fmt: skip


@style.styled
def draw(cases: pd.DataFrame, features: pd.DataFrame, *, labels: Labels) -> Figure:
    """Return two panels of the same points: colored by class, colored by center.

    Parameters
    ----------
    cases
        The included cases: case_id, center, split, y.
    features
        case_id and the columns that the selection chose from.
    labels
        Names of the `negative` and `positive` class.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; a sentence instead of panels where fewer than three cases train.
    """
    figure = style.new_figure(style.PAGE_MM, 85)
    abreast = 3 if max(map(len, labels.names)) < 14 else 1
    training = (cases["split"] == "train").to_numpy()
    if training.sum() < 3:
        return style.message(figure, "Fewer than three training cases: no components.")
    matrix = features.set_index("case_id").loc[cases["case_id"]].to_numpy(dtype=float)
    points, shares = components(matrix, training)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    y = cases["y"].to_numpy(dtype=int)
    for value, name, color, marker in (
        (0, labels.negative, palette.NEGATIVE, "o"),
        (1, labels.positive, palette.POSITIVE, "^"),
    ):
        _cloud(left, points[y == value], color, marker, name)
    centers = cases["center"].fillna("not given").astype(str).to_numpy()
    for number, center in enumerate(sorted(set(centers))):
        color, marker = CENTERS[number % len(CENTERS)]
        _cloud(right, points[centers == center], color, marker, f"Center {center}")
    for axes, letter in ((left, "A"), (right, "B")):
        axes.set_xlabel(f"PC 1 ({100 * shares[0]:.0f}% of training variance)")
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=abreast, handletextpad=0.1,
            columnspacing=1,
        )  # fmt: skip
        style.panel_letter(axes, letter)
    left.set_ylabel(f"PC 2 ({100 * shares[1]:.0f}%)")
    return figure


def components(matrix: Floats, training: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return every case's first two principal components, and their share of the variance.

    Means, standard deviations and directions are those of the training cases; the others are
    projected. A component's sign is the one that makes its largest loading positive.

    Parameters
    ----------
    matrix
        Features, shape (n, d).
    training
        Which cases train, shape (n,), at least three.

    Returns
    -------
    points, shares
        Shapes (n, 2) and (2,).
    """
    mean, sd = matrix[training].mean(axis=0), matrix[training].std(axis=0, ddof=1)
    varies = sd > 0
    standard = (matrix[:, varies] - mean[varies]) / sd[varies]
    _, singular, loadings = np.linalg.svd(standard[training], full_matrices=False)
    directions = loadings[:2]
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[[0, 1], largest])[:, None]
    # the last digits of a product depend on how it is cut among threads
    points = np.round(standard @ directions.T, 6)
    return points, singular[:2] ** 2 / (singular**2).sum()


def _cloud(axes: Axes, points: Floats, color: str, marker: str, name: str) -> None:
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=11,
        color=color,
        marker=marker,
        alpha=0.75,
        linewidths=0,
        label=f"{name} (n = {len(points)})",
    )
