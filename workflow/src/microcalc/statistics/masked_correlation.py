"""How alike two patches are where both show tissue: masked normalized cross-correlation.

D. Padfield, "Masked object registration in the Fourier domain", IEEE Trans. Image Process. 21
(2012) 2706. His sums over the common places are taken directly, not by FFT: the shifts are few.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

GRID = 32
MARGIN = 2
# High-passed patches lose a pixel on each side; their windows lie at 5 x 5 places.
WINDOW = GRID - 2 - 2 * MARGIN
SHIFTS = 2 * MARGIN + 1
# Of fewer common places, a third of the window, nothing can be said: see docs/evaluation.md.
COMMON = WINDOW**2 // 3
# A shorter patch holds rounding errors alone, and so does a part with less of a patch's squares.
STRUCTURELESS = 1e-6
LITTLE = 1e-5
FEWEST_PIXELS = 4
# Weight of a neighboring block, and where what stands out is cut, in medians of the absolute.
NEIGHBOR = np.float32(0.25)
OUTSTANDING = 4.0
# Patches high-passed at a time.
BLOCK = 1024
Floats32 = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Product = Callable[[Floats32, Floats32], Floats32]


def reduce(patch: npt.ArrayLike, valid: npt.ArrayLike | None = None) -> Floats32:
    """Return a patch as block means of its tissue, shape (32, 32), NaN where there is too little.

    Parameters
    ----------
    patch
        Shape (S, S); the last rows and columns that fill no block are left.
    valid
        Same shape, bool: False where the caller knows that a pixel lies outside the image or was
        blackened. Such a pixel is no tissue, whatever its value.

    Returns
    -------
    numpy.ndarray
        Float32, shape (32, 32).

    Notes
    -----
    `images.patches.extract` writes exactly 0 where the window leaves the image, where the file
    says padding, and wherever a pixel is no brighter than the darkest hundredth of the breast:
    air, blackened text. So a pixel of 0 is no tissue; nor are its neighbors, which resampling
    mixed with it; nor is a block all of one value, as text blackened under another normalization
    is. A block of which less than half is tissue is NaN, and so are the blocks beside it.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import masked_correlation
    >>> patch = seeds.stream(1, "patch").random((224, 224))
    >>> patch[:, 112:] = 0  # outside the image
    >>> np.isfinite(masked_correlation.reduce(patch)[10, [0, 14, 17, 31]])
    array([ True,  True, False, False])
    """
    values = np.asarray(patch, dtype=np.float32)
    tissue = np.isfinite(values) if valid is None else np.asarray(valid, dtype=bool)
    tissue = tissue & ~_grown(values == 0)
    of_one_value = len(values) >= FEWEST_PIXELS * GRID
    if len(values) < GRID:
        values = values.repeat(GRID, axis=0).repeat(GRID, axis=1)
        tissue = tissue.repeat(GRID, axis=0).repeat(GRID, axis=1)
    side = len(values) // GRID
    kept = np.s_[: side * GRID, : side * GRID]
    values, tissue = values[kept], tissue[kept]
    counts = _block_sums(tissue, side)
    # Beside no tissue a film or a skin line fades over a block, in strangers alike.
    empty = _grown(counts < side * side / 2)
    if of_one_value:
        empty |= _flat(values, side)
    counts[empty] = np.nan
    return np.asarray(_block_sums(np.where(tissue, values, 0), side) / counts, dtype=np.float32)


def _block_sums(values: npt.NDArray[np.generic], side: int) -> Floats32:
    # One axis after the other: both at once take thrice as long.
    rows = values.reshape(GRID, side, -1).sum(axis=1, dtype=np.float32)
    return np.asarray(rows.reshape(GRID, GRID, side).sum(axis=2), dtype=np.float32)


def _flat(values: Floats32, side: int) -> Booleans:
    """Return which blocks are of one value other than 0, or lie beside such, shape (32, 32).

    Zeros are told pixel by pixel. A block of few pixels may be of one value by chance.
    """
    rows = values.reshape(GRID, side, -1)
    low = rows.min(axis=1).reshape(GRID, GRID, side).min(axis=2)
    high = rows.max(axis=1).reshape(GRID, GRID, side).max(axis=2)
    return _grown((low == high) & (low != 0))


def _grown(mask: Booleans) -> Booleans:
    """Return the mask and its neighbors above, below, left and right."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


