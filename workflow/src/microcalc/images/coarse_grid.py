"""Binary morphology, labels and percentiles on the coarse grid of a breast.

They take a fraction of the time of scipy.ndimage and numpy. Every function gives the same to the
last bit as the one that it names.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def eroded(mask: Mask, times: int = 1) -> Mask:
    """Return the binary erosion: the cells whose four neighbors are all in `mask`.

    Those at the rim of the grid lack a neighbor. As `scipy.ndimage.binary_erosion`.

    Parameters
    ----------
    mask
        (r, c) bool.
    times
        How often, at least 0.

    Returns
    -------
    numpy.ndarray
        (r, c) bool.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> coarse_grid.eroded(np.ones((3, 4), dtype=bool)).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    framed, wide = _framed(mask)
    for _ in range(times):
        left = framed.copy()
        left[1:] &= framed[:-1]
        left[:-1] &= framed[1:]
        left[wide:] &= framed[:-wide]
        left[:-wide] &= framed[wide:]
        framed = left
    return _unframed(framed, wide)


def dilated(mask: Mask, times: int = 1, *, within: Mask | None = None) -> Mask:
    """Return the binary dilation: the cells in `mask` and their four neighbors, of `within` alone.

    As `scipy.ndimage.binary_dilation` with `within` for its mask, but that scipy keeps the cells of
    `mask` that lie outside it.

    Parameters
    ----------
    mask
        (r, c) bool.
    times
        How often, at least 0.
    within
        (r, c) bool: where the result may lie; None for everywhere.

    Returns
    -------
    numpy.ndarray
        (r, c) bool.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> cell = np.eye(1, 9, 2, dtype=bool)  # one row of nine cells
    >>> coarse_grid.dilated(cell, 2).astype(int)
    array([[1, 1, 1, 1, 1, 0, 0, 0, 0]])
    """
    framed, wide = _framed(mask)
    allowed, _ = _framed(np.ones_like(mask) if within is None else within)
    for _ in range(times):
        grown = framed.copy()
        grown[1:] |= framed[:-1]
        grown[:-1] |= framed[1:]
        grown[wide:] |= framed[:-wide]
        grown[:-wide] |= framed[wide:]
        grown &= allowed
        framed = grown
    return _unframed(framed, wide)


# In one line, so that a step to each neighbor is one over memory that lies in a row. The frame
# keeps a row's end apart from the next one's beginning.
def _framed(mask: Mask) -> tuple[Mask, int]:
    """Return `mask` in a frame of False, as one line, and the length of its rows there."""
    framed = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), dtype=bool)
    framed[1:-1, 1:-1] = mask
    return framed.ravel(), framed.shape[1]


def _unframed(framed: Mask, wide: int) -> Mask:
    return framed.reshape(-1, wide)[1:-1, 1:-1].copy()


