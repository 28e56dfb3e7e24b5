"""Quantization to 8 or 16 bits: pixels of any type of number as cells, and each cell's value."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError

_CELLS = 2**16
_LEAST_LEVELS = 256


def of_values(
    values: NDArray[Any],
) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], NDArray[np.float32]]:
    """Return cells, and the value of each possible one.

    Unsigned integers of 8 and 16 bits are their own cells. Other whole numbers are moved by what
    the lowest of them asks for, where they fit; all else is mapped evenly from the lowest to the
    highest value to 65,536 levels.

    Parameters
    ----------
    values
        (rows, columns), real numbers.

    Returns
    -------
    cells, curve : numpy.ndarray
        Uint8 or uint16, (rows, columns); float32, (256,) or (65536,), so that `curve[cells]` are
        the values.

    Raises
    ------
    StudyError
        When one is no number, or so far from all others that these would keep too few levels.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import cells
    >>> values = np.array([[-100, 0, 50]])
    >>> stored, curve = cells.of_values(values)
    >>> stored, curve[stored]
    (array([[  0, 100, 150]], dtype=uint16), array([[-100.,    0.,   50.]], dtype=float32))
    """
    if values.dtype == np.uint8:
        return values, np.arange(2**8, dtype=np.float32)
    if values.dtype == np.uint16:
        return values, np.arange(_CELLS, dtype=np.float32)
    if not np.isfinite(values).all():
        raise StudyError("has pixels that are no numbers (NaN or infinite); give them a value")
    lowest, highest = float(values.min()), float(values.max())
    if values.dtype.kind in "iu" and highest - min(lowest, 0.0) < _CELLS:
        first = int(min(lowest, 0.0))
        cells = (values.astype(np.int64) - first).astype(np.uint16)
        return cells, first + np.arange(_CELLS, dtype=np.float32)
    step = (highest - lowest) / (_CELLS - 1) or 1.0
    low, high = np.percentile(values[::8, ::8], (1, 99))
    if highest > lowest and high - low < _LEAST_LEVELS * step:
        raise StudyError(
            "has pixels so far from all others that 16 bits leave these too few gray levels; clip "
            "them",
            detail=f"{lowest:g} to {highest:g}, 98 % of them in {low:g} to {high:g}",
        )
    cells = np.rint((values.astype(np.float64) - lowest) / step).astype(np.uint16)
    return cells, (lowest + step * np.arange(_CELLS)).astype(np.float32)
