"""The maximum of a logistic likelihood, and Firth's penalized one where it has none.

Libraries are imported where they are used: they take a second, and many a job that imports this
module, to predict for one, never comes to them.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from microcalc.core.libraries import from_extra
from microcalc.selection.newton import (
    Basis,
    PenalizedSurface,
    Point,
    Surface,
    climb,
    cross_products,
    leverage,
    orthogonal,
)

Floats = NDArray[np.float64]
Method = Literal["maximum likelihood", "Firth"]

# Along a separating direction the linear predictor passes this on its way to infinity. Before,
# the likelihood of separated classes cannot seem to be at its maximum: with u the cases'
# residuals times their distances along the direction, Newton's step promises to gain at least
# (sum u)^2 / sum w d^2 >= sum u / max d >= 1 - p, 4.5e-5 where no predictor is larger than 10.
SUSPICIOUS = 10.0
# Newton steps after which it is asked whether there is a maximum at all.
PATIENCE = 30
# Newton steps toward separation from which Firth's search begins a second time.
HALFWAY = 6


@dataclass(frozen=True)
class Estimate:
    """The maximum of a likelihood, penalized or not.

    Attributes
    ----------
    coefficients
        The intercept first, shape (q,).
    covariance
        Of the coefficients, shape (q, q).
    log_likelihood
        There, with its penalty.
    predictor
        Log odds of the cases, shape (n,).
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    predictor: Floats


def independent(design: Floats) -> NDArray[np.int64]:
    """Return the columns that are no linear combination of columns before them.

    Parameters
    ----------
    design
        Columns, the first of which stays if it is not zero, shape (n, q).

    Returns
    -------
    numpy.ndarray
        Their numbers, rising.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import likelihood
    >>> x = np.arange(4.0)
    >>> likelihood.independent(np.column_stack([np.ones(4), x, 2 * x + 1, x**2]))
    array([0, 1, 3])
    """
    return orthogonal(design).kept


def maximum(design: Floats, y: Floats) -> tuple[Estimate, Method]:
    """Return the maximum of the logistic likelihood, or of Firth's where the former has none.

    Parameters
    ----------
    design
        Independent columns, the intercept among them, shape (n, q).
    y
        0 or 1, shape (n,).

    Returns
    -------
    estimate, method
        "maximum likelihood" or "Firth".

    Raises
    ------
    StudyError
        When it must be asked whether the classes separate, and firthmodels is not installed.

    References
    ----------
    Firth, Biometrika 1993; 80: 27; Heinze and Schemper, Stat Med 2002; 21: 2409.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import likelihood
    >>> design = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    >>> y = np.array([0.0, 1, 0, 0, 1, 1, 0, 1])  # odds 1 : 3 and 3 : 1
    >>> estimate, method = likelihood.maximum(design, y)
    >>> estimate.coefficients.round(4), method
    (array([-1.0986,  2.1972]), 'maximum likelihood')
    """
    basis = orthogonal(design)
    surface = Surface(basis.columns, y)
    q = design.shape[1]
    point, reached = climb(surface, np.zeros(q), free=q, steps=PATIENCE)
    doubtful = not reached or np.abs(_predictor(basis, point)).max() >= SUSPICIOUS
    if doubtful and separated(design, y):
        return _firth(design, y, basis, surface), "Firth"
    if not reached:
        point, _ = climb(surface, point.place, free=q)
    return _estimate(basis, point), "maximum likelihood"


def _firth(design: Floats, y: Floats, basis: Basis, surface: Surface) -> Estimate:
    """Return the higher of the maxima above no effect and above a few steps of separation.

    Firth's likelihood may have several maxima, and in a few studies of separated classes the
    second is the higher (`second_start` of simulations/profile_intervals.py).
    """
    none = np.zeros(design.shape[1], dtype=bool)
    partly, _ = climb(surface, np.zeros(len(none)), free=len(none), steps=HALFWAY)
    starts = (None, basis.coefficients(partly.place))
    found = [penalized_maximum(design, y, fixed=none, start=start) for start in starts]
    return max(found, key=lambda estimate: estimate.log_likelihood)


def separated(design: Floats, y: Floats) -> bool:
    """Return whether some combination of the columns separates the classes, if only partly.

    Complete and quasi-complete separation, by linear programming (Konis 2007).

    Parameters
    ----------
    design
        Independent columns, the intercept among them, shape (n, q).
    y
        0 or 1, shape (n,).

    Returns
    -------
    bool
        True where the likelihood has no maximum.

    Raises
    ------
    StudyError
        When firthmodels is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import likelihood
    >>> design = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> likelihood.separated(design, np.array([0.0, 0.0, 1.0, 1.0]))
    True
    >>> likelihood.separated(design, np.array([0.0, 1.0, 0.0, 1.0]))
    False
    """
    with from_extra("workflow"):
        from firthmodels import detect_separation

    # Of orthogonal columns, so that no unit and no offset makes a direction small.
    columns = orthogonal(design).columns
    return bool(detect_separation(columns, y, fit_intercept=False).separation)


