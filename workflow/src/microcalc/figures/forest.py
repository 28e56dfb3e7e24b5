"""A forest plot: lines of text, each with an estimate and its interval beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from microcalc.figures import style

ROW_MM = 4.3
MARK_MM = 1.7
"""What a mark takes of its line's height, so that its neighbors do not touch it."""
APART_MM = 0.6
AROUND_MM = 20.0
"""Room for the axis and the legend."""


@dataclass(frozen=True)
class Mark:
    """One estimate with its interval; a missing estimate is not drawn."""

    value: float
    low: float
    high: float
    color: str = style.BLACK
    marker: str = "s"
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the plot.

    Attributes
    ----------
    label
        What stands on the left.
    marks
        Estimates, drawn below each other within the line.
    columns
        Texts on the right, one per heading.
    heading, indented
        Whether the label is bold, or belongs to the line above.
    """

    label: str
    marks: tuple[Mark, ...] = ()
    columns: tuple[str, ...] = ()
    heading: bool = False
    indented: bool = False


def plot(
    lines: Sequence[Line],
    *,
    headings: Sequence[str],
    xlabel: str,
    reference: float | None,
    limits: tuple[float, float],
    logarithmic: bool = False,
    left: str = "",
) -> Figure:
    """Return the forest plot of `lines`, a page wide.

    Parameters
    ----------
    lines
        From top to bottom.
    headings
        Over the columns of text on the right.
    xlabel
        What is estimated.
    reference
        Where the vertical line of no effect stands, or None.
    limits
        Ends of the axis; an interval that goes on beyond ends in an arrowhead.
    logarithmic
        Whether equal ratios are equal distances.
    left
        Heading over the labels.
    """
    heights = _heights(lines)
    middles = np.cumsum(heights) - heights / 2
    bottom = float(heights.sum())
    figure = style.new_figure(style.PAGE_MM, AROUND_MM + ROW_MM + bottom)
    widths = [0.36, 0.34, *[0.30 / max(len(headings), 1)] * len(headings)]
    panels = figure.subplots(1, len(widths), width_ratios=widths, sharey=True)
    texts, axes, columns = panels[0], panels[1], panels[2:]
    axes.set_ylim(bottom + 0.9, -ROW_MM)
    for panel in (texts, *columns):
        panel.set_axis_off()
        panel.set_xlim(0, 1)
    texts.text(0, -ROW_MM / 2, left, fontsize=7, fontweight="bold", va="center")
    for panel, heading in zip(columns, headings, strict=True):
        panel.text(0, -ROW_MM / 2, heading, fontsize=7, fontweight="bold", va="center")
    if reference is not None:
        axes.plot(
            [reference, reference], [0, bottom + 0.9], color=style.GREY, linewidth=0.7, zorder=1
        )
    for middle, height, line in zip(middles, heights, lines, strict=True):
        texts.text(
            0.06 if line.indented else 0,
            middle,
            line.label,
            fontsize=7,
            va="center",
            fontweight="bold" if line.heading else "normal",
        )
        for panel, text in zip(columns, line.columns, strict=False):
            panel.text(0, middle, text, fontsize=7, va="center")
        step = min((height - APART_MM) / max(len(line.marks), 1), MARK_MM)
        offsets = (np.arange(len(line.marks)) - (len(line.marks) - 1) / 2) * step
        for offset, mark in zip(offsets, line.marks, strict=True):
            _draw(axes, float(middle + offset), mark, limits)
    axes.set_xlim(*limits)
    if logarithmic:
        _log_axis(axes)
    axes.set_xlabel(xlabel)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    return figure


def _heights(lines: Sequence[Line]) -> npt.NDArray[np.float64]:
    """Return the height of each line in mm, for its marks if the page has room for them."""
    n_drawn = [
        len(line.marks) if any(np.isfinite(mark.value) for mark in line.marks) else 0
        for line in lines
    ]
    more = np.maximum(APART_MM + MARK_MM * np.array(n_drawn, dtype=float) - ROW_MM, 0.0)
    room = style.TALLEST_MM - AROUND_MM - ROW_MM * (len(lines) + 1)
    share = float(np.clip(room / more.sum(), 0.0, 1.0)) if more.any() else 0.0
    return ROW_MM + share * more


def _draw(axes: Axes, y: float, mark: Mark, limits: tuple[float, float]) -> None:
    if not np.isfinite(mark.value):
        return
    low, high = (bound if np.isfinite(bound) else mark.value for bound in (mark.low, mark.high))
    ends = np.clip([low, high], *limits)
    axes.plot(ends, [y, y], color=mark.color, linewidth=0.9, zorder=2, solid_capstyle="butt")
    for end, beyond, head in (
        (limits[0], low < limits[0], 4),
        (limits[1], high > limits[1], 5),
    ):
        if beyond:
            axes.plot(end, y, marker=head, color=mark.color, markersize=4, clip_on=False, zorder=3)
    if limits[0] <= mark.value <= limits[1]:
        axes.plot(
            mark.value,
            y,
            marker=mark.marker,
            markersize=4,
            color=mark.color,
            markerfacecolor="white" if mark.hollow else mark.color,
            markeredgewidth=0.8,
            linestyle="none",
            zorder=3,
        )


def _log_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    subs = (1, 2, 5) if high / low < 500 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", bottom=False)
