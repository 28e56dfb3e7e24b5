"""Decoded mammogram: the image that the rest of the room works on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grey:
    """Grey-level look-up table: how bright each value that a stored pixel cell can hold is shown.

    Every step from the stored cell to the displayed grey level (masking of unused bits, modality
    and VOI transform, inversion) is a function of that one cell. So the steps are worked out
    once per possible cell, 256 or 65,536 of them, and applied by look-up where they are needed.

    Attributes
    ----------
    curve
        (256,) or (65536,) float32, larger = brighter.
    padding
        Same shape, bool: which cells stand for "no data here".
    voi
        Name of the VOI transform that was used, "none" without.
    inverted
        Whether the file's lowest values are its brightest.
    flags
        What was odd about it.
    """

    curve: NDArray[np.float32]
    padding: NDArray[np.bool_]
    voi: str = "none"
    inverted: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where an image lies: among the frames of its file, and in the patient's space.

    Attributes
    ----------
    spacing_mm
        Distance between pixel centers in mm: (between rows, between columns).
    frame, frames
        Which of how many frames or pages it is, counting from 1.
    position, row_direction, column_direction
        ImagePositionPatient (the middle of the first pixel, in mm) and ImageOrientationPatient's
        two unit vectors: where rows and where columns lead. None where the file does not say,
        as mammograms do not.
    slice_direction
        Where frames lead, in a file of several that says so.
    own_spacing_mm
        What a NIfTI, NRRD or MetaImage file itself gives, which may not be believed: masks that
        were drawn on it have the same.
    directed
        Whether rows and columns lead where the directions say: False of a file that could say so
        and does not.
    """

    spacing_mm: tuple[float, float] = (1.0, 1.0)
    frame: int = 1
    frames: int = 1
    position: tuple[float, ...] | None = None
    row_direction: tuple[float, ...] = (1.0, 0.0, 0.0)
    column_direction: tuple[float, ...] = (0.0, 1.0, 0.0)
    slice_direction: tuple[float, ...] | None = None
    own_spacing_mm: tuple[float, float] | None = None
    directed: bool = True

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): columns are the unit vectors along a row, along a column, and across."""
        across = np.cross(self.row_direction, self.column_direction)
        if self.slice_direction is not None:
            across = np.asarray(self.slice_direction)
        return np.column_stack([self.row_direction, self.column_direction, across])


@dataclass(frozen=True, eq=False)
class Mammogram:
    """One decoded view, free of anything that identifies a patient.

    Attributes
    ----------
    image_id
        Its name in every message.
    stored
        (rows, columns) uint8 or uint16 cells as they lie in the file.
    grey
        What the cells mean.
    other_greys
        What they mean by the file's other VOI transforms, in the order in which to try them, and
        without any.
    spacing_mm
        Distance between pixel centers in mm: (between rows, between columns).
    spacing_source
        Where the spacing comes from, in the words of DICOM, of another header, or "table".
    laterality
        "L", "R", or "" when neither file nor table says.
    view
        A canonical view, see `microcalc.config.views`; "" when neither file nor table says.
    row_direction, column_direction
        PatientOrientation, "" when absent: where columns lead (along a row) and where rows lead.
    bottom_up
        Whether its rows run from the feet upward, as NIfTI files' do.
    place
        Where it lies, for regions that are drawn in space or on one of several frames.
    provenance
        What the decoder met: transfer syntax, SOP class, bits, photometric interpretation, scanner.
    uid_digest
        Digest of the SOPInstanceUID, to find one image under two names; "" without.
    flags
        What was odd, in snake_case, for the QC table.
    """

    image_id: str
    stored: NDArray[np.uint8] | NDArray[np.uint16]
    grey: Grey
    spacing_mm: tuple[float, float]
    spacing_source: str
    laterality: str
    view: str
    row_direction: str = ""
    column_direction: str = ""
    bottom_up: bool = False
    other_greys: tuple[Callable[[], Grey], ...] = ()
    place: Place = Place()
    provenance: dict[str, str] = field(default_factory=dict)
    uid_digest: str = ""
    flags: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.stored.shape
        return rows, columns

    @property
    def top_down(self) -> "Mammogram":
        """The same with its first row on top; a region of it is `Roi.reversed_rows`."""
        if not self.bottom_up:
            return self
        return replace(self, stored=self.stored[::-1].copy(), bottom_up=False)

    @cached_property
    def pixels(self) -> NDArray[np.float32]:
        """(rows, columns) float32 grey levels, larger = brighter."""
        return np.take(self.grey.curve, self.stored)

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """(rows, columns) bool: False where the file says that a pixel is padding."""
        return ~np.take(self.grey.padding, self.stored)
