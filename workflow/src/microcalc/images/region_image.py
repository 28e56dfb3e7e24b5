"""A region of a mammogram at the spacing of its pixels, for what is measured without resampling."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class RegionImage:
    """A window of a mammogram, and which of its pixels are the region.

    Attributes
    ----------
    pixels
        Gray values before they are scaled to a patch's [0, 1], larger = brighter, shape
        (rows, columns); oriented as patches are.
    region
        Which pixels are measured, the same shape: the ROI as its mask or box says.
    breast
        Which pixels show breast, the same shape.
    spacing_mm
        From a row to the next, from a column to the next, in mm.
    bits_stored
        How many bits of gray the file holds: 8 for most pictures, 12 to 16 for mammograms.
    """

    pixels: npt.NDArray[np.float32]
    region: npt.NDArray[np.bool_]
    breast: npt.NDArray[np.bool_]
    spacing_mm: tuple[float, float]
    bits_stored: int
