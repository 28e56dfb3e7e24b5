"""A forest plot: lines of text, each with an estimate and its interval beside it."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from microcalc.figures import number_format, palette, style

ROW_MM = 4.3
MARK_MM = 1.7
"""What a mark takes of its line's height, so that its neighbors do not touch it."""
APART_MM = 0.6
AROUND_MM = 20.0
"""Room for the axis and the legend."""
LETTER_MM, BOLD_MM, LINE_MM = 1.12, 1.42, 2.9
"""Width of a letter of 7 points, plain and bold, and height of a line, generously."""
BETWEEN_MM, LEAST_AXIS_MM = 3.0, 40.0


@dataclass(frozen=True)
class Mark:
    """One estimate with its interval; a missing estimate is not drawn.

    Attributes
    ----------
    value, low, high
        On the plot's axis; NaN where missing.
    color, marker, hollow
        How it is drawn, as matplotlib takes it.
    """

    value: float
    low: float
    high: float
    color: str = palette.BLACK
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

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; marks come closer together where the page would be higher than
        `style.TALLEST_MM`.
    """
    left = number_format.wrapped(left, 40)
    letters = [1.2 * len(text) for text in left.split("\n")] + [len(line.label) for line in lines]
    labels_mm = LETTER_MM * max(letters) + 6
    head = _head(headings, lines, style.PAGE_MM - labels_mm - LEAST_AXIS_MM)
    heights = _heights(lines, head.height)
    middles = np.cumsum(heights) - heights / 2
    bottom = float(heights.sum())
    figure = style.new_figure(style.PAGE_MM, AROUND_MM + head.height + bottom)
    # the columns' widths hold what stands between them
    figure.set_layout_engine("constrained", w_pad=0.02, wspace=0)
    axis_mm = max(style.PAGE_MM - labels_mm - sum(head.widths), LEAST_AXIS_MM)
    widths = [labels_mm, axis_mm, *head.widths]
    panels = figure.subplots(1, len(widths), width_ratios=widths, sharey=True)
    texts, axes, columns = panels[0], panels[1], panels[2:]
    axes.set_ylim(bottom + 0.9, -head.height)
    axes.patch.set_visible(False)
    for panel in (texts, *columns):
        panel.set_axis_off()
        panel.set_xlim(0, 1)
    look: dict[str, Any] = {"fontsize": 7, "fontweight": "bold", "va": "bottom"}
    texts.text(0, -1, left, **look)
    for panel, heading in zip(columns, head.texts, strict=True):
        panel.text(0, -1, heading, rotation=90 if head.upright else 0, **look)
    if reference is not None:
        axes.plot(
            [reference, reference], [0, bottom + 0.9], color=palette.GREY, linewidth=0.7, zorder=1
        )
    for middle, height, line in zip(middles, heights, lines, strict=True):
        texts.text(
            3.5 / labels_mm if line.indented else 0,
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


@dataclass(frozen=True)
class _Head:
    """The headings over the columns of text, and what these take in mm."""

    texts: tuple[str, ...]
    widths: tuple[float, ...]
    height: float
    upright: bool = False


def _head(headings: Sequence[str], lines: Sequence[Line], room: float) -> _Head:
    """Return the headings as they fit: in one line, in several, or upright."""
    letters = [
        max((len(line.columns[i]) for line in lines if i < len(line.columns)), default=0)
        for i in range(len(headings))
    ]
    narrow = [LETTER_MM * n + BETWEEN_MM for n in letters]
    bold = [BOLD_MM * len(heading) + BETWEEN_MM for heading in headings]
    whole = [max(pair) for pair in zip(narrow, bold, strict=True)]
    if sum(whole) <= room:
        return _Head(tuple(headings), tuple(whole), ROW_MM)
    fit = [max(int((width - BETWEEN_MM) / BOLD_MM), 1) for width in narrow]
    broken = [
        textwrap.wrap(heading, n, break_long_words=False)
        for heading, n in zip(headings, fit, strict=True)
    ]
    if all(len(word) <= n for words, n in zip(broken, fit, strict=True) for word in words):
        height = 1.4 + LINE_MM * max(map(len, broken))
        return _Head(tuple("\n".join(words) for words in broken), tuple(narrow), height)
    height = 2.0 + BOLD_MM * max(map(len, headings))
    return _Head(tuple(headings), tuple(narrow), height, upright=True)


def _heights(lines: Sequence[Line], head: float) -> npt.NDArray[np.float64]:
    """Return the height of each line in mm, for its marks if the page has room for them."""
    n_drawn = [
        len(line.marks) if any(np.isfinite(mark.value) for mark in line.marks) else 0
        for line in lines
    ]
    more = np.maximum(APART_MM + MARK_MM * np.array(n_drawn, dtype=float) - ROW_MM, 0.0)
    room = style.TALLEST_MM - AROUND_MM - head - ROW_MM * len(lines)
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