@dataclass(frozen=True, eq=False)
class Filtered:
    """High-passed patches and what their windows hold.

    Attributes
    ----------
    values
        (n, 30, 30), of length 1, 0 where the mask is.
    mask
        (n, 30, 30), 1 where a block and its four neighbors are tissue, else 0.
    counts, sums, squares
        (n, 5, 5): sums of the mask, the values and their squares over each window.
    """

    values: Floats32
    mask: Floats32
    counts: Floats32
    sums: Floats32
    squares: Floats32

    def __getitem__(self, rows: Places | slice) -> "Filtered":
        return Filtered(*(getattr(self, field.name)[rows] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def whole(self) -> Booleans:
        """Which patches are tissue all over, shape (n,)."""
        return np.asarray((self.mask != 0).all(axis=(1, 2)))

    @property
    def mirrored(self) -> "Filtered":
        """The patches with left and right exchanged."""
        return Filtered(*(getattr(self, field.name)[:, :, ::-1] for field in fields(self)))


def high_pass(reduced: Floats32) -> Filtered:
    """Return reduced patches smoothed and less the means of their neighbors.

    Parameters
    ----------
    reduced
        From `reduce`, shape (n, 32, 32), NaN where there is no tissue.

    Returns
    -------
    Filtered
        Of n patches.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import masked_correlation
    >>> patches = seeds.stream(1, "patches").random((3, 32, 32)).astype(np.float32)
    >>> len(masked_correlation.high_pass(patches))
    3
    """
    n = len(reduced)
    whole = (GRID - 2, GRID - 2)
    made = Filtered(
        *(np.empty((n, *shape), np.float32) for shape in 2 * [whole] + 3 * [(SHIFTS, SHIFTS)])
    )
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        one = _smoothed(np.asarray(reduced[rows], dtype=np.float32))
        around = one[:, :-2, 1:-1] + one[:, 2:, 1:-1] + one[:, 1:-1, :-2] + one[:, 1:-1, 2:]
        high = np.asarray(one[:, 1:-1, 1:-1] - around / 4, dtype=np.float32)
        mask = np.isfinite(high)
        values = _unit(_clipped(high), mask).astype(np.float64)
        # A patch without structure has nothing that could be judged.
        mask &= (values != 0).any(axis=(1, 2), keepdims=True)
        made.values[rows], made.mask[rows] = values, mask
        made.counts[rows], made.sums[rows] = _box_sums(mask), _box_sums(values)
        made.squares[rows] = _box_sums(values**2)
    return made


def _smoothed(reduced: Floats32) -> Floats32:
    """Return each block with a quarter of its neighbors' weight, among those that are tissue.

    A copy that is shifted by half a block would otherwise have lost half of its structure.
    """
    tissue = np.isfinite(reduced)
    weight = _with_neighbors(_with_neighbors(tissue.astype(np.float32), 1), 2)
    total = _with_neighbors(_with_neighbors(np.where(tissue, reduced, np.float32(0)), 1), 2)
    unknown = np.full_like(reduced, np.nan)
    return np.divide(total, weight, out=unknown, where=tissue)


def _with_neighbors(values: Floats32, axis: int) -> Floats32:
    added = values.copy()
    before, after = np.moveaxis(values, axis, 0)[:-1], np.moveaxis(values, axis, 0)[1:]
    along = np.moveaxis(added, axis, 0)
    along[1:] += NEIGHBOR * before
    along[:-1] += NEIGHBOR * after
    return added


def _clipped(high: Floats32) -> Floats32:
    """Return patches with what stands out brought to `OUTSTANDING` median distances, NaN as 0.

    A scratch, a film's edge or a clip would otherwise be all that two strangers have in common.
    """
    flat = np.abs(high.reshape(len(high), -1))
    with warnings.catch_warnings():
        # A patch may show no tissue at all.
        warnings.simplefilter("ignore", RuntimeWarning)
        most = np.nan_to_num(OUTSTANDING * np.nanmedian(flat, axis=1))[:, None, None]
    return np.asarray(np.clip(np.nan_to_num(high), -most, most), dtype=np.float32)


def _unit(values: npt.NDArray[np.floating], mask: npt.NDArray[np.generic]) -> Floats32:
    """Return each patch with mean 0 and length 1 over its mask, shape (n, ...); 0 elsewhere."""
    axes = (1, 2)
    count = np.maximum(mask.sum(axis=axes, keepdims=True), 1)
    centered = (values - values.sum(axis=axes, keepdims=True) / count) * mask
    length = np.sqrt((centered**2).sum(axis=axes, keepdims=True))
    nothing = np.zeros_like(centered)
    return np.asarray(
        np.divide(centered, length, out=nothing, where=length > STRUCTURELESS), dtype=np.float32
    )


def _box_sums(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    padded = np.pad(np.asarray(values, dtype=np.float64), ((0, 0), (1, 0), (1, 0)))
    total = padded.cumsum(axis=1).cumsum(axis=2)
    low, high = slice(0, SHIFTS), slice(WINDOW, WINDOW + SHIFTS)
    return np.asarray(
        total[:, high, high] - total[:, low, high] - total[:, high, low] + total[:, low, low]
    )


def similarity(a: Floats32, b: Floats32) -> Floats32:
    """Return the largest correlation of reduced patches over small shifts and mirroring.

    Parameters
    ----------
    a, b
        Shapes (n, 32, 32) and (m, 32, 32), from `reduce`.

    Returns
    -------
    numpy.ndarray
        Shape (n, m): correlations, times the root of the part of the window where both show
        tissue, so that strangers are no more alike in a small part than in a whole window. A
        patch without structure is like none, and so are two patches with fewer than `COMMON`
        places in common.

    References
    ----------
    Padfield, IEEE Trans Image Process 2012; 21: 2706.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import masked_correlation
    >>> patches = seeds.stream(1, "patches").random((2, 32, 32)).astype(np.float32)
    >>> alike = masked_correlation.similarity(patches, patches[:, :, ::-1])
    >>> alike.diagonal().round(2), bool(alike[0, 1] < 0.5)  # mirrored, and a stranger
    (array([1., 1.], dtype=float32), True)
    """
    return of_all(high_pass(np.asarray(a)), high_pass(np.asarray(b)))[0]


def of_all(a: Filtered, b: Filtered) -> tuple[Floats32, Floats32]:
    """Return the similarity of each patch of `a` with each of `b`, and their common places.

    Parameters
    ----------
    a, b
        n and m patches, from `high_pass`.

    Returns
    -------
    similarity, common : numpy.ndarray
        Shapes (n, m): see `similarity`; and in how many places of the window both show tissue,
        at the shift where these are most. Fewer than `COMMON`: the pair cannot be judged.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import masked_correlation
    >>> patches = seeds.stream(1, "patches").random((3, 32, 32)).astype(np.float32)
    >>> filtered = masked_correlation.high_pass(patches)
    >>> similarity, common = masked_correlation.of_all(filtered[:1], filtered)
    >>> similarity.shape, round(float(similarity[0, 0]), 2)
    ((1, 3), 1.0)
    """

    def product(left: Floats32, right: Floats32) -> Floats32:
        return np.asarray(left.reshape(len(left), -1) @ right.reshape(len(right), -1).T)

    return _largest(a, b, product, np.s_[:, None])


def of_pairs(a: Filtered, b: Filtered) -> tuple[Floats32, Floats32]:
    """Return the similarity of the first patches, of the second and so on, and their common places.

    Parameters
    ----------
    a, b
        n patches each, from `high_pass`.

    Returns
    -------
    similarity, common : numpy.ndarray
        Shapes (n,), as of `of_all`.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import masked_correlation
    >>> patches = seeds.stream(1, "patches").random((3, 32, 32)).astype(np.float32)
    >>> filtered = masked_correlation.high_pass(patches)
    >>> masked_correlation.of_pairs(filtered, filtered)[0].round(2)
    array([1., 1., 1.], dtype=float32)
    """

    def product(left: Floats32, right: Floats32) -> Floats32:
        return np.asarray(np.einsum("nij,nij->n", left, right))

    return _largest(a, b, product, np.s_[:])


def _largest(
    a: Filtered, b: Filtered, product: Product, as_left: tuple[slice, None] | slice
) -> tuple[Floats32, Floats32]:
    """Return the largest correlation of `a`'s middle windows with the windows of `b`.

    `product` sums the products of windows; `as_left` makes numbers of `a` fit its result.
    """
    middle = np.s_[:, MARGIN : MARGIN + WINDOW, MARGIN : MARGIN + WINDOW]
    mask = a.mask[middle]
    # With mean 0, so that where the other is whole its mean does not count.
    values = _unit(a.values[middle], mask)
    whole = bool(a.whole.all()), bool(b.whole.all())
    length = (values**2).sum(axis=(1, 2))[as_left]
    left = (values, mask, values**2, a.counts[:, MARGIN, MARGIN][as_left], length)
    best = common = None
    for other in (b, b.mirrored):
        for dy in range(SHIFTS):
            for dx in range(SHIFTS):
                found, count = _at(left, other, (dy, dx), product, whole)
                best = found if best is None else np.maximum(best, found, out=best)
                common = count if common is None else np.maximum(common, count)
    most_alike = np.asarray(best)
    return most_alike, np.broadcast_to(np.asarray(common), most_alike.shape)


def _at(
    left: tuple[Floats32, Floats32, Floats32, Floats32, Floats32],
    b: Filtered,
    shift: tuple[int, int],
    product: Product,
    whole: tuple[bool, bool],
) -> tuple[Floats32, Floats32]:
    """Return the correlations at one shift, and the numbers of common places.

    A sum over common places is a product with the other's mask; where the other is whole it is
    known already.
    """
    values, mask, squares, count, length = left
    place = (slice(None), *shift)
    window = (slice(None), *(slice(start, start + WINDOW) for start in shift))
    b_values, b_mask = b.values[window], b.mask[window]
    together = product(values, b_values)
    sum_b, length_b = b.sums[place], b.squares[place]
    if whole == (True, True):
        scale = _root(np.asarray(length_b - sum_b**2 / WINDOW**2, dtype=np.float32))
        return together * scale, b.counts[place]
    n = b.counts[place] if whole[0] else count if whole[1] else product(mask, b_mask)
    n = np.maximum(n, 1)
    if not whole[0]:
        sum_b, length_b = product(mask, b_values), product(mask, b_values**2)
    length_b = length_b - sum_b**2 / n
    if not whole[1]:
        sum_a = product(values, b_mask)
        together -= sum_a * sum_b / n
        length = product(squares, b_mask) - sum_a**2 / n
    # Chance correlations grow as one over the root of the places: so they stay where they are.
    together *= _root(length) * _root(length_b) * np.sqrt(n / WINDOW**2)
    return np.where(n >= COMMON, together, np.float32(0)), n


def _root(length: Floats32) -> Floats32:
    """Return one over the square root, 0 where there is too little to divide by."""
    nothing = np.zeros_like(length)
    np.divide(1, np.sqrt(np.maximum(length, LITTLE)), out=nothing, where=length > LITTLE)
    return nothing
