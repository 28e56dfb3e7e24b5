"""A forest plot: lines of text, each with an estimate and its interval beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from microcalc.figures import style

ROW_MM = 4.3


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
    figure = style.new_figure(style.PAGE_MM, 20 + ROW_MM * (len(lines) + 1))
    widths = [0.36, 0.34, *[0.30 / max(len(headings), 1)] * len(headings)]
    panels = figure.subplots(1, len(widths), width_ratios=widths, sharey=True)
    texts, axes, columns = panels[0], panels[1], panels[2:]
    axes.set_ylim(len(lines) - 0.3, -1.5)
    for panel in (texts, *columns):
        panel.set_axis_off()
        panel.set_xlim(0, 1)
    texts.text(0, -1, left, fontsize=7, fontweight="bold", va="center")
    for panel, heading in zip(columns, headings, strict=True):
        panel.text(0, -1, heading, fontsize=7, fontweight="bold", va="center")
    if reference is not None:
        ends = [-0.6, len(lines) - 0.3]
        axes.plot([reference, reference], ends, color=style.GREY, linewidth=0.7, zorder=1)
    for row, line in enumerate(lines):
        texts.text(
            0.06 if line.indented else 0,
            row,
            line.label,
            fontsize=7,
            va="center",
            fontweight="bold" if line.heading else "normal",
        )
        for panel, text in zip(columns, line.columns, strict=False):
            panel.text(0, row, text, fontsize=7, va="center")
        step = min(0.36, 0.7 / max(len(line.marks), 1))
        offsets = (np.arange(len(line.marks)) - (len(line.marks) - 1) / 2) * step
        for offset, mark in zip(offsets, line.marks, strict=True):
            _draw(axes, row + float(offset), mark, limits)
    axes.set_xlim(*limits)
    if logarithmic:
        _log_axis(axes)
    axes.set_xlabel(xlabel)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    return figure


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
