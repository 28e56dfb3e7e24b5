"""Whether profile-likelihood limits are right, whatever units, offsets, separation and size.

Limits of some coefficients are compared with a slow search that shares no code with it: scipy's
minimizers on the columns' QR factors. Where the likelihood is concave the slow search brackets by
doubling and finds Brent's root. Firth's penalized likelihood may have several maxima: there it
follows the branch that begins at the estimate, in steps of a twentieth of a standard error, to
the first place that is too low, and halves the last step, each time from the last place inside.
Its minimizer may leave the branch where another passes near: a limit that disagrees is searched
again in steps ten times as short (`refined`), and that search decides.
Every fitted likelihood has a maximum, so that every limit is finite.

Also counted is in how many studies Firth's fit owes its maximum to the second of the places that
it begins at (`second_start`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit
from scipy.stats import chi2

from microcalc.models import logistic, profile_likelihood
from microcalc.selection.likelihood import independent, penalized_maximum, separated

Floats = NDArray[np.float64]

KINDS = (
    *("plain", "few positives", "rare levels", "collinear", "offsets and units"),
    *("separated", "nearly separated"),
)
SIZES = ((20, 60, 2, 4), (20, 60, 5, 12), (61, 200, 2, 4), (61, 200, 5, 12))
CELLS = [
    {"kind": kind, "least_n": a, "most_n": b, "least_columns": c, "most_columns": d}
    for kind in KINDS
    for a, b, c, d in SIZES
]
REPLICATES = 72  # of 28 cells: 2,016 studies
SAMPLE = 1
# Of the distance between limit and estimate.
TOLERANCE = 1e-6
# One study in so many is compared, both limits of one coefficient, the intercept's at times.
EVERY = {"maximum likelihood": 6, "Firth": 6}
COUNTS = (
    *("firth", "second_start", "limits", "failures", "infinite", "disordered"),
    *("compared", "firth_compared", "refined"),
)
# Difference of log-likelihoods that two maxima of one surface do not show by rounding.
HIGHER = 1e-6
DROP = chi2.ppf(0.95, 1) / 2
FAR = 1e7
STEP = 0.05  # standard errors


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return how the limits of all studies, and of some beside the slow search, came out."""
    seen = dict.fromkeys(COUNTS, 0)
    worst = {"largest_difference": 0.0, "firth_largest_difference": 0.0}
    waiting = dict.fromkeys(EVERY, 0)
    for _ in range(replicates):
        X, y = _study(cell, rng)
        try:
            fitted = logistic.fit(X, y, names=[f"x{i}" for i in range(X.shape[1])])
            low, high = profile_likelihood.intervals(X, y, fitted)
        except Exception:
            seen["failures"] += 1
            continue
        kept = np.flatnonzero(np.isfinite(fitted.se))
        if fitted.method == "Firth":
            seen["firth"] += 1
            seen["second_start"] += fitted.log_likelihood > _from_no_effect(X, y) + HIGHER
        seen["limits"] += 2 * len(kept)
        seen["infinite"] += int(np.isinf([low[kept], high[kept]]).sum())
        seen["disordered"] += int((low[kept] >= fitted.coefficients[kept]).sum())
        seen["disordered"] += int((high[kept] <= fitted.coefficients[kept]).sum())
        waiting[fitted.method] += 1
        if waiting[fitted.method] % EVERY[fitted.method] != 1:
            continue
        column = int(rng.choice(kept))
        slow = SlowSearch(X, y, fitted, column)
        prefix = "firth_" if fitted.method == "Firth" else ""
        for side, found in ((-1, float(low[column])), (1, float(high[column]))):
            miss = slow.miss(side, found, STEP)
            if prefix and not miss <= TOLERANCE:
                seen["refined"] += 1
                miss = slow.miss(side, found, STEP / 10)
            seen[f"{prefix}compared"] += 1
            name = f"{prefix}largest_difference"
            worst[name] = max(worst[name], np.inf if np.isnan(miss) else miss)
    return seen | worst


