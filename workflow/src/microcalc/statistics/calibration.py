"""Calibration of probabilities: slope and intercept, distances from the smoothed curve, tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, expit, ndtr, ndtri

from microcalc.core.libraries import from_extra
from microcalc.statistics import arrays, logit_fits, resampling
from microcalc.statistics.arrays import Bools, Floats

Curve = tuple[Floats, Floats]


GROUPS = 10


ESTIMATES = (
    "intercept", "slope", "citl", "oe", "brier", "brier_scaled", "ici", "e50", "e90", "emax",
)  # fmt: skip


@dataclass(frozen=True)
class Calibration:
    """How probabilities agree with outcomes.

    Attributes
    ----------
    intercept, slope
        Of the logistic regression of y on the logit of the probability; 0 and 1 at best.
    citl
        Calibration in the large: the intercept when the slope is held at 1; 0 at best.
    oe
        Observed over expected events; 1 at best.
    brier, brier_scaled
        Mean squared error, and 1 − it over that of the prevalence for everyone.
    ici, e50, e90, emax
        Mean, median, 90th percentile and maximum of |probability − lowess curve|.
    """

    intercept: float
    slope: float
    citl: float
    oe: float
    brier: float
    brier_scaled: float
    ici: float
    e50: float
    e90: float
    emax: float


@dataclass(frozen=True)
class HosmerLemeshow:
    """The test on quantile groups; the degrees of freedom are those of data not fitted on.

    Attributes
    ----------
    chi2
        The statistic; NaN where a group's expected outcomes leave no room.
    degrees_of_freedom
        Number of groups.
    p_value
        Upper tail; NaN with `chi2`.
    """

    chi2: float
    degrees_of_freedom: int
    p_value: float


def measure(y: npt.ArrayLike, probability: npt.ArrayLike) -> Calibration:
    """Return all calibration estimates; those a separating model leaves undefined are NaN.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,), both classes.
    probability
        Predicted probability of the positive class, shape (n,).

    Returns
    -------
    Calibration
        Intercept and slope of logit(p), calibration in the large, O:E, Brier score (plain, scaled)
        and the distances from the smoothed curve.

    Raises
    ------
    StudyError
        When a class is empty, a probability is missing or outside [0, 1], or y holds anything
        but 0 and 1.

    Notes
    -----
    Harrell, Regression Modeling Strategies, 2015, section 10.9; Austin and Steyerberg, Stat Med
    2019; 38: 4051 (ICI, E50, E90).

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> y, p = [0, 0, 1, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]
    >>> found = calibration.measure(y, p)
    >>> round(found.slope, 2), round(found.oe, 2), round(found.brier, 3)
    (1.27, 1.08, 0.176)
    """
    positive, p = checked(y, probability)
    found = measures(positive[None], p[None], [smoothed_outcomes(positive, p)])[0]
    return Calibration(*map(float, found))


def wald(
    y: npt.ArrayLike, probability: npt.ArrayLike, *, confidence: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Return Wald intervals of intercept, slope and citl, for independent cases.

    Parameters
    ----------
    y, probability
        As in `measure`.
    confidence
        Coverage of the intervals, a fraction.

    Returns
    -------
    dict
        (low, high) of "intercept", "slope" and "citl"; NaN as in `measure`.

    Raises
    ------
    StudyError
        As `measure`.

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> y, p = [0, 0, 1, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]
    >>> low, high = calibration.wald(y, p)["slope"]
    >>> round(low, 2), round(high, 2)
    (-0.6, 3.15)
    """
    positive, p = checked(y, probability)
    sample = positive[None], p[None]
    (intercept, slope), errors = (v[0].tolist() for v in logit_fits.intercept_and_slope(*sample))
    citl, citl_error = (v[0].tolist() for v in logit_fits.intercept_alone(*sample))
    reach = float(ndtri(0.5 + arrays.check_confidence(confidence) / 2))
    named = {
        "intercept": (intercept, errors[0]),
        "slope": (slope, errors[1]),
        "citl": (citl, citl_error),
    }
    return {
        name: (value - reach * error, value + reach * error)
        for name, (value, error) in named.items()
    }


