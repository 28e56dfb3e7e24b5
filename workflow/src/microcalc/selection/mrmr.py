"""Minimum redundancy, maximum relevance: exact, and fast on bit sets.

Peng, Long and Ding 2005 (IEEE TPAMI 27:1226), computed as pymrmr does: plug-in mutual
information in bits; MID scores relevance - mean redundancy, MIQ relevance / (mean
redundancy + 0.0001). Two differences, both documented and neither visible without ties:
candidates whose scores are equal (to 1e-10) are settled by the lowest column, where pymrmr
compares relevances rounded to float32 and sorts them unstably; and every feature is a
candidate, where pymrmr keeps the 5,000 most relevant.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microcalc.core.errors import StudyError
from microcalc.selection import discretize, scaling

Scheme = Literal["MIQ", "MID", "relevance", "correlation"]
Floats = NDArray[np.float64]

MIQ_OFFSET = 0.0001
TIE = 1e-10
# Without a floor, a feature uncorrelated with all chosen ones would win by dividing by zero.
LEAST_CORRELATION = 0.001


@dataclass(frozen=True)
class Ranking:
    """Features in the order in which they were chosen.

    Attributes
    ----------
    order
        Column numbers, shape (k,).
    scores
        The criterion's value at each step, shape (k,); the first step's is its relevance.
    relevance
        Mutual information with the class in bits (`correlation`: the F statistic), shape (k,).
    redundancy
        Mean mutual information in bits (`correlation`: mean |Pearson|) with the features
        chosen before, shape (k,); 0 at the first step.
    """

    order: NDArray[np.int64]
    scores: Floats
    relevance: Floats
    redundancy: Floats


def rank(
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_features: int,
    scheme: Scheme = "MIQ",
    levels: int | None = 3,
    discretize_sd: float = 0.5,
) -> Ranking:
    """Return the `n_features` columns of X that are relevant to y and not redundant.

    Parameters
    ----------
    X
        Shape (n, p). Continuous with `levels` given, discrete codes (any integers) without.
    y
        Classes, shape (n,), two or more.
    n_features
        How many to choose; with more than p, all p are ranked.
    scheme
        "MIQ" (quotient), "MID" (difference), "relevance" (mutual information alone), or
        "correlation" (F statistic over mean absolute Pearson correlation, on X as it is,
        never discretized; Ding and Peng 2005, J Bioinform Comput Biol 3:185).
    levels
        3 cuts each column at its mean ± `discretize_sd` SD, any other number at as many
        quantiles; None takes X as codes.
    discretize_sd
        Used with `levels=3`.

    Returns
    -------
    Ranking
        Ties (scores within 1e-10) go to the lowest column.

    Raises
    ------
    ValueError
        When the shapes do not fit, or n_features is negative.

    References
    ----------
    Peng, Long and Ding, IEEE Trans Pattern Anal Mach Intell 2005; 27: 1226.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import mrmr
    >>> y, X = np.repeat([0, 1], 50), seeds.stream(1, "features").normal(size=(100, 30))
    >>> X[:, 3] += 2 * y
    >>> X[:, 4] = X[:, 3]  # as relevant, and redundant
    >>> ranking = mrmr.rank(X, y, n_features=5)
    >>> int(ranking.order[0]), 4 in ranking.order
    (3, False)
    """
    values, classes = np.asarray(X), np.asarray(y)
    _check(values, classes, n_features)
    k = min(n_features, values.shape[1])
    if scheme == "correlation":
        return _rank_by_correlation(values.astype(float), classes, k)
    if levels is None:
        codes = values
    elif levels == 3:
        codes = discretize.by_sd(values, k=discretize_sd).apply(values)
    else:
        codes = discretize.by_quantiles(values, levels=levels).apply(values)
    return rank_codes(codes, y, n_features=n_features, scheme=scheme)


def rank_codes(
    codes: ArrayLike, y: ArrayLike, *, n_features: int, scheme: Scheme = "MIQ"
) -> Ranking:
    """Return the mRMR ranking of columns that are discrete already: `rank(codes, y, levels=None)`.

    Parameters
    ----------
    codes
        Any whole numbers, shape (n, p).
    y, n_features, scheme
        As for `rank`; not "correlation".

    Returns
    -------
    Ranking
        As of `rank`.

    Raises
    ------
    ValueError
        As `rank`.

    Examples
    --------
    >>> from microcalc.selection import mrmr
    >>> y, codes = [0, 0, 1, 1], [[0, 1], [1, 1], [0, 2], [1, 2]]
    >>> ranking = mrmr.rank_codes(codes, y, n_features=2)
    >>> ranking.order, ranking.relevance  # one bit, and none
    (array([1, 0]), array([1., 0.]))
    """
    values, classes = np.asarray(codes), np.asarray(y)
    _check(values, classes, n_features)
    table = _BitTable(values)
    scores = _Scores(table.information(_bit_sets(classes)), scheme)
    return _walk(scores, table.information_with, min(n_features, values.shape[1]))


def rank_with_pymrmr(
    codes: ArrayLike,
    y: ArrayLike,
    *,
    n_features: int,
    scheme: Scheme = "MIQ",
    timeout: float | None = None,
) -> Ranking:
    """Return pymrmr's choice on discrete codes; it needs minutes for 2,048 features.

    pymrmr runs in a process of its own: it prints from C, crashes on large codes and on
    zero features, pads its answer when asked for more features than there are, and its
    speed falls with more than one OpenMP thread. All of that is kept away from the caller.

    Parameters
    ----------
    codes
        Discrete codes, shape (n, p).
    y
        Classes, shape (n,).
    n_features
        How many to choose; with more than p, all p are ranked.
    scheme
        "MIQ" or "MID"; pymrmr knows no other.
    timeout
        Seconds after which to give up; None waits.

    Returns
    -------
    Ranking
        In pymrmr's order, with this module's scores.

    Raises
    ------
    StudyError
        When pymrmr does not offer the scheme, or ends without an answer.

    Examples
    --------
    >>> from microcalc.selection import mrmr
    >>> y, codes = [0, 0, 1, 1], [[0, 1], [1, 1], [0, 2], [1, 2]]
    >>> mrmr.rank_with_pymrmr(codes, y, n_features=1).order
    array([1])
    """
    values, classes = np.asarray(codes), np.asarray(y)
    _check(values, classes, n_features)
    if scheme not in ("MIQ", "MID"):
        raise StudyError(
            f"selection.mrmr: engine pymrmr has no scheme {scheme!r}; choose MIQ or MID, "
            "or engine native"
        )
    k = min(n_features, values.shape[1])
    recoded = np.column_stack([_recode(column) for column in values.T])
    order = _call_pymrmr(recoded, _recode(classes), k, scheme, timeout) if k > 0 else []
    if len(set(order)) != k:
        raise StudyError(
            f"pymrmr returned {len(set(order))} features where {k} were asked for; "
            "use selection.mrmr.engine: native"
        )
    table = _BitTable(values)
    scores = _Scores(table.information(_bit_sets(classes)), scheme)
    return _walk(scores, table.information_with, k, order=order)


def _check(values: NDArray[np.generic], classes: NDArray[np.generic], n_features: int) -> None:
    if values.ndim != 2 or classes.shape != values.shape[:1]:
        raise ValueError(
            f"X has shape {values.shape} and y {classes.shape}; expected (n, p) and (n,)"
        )
    if n_features < 0:
        raise ValueError(f"n_features is {n_features}; expected 0 or more")


class _BitTable:
    """Discrete columns as bit sets, one per level: counting pairs is AND and popcount."""

    def __init__(self, codes: NDArray[np.generic]) -> None:
        self.n, p = codes.shape
        levels = np.unique(codes)
        if len(levels) > 64:  # columns with codes of their own: number them per column
            codes = np.column_stack([_recode(column) for column in codes.T])
            levels = np.unique(codes)
        # Words first: adding up the few words of each column is then one addition of whole rows.
        self.bits = np.zeros((len(levels), -(-self.n // 64), p), dtype=np.uint64)
        for bits, level in zip(self.bits, levels, strict=True):
            bits[:] = _pack(np.equal(codes.T, level)).T
        self.margins = [_sizes(bits) for bits in self.bits]

    def information(self, sets: NDArray[np.uint64]) -> Floats:
        """Return each column's mutual information, in bits, with one variable given as bit sets."""
        total = np.zeros(self.bits.shape[2])
        for b in sets:
            count = int(np.bitwise_count(b).sum())
            for bits, margin in zip(self.bits, self.margins, strict=True):
                joint = _sizes(bits & b[:, None])
                ratio = joint * self.n / np.maximum(margin * count, 1)
                total += joint / self.n * np.log2(np.where(joint > 0, ratio, 1.0))
        # Independence gives sums like -1e-17; information is never negative.
        return np.maximum(total, 0.0)

    def information_with(self, j: int) -> Floats:
        """Return each column's mutual information with column j, in bits."""
        return self.information(self.bits[:, :, j])


