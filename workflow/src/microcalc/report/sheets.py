"""Contact sheets on the page: small enough to travel with it, linked to the whole ones."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from microcalc.report.data_uri import data_uri

MOST = 8
"""Sheets that the page holds; a large study's are linked alone."""

_WIDTH = 1000
_QUALITY = 55


@dataclass(frozen=True)
class Sheet:
    """One contact sheet: where it lies beside the page, and a smaller copy (or nothing)."""

    link: str
    image: str
    size: tuple[int, int]


def of_study(paths: tuple[Path, ...]) -> list[Sheet]:
    """Return the sheets in order; beyond `MOST` of them, none has a copy on the page."""
    held = len(paths) <= MOST
    return [_sheet(path, held=held) for path in paths]


def _sheet(path: Path, *, held: bool) -> Sheet:
    link = f"../{path.parent.name}/{path.name}"
    if not held:
        return Sheet(link, "", (0, 0))
    with Image.open(path) as whole:
        size = _WIDTH, max(1, round(whole.height * _WIDTH / whole.width))
        small = whole.convert("RGB").resize(size, Image.Resampling.BOX, reducing_gap=2)
    data = io.BytesIO()
    small.save(data, "JPEG", quality=_QUALITY, optimize=True)
    return Sheet(link, data_uri(data.getvalue(), "image/jpeg"), size)