def holes(mask: Mask) -> Mask:
    """Return the holes of `mask`: what `scipy.ndimage.binary_fill_holes` adds to it.

    Parameters
    ----------
    mask
        (r, c) bool.

    Returns
    -------
    numpy.ndarray
        (r, c) bool: the cells outside `mask` from which no way over neighbors (four) leads out.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> ring = np.pad(np.zeros((1, 2), dtype=bool), 1, constant_values=True)
    >>> coarse_grid.holes(ring).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    enclosed = np.zeros_like(mask)
    box = bounding_box(mask)
    if _runs(mask[box]).max(initial=0) <= 1:
        # What lies beside one run leads along its row to the rim.
        return enclosed
    # All that lies beyond the box is connected with the image's rim.
    labels, count = ndimage.label(~mask[box])
    inside = np.ones(count + 1, dtype=bool)
    inside[0] = False
    for edge in (labels[:1], labels[-1:], labels[:, :1], labels[:, -1:]):
        inside[edge] = False
    if inside.any():
        enclosed[box] = inside[labels]
    return enclosed


def components(mask: Mask) -> tuple[NDArray[np.integer[Any]], int]:
    """Return the connected components (four neighbors): each cell's number, and how many there are.

    As `scipy.ndimage.label`, which is left out where one run in each row meets the next row's, as a
    breast's do: they are one component.

    Parameters
    ----------
    mask
        (r, c) bool.

    Returns
    -------
    labels : numpy.ndarray
        (r, c) integers: 1 to `count`, 0 outside the components.
    count : int

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> coarse_grid.components(np.array([[True, False, True], [True, False, False]]))
    (array([[1, 0, 2],
           [1, 0, 0]], dtype=int32), 2)
    """
    if mask.size and (_runs(mask) == 1).all() and (mask[1:] & mask[:-1]).any(axis=1).all():
        return mask.view(np.uint8), 1
    labels, count = ndimage.label(mask)
    return labels, count


def _runs(mask: Mask) -> NDArray[np.intp]:
    """Return how many runs of cells each row has."""
    begins = mask[:, 1:] > mask[:, :-1]
    return np.asarray(np.count_nonzero(begins, axis=1) + mask[:, :1].sum(axis=1))


def bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Return the bounding box: the rows and columns from the first to the last cell of `mask`.

    Parameters
    ----------
    mask
        (r, c) bool.

    Returns
    -------
    rows, columns : slice
        Both of length 0 when the mask is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> mask = np.zeros((9, 9), dtype=bool)
    >>> mask[2:4, 3:8] = True
    >>> coarse_grid.bounding_box(mask)
    (slice(2, 4, None), slice(3, 8, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def extremes(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the local minimum and maximum: of a cell and its eight neighbors.

    As `scipy.ndimage.minimum_filter` and `maximum_filter` of size 3: at the rim, of the neighbors
    that there are.

    Parameters
    ----------
    values
        (r, c) float32, none of them NaN.

    Returns
    -------
    lowest, highest : numpy.ndarray
        (r, c) float32.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> lowest, highest = coarse_grid.extremes(np.array([[1, 2, 3, 4]], dtype=np.float32))
    >>> lowest, highest
    (array([[1., 1., 2., 3.]], dtype=float32), array([[2., 3., 4., 4.]], dtype=float32))
    """
    rows, columns = values.shape
    wide = columns + 2
    framed = np.empty((rows + 2, wide), dtype=values.dtype)
    framed[1:-1, 1:-1] = values
    framed[0, 1:-1], framed[-1, 1:-1] = values[0], values[-1]
    framed[:, 0], framed[:, -1] = framed[:, 1], framed[:, -2]
    line = framed.ravel()
    found = []
    for pick in (np.minimum, np.maximum):
        of_three = pick(line[:-2], line[1:-1])
        pick(of_three, line[2:], out=of_three)
        of_nine = pick(of_three[: -2 * wide], of_three[wide:-wide])
        pick(of_nine, of_three[2 * wide :], out=of_nine)
        # The last two, for which there is no third column, are no cell's.
        whole = np.empty(rows * wide, dtype=values.dtype)
        whole[:-2] = of_nine
        found.append(whole.reshape(rows, wide)[:, :columns])
    return found[0], found[1]


def percentiles(
    values: NDArray[np.floating[Any]], percent: Sequence[float], *, as_doubles: bool = True
) -> list[float]:
    """Return percentiles, interpolated linearly, as `numpy.percentile`.

    numpy gives something else of single precision numbers than of the same numbers as float64: the
    type differs in which the distance of two neighbors is rounded.

    Parameters
    ----------
    values
        (n,) floating point numbers, at least one.
    percent
        From 0 to 100.
    as_doubles
        Whether to give what numpy gives of the values as float64, or as they are.

    Returns
    -------
    list of float
        One for each of `percent`.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import coarse_grid
    >>> coarse_grid.percentiles(np.array([30, 10, 20], dtype=np.float32), (25, 50))
    [15.0, 20.0]
    """
    places = [(values.size - 1) * (each / 100) for each in percent]
    below = [int(place) for place in places]
    above = [min(place + 1, values.size - 1) for place in below]
    ordered = np.partition(values, sorted({*below, *above}))
    found = []
    for place, first, second in zip(places, below, above, strict=True):
        low, high, part = float(ordered[first]), float(ordered[second]), place - first
        apart = high - low if as_doubles else float(ordered[second] - ordered[first])
        # From the nearer end, as numpy does, which decides the last bit.
        found.append(low + apart * part if part < 0.5 else high - apart * (1 - part))
    return found
