"""The LASSO's inner loops, compiled: Newton steps, each solved by coordinate descent.

The algorithm is glmnet's (Friedman, Hastie and Tibshirani 2010, J Stat Softw 33(1)):
iteratively reweighted least squares with an L1 (and L2) penalty, warm starts along the
path, and an active set that is checked against the optimality conditions of all columns.
The quadratic problem uses the weighted Gram matrix of the active columns, which stays small.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# glmnet's pmin: fitted probabilities nearer to 0 or 1 carry no weight any more.
P_MIN = 1e-9
MAX_NEWTON = 100
# At the path's first lambda one gradient equals the penalty, give or take the last digits.
ROUNDING = 1e-12
MAX_SWEEPS = 10_000
# Sweeps before the nonzero coefficients are solved for directly.
PATIENCE = 10
# So many factors between 1 and 2 can be multiplied without an overflow.
FACTORS = 1000


@njit(cache=True)
def _soft(z: float, by: float) -> float:
    if z > by:
        return z - by
    if z < -by:
        return z + by
    return 0.0


@njit(cache=True)
def _log_loss(y: Floats, eta: Floats, decay: Floats) -> float:
    """Mean negative log-likelihood of a Bernoulli outcome; `decay` becomes exp(-|eta|)."""
    total = 0.0
    product = 1.0
    for i in range(len(y)):
        e = eta[i]
        decay[i] = math.exp(-abs(e))
        total += max(e, 0.0) - y[i] * e
        # One logarithm of a product costs less than one for every case.
        product *= 1.0 + decay[i]
        if i % FACTORS == FACTORS - 1:
            total += math.log(product)
            product = 1.0
    return (total + math.log(product)) / len(y)


@njit(cache=True)
def _probability(e: float, decay: float) -> float:
    """Probability of log odds `e`, exp(-|e|) being known."""
    return 1.0 / (1.0 + decay) if e >= 0.0 else decay / (1.0 + decay)


@njit(cache=True)
def _penalty(beta: Floats, active: Integers, m: int, l1: float, l2: float) -> float:
    total = 0.0
    for a in range(m):
        b = beta[active[a]]
        total += l1 * abs(b) + 0.5 * l2 * b * b
    return total


@njit(cache=True)
def _solve_active(
    X: Floats,
    y: Floats,
    eta: Floats,
    beta: Floats,
    active: Integers,
    m: int,
    l1: float,
    l2: float,
    tolerance: float,
) -> float:
    """Minimize over the intercept and the active columns; return the intercept's change."""
    n = len(y)
    moved_intercept = 0.0
    gram = np.empty((m + 1, m + 1))
    gradient = np.empty(m + 1)
    step = np.empty(m + 1)
    candidate = np.empty(n)
    decay = np.empty(n)
    direction = np.empty(n)
    # The active columns by case, a column of ones first, and zeros up to a multiple of four cases.
    rows = np.zeros((n + -n % 4, m + 1))
    for i in range(n):
        rows[i, 0] = 1.0
        for a in range(m):
            rows[i, a + 1] = X[i, active[a]]
    trial = np.zeros(len(beta))
    loss = _log_loss(y, eta, decay) + _penalty(beta, active, m, l1, l2)
    for _ in range(MAX_NEWTON):
        _quadratic_model(rows, y, eta, decay, gram, gradient)
        step[:] = 0.0
        _sweep(gram, gradient, step, beta, active, m, l1, l2, tolerance)
        for i in range(n):
            d = step[0]
            for a in range(m):
                d += step[a + 1] * rows[i, a + 1]
            direction[i] = d
        # Newton's step may overshoot when probabilities near 0 and 1 flatten the curvature.
        size = 1.0
        before = loss
        for halving in range(40):
            if halving == 39:
                size = 0.0  # only rounding is left to gain
            for i in range(n):
                candidate[i] = eta[i] + size * direction[i]
            for a in range(m):
                trial[active[a]] = beta[active[a]] + size * step[a + 1]
            loss = _log_loss(y, candidate, decay) + _penalty(trial, active, m, l1, l2)
            if loss <= before + 1e-14 * (1.0 + abs(before)):
                break
            size *= 0.5
        for a in range(m):
            beta[active[a]] = trial[active[a]]
        eta[:] = candidate
        moved_intercept += size * step[0]
        largest = 0.0
        for a in range(m + 1):
            largest = max(largest, gram[a, a] * step[a] * step[a])
        if largest < tolerance or size == 0.0:
            break
    return moved_intercept


