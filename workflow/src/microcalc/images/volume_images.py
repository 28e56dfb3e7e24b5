"""Reading a mammogram that was saved as NIfTI, NRRD or MetaImage."""

import warnings

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.images import cells, geometry, raster, volumes
from microcalc.images.content import content_errors
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Grey, Mammogram, Place
from microcalc.images.volumes import Volume

_UNSURE = "image_orientation_unsure"
_DIRECTIONS = ("L", "P", "H"), ("R", "A", "F")
_SPACING_SOURCE = {
    volumes.NIFTI: "NIfTI pixdim",
    volumes.NRRD: "NRRD header",
    volumes.META: "MetaImage ElementSpacing",
}
_MM = {"mm": 1.0, "": 1.0, "cm": 10.0, "m": 1000.0}
_MM |= dict.fromkeys(("um", "µm", "μm", "micron", "microns"), 1e-3)
_TOLERANCE = 0.01


def decode(data: bytes, entry: ImageEntry, *, orientation: str = "header") -> Mammogram:
    r"""Return the mammogram in the bytes of a NIfTI, NRRD or MHA file; larger is brighter.

    Its columns are counted along the file's first axis, its rows along the second, as the file
    stores them, and its frames along the third; where two axes alone are longer than 1, these are
    columns and rows.

    Parameters
    ----------
    data
        The file.
    entry
        What the images table says of it, such as the slice of a file of several.
    orientation
        Which way rows run: as the "header" says (of NIfTI that says nothing upward, flagged),
        downward as they are "stored", or upward, "rows_reversed", as dcm2niix writes them.

    Returns
    -------
    Mammogram
        `.pixels` is float32 rows x columns in the file's order, `.bottom_up` where that is upward.

    Raises
    ------
    StudyError
        When the file is damaged, in color, of a size no mammogram has, of several slices of which
        the table names none, without a spacing that can be believed, or has pixels that are no
        numbers.
    MemoryError
        When the process that decodes is killed from outside.

    Examples
    --------
    >>> from microcalc.images import volume_images
    >>> from microcalc.images.image_entry import ImageEntry
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\nspacings: 0.1 0.1\n"
    >>> data = head + b"encoding: raw\n\n" + bytes([0, 1, 2, 3, 4, 5])
    >>> mammogram = volume_images.decode(data, ImageEntry("C001_CC"))
    >>> mammogram.pixels, mammogram.spacing_mm
    (array([[0., 1., 2.],
           [3., 4., 5.]], dtype=float32), (0.1, 0.1))
    """
    with content_errors(entry.image_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        volume = volumes.opened(data)
        flags: list[str] = []
        columns, rows, slices = _order(volume)
        size = volume.size[rows], volume.size[columns]
        raster.check_size(*size)
        frames = volume.size[slices]
        index = raster.frame_index(entry.frame, frames, "slices")
        taken, source = spacing(volume, entry.spacing_mm, flags)
        axes = _axes(volume)
        bottom_up, directions = _upright(axes, (columns, rows), orientation, flags)
        values = np.transpose(volume.plane(slices, index), [2 - a for a in (slices, rows, columns)])
        stored, curve = cells.of_values(np.ascontiguousarray(values[0]))
        along = np.eye(3) if axes is None else axes
        return Mammogram(
            image_id=entry.image_id,
            stored=stored,
            grey=Grey(curve=curve, padding=np.zeros(curve.shape, dtype=bool)),
            spacing_mm=taken,
            spacing_source=source,
            laterality=entry.laterality,
            view=entry.view,
            row_direction=directions[0],
            column_direction=directions[1],
            bottom_up=bottom_up,
            place=Place(
                taken,
                index + 1,
                frames,
                row_direction=tuple(along[:, columns].tolist()),
                column_direction=tuple(along[:, rows].tolist()),
                slice_direction=tuple(along[:, slices].tolist()),
                own_spacing_mm=_own(volume),
                directed=axes is not None,
            ),
            provenance={
                "transfer_syntax": volume.form,
                "sop_class": "",
                "photometric_interpretation": "",
                "bits_stored": str(8 * stored.dtype.itemsize),
                "scanner": "",
            },
            flags=tuple(flags),
        )


def spacing(
    volume: Volume, table_mm: float | None, flags: list[str]
) -> tuple[tuple[float, float], str]:
    r"""Return the pixel spacing of a volume, or the table's, and its source.

    A file that gives none says 1 in all these formats, so that exactly 1 is not believed.

    Parameters
    ----------
    volume
        The image.
    table_mm
        Column spacing_mm, None without; taken where it says something else than the file.
    flags
        Where what is odd is added.

    Returns
    -------
    spacing_mm, source
        (between rows, between columns) in mm, by the units that an NRRD file names; and the words
        for the header, or "table".

    Raises
    ------
    StudyError
        When neither file nor table gives one, the file gives two, or it makes the image of a
        size no mammogram has. The message leaves naming the image to the caller.

    Examples
    --------
    >>> from microcalc.images import volume_images, volumes
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\nspacings: 100 100\n"
    >>> units = b'units: "um" "um"\n'
    >>> volume = volumes.opened(head + units + b"encoding: raw\n\n" + bytes(6))
    >>> volume_images.spacing(volume, None, [])
    ((0.1, 0.1), 'NRRD header')
    """
    columns, rows, _ = _order(volume)
    found: tuple[float, float] | None = _own(volume)
    if table_mm is None and _contradicts_itself(volume):
        raise StudyError(
            "gives two pixel spacings (pixdim and sform differ); fill in column spacing_mm of the "
            "images table"
        )
    factors = [_MM.get(unit.strip().lower()) for unit in volume.units()] or [1.0]
    of_rows, of_columns = (factors[min(axis, len(factors) - 1)] for axis in (rows, columns))
    if found is None or 1.0 in found or not all(found) or not of_rows or not of_columns:
        found = None
    else:
        found = found[0] * of_rows, found[1] * of_columns
    size = volume.size[rows], volume.size[columns]
    return geometry.of_file(found, _SPACING_SOURCE[volume.form], table_mm, size, flags)


def _order(volume: Volume) -> tuple[int, int, int]:
    """Return which axes of the file are columns, rows and slices: one of length 1 is no plane's."""
    long = [axis for axis in range(3) if volume.size[axis] > 1]
    columns, rows = long if len(long) == 2 else (0, 1)
    return columns, rows, 3 - columns - rows


def _own(volume: Volume) -> tuple[float, float]:
    """Return the header's spacing as it is, between rows and between columns.

    NIfTI holds single precision, of which seven digits are what was written.
    """
    columns, rows, _ = _order(volume)
    row_mm, column_mm = (float(f"{volume.spacing_mm[axis]:.7g}") for axis in (rows, columns))
    return row_mm, column_mm


def _contradicts_itself(volume: Volume) -> bool:
    """Say whether a NIfTI file's sform has another scale than its pixdim."""
    if volume.form != volumes.NIFTI or volume.affine is None:
        return False
    lengths = np.linalg.norm(volume.affine[:, :3], axis=0)
    said = [float(volume.metadata[f"pixdim[{axis + 1}]"]) for axis in range(3)]
    axes = _order(volume)[:2]
    return any(abs(lengths[axis] - said[axis]) > _TOLERANCE * said[axis] for axis in axes)


def _axes(volume: Volume) -> NDArray[np.float64] | None:
    try:
        return volume.axes
    except volumes.SilentError:
        return None


def _upright(
    axes: NDArray[np.float64] | None, plane: tuple[int, int], orientation: str, flags: list[str]
) -> tuple[bool, tuple[str, str]]:
    """Return whether rows run upward, and where rows and columns lead, as DICOM's letters.

    Most such files know nothing of the patient, and lie in the plane that ITK and NIfTI begin
    with, rows across and columns to the back or to the front: to the front is upward there. A
    NIfTI file that says nothing is shown with its rows upward by all viewers, and dcm2niix
    reverses the rows of a mammogram for that.
    """
    if orientation != "header":
        return orientation == "rows_reversed", ("", "")
    if axes is None:
        flags.append(_UNSURE)
        return True, ("", "")
    row, column = (_letter(axes[:, axis]) for axis in plane)
    if column in {"A", "P"}:
        return column == "A", ("", "")
    return False, (row, column)


def _letter(direction: NDArray[np.float64]) -> str:
    axis = int(np.abs(direction).argmax())
    return _DIRECTIONS[int(direction[axis] < 0)][axis]