def maximum_likelihood(design: Floats, y: Floats) -> Estimate:
    """Return the maximum of the logistic likelihood, or where the search stopped if there is none.

    Parameters
    ----------
    design
        Independent columns, the intercept among them, shape (n, q).
    y
        0 or 1, shape (n,).

    Returns
    -------
    Estimate
        Coefficients, covariance, log-likelihood, linear predictor.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import likelihood
    >>> y = np.array([0.0, 0.0, 0.0, 1.0])
    >>> likelihood.maximum_likelihood(np.ones((4, 1)), y).coefficients.round(4)  # log of 1 : 3
    array([-1.0986])
    """
    basis, q = orthogonal(design), design.shape[1]
    return _estimate(basis, climb(Surface(basis.columns, y), np.zeros(q), free=q)[0])


def _estimate(basis: Basis, point: Point) -> Estimate:
    covariance = basis.covariance(
        np.asarray(np.linalg.pinv(point.curvature, hermitian=True), float)
    )
    coefficients = basis.coefficients(point.place)
    return Estimate(coefficients, covariance, point.value, _predictor(basis, point))


def _predictor(basis: Basis, point: Point) -> Floats:
    return np.asarray((basis.columns * point.place).sum(axis=1), dtype=float)


def constrained_maximum(
    design: Floats, y: Floats, *, fixed: NDArray[np.bool_], start: Floats
) -> tuple[Floats, float]:
    """Return coefficients and log-likelihood at the maximum with some coefficients held.

    Parameters
    ----------
    design
        Independent columns, shape (n, q).
    y
        0 or 1, shape (n,).
    fixed
        True for each coefficient that stays where `start` has it, shape (q,).
    start
        Coefficients to begin at, shape (q,).

    Returns
    -------
    coefficients, log_likelihood
        Shape (q,), and a number.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import likelihood
    >>> design = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    >>> y, fixed = np.array([0.0, 1, 0, 0, 1, 1, 0, 1]), np.array([False, True])
    >>> found, value = likelihood.constrained_maximum(design, y, fixed=fixed, start=np.zeros(2))
    >>> found.round(4) + 0.0, round(value, 4)  # 8 log ½
    (array([0., 0.]), -5.5452)
    """
    order = np.argsort(fixed, kind="stable")
    basis = orthogonal(design[:, order])
    place = basis.place(start[order])
    point, _ = climb(Surface(basis.columns, y), place, free=int((~fixed).sum()))
    coefficients = start.copy()
    coefficients[order] = basis.coefficients(point.place)
    coefficients[fixed] = start[fixed]
    return coefficients, point.value


def penalized_maximum(
    design: Floats, y: Floats, *, fixed: NDArray[np.bool_], start: Floats | None = None
) -> Estimate:
    """Return the maximum of Firth's penalized likelihood with some coefficients held.

    A variable with several levels needs its coefficients held together, under the full model's
    penalty (Heinze and Schemper 2002, Stat Med 21:2409).

    Parameters
    ----------
    design
        Independent columns, the intercept among them, shape (n, q).
    y
        0 or 1, shape (n,).
    fixed
        True for each coefficient that stays where `start` has it, shape (q,).
    start
        Coefficients to begin at, shape (q,); zeros where not given.

    Returns
    -------
    Estimate
        Covariance is that of the full design.

    References
    ----------
    Firth, Biometrika 1993; 80: 27.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import likelihood
    >>> design, y = np.ones((4, 1)), np.array([0.0, 0.0, 0.0, 0.0])
    >>> found = likelihood.penalized_maximum(design, y, fixed=np.array([False]))
    >>> found.coefficients.round(4)  # log of ½ : 4½
    array([-2.1972])
    """
    order = np.argsort(fixed, kind="stable")
    basis = orthogonal(design[:, order])
    begin = np.zeros(len(order)) if start is None else start
    place = basis.place(begin[order])
    free = int((~fixed).sum())
    point, _ = climb(PenalizedSurface(basis.columns, y), place, free=free)
    predictor = _predictor(basis, point)
    weight = expit(predictor) * expit(-predictor)
    hat, _ = leverage(basis.columns, weight)
    # logistf's and firthmodels' covariance: the information of the augmented data.
    information = cross_products(basis.columns, weight * (1 + hat))
    back = np.argsort(order)
    covariance = basis.covariance(np.asarray(np.linalg.inv(information), float))[np.ix_(back, back)]
    coefficients = basis.coefficients(point.place)[back]
    coefficients[fixed] = begin[fixed]
    # The determinant is of the design's own columns.
    value = point.value + float(np.log(np.diag(basis.change)).sum())
    return Estimate(coefficients, covariance, value, predictor)
