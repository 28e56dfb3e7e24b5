"""Contact sheets on the page: small copies that travel with it, linked to the whole ones."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from microcalc.report.data_uri import data_uri

MOST = 8
"""Sheets that the page holds; a large study's are linked alone."""


@dataclass(frozen=True)
class Sheet:
    """One contact sheet: where it lies beside the page, and a smaller copy (or nothing).

    Attributes
    ----------
    link
        The whole sheet, a path relative to the page's folder.
    image
        The smaller copy as a data URI; empty where the page holds none.
    size
        Width and height of the copy in pixels; 0, 0 without one.
    """

    link: str
    image: str
    size: tuple[int, int]


def of_study(previews: tuple[Path, ...]) -> list[Sheet]:
    """Return the sheets in order; beyond `MOST` of them, none has a copy on the page.

    Parameters
    ----------
    previews
        Smaller copies, JPEG files, beside which the sheets lie by the same names as PNG.
    """
    held = len(previews) <= MOST
    return [_sheet(preview, held=held) for preview in previews]


def _sheet(preview: Path, *, held: bool) -> Sheet:
    link = f"../{preview.parent.name}/{preview.stem}.png"
    if not held:
        return Sheet(link, "", (0, 0))
    with Image.open(preview) as image:
        size = image.size
    return Sheet(link, data_uri(preview.read_bytes(), "image/jpeg"), size)
