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
    """Return a number from 0 per patient, shape (n,); equal ids share one."""
    return np.unique(np.asarray(patients).astype(str), return_inverse=True)[1].astype(np.int64)


def has_clusters(patients: npt.ArrayLike) -> bool:
    """Return whether any patient has more than one case."""
    codes = patient_codes(patients)
    return bool(codes.size and codes.max() + 1 < codes.size)


def case_weights(
    codes: Integers, rng: np.random.Generator, *, resamples: int
) -> Iterator[Integers]:
    """Yield chunks of weights, together (resamples × n): how often each case was drawn.

    Parameters
    ----------
    codes
        Patient number of each case, shape (n,), from `patient_codes`.
    rng
        From `microcalc.core.seeds.stream`.
    resamples
        Number of replicates; each draws as many patients as there are, with replacement.
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
    """
    values = np.asarray(replicates, dtype=np.float64)
    if np.isnan(values).all():
        return np.nan, np.nan
    low, high = percentile(values, confidence=confidence)
    by = estimate - float(np.nanmean(values))
    return low + by, high + by


def check_resamples(resamples: int) -> int:
    """Return `resamples`.

    Raises
    ------
    StudyError
        When there are fewer than 20: their 2.5th percentile would be the smallest of them.
    """
    if resamples < 20:
        raise StudyError(f"{resamples} bootstrap resamples; expected at least 20")
    return resamples


def weighted_sums(weights: Integers, values: Floats) -> Floats:
    """Return each replicate's sum of `values`; no BLAS, whose rounding depends on threads."""
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