def _recode(values: NDArray[np.generic]) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].reshape(-1)
    return numbers


def _bit_sets(classes: NDArray[np.generic]) -> NDArray[np.uint64]:
    return _pack(np.stack([classes == level for level in np.unique(classes)]))


def _sizes(sets: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many cases are in each set, sets of shape (words, p)."""
    return np.asarray(np.bitwise_count(sets).sum(axis=0, dtype=np.int64))


def _pack(flags: NDArray[np.bool_]) -> NDArray[np.uint64]:
    rows, n = flags.shape
    padded = np.zeros((rows, -(-n // 64) * 64), dtype=bool)
    padded[:, :n] = flags
    words: NDArray[np.uint64] = np.packbits(padded, axis=1).view(np.uint64)
    return words


class _Scores:
    """The criterion as it stands: relevance against the mean redundancy with what was chosen."""

    def __init__(self, relevance: Floats, scheme: Scheme) -> None:
        self.relevance, self.scheme = relevance, scheme
        self.total, self.chosen = np.zeros(len(relevance)), 0

    def add(self, redundancy: Floats) -> None:
        self.total, self.chosen = self.total + redundancy, self.chosen + 1

    @property
    def redundancy(self) -> Floats:
        return self.total / max(self.chosen, 1)

    @property
    def value(self) -> Floats:
        if self.chosen == 0 or self.scheme == "relevance":
            return self.relevance
        if self.scheme == "MID":
            return self.relevance - self.redundancy
        if self.scheme == "MIQ":
            return self.relevance / (self.redundancy + MIQ_OFFSET)
        return self.relevance / np.maximum(self.redundancy, LEAST_CORRELATION)


def _walk(
    scores: _Scores,
    redundancy_with: Callable[[int], Floats],
    k: int,
    order: list[int] | None = None,
) -> Ranking:
    """Choose k columns greedily, or follow a given order, and note every step's scores."""
    free = np.ones(len(scores.relevance), dtype=bool)
    steps: list[tuple[int, float, float, float]] = []
    for step in range(k):
        value = scores.value
        j = _best(value, free) if order is None else order[step]
        steps.append((j, float(value[j]), float(scores.relevance[j]), float(scores.redundancy[j])))
        free[j] = False
        scores.add(redundancy_with(j))
    columns = np.array(steps, dtype=float).reshape(k, 4).T
    return Ranking(columns[0].astype(np.int64), columns[1], columns[2], columns[3])


def _best(value: Floats, free: NDArray[np.bool_]) -> int:
    best = value[free].max()
    tied = free & (value >= best - TIE * max(1.0, abs(best)))
    return int(np.flatnonzero(tied)[0])


def _rank_by_correlation(values: Floats, classes: NDArray[np.generic], k: int) -> Ranking:
    scaled = scaling.fit(values).apply(values)
    n, groups = len(values), np.unique(classes)
    sizes = np.array([(classes == group).sum() for group in groups])
    means = np.stack([scaled[classes == group].mean(axis=0) for group in groups])
    between = (sizes[:, None] * means**2).sum(axis=0)
    within = np.maximum((scaled**2).sum(axis=0) - between, np.finfo(float).tiny)
    f = (between / max(len(groups) - 1, 1)) / (within / max(n - len(groups), 1))
    f = np.where(scaled.any(axis=0), np.minimum(f, np.finfo(float).max), 0.0)
    return _walk(
        _Scores(f, "correlation"), lambda j: np.abs((scaled * scaled[:, [j]]).mean(axis=0)), k
    )


_PYMRMR = """
import sys
import numpy as np, pandas as pd, pymrmr
given = np.load(sys.argv[1])
table = pd.DataFrame(given["codes"], columns=["f%d" % j for j in range(given["codes"].shape[1])])
table.insert(0, "class", given["classes"])
chosen = pymrmr.mRMR(table, sys.argv[3], int(sys.argv[4]))
open(sys.argv[2], "w").write(" ".join(chosen))
"""


def _call_pymrmr(
    codes: NDArray[np.int64],
    classes: NDArray[np.int64],
    k: int,
    scheme: Scheme,
    timeout: float | None,
) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "given.npz"), Path(folder, "answer.txt")
        np.savez(given, codes=codes, classes=classes)
        process = subprocess.run(
            [sys.executable, "-c", _PYMRMR, str(given), str(answer), scheme, str(k)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout,
            check=False,
        )
        if process.returncode != 0 or not answer.exists():
            lines = process.stderr.decode(errors="replace").strip().splitlines()
            raise StudyError(
                f"pymrmr ended with exit status {process.returncode} "
                f"({lines[-1] if lines else 'no message'}); is it installed? "
                "selection.mrmr.engine: native gives the same answer without it"
            )
        return [int(name[1:]) for name in answer.read_text().split() if name != "class"]
