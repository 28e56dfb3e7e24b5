"""Filters before mRMR: each looks at the training cases given, and keeps or drops features."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microcalc.core.errors import StudyError
from microcalc.statistics import icc

Floats = NDArray[np.float64]
Kept = NDArray[np.bool_]
Test = Literal["mann_whitney", "welch"]


def stable(X: ArrayLike, copies: ArrayLike, *, minimum: float) -> Kept:
    """Return which features agree between the regions used and those drawn otherwise.

    Parameters
    ----------
    X
        Features, shape (n, p).
    copies
        The same cases' features from other regions, shape (m, n, p). A case with NaN in one of
        them has no part in the judgment.
    minimum
        The least ICC(2,1), absolute agreement; 0.75 and 0.9 are common (Koo and Li 2016,
        J Chiropr Med 15:155).

    Returns
    -------
    numpy.ndarray
        Bool, shape (p,).

    Raises
    ------
    StudyError
        When fewer than two cases have all copies.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import filters
    >>> rng = seeds.stream(1, "stability")
    >>> X = rng.normal(size=(50, 2))
    >>> again = X + rng.normal(size=(50, 2)) * [0.1, 2.0]
    >>> filters.stable(X, [again], minimum=0.75)
    array([ True, False])
    """
    values = np.concatenate([np.asarray(X, dtype=float)[None], np.asarray(copies, dtype=float)])
    judged = ~np.isnan(values).any(axis=(0, 2))
    if judged.sum() < 2:
        raise StudyError(
            f"stability: {judged.sum()} of {len(judged)} training cases have a region "
            "drawn a second time; an ICC needs two, and thirty to mean something"
        )
    return icc.icc(values[:, judged].transpose(1, 0, 2)).icc >= minimum


def univariable_p(X: ArrayLike, y: ArrayLike, *, test: Test = "mann_whitney") -> Floats:
    """Return each feature's two-sided p value between the classes.

    Parameters
    ----------
    X
        Features, shape (n, p).
    y
        0 or 1, shape (n,).
    test
        "mann_whitney" (normal approximation, corrected for ties and continuity) or "welch".

    Returns
    -------
    numpy.ndarray
        Shape (p,); a feature without variation has p = 1, and all do where a class has one case.

    Examples
    --------
    >>> from microcalc.selection import filters
    >>> X = [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [5.0, 0.0], [6.0, 0.0]]
    >>> filters.univariable_p(X, [0, 0, 0, 1, 1, 1]).round(4)
    array([0.0809, 1.    ])
    """
    # scipy.stats takes 0.5 s to import, and no filter is on by default.
    from scipy.stats import mannwhitneyu, ttest_ind

    values, outcome = np.asarray(X, dtype=float), np.asarray(y)
    varies = values.max(axis=0) > values.min(axis=0)
    p = np.ones(values.shape[1])
    a, b = values[outcome == 1][:, varies], values[outcome == 0][:, varies]
    if varies.any() and len(a) > 1 and len(b) > 1:
        if test == "welch":
            with np.errstate(divide="ignore"):
                p[varies] = ttest_ind(a, b, equal_var=False).pvalue
        else:
            p[varies] = mannwhitneyu(a, b, method="asymptotic").pvalue
    return p


def not_collinear(X: ArrayLike, y: ArrayLike, *, maximum: float) -> Kept:
    """Return which features stay when |Spearman| between two is not to exceed `maximum`.

    Features are visited in the order of their univariable p (Mann–Whitney; ties: lowest
    column), and one stays unless it correlates too much with one that stays already: of a
    pair the more telling survives.

    Parameters
    ----------
    X
        Features, shape (n, p).
    y
        0 or 1, shape (n,).
    maximum
        Of |Spearman| between two that stay.

    Returns
    -------
    numpy.ndarray
        Bool, shape (p,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import filters
    >>> y, X = np.repeat([0, 1], 20), seeds.stream(1, "features").normal(size=(40, 3))
    >>> X[:, 0] += y
    >>> X[:, 2] = X[:, 0] ** 3  # the same ranks
    >>> filters.not_collinear(X, y, maximum=0.9)
    array([ True,  True, False])
    """
    from scipy.stats import rankdata

    values = np.asarray(X, dtype=float)
    ranks = rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    unit = ranks / np.where(length > 0, length, np.inf)
    kept = np.zeros(values.shape[1], dtype=bool)
    free = np.ones(values.shape[1], dtype=bool)
    for j in np.argsort(univariable_p(values, y), kind="stable"):
        if free[j]:
            kept[j] = True
            correlation = np.abs((unit[:, free] * unit[:, [j]]).sum(axis=0))
            # Rounded, so that the last digit of a sum decides nothing.
            free[free] = np.round(correlation, 10) <= maximum
    return kept
