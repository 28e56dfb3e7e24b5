"""How well a feature survives a perturbed region of interest: intraclass correlation."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtri

Floats = NDArray[np.float64]
Kind = Literal["ICC1_1", "ICC2_1", "ICC3_1", "ICC1_k", "ICC2_k", "ICC3_k"]


@dataclass(frozen=True)
class IntraclassCorrelation:
    """Estimates with their confidence limits.

    Attributes
    ----------
    icc, low, high
        One per feature, shape (p,).
    """

    icc: Floats
    low: Floats
    high: Floats


def icc(
    values: ArrayLike, *, kind: Kind = "ICC2_1", confidence: float = 0.95
) -> IntraclassCorrelation:
    """Return the intraclass correlation of p features over n cases measured k times.

    Shrout and Fleiss 1979 (Psychol Bull 86:420), with the limits of McGraw and Wong 1996
    (Psychol Methods 1:30); agrees with R's psych::ICC(lmer = FALSE).

    Parameters
    ----------
    values
        Shape (n, k, p), or (n, k) for one feature.
    kind
        "ICC2_1": two-way random effects, absolute agreement, single measurement. 1 is one-way
        random, 3 two-way mixed (consistency); k is the mean of the k measurements.
    confidence
        Level of the limits.

    Returns
    -------
    IntraclassCorrelation
        Coefficient and limits, shape (p,) each. A feature that never varies agrees perfectly: 1.

    Raises
    ------
    ValueError
        With fewer than two cases or two measurements.

    Examples
    --------
    >>> from microcalc.statistics.icc import icc
    >>> judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9]]
    >>> found = icc([*judges, [6, 2, 4, 7]], kind="ICC2_1")
    >>> found.icc.round(2), found.low.round(2), found.high.round(2)  # Shrout and Fleiss's judges
    (array([0.29]), array([0.02]), array([0.76]))
    """
    x = np.asarray(values, dtype=float)
    x = x[:, :, None] if x.ndim == 2 else x
    n, k, _ = x.shape
    if n < 2 or k < 2:
        raise ValueError(f"{n} cases measured {k} times; expected at least 2 and 2")
    grand, rows, columns = x.mean(axis=(0, 1)), x.mean(axis=1), x.mean(axis=0)
    between = k * ((rows - grand) ** 2).sum(axis=0) / (n - 1)
    within = ((x - rows[:, None]) ** 2).sum(axis=(0, 1)) / (n * (k - 1))
    raters = n * ((columns - grand) ** 2).sum(axis=0) / (k - 1)
    rest = ((x - rows[:, None] - columns + grand) ** 2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind.startswith("ICC2"):
            single = _two_way(between, raters, rest, n, k, confidence)
        else:
            one_way = kind.startswith("ICC1")
            df = n * (k - 1) if one_way else (n - 1) * (k - 1)
            single = _from_f(between / (within if one_way else rest), n - 1, df, k, confidence)
        result = single if kind.endswith("_1") else tuple(v * k / (1 + v * (k - 1)) for v in single)
    same = (x == x[:1, :1]).all(axis=(0, 1))
    return IntraclassCorrelation(*(np.where(same, 1.0, value) for value in result))


def _from_f(
    f: Floats, df1: int, df2: int, k: int, confidence: float
) -> tuple[Floats, Floats, Floats]:
    tail = 0.5 + confidence / 2
    low, high = f / fdtri(df1, df2, tail), f * fdtri(df2, df1, tail)
    estimate, low, high = ((ratio - 1) / (ratio + k - 1) for ratio in (f, low, high))
    # No error at all: F is infinite and the agreement perfect.
    return tuple(np.where(np.isinf(f), 1.0, v) for v in (estimate, low, high))  # type: ignore[return-value]


def _two_way(
    between: Floats, raters: Floats, rest: Floats, n: int, k: int, confidence: float
) -> tuple[Floats, Floats, Floats]:
    estimate = (between - rest) / (between + (k - 1) * rest + k * (raters - rest) / n)
    ratio = raters / rest
    a = n * (1 + (k - 1) * estimate) - k * estimate
    v = (k - 1) * (n - 1) * (k * estimate * ratio + a) ** 2
    v = v / ((n - 1) * k**2 * estimate**2 * ratio**2 + a**2)
    tail = 0.5 + confidence / 2
    upper, lower = fdtri(n - 1, v, tail), fdtri(v, n - 1, tail)
    common = k * raters + (k * n - k - n) * rest
    low = n * (between - upper * rest) / (upper * common + n * between)
    high = n * (lower * between - rest) / (common + n * lower * between)
    exact = rest == 0
    return estimate, np.where(exact, estimate, low), np.where(exact, estimate, high)
