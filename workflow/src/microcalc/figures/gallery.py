"""A contact sheet of one shard: every image with its ROI, beside the patch cut from it.

A sheet is pictures with a line of text each: it is put together from them, in a third of the time
that matplotlib takes to draw it.
"""

import importlib.util
import json
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from microcalc.core.errors import with_detail
from microcalc.core.files import atomic_path
from microcalc.figures import number_format, palette
from microcalc.images.shard_file import Shard

MOST = 600
"""Images on a sheet: a PNG file of more becomes too tall to be opened."""

DPI = 300
WIDE_MM = 175.0
PREVIEW_PX = 1000
"""How wide a sheet's smaller copy is, for a page that holds several."""

_PREVIEW_QUALITY = 55
_COMPRESSION = 2
_COLUMNS = 4
_GAP_MM, _MARGIN_MM, _HEAD_MM = 3.0, 2.0, 9.0
_LINE_MM = 2.9
_LETTERS = 34
_MOST_LINES = 3
_TEXT_PT, _HEAD_PT = 7, 8
_PLAIN, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_WORD_GAP_MM = 1.5
_SPLIT_COLORS = {"train": palette.GREY, "internal": palette.BLACK, "external": palette.BLUE}
_NOT_ELIGIBLE = "not in the study"
_EXCLUDED = "#E8E8E8"


@dataclass(frozen=True)
class _Entry:
    """One image as the sheet shows it."""

    case_id: str
    view: str
    split: str
    notes: tuple[str, ...]
    reason: str
    pictures: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


class Sheet:
    """An image addressed in millimeters from its upper left corner.

    Attributes
    ----------
    image
        The picture, 300 pixels per inch.
    texts
        Every line that was written on it.
    places
        Of every picture on it, its left, upper, right and lower edge in pixels.
    """

    def __init__(self, height_mm: float) -> None:
        self.image = Image.new("RGB", (_px(WIDE_MM), _px(height_mm)), "white")
        self.texts: list[str] = []
        self.places: list[tuple[int, int, int, int]] = []
        self._pen = ImageDraw.Draw(self.image)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = _TEXT_PT,
        face: str = _PLAIN,
        color: str = palette.BLACK,
        to_the_left: bool = False,
    ) -> None:
        """Write a line of text.

        Parameters
        ----------
        x, y
            Its upper left corner in mm; its upper right one with `to_the_left`.
        text
            One line.
        size
            In points.
        face
            A font that matplotlib ships.
        color
            As of `palette`.
        to_the_left
            Whether the line ends at x.
        """
        anchor = "ra" if to_the_left else "la"
        place = _px(x), _px(y)
        self._pen.text(place, text, fill=color, font=_font(face, size), anchor=anchor)
        self.texts.append(text)

    def show(self, x: float, y: float, side: float, picture: npt.NDArray[np.uint8]) -> None:
        """Show a square picture, resampled to the sheet's own pixels.

        Parameters
        ----------
        x, y
            Its upper left corner in mm.
        side
            In mm.
        picture
            Grey levels from 0 to 255, shape (S, S).
        """
        left, top, size = _px(x), _px(y), _px(side)
        ready = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
        self.image.paste(ready, (left, top))
        self.places.append((left, top, left + size, top + size))

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """Fill a rectangle.

        Parameters
        ----------
        x, y
            Its upper left corner in mm.
        width, height
            In mm.
        color
            As of `palette`.
        """
        edges = _px(x), _px(y), _px(x + width) - 1, _px(y + height) - 1
        self._pen.rectangle(edges, fill=color)


def draw(shard: Shard, cases: Iterable[Mapping[str, str]]) -> Sheet:
    """Return the sheet, a page wide and as tall as it needs to be.

    Parameters
    ----------
    shard
        What `microcalc.images.shard_file.read` returned. Its pictures are black around the breast,
        so that nothing burned in there is shown.
    cases
        The rows of `cohort/eligible.csv`: case_id and split of every eligible case.

    Returns
    -------
    Sheet
        175 mm wide, at 300 pixels per inch. Where the shard has more than `MOST` images, excluded
        and flagged ones have their place before any other.
    """
    splits = {case["case_id"]: case["split"] for case in cases}
    numbers = _chosen(shard)
    rows = [
        [_entry(shard, number, splits) for number in numbers[start : start + _COLUMNS]]
        for start in range(0, len(numbers), _COLUMNS)
    ]
    wide = (WIDE_MM - 2 * _MARGIN_MM - (_COLUMNS - 1) * _GAP_MM) / _COLUMNS
    heights = [_height(row, wide) for row in rows]
    sheet = Sheet(_HEAD_MM + sum(heights) + _MARGIN_MM)
    sheet.write(_MARGIN_MM, _MARGIN_MM, _heading(shard, len(numbers)), size=_HEAD_PT)
    top = _HEAD_MM
    for row, height in zip(rows, heights, strict=True):
        for place, entry in enumerate(row):
            _draw_entry(sheet, entry, _MARGIN_MM + place * (wide + _GAP_MM), top, wide)
        top += height
    return sheet


