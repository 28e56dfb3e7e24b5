"""Newton's method on a logistic log-likelihood, plain or penalized as Firth's.

It runs in coordinates in which the columns of the design are orthogonal and of mean square 1, so
that its course depends neither on units nor on offsets, nor on how nearly the columns depend on
one another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

# A column is left out when the part that the columns before it do not explain is a smaller share
# of its spread, or, as a share of its size, no more than rounding leaves of nothing.
ALIASED = 1e-7
ROUNDING = 1e-13
# Curvature, as a share of the largest, below which a direction counts as that flat.
FLATTEST = 1e-12
# The farthest a step that is not Newton's own, or on a penalized likelihood, which need not be
# concave, moves the log odds of any case.
LONGEST_STEP = 5.0
# The search ends with a step that moves no case's log odds farther and promises to gain less:
# the error left is of the order of its square.
LAST_MOVE = 1e-8
LAST_GAIN = 1e-12
# It also ends where a step that promises as little is shorter than this, but no shorter than half
# the one before: Newton's method has come as near as rounding lets it.
STALLED = 1e-3
# What a step gains at least, as a share of what its slope promises (Armijo), and the rounding
# error of a log-likelihood, as a share of its size.
LEAST_SHARE = 1e-4
NOISE = 1e-13


@dataclass(frozen=True)
class Basis:
    """Orthogonal columns that span a design.

    Attributes
    ----------
    kept
        Places of the design's columns that are no linear combination of columns before them,
        shape (q,).
    columns
        Orthogonal, each of mean square 1, shape (n, q).
    change
        Upper triangular, shape (q, q): the kept columns are `columns @ change`.
    """

    kept: NDArray[np.int64]
    columns: Floats
    change: Floats

    def coefficients(self, place: Floats) -> Floats:
        """Return the coefficients of the kept columns at a place.

        Parameters
        ----------
        place
            Coordinates of the orthogonal columns, shape (q,).

        Returns
        -------
        numpy.ndarray
            Log odds per unit of a kept column, shape (q,).
        """
        return np.asarray(np.linalg.solve(self.change, place), dtype=float)

    def place(self, coefficients: Floats) -> Floats:
        """Return the place at which the kept columns have these coefficients.

        Parameters
        ----------
        coefficients
            Log odds per unit of a kept column, shape (q,).

        Returns
        -------
        numpy.ndarray
            Coordinates of the orthogonal columns, shape (q,).
        """
        return np.asarray((self.change * coefficients).sum(axis=1), dtype=float)

    def covariance(self, covariance: Floats) -> Floats:
        """Return the covariance of coefficients from that of a place.

        Parameters
        ----------
        covariance
            Of the coordinates of the orthogonal columns, shape (q, q).

        Returns
        -------
        numpy.ndarray
            Of the kept columns' coefficients, shape (q, q).
        """
        back = np.linalg.inv(self.change)
        return np.asarray(np.einsum("ij,jk,lk->il", back, covariance, back), dtype=float)


def orthogonal(design: Floats) -> Basis:
    """Return orthogonal columns that span the design, by Gram and Schmidt's method, twice.

    Parameters
    ----------
    design
        Columns, shape (n, q).

    Returns
    -------
    Basis
        Which columns are independent of those before them, and orthogonal ones of mean square 1
        that span the same.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import newton
    >>> basis = newton.orthogonal(np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0], [2.0] * 4]))
    >>> basis.kept, (basis.columns.T @ basis.columns / 4).round(6) + 0.0
    (array([0, 1]), array([[1., 0.],
           [0., 1.]]))
    """
    n, width = design.shape
    rows, change = np.empty((width, n)), np.zeros((width, width))
    kept: list[int] = []
    for j, column in enumerate(design.T):
        scale = max(float(np.abs(column).max()), np.finfo(float).tiny)
        rest = column / scale
        size, spread = _size(rest), _size(rest - rest.mean())
        known, share = rows[: len(kept)], np.zeros(len(kept))
        for _ in range(2):  # twice is enough (Kahan): once leaves rounding errors
            found = (known * rest).sum(axis=1) / n
            rest = rest - (known * found[:, None]).sum(axis=0)
            share += found
        left = _size(rest)
        if left > max(ALIASED * spread, ROUNDING * size):
            rows[len(kept)] = rest / left
            change[: len(kept), j], change[len(kept), j] = share * scale, left * scale
            kept.append(j)
    q = len(kept)
    return Basis(np.array(kept, dtype=np.int64), rows[:q].T, change[:q][:, kept])


def _size(column: Floats) -> float:
    return float(np.sqrt((column**2).mean()))


@dataclass(frozen=True)
class Point:
    """A place, and the height, gradient and negative Hessian of a surface there.

    Attributes
    ----------
    place
        Coordinates of the orthogonal columns, shape (q,).
    value
        Log-likelihood, penalized or not; -inf where the information is singular under a penalty.
    score
        Gradient, shape (q,).
    curvature
        Negative Hessian, shape (q, q).
    """

    place: Floats
    value: float
    score: Floats
    curvature: Floats


class Surface:
    """The log-likelihood over the coordinates of orthogonal columns.

    Parameters
    ----------
    columns
        Of a `Basis`, shape (n, q).
    y
        0 or 1, shape (n,).
    """

    longest = np.inf
    concave = True

    def __init__(self, columns: Floats, y: Floats) -> None:
        self.columns, self.y = columns, y

    def at(self, place: Floats) -> Point:
        """Return the log-likelihood, its gradient and its information at a place.

        Parameters
        ----------
        place
            Coordinates of the orthogonal columns, shape (q,).

        Returns
        -------
        Point
            The curvature is the information.
        """
        predictor = (self.columns * place).sum(axis=1)
        positive, negative = expit(predictor), expit(-predictor)
        # Not y minus probability: of a case that is all but certain, rounding would be left.
        residual = np.where(self.y == 1, negative, -positive)
        height = -np.logaddexp(0, np.where(self.y == 1, -predictor, predictor)).sum()
        score = (self.columns * residual[:, None]).sum(axis=0)
        information = cross_products(self.columns, positive * negative)
        return Point(place, float(height), score, information)


class PenalizedSurface(Surface):
    """Firth's penalized log-likelihood: half the log determinant of the information is added.

    It falls without end in every direction, but need not be concave.

    Parameters
    ----------
    columns
        Of a `Basis`, shape (n, q).
    y
        0 or 1, shape (n,).

    References
    ----------
    Firth, Biometrika 1993; 80: 27.
    """

    longest = LONGEST_STEP
    concave = False

    def __init__(self, columns: Floats, y: Floats) -> None:
        super().__init__(columns, y)
        self._pairs = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1)

    def at(self, place: Floats) -> Point:
        """Return the penalized log-likelihood, its gradient and its curvature at a place.

        Fisher's information, the usual choice of curvature, needs hundreds of steps where few
        cases separate; with the penalty's own second derivatives it is Newton's method.

        Parameters
        ----------
        place
            Coordinates of the orthogonal columns, shape (q,).

        Returns
        -------
        Point
            Of height -inf where the information is singular.
        """
        point = super().at(place)
        sign, log_determinant = np.linalg.slogdet(point.curvature)
        if sign <= 0 or not np.isfinite(log_determinant):
            return Point(place, -np.inf, point.score, point.curvature)
        predictor = (self.columns * place).sum(axis=1)
        weight = expit(predictor) * expit(-predictor)
        tilt = -np.tanh(predictor / 2)  # 1 - 2 probability
        hat, inverse = leverage(self.columns, weight)
        score = point.score + (self.columns * (hat * tilt / 2)[:, None]).sum(axis=0)
        bend = cross_products(self.columns, (1 - 6 * weight) * hat)
        # Squares of all n x n covariances of predictors, summed without ever writing them down.
        q = len(place)
        slope = self.columns * (weight * tilt)[:, None]
        third = np.einsum("ik,ij->kj", slope, self._pairs).reshape(q, q, q)
        bend -= np.einsum("kab,lab->kl", third, inverse @ third @ inverse)
        value = point.value + float(log_determinant) / 2
        return Point(place, value, score, point.curvature - bend / 2)


def cross_products(columns: Floats, weight: Floats) -> Floats:
    """Return the columns' sums of products, each case by its weight.

    Parameters
    ----------
    columns
        Shape (n, q).
    weight
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (q, q). No BLAS, whose rounding depends on threads.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import newton
    >>> newton.cross_products(np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([1.0, 2.0]))
    array([[ 3.,  8.],
           [ 8., 22.]])
    """
    return np.asarray(np.einsum("ij,ik->jk", columns * weight[:, None], columns))


def leverage(columns: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return the cases' leverages and the inverse of the information.

    Parameters
    ----------
    columns
        Shape (n, q).
    weight
        Of each case, p (1 - p), shape (n,).

    Returns
    -------
    leverages, inverse : numpy.ndarray
        Shapes (n,) and (q, q); the leverages add up to q.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import newton
    >>> leverages, inverse = newton.leverage(np.ones((4, 1)), np.full(4, 0.25))
    >>> leverages, inverse
    (array([0.25, 0.25, 0.25, 0.25]), array([[1.]]))
    """
    inverse = np.asarray(np.linalg.inv(cross_products(columns, weight)), dtype=float)
    spread = (np.einsum("ij,jk->ik", columns, inverse) * columns).sum(axis=1)
    return weight * spread, inverse