def faults(rows: pd.DataFrame) -> list[str]:
    """Return what is wrong: no Monte Carlo error is allowed for, since none is right by chance."""
    found = []
    for _, row in rows.iterrows():
        where = f"{row['kind']}, n {row['least_n']}-{row['most_n']}"
        where += f", {row['least_columns']}-{row['most_columns']} columns"
        wrong = ("failures", "infinite", "disordered")
        found += [f"{where}: {row[name]} {name}" for name in wrong if row[name]]
        worst = max(row["largest_difference"], row["firth_largest_difference"])
        if worst > TOLERANCE:
            found.append(f"{where}: a limit is off by {worst:.1e} of its distance")
        if row["compared"] + row["firth_compared"] == 0:
            found.append(f"{where}: no limit was compared")
    apart, nearly = (rows[rows["kind"] == kind] for kind in ("separated", "nearly separated"))
    if not apart["firth"].sum():
        found.append("no study of separated classes")
    if not (nearly["replicates"] - nearly["firth"]).sum():
        found.append("no study of classes that are nearly, but not, separated")
    return found


def _study(cell: Mapping[str, Any], rng: np.random.Generator) -> tuple[Floats, Floats]:
    while True:
        n = int(rng.integers(cell["least_n"], cell["most_n"] + 1))
        q = int(rng.integers(cell["least_columns"], cell["most_columns"] + 1))
        X, y = _cases(str(cell["kind"]), n, q, rng)
        if not 0 < y.sum() < n:
            continue
        # Swapped labels may leave classes that another direction separates.
        if cell["kind"] != "nearly separated" or not _separated(X, y):
            return X, y


def _separated(X: Floats, y: Floats) -> bool:
    return separated(_design(X), y)


def _from_no_effect(X: Floats, y: Floats) -> float:
    """Return the maximum of Firth's likelihood to which the ascent from no effect leads."""
    design = _design(X)
    free = np.zeros(design.shape[1], dtype=bool)
    return penalized_maximum(design, y, fixed=free).log_likelihood


def _design(X: Floats) -> Floats:
    design = np.column_stack([np.ones(len(X)), X])
    return design[:, independent(design)]


