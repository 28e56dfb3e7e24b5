"""Learning curves of the fine-tuned networks: loss by epoch, and where training stopped."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from microcalc.core.files import read_csv
from microcalc.figures import number_format, palette, style

ABREAST = 3
LETTERS = 32
"""Letters of a title that a panel has room for."""
NAMES = {"whole": "All folds"}
Network = tuple[str, str]
"""A row of `features` of kind finetuned, and one of its networks: whole, fold-0, ..."""


def read(paths: Sequence[str | os.PathLike[str]]) -> dict[Network, pd.DataFrame]:
    """Return the learning curves of fine-tuned networks.

    Parameters
    ----------
    paths
        `features/<set>/<network>.csv`.

    Returns
    -------
    dict
        The curve by set and network, in the order of the paths.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    return {(path.parent.name, path.stem): read_csv(path) for path in map(Path, paths)}


@style.styled
def draw(curves: Mapping[Network, pd.DataFrame]) -> Figure:
    """Return a panel per network: loss on the images learned from and on those held out.

    Parameters
    ----------
    curves
        By network: epoch, phase ("head", then "stages"), loss_learn, loss_stop, is_best.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide, up to three panels abreast, at most `style.TALLEST_MM` high.
    """
    rows = -(-len(curves) // ABREAST)
    figure = style.new_figure(style.PAGE_MM, min(8 + 48 * rows, style.TALLEST_MM))
    abreast = min(ABREAST, len(curves))
    panels = figure.subplots(rows, abreast, squeeze=False, sharey=True)
    several = len({tuned for tuned, _ in curves}) > 1
    for axes, ((tuned, member), curve) in zip(panels.flat, curves.items(), strict=False):
        _panel(axes, curve)
        name = NAMES.get(member, f"Without fold {member.rpartition('-')[2]}")
        title = f"{number_format.label(tuned)}: {name.lower()}" if several else name
        axes.set_title(number_format.wrapped(title, LETTERS))
        axes.set_xlabel("Epoch")
    for axes in panels.flat[len(curves) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("Loss")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _panel(axes: Axes, curve: pd.DataFrame) -> None:
    epoch = curve["epoch"] + 1
    axes.plot(
        epoch,
        curve["loss_learn"],
        color=palette.GREY,
        linestyle=(0, (4, 1.5)),
        label="Learned from",
    )
    axes.plot(epoch, curve["loss_stop"], color=palette.BLUE, label="Held out")
    best = curve["is_best"].to_numpy(dtype=bool)
    axes.plot(
        epoch[best], curve.loc[best, "loss_stop"], "o", color=palette.VERMILLION, markersize=5,
        linestyle="none", label="Kept",
    )  # fmt: skip
    heads = int((curve["phase"] == "head").sum())
    axes.axvspan(0.5, heads + 0.5, color=palette.PALE, alpha=0.35, linewidth=0, label="Head alone")
    axes.set_xlim(0.5, len(curve) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