def climb(surface: Surface, start: Floats, *, free: int, steps: int = 200) -> tuple[Point, bool]:
    """Return the maximum over the first `free` coordinates, and whether Newton's method reached it.

    Parameters
    ----------
    surface
        What is maximized.
    start
        Where to begin, shape (q,); the coordinates after the first `free` stay.
    free
        How many coordinates may change.
    steps
        After how many steps to give up.

    Returns
    -------
    point, reached
        Where the search ended; True at a maximum.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import newton
    >>> surface = newton.Surface(np.ones((4, 1)), np.array([0.0, 0.0, 0.0, 1.0]))
    >>> point, reached = newton.climb(surface, np.zeros(1), free=1)
    >>> point.place.round(4), reached  # log of 1 : 3
    (array([-1.0986]), True)
    """
    point, before = surface.at(start), np.inf
    for _ in range(steps):
        step = newton_step(point, free)
        gain = float((step * point.score[:free]).sum())
        move = float(np.abs((surface.columns[:, :free] * step).sum(axis=1)).max(initial=0.0))
        stalled = before / 2 < move < STALLED
        before = move
        if (move < LAST_MOVE or stalled) and gain < LAST_GAIN:
            further = _off_saddle(surface, point, free)
            if further is None:
                return _moved(surface, point, step), True
            point = further
            continue
        share = min(1.0, surface.longest / max(move, LAST_MOVE))
        further = _uphill(surface, point, step * share, gain * share)
        if further is None:
            return point, False
        point = further
    return point, False


