"""Reading a mammogram in whichever format it lies there."""

import os
from collections.abc import Collection
from typing import Literal

from microcalc import views
from microcalc.images import dicom, raster
from microcalc.images.content import read_bytes
from microcalc.images.mammogram import Mammogram

_RASTER = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read(path: str | os.PathLike[str], *, image_id: str, spacing_mm: float) -> Mammogram:
    """Return the mammogram in a DICOM, PNG or TIFF file; see `decode`."""
    return decode(read_bytes(path, image_id=image_id), image_id=image_id, spacing_mm=spacing_mm)


def decode(
    data: bytes,
    *,
    image_id: str,
    spacing_mm: float | None = None,
    laterality: str = "",
    view: str = "",
    only_views: Collection[str] | Literal["all"] = views.ALL,
    frame: int | None = None,
    voi: int | str | None = None,
    for_processing: Literal["convert", "refuse"] = "convert",
    pseudonyms: Collection[str] = (),
) -> Mammogram:
    """Return the mammogram in a file's bytes: PNG or TIFF by their signature, else DICOM.

    Parameters and errors are those of `dicom.read_mammogram` and `raster.decode`; where the table's
    view is one that `only_views` leaves out, the file is not looked at.
    """
    view = views.canonical(view)
    views.refuse_others(view, only_views)
    if data.startswith(_RASTER):
        return raster.decode(
            data,
            image_id=image_id,
            spacing_mm=spacing_mm,
            laterality=laterality,
            view=view,
            frame=frame,
        )
    return dicom.decode(
        data,
        image_id=image_id,
        spacing_mm=spacing_mm,
        laterality=laterality,
        view=view,
        only_views=only_views,
        frame=frame,
        voi=voi,
        for_processing=for_processing,
        pseudonyms=pseudonyms,
    )
