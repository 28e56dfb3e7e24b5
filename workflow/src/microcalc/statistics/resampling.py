"""The bootstrap of this room: whole patients are drawn, so that their cases stay together.

With one case per patient it is the ordinary case bootstrap. Replicates depend on the seed and
the name of the stream alone, never on threads or on how the work is cut into chunks.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.statistics.arrays import Floats

Integers = npt.NDArray[np.int64]

# Rows × cases of a chunk of weights: under 1 MB, which stays in a processor's cache.
CHUNK = 100_000


def patient_codes(patients: npt.ArrayLike) -> Integers:
    """Return a number from 0 per patient, shape (n,); equal ids share one.

    Parameters
    ----------
    patients
        Ids, text or numbers, shape (n,).

    Returns
    -------
    numpy.ndarray
        Whole numbers, shape (n,).

    Examples
    --------
    >>> from microcalc.statistics import resampling
    >>> resampling.patient_codes(["b", "a", "b"])
    array([1, 0, 1])
    """
    return np.unique(np.asarray(patients).astype(str), return_inverse=True)[1].astype(np.int64)


def has_clusters(patients: npt.ArrayLike) -> bool:
    """Return whether any patient has more than one case.

    Parameters
    ----------
    patients
        Patient of each case, shape (n,).

    Returns
    -------
    bool
        False without a case.

    Examples
    --------
    >>> from microcalc.statistics import resampling
    >>> resampling.has_clusters(["a", "b"]), resampling.has_clusters(["a", "b", "a"])
    (False, True)
    """
    codes = patient_codes(patients)
    return bool(codes.size and codes.max() + 1 < codes.size)


def case_weights(
    codes: Integers, rng: np.random.Generator, *, resamples: int
) -> Iterator[Integers]:
    """Yield how often each case was drawn, in chunks of replicates.

    Parameters
    ----------
    codes
        Patient number of each case, shape (n,), from `patient_codes`.
    rng
        From `microcalc.core.seeds.stream`.
    resamples
        Number of replicates; each draws as many patients as there are, with replacement.

    Yields
    ------
    numpy.ndarray
        Whole numbers, shape (c, n); all chunks together have `resamples` rows.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import resampling
    >>> codes = resampling.patient_codes(["a", "a", "b", "c"])
    >>> weights = np.concatenate([*resampling.case_weights(codes, seeds.stream(1), resamples=50)])
    >>> weights.shape, bool((weights[:, 0] == weights[:, 1]).all())
    ((50, 4), True)
    """
    n_patients = int(codes.max()) + 1
    per_chunk = max(1, CHUNK // max(codes.size, 1))
    for start in range(0, resamples, per_chunk):
        rows = min(per_chunk, resamples - start)
        drawn = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=rows)
        yield drawn[:, codes]


def cell_counts(
    cells: npt.ArrayLike, codes: Integers, rng: np.random.Generator, *, resamples: int
) -> Integers:
    """Return replicated counts of cells, shape (resamples, k).

    Patients with the same counts are interchangeable, so the draw is among the kinds of
    patients, of which there are few, however many patients there are.

    Parameters
    ----------
    cells
        One-hot or count per case, shape (n, k).
    codes, rng, resamples
        As for `case_weights`.

    Returns
    -------
    numpy.ndarray
        Whole numbers, shape (resamples, k).

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import resampling
    >>> cells, codes = [[1, 0], [1, 0], [0, 1]], resampling.patient_codes(["a", "b", "c"])
    >>> counts = resampling.cell_counts(cells, codes, seeds.stream(1), resamples=50)
    >>> counts.shape, set(counts.sum(axis=1).tolist())
    ((50, 2), {3})
    """
    counts = np.asarray(cells, dtype=np.int64)
    by_patient = np.argsort(codes, kind="stable")
    per_patient = np.add.reduceat(counts[by_patient], _starts(codes[by_patient, None]))
    kinds, number = _distinct_rows(per_patient)
    drawn = rng.multinomial(per_patient.shape[0], number / number.sum(), size=resamples)
    return np.asarray(drawn @ kinds)


def percentile(replicates: npt.ArrayLike, *, confidence: float) -> tuple[float, float]:
    """Return the percentile interval; undefined replicates are left out.

    The bounds are replicates themselves, so an infinite likelihood ratio stays one. When more
    than a tenth of the replicates is undefined there is no interval, nor when the bounds are
    one value, which says that the replicates cannot tell, not that the quantity is known: (NaN,
    NaN).

    Parameters
    ----------
    replicates
        Of the estimate, shape (resamples,), NaN where undefined.
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    low, high : float
        Two of the replicates, or NaN.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    Examples
    --------
    >>> from microcalc.statistics import resampling
    >>> resampling.percentile(range(1, 101), confidence=0.9)
    (5.0, 95.0)
    """
    values = np.asarray(replicates, dtype=np.float64)
    known = values[~np.isnan(values)]
    if known.size == 0 or known.size < 0.9 * values.size:
        return np.nan, np.nan
    low, high = _middle(known, confidence)
    return float(low), float(high)


def pointwise(replicates: Floats, *, confidence: float) -> tuple[Floats, Floats]:
    """Return the percentile intervals of many quantities: their low and high bounds, shape (k,).

    Parameters
    ----------
    replicates
        One column per quantity, shape (resamples, k).
    confidence
        Coverage of each interval.

    Returns
    -------
    low, high : numpy.ndarray
        Shape (k,) each, NaN as in `percentile`.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import resampling
    >>> one = np.arange(1.0, 101.0)
    >>> resampling.pointwise(np.column_stack([one, 10 * one]), confidence=0.9)
    (array([ 5., 50.]), array([ 95., 950.]))
    """
    bounds = np.full((2, replicates.shape[1]), np.nan)
    whole = ~np.isnan(replicates).any(axis=0)
    bounds[:, whole] = _middle(replicates[:, whole], confidence)
    for column in np.flatnonzero(~whole):
        bounds[:, column] = percentile(replicates[:, column], confidence=confidence)
    return bounds[0], bounds[1]


def _middle(known: Floats, confidence: float) -> Floats:
    """Return the two replicates of each column between which `confidence` of them lie.

    NaN where they are the same.
    """
    tail = (1 - confidence) / 2
    bounds = np.quantile(known, (tail, 1 - tail), axis=0, method="inverted_cdf")
    return np.where(bounds[0] < bounds[1], bounds, np.nan)


def centered(
    estimate: float, replicates: npt.ArrayLike, *, confidence: float
) -> tuple[float, float]:
    """Return the percentile interval, moved so that the replicates' mean lies on the estimate.

    For estimates that resampling itself shifts, such as a mean distance, which is larger in
    samples that hold copies: their plain percentile interval may lie beside the estimate.

    Parameters
    ----------
    estimate
        From the cases themselves.
    replicates, confidence
        As for `percentile`.

    Returns
    -------
    low, high : float
        NaN as in `percentile`.

    Examples
    --------
    >>> from microcalc.statistics import resampling
    >>> resampling.centered(40.5, range(1, 101), confidence=0.9)  # replicates' mean: 50.5
    (-5.0, 85.0)
    """
    values = np.asarray(replicates, dtype=np.float64)
    if np.isnan(values).all():
        return np.nan, np.nan
    low, high = percentile(values, confidence=confidence)
    by = estimate - float(np.nanmean(values))
    return low + by, high + by


def check_resamples(resamples: int) -> int:
    """Return `resamples` when they are enough for an interval.

    Parameters
    ----------
    resamples
        Number of replicates.

    Returns
    -------
    int
        The same.

    Raises
    ------
    StudyError
        When there are fewer than 20: their 2.5th percentile would be the smallest of them.

    Examples
    --------
    >>> from microcalc.statistics import resampling
    >>> resampling.check_resamples(1000)
    1000
    """
    if resamples < 20:
        raise StudyError(f"{resamples} bootstrap resamples; expected at least 20")
    return resamples


def weighted_sums(weights: Integers, values: Floats) -> Floats:
    """Return each replicate's sum of `values`; no BLAS, whose rounding depends on threads.

    Parameters
    ----------
    weights
        Whole numbers, shape (b, n).
    values
        One per case, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (b,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import resampling
    >>> resampling.weighted_sums(np.array([[1, 1], [2, 0]]), np.array([0.5, 1.5]))
    array([2., 1.])
    """
    return np.asarray(np.einsum("bn,n->b", weights, values), dtype=np.float64)


def _distinct_rows(table: Integers) -> tuple[Integers, Integers]:
    """Return the distinct rows in lexicographic order, and how often each occurs.

    As `numpy.unique` along an axis, which takes fifteen times as long for a hundred columns.
    """
    ranked = table[np.lexsort(table.T[::-1])]
    first = _starts(ranked)
    return ranked[first], np.diff(first, append=len(ranked))


def _starts(ranked: Integers) -> Integers:
    """Return where each run of equal rows starts."""
    return np.flatnonzero(np.append(True, (ranked[1:] != ranked[:-1]).any(axis=1)))