def newton_step(point: Point, free: int) -> Floats:
    """Return Newton's step of the first `free` coordinates, always one that leads uphill.

    Parameters
    ----------
    point
        Where the step begins, from `Surface.at`.
    free
        How many coordinates may change.

    Returns
    -------
    numpy.ndarray
        Shape (free,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import newton
    >>> surface = newton.Surface(np.ones((4, 1)), np.array([0.0, 0.0, 0.0, 1.0]))
    >>> newton.newton_step(surface.at(np.zeros(1)), 1)  # score -1 over curvature 1
    array([-1.])
    """
    curvature, score = point.curvature[:free, :free], point.score[:free]
    try:
        np.linalg.cholesky(curvature)
        step = np.linalg.solve(curvature, score)
    except np.linalg.LinAlgError:
        step = np.zeros(free)
    if not score.any() or (np.isfinite(step).all() and (step * score).sum() > 0):
        return np.asarray(step, dtype=float)
    # Where the surface is not concave, or flat beyond rounding: along its principal directions,
    # as if each curved downward (the saddle-free step of Dauphin et al. 2014).
    values, directions = np.linalg.eigh(curvature)
    # Where all cases are all but certain, of all curvature rounding may have left nothing.
    sizes = np.maximum(np.abs(values), FLATTEST * max(np.abs(values).max(), np.abs(score).max()))
    along = (directions * score[:, None]).sum(axis=0) / sizes
    return np.asarray((directions * along).sum(axis=1), dtype=float)


def _off_saddle(surface: Surface, point: Point, free: int) -> Point | None:
    """Return a higher point beside one where the gradient is 0, None where it is a maximum."""
    values, directions = np.linalg.eigh(point.curvature[:free, :free])
    if not free or values[0] >= -FLATTEST * np.abs(values).max():
        return None
    reach = np.abs((surface.columns[:, :free] * directions[:, 0]).sum(axis=1)).max()
    sides = [
        _moved(surface, point, sign * LONGEST_STEP / 2**halvings * directions[:, 0] / reach)
        for halvings in range(8)
        for sign in (1, -1)
    ]
    best = max(sides, key=lambda side: side.value)
    return best if best.value > point.value else None


def _uphill(surface: Surface, point: Point, step: Floats, gain: float) -> Point | None:
    """Return where the step, halved until it is worth it, leads; None where it leads nowhere."""
    noise = NOISE * max(1.0, abs(point.value))
    for _ in range(60):
        further = _moved(surface, point, step)
        if further.value >= point.value + LEAST_SHARE * gain - noise:
            return further
        step, gain = step / 2, gain / 2
    return None


def _moved(surface: Surface, point: Point, step: Floats) -> Point:
    place = point.place.copy()
    place[: len(step)] += step
    return surface.at(place)
