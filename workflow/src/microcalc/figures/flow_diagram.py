"""The participant flow diagram, in the manner of STARD 2015."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from microcalc.config.cohort_settings import Labels
from microcalc.figures import number_format, palette, style

LINE_MM = 3.6
PAD_MM = 2.2
GAP_MM = 6.0
MAIN = (4.0, 84.0)
SIDE = (98.0, 171.0)
MOST_REASONS = 12


@dataclass(frozen=True)
class _Box:
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return LINE_MM * len(self.lines) + 2 * PAD_MM


@style.styled
def draw(flow: Mapping[str, Any]) -> Figure:
    """Return the diagram: cases and images from the table to the sets, and why others left.

    Parameters
    ----------
    flow
        `evaluation/flow.json`.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide, as high as its boxes.
    """
    steps = {entry["step"]: entry for entry in flow["steps"]}
    rooms = {entry["room"]: entry for entry in flow["rooms"]}
    rows = [
        (_Box((f"In the case table: {_size(steps['assessed'])}",)), None),
        (None, _left(rooms.get("cohort"), "Not eligible")),
        (_Box((f"Eligible: {_size(steps['eligible'])}",)), None),
        (None, _left(rooms.get("images"), "Not usable")),
        (_Box((f"Analyzed: {_size(steps['included'])}",)), None),
    ]
    labels = Labels.of(flow["labels"])
    splits = [_split(name, sizes, labels) for name, sizes in flow["splits"].items()]
    heights = [max((box.height for box in row if box), default=0.0) for row in rows]
    total = sum(heights) + GAP_MM * len(heights) + max((b.height for b in splits), default=0) + 4
    figure = Figure(figsize=(style.PAGE_MM / 25.4, total / 25.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, style.PAGE_MM), ylim=(total, 0))
    axes.set_axis_off()
    y = 2.0
    middle = sum(MAIN) / 2
    trunk: list[tuple[float, float]] = []
    for (main, side), height in zip(rows, heights, strict=True):
        if main:
            _draw(axes, main, MAIN, y)
            trunk.append((y, y + height))
        if side:
            _draw(axes, side, SIDE, y)
            _arrow(axes, (middle, y + height / 2), (SIDE[0], y + height / 2))
        y += height + GAP_MM
    for (_, end), (start, _) in pairwise(trunk):
        _arrow(axes, (middle, end), (middle, start))
    _fan(axes, splits, trunk[-1][1], y)
    return figure


def _size(step: Mapping[str, Any]) -> str:
    text = f"{step['cases']:,} {'case' if step['cases'] == 1 else 'cases'}"
    images = step.get("images")
    return text if images is None else f"{text} ({_images(images)})"


def _images(n: int) -> str:
    return f"{n:,} {'image' if n == 1 else 'images'}"


def _left(room: Mapping[str, Any] | None, title: str) -> _Box:
    if room is None or not (room["cases"] or room["images"]):
        return _Box((f"{title}: none",))
    lines = [f"{title}: {_both(room)}"]
    reasons = sorted(room["reasons"], key=lambda r: (-r["cases"], -r["images"], r["reason"]))
    for reason in reasons[:MOST_REASONS]:
        text = f"{_both(reason)}: {reason['reason']}"
        lines += textwrap.wrap(text, 50, initial_indent="• ", subsequent_indent="   ")
    if len(reasons) > MOST_REASONS:
        rest = {key: sum(r[key] for r in reasons[MOST_REASONS:]) for key in ("cases", "images")}
        lines.append(f"• {_both(rest)}: {len(reasons) - MOST_REASONS} further reasons")
    return _Box(tuple(lines))


def _both(entry: Mapping[str, Any]) -> str:
    """Return cases, then images of cases that stay: `3 cases, 1 image`."""
    parts = [_size({"cases": entry["cases"]})] if entry["cases"] else []
    parts += [_images(entry["images"])] if entry["images"] else []
    return ", ".join(parts)


def _split(name: str, sizes: Mapping[str, Any], labels: Labels) -> _Box:
    kept = sizes["included"]
    return _Box(
        (
            number_format.split_label(name),
            _size({"cases": kept["n"], "images": sizes["images"]}),
            *number_format.counts_in_lines(kept["n_neg"], kept["n_pos"], labels, 36).split("\n"),
        )
    )


def _draw(axes: Axes, box: _Box, span: tuple[float, float], y: float) -> None:
    left, right = span
    axes.add_patch(
        FancyBboxPatch(
            (left, y),
            right - left,
            box.height,
            boxstyle="square,pad=0",
            facecolor="white",
            edgecolor=palette.BLACK,
            linewidth=0.7,
        )
    )
    alone = len(box.lines) == 1
    for i, line in enumerate(box.lines):
        axes.text(
            left + 2.5,
            y + PAD_MM + LINE_MM * (i + 0.5),
            line,
            fontsize=7.5,
            va="center",
            fontweight="bold" if i == 0 and not alone else "normal",
        )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>,head_width=0.12,head_length=0.25",
            "linewidth": 0.7,
            "color": palette.BLACK,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )


def _fan(axes: Axes, splits: list[_Box], start: float, y: float) -> None:
    """Draw the sets side by side under the last box."""
    room = SIDE[1] - MAIN[0]
    width = (room - 5 * (len(splits) - 1)) / max(len(splits), 1)
    middle, bend = sum(MAIN) / 2, y - GAP_MM / 2
    centers = [MAIN[0] + i * (width + 5) + width / 2 for i in range(len(splits))]
    axes.plot([middle, middle], [start, bend], color=palette.BLACK, linewidth=0.7)
    axes.plot(
        [min([middle, *centers]), max([middle, *centers])], [bend, bend],
        color=palette.BLACK, linewidth=0.7,
    )  # fmt: skip
    for center, box in zip(centers, splits, strict=True):
        _arrow(axes, (center, bend), (center, y))
        _draw(axes, box, (center - width / 2, center + width / 2), y)