def _cases(kind: str, n: int, q: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    X = np.column_stack([_column(n, rng) for _ in range(q)])
    spread = np.maximum(X.std(axis=0), 1e-3)
    score = (X - X.mean(axis=0)) / spread @ (rng.normal(size=q) * rng.choice([0, 0.3, 1], size=q))
    y = (rng.random(n) < expit(score + rng.normal() / 2)).astype(float)
    if kind == "few positives":
        y = np.zeros(n)
        y[rng.choice(n, max(2, n // 12), replace=False)] = 1
    elif kind == "rare levels":
        for j in range((q + 1) // 2):
            X[:, j] = 0
            X[rng.choice(n, rng.integers(1, 5), replace=False), j] = 1
    elif kind == "collinear":
        X[:, -1] = X[:, 0] * rng.normal() + X[:, rng.integers(q - 1)]
        X[:, -1] += rng.choice([0.0, 1e-5, 1e-3, 0.05]) * rng.normal(size=n)
    elif kind == "offsets and units":
        X = (X + spread * rng.choice([0, 1e3, 1e6], size=q)) * 10.0 ** rng.integers(-6, 7, size=q)
    elif kind == "separated":
        y = (score > np.quantile(score, rng.uniform(0.25, 0.75))).astype(float)
    elif kind == "nearly separated":  # but for one or two of the cases next to the cut
        cut = np.quantile(score, rng.uniform(0.25, 0.75))
        y = (score > cut).astype(float)
        nearest = np.argsort(np.abs(score - cut), kind="stable")[:6]
        swapped = rng.choice(nearest, rng.integers(1, 3), replace=False)
        y[swapped] = 1 - y[swapped]
    return X, y


def _column(n: int, rng: np.random.Generator) -> Floats:
    """Return an age, a size, a yes or no, a laboratory value, or a score of four steps."""
    columns = (
        lambda: np.round(rng.normal(55, 10, n)),
        lambda: np.round(rng.lognormal(3, 0.7, n), 1),
        lambda: (rng.random(n) < rng.choice([0.03, 0.1, 0.3, 0.5])).astype(float),
        lambda: rng.normal(size=n),
        lambda: rng.integers(0, 4, n).astype(float),
    )
    return columns[rng.integers(len(columns))]()


class SlowSearch:
    """The profile of one coefficient by scipy's minimizers on the columns' QR factors.

    Parameters
    ----------
    X, y, fitted
        A study and its regression.
    column
        Whose limits are searched, 0 for the intercept.
    """

    def __init__(self, X: Floats, y: Floats, fitted: logistic.Logistic, column: int) -> None:
        used = np.flatnonzero(np.isfinite(fitted.se))
        order = np.append(used[used != column], column)
        # A shift of the others changes the intercept alone.
        shift = X.mean(axis=0) if column else np.zeros(X.shape[1])
        design = np.column_stack([np.ones(len(y)), X - shift])[:, order]
        size = np.abs(design).max(axis=0)
        Q, R = np.linalg.qr(design / size)
        self.columns, R = Q * np.sqrt(len(y)), R / np.sqrt(len(y)) * size
        self.sign = np.where(y == 1, 1.0, -1.0)
        self.penalized = fitted.method == "Firth"
        self.centre, self.step = float(fitted.coefficients[column]), float(fitted.se[column])
        begin = np.zeros(len(used))
        if self.penalized:  # at the estimate, with columns that are orthogonal there
            coefficients = fitted.coefficients.copy()
            coefficients[0] += shift @ np.where(np.isfinite(fitted.se), coefficients, 0)[1:]
            predictor = design @ coefficients[order]
            weight = np.sqrt(expit(predictor) * expit(-predictor))
            again = np.linalg.qr(self.columns * weight[:, None])[1]
            self.columns, R = self.columns @ np.linalg.inv(again), again @ R
            begin = R @ coefficients[order]
        self.unit = float(R[-1, -1])
        self.top, self.best = self._search(begin, len(used))

    def miss(self, side: int, found: float, step: float) -> float:
        """Return how far a limit is from the slow one, as a share of its distance."""
        expected = self.limit(side, step)
        return abs(found - expected) / abs(expected - self.centre)

    def limit(self, side: int, step: float = STEP) -> float:
        """Return the first place outward, along the profile, that is too low."""
        self.near = self.best
        share = self._followed(side, step) if self.penalized else self._bracketed(side)
        return float(self.centre + side * share * self.step)

    def _bracketed(self, side: int) -> float:
        inner, outer = 0.0, 1.0
        while self._excess(side * outer)[0] > 0:
            inner, outer = outer, 2 * outer
            if outer > FAR:
                return np.inf
        root = brentq(lambda t: self._excess(side * t)[0], inner, outer, xtol=1e-13, rtol=1e-13)
        return float(root)

    def _followed(self, side: int, step: float) -> float:
        inner = 0.0
        while step > 1e-9 * max(inner, STEP):
            excess, place = self._excess(side * (inner + step))
            if excess > 0:
                inner, self.near = inner + step, place
            else:
                step /= 2
        return inner

    def _excess(self, steps: float) -> tuple[float, Floats]:
        value = (self.centre + steps * self.step) * self.unit
        height, place = self._search(np.append(self.near[:-1], value), len(self.near) - 1)
        return height - self.top + DROP, place

    def _search(self, start: Floats, free: int) -> tuple[float, Floats]:
        def place(moved: Floats) -> Floats:
            return np.append(moved, start[free:])

        def curvature(moved: Floats) -> Floats:
            predictor = self.columns @ place(moved)
            weight = expit(predictor) * expit(-predictor)
            return (self.columns * weight[:, None]).T[:free] @ self.columns[:, :free]

        def height(moved: Floats) -> tuple[float, Floats]:
            value, score = self._surface(place(moved))
            return -value, -score[:free]

        if self.penalized:
            found = minimize(height, start[:free], jac=True, method="BFGS", options={"gtol": 1e-6})
        else:
            found = minimize(
                height,
                start[:free],
                jac=True,
                hess=curvature,
                method="trust-exact",
                options={"gtol": 1e-8, "maxiter": 2000, "max_trust_radius": 1e6},
            )
        return -float(found.fun), place(found.x)

    def _surface(self, place: Floats) -> tuple[float, Floats]:
        predictor = self.columns @ place
        value = -np.logaddexp(0, -self.sign * predictor).sum()
        residual = self.sign * expit(-self.sign * predictor)
        if self.penalized:
            weight = expit(predictor) * expit(-predictor)
            half = self.columns * np.sqrt(weight)[:, None]
            size = np.abs(half).sum()
            if not np.isfinite(size) or size == 0:
                return -1e10, np.zeros(len(place))
            factor, R = np.linalg.qr(half)
            diagonal = np.abs(np.diag(R))
            if diagonal.min() < 1e-150:
                return -1e10, np.zeros(len(place))
            value += np.log(diagonal).sum()
            residual = residual + (factor**2).sum(axis=1) * (0.5 - expit(predictor))
        return float(value), self.columns.T @ residual