@njit(cache=True)
def _quadratic_model(
    rows: Floats, y: Floats, eta: Floats, decay: Floats, gram: Floats, gradient: Floats
) -> None:
    """Fill in the weighted Gram matrix of `rows` and the gradient of the log-likelihood.

    Four cases at a time: the inner loop then does four times the work on each entry it touches.
    """
    n, k = len(y), gram.shape[0]
    weight = np.zeros(len(rows))
    residual = np.zeros(len(rows))
    for i in range(n):
        p = min(max(_probability(eta[i], decay[i]), P_MIN), 1.0 - P_MIN)
        weight[i] = p * (1.0 - p) / n
        residual[i] = (y[i] - p) / n
    gram[:] = 0.0
    gradient[:] = 0.0
    for i in range(0, len(rows), 4):
        first, second, third, fourth = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        for a in range(k):
            gradient[a] += (
                residual[i] * first[a]
                + residual[i + 1] * second[a]
                + residual[i + 2] * third[a]
                + residual[i + 3] * fourth[a]
            )
        for a in range(k):
            own = gram[a]
            s, t = weight[i] * first[a], weight[i + 1] * second[a]
            u, v = weight[i + 2] * third[a], weight[i + 3] * fourth[a]
            for b in range(a + 1):
                own[b] += s * first[b] + t * second[b] + u * third[b] + v * fourth[b]
    for a in range(k):
        for b in range(a):
            gram[b, a] = gram[a, b]


@njit(cache=True)
def _sweep(
    gram: Floats,
    gradient: Floats,
    step: Floats,
    beta: Floats,
    active: Integers,
    m: int,
    l1: float,
    l2: float,
    tolerance: float,
) -> None:
    """Coordinate descent on the quadratic model; `gradient` ends as the gradient at the step."""
    only_nonzero = False
    for sweep in range(MAX_SWEEPS):
        largest = 0.0
        for a in range(m + 1):
            curvature = gram[a, a]
            if a == 0:
                change = gradient[0] / curvature
            else:
                now = beta[active[a - 1]] + step[a]
                if only_nonzero and now == 0.0:
                    continue
                if curvature <= 0.0:
                    continue
                change = _soft(gradient[a] + curvature * now, l1) / (curvature + l2) - now
            if change != 0.0:
                step[a] += change
                for b in range(m + 1):
                    gradient[b] -= gram[a, b] * change
                largest = max(largest, curvature * change * change)
        if largest < tolerance:
            if not only_nonzero:
                return
            only_nonzero = False
        else:
            only_nonzero = True
            if sweep % PATIENCE == PATIENCE - 1:
                while _jump(gram, gradient, step, beta, active, m, l1, l2):
                    pass


@njit(cache=True)
def _jump(
    gram: Floats,
    gradient: Floats,
    step: Floats,
    beta: Floats,
    active: Integers,
    m: int,
    l1: float,
    l2: float,
) -> bool:
    """Go to the minimum for the signs as they are; return whether a coefficient became zero.

    Coordinate descent creeps where the classes nearly separate. With fixed signs the model
    is smooth and one Cholesky factorization solves it; a coefficient that would change sign
    ends the step at zero.
    """
    places = np.empty(m + 1, dtype=np.int64)
    places[0] = 0
    k = 1
    for a in range(1, m + 1):
        if beta[active[a - 1]] + step[a] != 0.0:
            places[k] = a
            k += 1
    factor = np.empty((k, k))
    change = np.empty(k)
    for r in range(k):
        a = places[r]
        change[r] = gradient[a]
        if a > 0:
            now = beta[active[a - 1]] + step[a]
            change[r] -= math.copysign(l1, now) + l2 * now
        for c in range(r + 1):
            total = gram[a, places[c]]
            if r == c and a > 0:
                total += l2
            for i in range(c):
                total -= factor[r, i] * factor[c, i]
            if r == c:
                if total <= 1e-13 * gram[a, a]:
                    return False
                factor[r, r] = math.sqrt(total)
            else:
                factor[r, c] = total / factor[c, c]
    for r in range(k):
        for c in range(r):
            change[r] -= factor[r, c] * change[c]
        change[r] /= factor[r, r]
    for r in range(k - 1, -1, -1):
        for c in range(r + 1, k):
            change[r] -= factor[c, r] * change[c]
        change[r] /= factor[r, r]
    size = 1.0
    crossing = -1
    for r in range(1, k):
        now = beta[active[places[r] - 1]] + step[places[r]]
        if (now + change[r]) * now <= 0.0 and -now / change[r] < size:
            size = -now / change[r]
            crossing = r
    for r in range(k):
        a = places[r]
        if r == crossing:
            by = -(beta[active[a - 1]] + step[a])
            step[a] = -beta[active[a - 1]]
        else:
            by = size * change[r]
            step[a] += by
        for b in range(m + 1):
            gradient[b] -= gram[a, b] * by
    return crossing >= 0


