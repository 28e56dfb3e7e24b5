"""A contact sheet of one shard: every image with its ROI, beside the patch cut from it."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from microcalc.figures import style, words
from microcalc.images.shard_file import Shard

MOST = 600
"""Images on a sheet: a PNG file of more becomes too tall to be opened."""

_DPI = 300
_COLUMNS = 4
_GAP_MM, _MARGIN_MM, _HEAD_MM = 3.0, 2.0, 9.0
_LINE_MM = 2.9
_LETTERS = 34
_MOST_LINES = 3
_SPLIT_COLORS = {"train": style.GREY, "internal": style.BLACK, "external": style.BLUE}
_NOT_ELIGIBLE = "not in the study"


@dataclass(frozen=True)
class _Entry:
    """One image as the sheet shows it."""

    title: str
    split: str
    notes: tuple[str, ...]
    reason: str
    pictures: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


@style.styled
def draw(shard: Shard, cases: pd.DataFrame) -> Figure:
    """Return the sheet, a page wide and as tall as it needs to be; save it as PNG.

    Parameters
    ----------
    shard
        What `microcalc.images.shard_file.read` returned. Its pictures are black around the breast,
        so that nothing burned in there is shown.
    cases
        `images/included.csv`: case_id and split of every eligible case.
    """
    splits = dict(zip(cases["case_id"], cases["split"], strict=True))
    numbers = _chosen(shard)
    rows = [
        [_entry(shard, number, splits) for number in numbers[start : start + _COLUMNS]]
        for start in range(0, len(numbers), _COLUMNS)
    ]
    wide = (style.PAGE_MM - 2 * _MARGIN_MM - (_COLUMNS - 1) * _GAP_MM) / _COLUMNS
    heights = [_height(row, wide) for row in rows]
    sheet = _Sheet(_HEAD_MM + sum(heights) + _MARGIN_MM)
    sheet.write(_MARGIN_MM, _MARGIN_MM, _heading(shard, len(numbers)), size=8)
    top = _HEAD_MM
    for row, height in zip(rows, heights, strict=True):
        for place, entry in enumerate(row):
            _draw_entry(sheet, entry, _MARGIN_MM + place * (wide + _GAP_MM), top, wide)
        top += height
    return sheet.figure


class _Sheet:
    """A figure addressed in millimeters from its upper left corner."""

    def __init__(self, height_mm: float) -> None:
        self.pixels = _px(style.PAGE_MM), _px(height_mm)
        self.figure = Figure(figsize=(self.pixels[0] / _DPI, self.pixels[1] / _DPI), dpi=_DPI)

    def write(self, x: float, y: float, text: str, **look: object) -> None:
        """Write `text` with its upper left corner (or as `ha` says) at (x, y)."""
        self.figure.text(
            _px(x) / self.pixels[0],
            1 - _px(y) / self.pixels[1],
            text,
            **({"size": 7, "va": "top"} | look),  # type: ignore[arg-type]
        )

    def show(self, x: float, y: float, side: float, picture: npt.NDArray[np.uint8]) -> None:
        """Show a square picture, resampled to the sheet's own pixels."""
        size = _px(side)
        ready = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
        self.figure.figimage(
            np.asarray(ready),
            xo=_px(x),
            yo=self.pixels[1] - _px(y) - size,
            origin="upper",
            cmap="gray",
            vmin=0,
            vmax=255,
        )

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """Fill a rectangle."""
        across, down = self.pixels
        corner = _px(x) / across, 1 - _px(y + height) / down
        self.figure.add_artist(
            Rectangle(corner, _px(width) / across, _px(height) / down, color=color, linewidth=0)
        )


def _px(mm: float) -> int:
    return round(mm / 25.4 * _DPI)


def _chosen(shard: Shard) -> list[int]:
    """Return the places of the images to show: all, or those a person must see before others."""
    places = list(range(len(shard)))
    if len(places) <= MOST:
        return places
    return sorted(sorted(places, key=lambda place: not _odd(shard, place))[:MOST])


def _odd(shard: Shard, place: int) -> bool:
    return shard.status[place] != "ok" or bool(_flags(shard, place))


def _flags(shard: Shard, place: int) -> list[str]:
    flags = json.loads(str(shard.qc[place])).get("flags", "")
    return [flag.replace("_", " ") for flag in flags.split(";") if flag]


def _heading(shard: Shard, shown: int) -> str:
    excluded = int((shard.status != "ok").sum())
    flagged = sum(_odd(shard, place) for place in range(len(shard))) - excluded
    first = "" if shown == len(shard) else f"{shown} of "
    return (
        f"{first}{len(shard)} images, {excluded} excluded, {flagged} flagged. "
        "Left: the whole image, chest wall on the left, ROI outlined. Right: the patch."
    )


def _entry(shard: Shard, place: int, splits: Mapping[str, str]) -> _Entry:
    case_id = str(shard.case_id[place])
    side = json.loads(str(shard.qc[place])).get("laterality", "")
    view = " ".join(part for part in (side, str(shard.view[place])) if part)
    excluded = shard.status[place] != "ok"
    return _Entry(
        title=f"{_shortened(case_id, 16)}  {view}",
        split=splits.get(case_id, _NOT_ELIGIBLE),
        notes=tuple(_lines("; ".join(_flags(shard, place)), _LETTERS, _MOST_LINES)),
        reason=f"Excluded: {shard.reason[place]}" if excluded else "",
        pictures=(shard.thumbnail[place], shard.picture[place]),
    )


def _shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _lines(text: str, letters: int, most: int) -> list[str]:
    lines = textwrap.wrap(text, letters)
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-1] + "…"]


def _height(row: Sequence[_Entry], wide: float) -> float:
    notes = max(len(entry.notes) for entry in row)
    return _LINE_MM * (1 + notes) + 1.2 + wide / 2 + _GAP_MM


def _draw_entry(sheet: _Sheet, entry: _Entry, left: float, top: float, wide: float) -> None:
    color = _SPLIT_COLORS.get(entry.split, style.GREY)
    name = words.split_label(entry.split).removesuffix(" validation")
    sheet.write(left, top, entry.title, weight="bold")
    sheet.write(left + wide, top, name, ha="right", color=color)
    top += _LINE_MM + 0.6
    side = (wide - 0.4) / 2
    if entry.reason:
        sheet.box(left, top, wide, side, "#E8E8E8")
        for line_number, line in enumerate(_lines(entry.reason, _LETTERS - 6, 6)):
            sheet.write(left + 1, top + 1 + line_number * _LINE_MM, line)
        return
    for place, picture in enumerate(entry.pictures):
        sheet.show(left + place * (side + 0.4), top, side, picture)
    for line_number, note in enumerate(entry.notes):
        where = top + side + 0.6 + line_number * _LINE_MM
        sheet.write(left, where, note, color=style.VERMILLION)