def save(sheet: Sheet, path: str | os.PathLike[str], preview: str | os.PathLike[str]) -> None:
    """Write a sheet, and a smaller copy of it.

    Parameters
    ----------
    sheet
        From `draw`.
    path
        The PNG, 300 pixels per inch.
    preview
        The JPEG, `PREVIEW_PX` pixels wide.
    """
    whole = sheet.image
    size = PREVIEW_PX, max(1, round(whole.height * PREVIEW_PX / whole.width))
    with atomic_path(path) as temporary:
        whole.save(temporary, "PNG", dpi=(DPI, DPI), compress_level=_COMPRESSION)
    with atomic_path(preview) as temporary:
        small = whole.resize(size, Image.Resampling.BOX)
        small.save(temporary, "JPEG", quality=_PREVIEW_QUALITY, optimize=True)


@cache
def _font(face: str, size: float) -> ImageFont.FreeTypeFont:
    """Return a font that matplotlib ships, so that every machine writes the same letters."""
    matplotlib = importlib.util.find_spec("matplotlib")  # found, not imported: that takes as long
    folder = Path(matplotlib.origin).parent  # type: ignore[union-attr, arg-type]
    path = folder / "mpl-data" / "fonts" / "ttf" / f"{face}.ttf"
    return ImageFont.truetype(path, size * DPI / 72, layout_engine=ImageFont.Layout.BASIC)


def _px(mm: float) -> int:
    return round(mm / 25.4 * DPI)


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
        case_id=case_id,
        view=view,
        split=splits.get(case_id, _NOT_ELIGIBLE),
        notes=tuple(_lines("; ".join(_flags(shard, place)), _LETTERS, _MOST_LINES)),
        reason=f"Excluded: {_reason(shard, place)}" if excluded else "",
        pictures=(shard.thumbnail[place], shard.picture[place]),
    )


def _reason(shard: Shard, place: int) -> str:
    return with_detail(str(shard.reason[place]), str(shard.detail[place]))


def _title(entry: _Entry, room: float) -> str:
    """Return case and view of an image; of a long case's name as much as there is room for."""
    for letters in range(len(entry.case_id), 0, -1):
        title = f"{_shortened(entry.case_id, letters)}  {entry.view}"
        if _width(title, _BOLD) <= room:
            break
    return title


def _width(text: str, face: str) -> float:
    """Return how wide a line is in millimeters."""
    return _font(face, _TEXT_PT).getlength(text) / DPI * 25.4


def _shortened(text: str, letters: int) -> str:
    """Return the end of a text, which is where case ids differ."""
    return text if len(text) <= letters else "…" + text[len(text) - letters + 1 :]


def _lines(text: str, letters: int, most: int) -> list[str]:
    lines = textwrap.wrap(text, letters)
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-1] + "…"]


def _height(row: Sequence[_Entry], wide: float) -> float:
    notes = max(len(entry.notes) for entry in row)
    return _LINE_MM * (1 + notes) + 1.2 + wide / 2 + _GAP_MM


def _draw_entry(sheet: Sheet, entry: _Entry, left: float, top: float, wide: float) -> None:
    color = _SPLIT_COLORS.get(entry.split, palette.GREY)
    name = number_format.split_label(entry.split).removesuffix(" validation")
    sheet.write(left + wide, top, name, color=color, to_the_left=True)
    room = wide - _width(name, _PLAIN) - _WORD_GAP_MM
    sheet.write(left, top, _title(entry, room), face=_BOLD)
    top += _LINE_MM + 0.6
    side = (wide - 0.4) / 2
    if entry.reason:
        sheet.box(left, top, wide, side, _EXCLUDED)
        for line_number, line in enumerate(_lines(entry.reason, _LETTERS - 6, 6)):
            sheet.write(left + 1, top + 1 + line_number * _LINE_MM, line)
        return
    for place, picture in enumerate(entry.pictures):
        sheet.show(left + place * (side + 0.4), top, side, picture)
    for line_number, note in enumerate(entry.notes):
        where = top + side + 0.6 + line_number * _LINE_MM
        sheet.write(left, where, note, color=palette.VERMILLION)