@njit(cache=True, nogil=True)
def path(
    X: Floats, y: Floats, lambdas: Floats, alpha: float, tolerance: float, stop_early: bool
) -> tuple[Floats, Floats, Floats, int]:
    """Return the LASSO's path on standardized columns.

    Parameters
    ----------
    X
        Shape (n, p), C order; a column of zeros keeps the coefficient 0.
    y
        0 or 1, shape (n,), both present.
    lambdas
        Descending, shape (L,).
    alpha
        Share of the L1 penalty; the rest is L2.
    tolerance
        Stop when no coefficient moves the quadratic model by more than this.
    stop_early
        End the path as glmnet does: from the fifth lambda on when the explained share of
        the deviance grows by less than 1e-5, and beyond a share of 0.999.

    Returns
    -------
    tuple
        Intercepts (L,), coefficients (L, p), deviance ratios (L,), and how many lambdas
        were fitted.

    References
    ----------
    Friedman, Hastie and Tibshirani, J Stat Softw 2010; 33(1).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import descent
    >>> X, y = np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    >>> lambdas = np.array([0.25, 0.1])  # the first is the smallest without a coefficient
    >>> intercepts, coefficients, ratios, count = descent.path(X, y, lambdas, 1.0, 1e-10, False)
    >>> coefficients.ravel().round(2), int(count)
    (array([0. , 0.9]), 2)
    """
    n, p = X.shape
    L = len(lambdas)
    intercepts, betas, ratios = np.zeros(L), np.zeros((L, p)), np.zeros(L)
    mean = 0.0
    for i in range(n):
        mean += y[i] / n
    intercept = math.log(mean / (1.0 - mean))
    eta = np.full(n, intercept)
    decay = np.empty(n)
    null = _log_loss(y, eta, decay)
    beta = np.zeros(p)
    active = np.empty(p, dtype=np.int64)
    is_active = np.zeros(p, dtype=np.bool_)
    residual = np.empty(n)
    gradient = np.empty(p)
    # Not a literal 0, for which numba would compile every function a second time.
    m = int(is_active.sum())
    for step in range(L):
        l1 = lambdas[step] * alpha
        l2 = lambdas[step] * (1.0 - alpha)
        while True:
            intercept += _solve_active(X, y, eta, beta, active, m, l1, l2, tolerance)
            loss = _log_loss(y, eta, decay)
            for i in range(n):
                residual[i] = (y[i] - _probability(eta[i], decay[i])) / n
            gradient[:] = 0.0
            for i in range(n):
                for j in range(p):
                    gradient[j] += residual[i] * X[i, j]
            added = False
            for j in range(p):
                if not is_active[j] and abs(gradient[j]) > l1 * (1.0 + ROUNDING):
                    is_active[j] = True
                    active[m] = j
                    m += 1
                    added = True
            if not added:
                break
        intercepts[step] = intercept
        betas[step] = beta
        ratios[step] = 1.0 - loss / null
        if stop_early and step >= 4:
            grown = ratios[step] - ratios[step - 1]
            if ratios[step] > 0.999 or grown < 1e-5:
                return intercepts, betas, ratios, step + 1
    return intercepts, betas, ratios, L