def spiegelhalter(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[float, float]:
    """Return Spiegelhalter's z and its two-sided p value (Stat Med 1986; 5: 421).

    Parameters
    ----------
    y, probability
        As in `measure`.

    Returns
    -------
    z, p_value : float
        NaN where no probability is inside (0, 1) or all are ½.

    Raises
    ------
    StudyError
        As `measure`.

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> z, p_value = calibration.spiegelhalter([0, 1, 1, 0], [0.2, 0.2, 0.8, 0.8])
    >>> round(z, 3), round(p_value, 3)
    (1.5, 0.134)
    """
    positive, p = checked(y, probability)
    variance = ((1 - 2 * p) ** 2 * p * (1 - p)).sum()
    if variance == 0:
        return math.nan, math.nan
    z = float(((positive - p) * (1 - 2 * p)).sum() / math.sqrt(variance))
    return z, float(2 * ndtr(-abs(z)))


def ici_p_value(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    patients: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    resamples: int = 200,
) -> float:
    """Return the p value of the ICI: how often right probabilities lie as far from their curve.

    Parameters
    ----------
    y, probability
        As in `measure`.
    patients
        Patient of each case, shape (n,).
    rng
        From `microcalc.core.seeds.stream`.
    resamples
        How many sets of outcomes are drawn for these cases.

    Returns
    -------
    float
        (1 + draws whose ICI is at least the one found) / (1 + resamples), never 0.

    Raises
    ------
    StudyError
        When there are fewer than 20 resamples, and as `measure` does.

    Notes
    -----
    A smoothed curve is never the diagonal, so that the ICI of perfect probabilities is above 0
    and no interval of it can test them. Here outcomes are drawn from the probabilities (parametric
    bootstrap), which makes p exact for any smoother. Where patients have several cases these may
    err together: the residuals y - p are kept, and all of a patient's change sign at random (wild
    bootstrap by cluster: Cameron, Gelbach and Miller, Rev Econ Stat 2008; 90: 414). Simulated in
    `simulations/calibration_ici.py`.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import calibration
    >>> y, p = [0, 0, 1, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]
    >>> rng = seeds.stream(1, "ici")
    >>> 0 < calibration.ici_p_value(y, p, range(8), rng, resamples=20) <= 1
    True
    """
    positive, p = checked(y, probability)
    rising = np.argsort(p, kind="stable")
    outcomes, ranked = positive[rising].astype(float), p[rising]
    codes = resampling.patient_codes(patients)[rising]
    several = resampling.has_clusters(codes)
    found = _ici(outcomes, ranked)
    as_far = 0
    for _ in range(resampling.check_resamples(resamples)):
        if several:
            signs = 2.0 * rng.integers(0, 2, int(codes.max()) + 1)[codes] - 1
            drawn = ranked + signs * (outcomes - ranked)
        else:
            drawn = (rng.random(ranked.size) < ranked).astype(float)
        # Outcomes that are the ones found must count, whatever the order of summation.
        as_far += _ici(drawn, ranked) >= found * (1 - 1e-12)
    return (1 + as_far) / (1 + resamples)


def _ici(outcomes: Floats, p: Floats) -> float:
    """Return the mean distance of the lowess curve of outcomes from the diagonal."""
    return float(np.abs(p - np.interp(p, *smoothed_outcomes(outcomes, p))).mean())


def hosmer_lemeshow(
    y: npt.ArrayLike, probability: npt.ArrayLike, *, groups: int = GROUPS
) -> HosmerLemeshow:
    """Return Hosmer and Lemeshow's test, for those who must.

    It answers "is the sample large enough to see a misfit", depends on the grouping and has
    little power; intercept, slope and curve say more. Groups are cut at quantiles of the
    probability, tied ones merged; as many degrees of freedom as groups, since the probabilities
    were not fitted on these data.

    Parameters
    ----------
    y, probability
        As in `measure`.
    groups
        How many to cut, at quantiles.

    Returns
    -------
    HosmerLemeshow
        Chi², degrees of freedom, p value; NaN where a group expects no case of a class.

    Raises
    ------
    StudyError
        As `measure`.

    References
    ----------
    Hosmer and Lemeshow, Commun Stat Theory Methods 1980; 9: 1043.

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> y, p = [0, 0, 1, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]
    >>> found = calibration.hosmer_lemeshow(y, p, groups=2)
    >>> round(found.chi2, 2), found.degrees_of_freedom, round(found.p_value, 2)
    (0.1, 2, 0.95)
    """
    positive, p = checked(y, probability)
    group = quantile_groups(p, groups)
    n = np.bincount(group)
    observed = np.bincount(group, weights=positive)
    expected = np.bincount(group, weights=p)
    room = expected * (1 - expected / n)
    if (room == 0).any():
        return HosmerLemeshow(math.nan, n.size, math.nan)
    chi2 = float(((observed - expected) ** 2 / room).sum())
    return HosmerLemeshow(chi2, n.size, float(chdtrc(n.size, chi2)))


def smooth_curve(y: npt.ArrayLike, probability: npt.ArrayLike, grid: npt.ArrayLike) -> Floats:
    """Return the lowess curve of y over the probability at `grid`; NaN outside the data.

    Span 2/3, no robustness iterations, as val.prob has it.

    Parameters
    ----------
    y, probability
        As in `measure`; one class alone is allowed.
    grid
        Probabilities at which the curve is wanted, shape (g,).

    Returns
    -------
    numpy.ndarray
        Smoothed share of positives, shape (g,).

    Raises
    ------
    StudyError
        When a probability is missing or outside [0, 1], or y holds anything but 0 and 1.

    References
    ----------
    Cleveland, J Am Stat Assoc 1979; 74: 829; by statsmodels.

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> y, p = [0, 0, 1, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]
    >>> calibration.smooth_curve(y, p, [0.05, 0.2, 0.8]).round(2)
    array([ nan, 0.23, 0.88])
    """
    positive = arrays.outcome(y)
    p = arrays.probabilities(probability, n=positive.size)
    return height_at(smoothed_outcomes(positive, p), np.asarray(grid, dtype=np.float64))


def fit_recalibration(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[float, float]:
    """Return (intercept, slope) that recalibrate: logit(p′) = intercept + slope · logit(p).

    Parameters
    ----------
    y, probability
        As in `measure`.

    Returns
    -------
    intercept, slope : float
        NaN where the probabilities separate the classes or do not vary.

    Raises
    ------
    StudyError
        As `measure`.

    References
    ----------
    Cox, Biometrika 1958; 45: 562.

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> y, p = [0, 1, 0, 0, 1, 1, 0, 1], [0.2, 0.2, 0.2, 0.2, 0.9, 0.9, 0.9, 0.9]
    >>> intercept, slope = calibration.fit_recalibration(y, p)
    >>> calibration.apply_recalibration([0.2, 0.9], intercept, slope).round(2)  # 1 of 4, 3 of 4
    array([0.25, 0.75])
    """
    positive, p = checked(y, probability)
    intercept, slope = logit_fits.intercept_and_slope(positive[None], p[None])[0][0]
    return float(intercept), float(slope)


def apply_recalibration(probability: npt.ArrayLike, intercept: float, slope: float) -> Floats:
    """Return recalibrated probabilities.

    Parameters
    ----------
    probability
        Of any shape; 0 and 1 are taken as if a hair inside.
    intercept, slope
        From `fit_recalibration`.

    Returns
    -------
    numpy.ndarray
        Of the same shape.

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> calibration.apply_recalibration([0.2, 0.5, 0.8], 0.0, 2.0).round(3)
    array([0.059, 0.5  , 0.941])
    """
    x = logit_fits.logits(np.asarray(probability, dtype=float))
    return np.asarray(expit(intercept + slope * x))


def measures(positive: Bools, p: Floats, curves: Sequence[Curve]) -> Floats:
    """Return the `ESTIMATES` of b samples of n checked cases, shape (b, 10).

    Parameters
    ----------
    positive, p
        Shape (b, n), both classes in each sample.
    curves
        What `smoothed_outcomes` returned for each sample.

    Returns
    -------
    numpy.ndarray
        Shape (b, 10), columns as in `ESTIMATES`.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import calibration
    >>> y, p = calibration.checked([0, 1, 0, 1], [0.2, 0.4, 0.6, 0.8])
    >>> curves = [calibration.smoothed_outcomes(y, p)]
    >>> found = calibration.measures(y[None], p[None], curves)[0]
    >>> dict(zip(calibration.ESTIMATES, found.round(2).tolist()))["brier"]
    0.2
    """
    y_mean, brier = positive.mean(axis=1), ((p - positive) ** 2).mean(axis=1)
    gaps = np.abs(p - [np.interp(x, *curve) for x, curve in zip(p, curves, strict=True)])
    expected = p.sum(axis=1)
    oe = np.full(len(p), math.inf)
    return np.column_stack(
        [
            logit_fits.intercept_and_slope(positive, p)[0],
            logit_fits.intercept_alone(positive, p)[0],
            np.divide(positive.sum(axis=1), expected, out=oe, where=expected > 0),
            brier,
            1 - brier / (y_mean * (1 - y_mean)),
            gaps.mean(axis=1),
            np.median(gaps, axis=1),
            np.quantile(gaps, 0.9, axis=1),
            gaps.max(axis=1),
        ]
    )


def checked(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[Bools, Floats]:
    """Return outcomes of both classes and their probabilities, shape (n,) each.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    probability
        Shape (n,).

    Returns
    -------
    positive, p : numpy.ndarray
        Bool and float64, shape (n,) each.

    Raises
    ------
    StudyError
        When the lengths differ, a class is missing or a probability is not in [0, 1].

    Examples
    --------
    >>> from microcalc.statistics import calibration
    >>> calibration.checked([0, 1], [0.25, 0.75])
    (array([False,  True]), array([0.25, 0.75]))
    """
    positive = arrays.outcome(y)
    arrays.both_classes(positive)
    return positive, arrays.probabilities(probability, n=positive.size)


def smoothed_outcomes(positive: Bools | Floats, p: Floats) -> Curve:
    """Return distinct probabilities and the lowess curve of the outcome there.

    Parameters
    ----------
    positive
        Outcome, or weights in [0, 1] in its place, shape (n,).
    p
        Probabilities, shape (n,).

    Returns
    -------
    x, height : numpy.ndarray
        Shapes (k,) each, x rising. With fewer than three distinct probabilities, and where lowess
        has no neighborhood, the height is the share of positives there.

    Raises
    ------
    StudyError
        When statsmodels, of the extra `workflow`, is not installed.

    References
    ----------
    Cleveland, J Am Stat Assoc 1979; 74: 829; by statsmodels, span 2/3, no robustness iterations.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import calibration
    >>> y, p = np.array([False, True, True, True]), np.array([0.2, 0.2, 0.7, 0.7])
    >>> calibration.smoothed_outcomes(y, p)
    (array([0.2, 0.7]), array([0.5, 1. ]))
    """
    # statsmodels takes long to import and only this needs it.
    with from_extra("workflow"):
        from statsmodels.nonparametric.smoothers_lowess import (  # type: ignore[import-untyped]
            lowess,
        )

    order = np.argsort(p, kind="stable")
    ranked, sorted_positive = p[order], positive[order].astype(float)
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    x, sizes = ranked[first], np.diff(first, append=p.size)
    shares = np.add.reduceat(sorted_positive, first) / sizes
    if x.size < 3:
        return x, shares
    with np.errstate(all="ignore"):
        smoothed = lowess(
            sorted_positive,
            ranked,
            frac=2 / 3,
            it=0,
            delta=0.01 * float(np.ptp(p)),
            is_sorted=True,
            return_sorted=False,
            missing="none",
        )[first]
    # Where two thirds of the cases share one probability lowess has no neighborhood to fit.
    return x, np.where(np.isfinite(smoothed), smoothed, shares)


def height_at(curve: Curve, grid: Floats) -> Floats:
    """Return a curve's height at `grid`, by linear interpolation, NaN outside the data.

    Parameters
    ----------
    curve
        From `smoothed_outcomes`.
    grid
        Probabilities, shape (g,).

    Returns
    -------
    numpy.ndarray
        Shape (g,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import calibration
    >>> curve = np.array([0.2, 0.7]), np.array([0.5, 1.0])
    >>> calibration.height_at(curve, np.array([0.1, 0.45, 0.7]))
    array([ nan, 0.75, 1.  ])
    """
    return np.asarray(np.interp(grid, *curve, left=np.nan, right=np.nan))


def quantile_groups(p: Floats, number: int) -> npt.NDArray[np.intp]:
    """Return the group of each probability, cut at quantiles; ties stay together.

    Parameters
    ----------
    p
        Probabilities, shape (n,).
    number
        How many groups; fewer where ties leave some empty.

    Returns
    -------
    numpy.ndarray
        Numbers from 0, none left out, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import calibration
    >>> calibration.quantile_groups(np.array([0.1, 0.2, 0.8, 0.9]), 2)
    array([0, 0, 1, 1])
    """
    edges = np.unique(np.quantile(p, np.linspace(0, 1, number + 1)))
    group = np.searchsorted(edges[1:-1], p, side="left")
    return np.unique(group, return_inverse=True)[1]
