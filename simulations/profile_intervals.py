"""Whether profile-likelihood limits are right, whatever units, offsets, separation and size.

Limits of some coefficients are compared with a slow search that shares no code with it: scipy's
minimizers on the columns' QR factors, a bracket that grows by doubling, Brent's root. Firth's
penalized likelihood may have several maxima: there the highest of six slow searches with the
coefficient held at the limit is compared with the goal. Above it (`firth_too_narrow`) the limit
is wrong; below it (`firth_unconfirmed`) the slow searches missed the maximum that was found.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit
from scipy.stats import chi2

from microcalc.models import logistic, profile

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
REPLICATES = 12  # of 28 cells
SAMPLE = 1
# Of the distance between limit and estimate.
TOLERANCE = 1e-6
# Coefficients of a study whose limits are searched slowly too; the intercept may be one.
COMPARED = 2
# One study in so many is compared.
EVERY = 6
# A slow profile this much above or below the goal at a limit of Firth's method is another one.
HEIGHT = 1e-6
COUNTS = (
    *("firth", "limits", "failures", "infinite", "disordered", "compared", "contradicted"),
    *("firth_checked", "firth_too_narrow", "firth_unconfirmed"),
)
DROP = chi2.ppf(0.95, 1) / 2
FAR = 1e7


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return how the limits of all studies, and of some beside the slow search, came out."""
    seen = dict.fromkeys(COUNTS, 0) | {"largest_difference": 0.0}
    for run in range(replicates):
        X, y = _study(cell, rng)
        try:
            fitted = logistic.fit(X, y, names=[f"x{i}" for i in range(X.shape[1])])
            low, high = profile.intervals(X, y, fitted)
        except Exception:
            seen["failures"] += 1
            continue
        kept = np.flatnonzero(np.isfinite(fitted.se))
        firth = fitted.method == "Firth"
        seen["firth"] += firth
        seen["limits"] += 2 * len(kept)
        seen["infinite"] += int(np.isinf([low[kept], high[kept]]).sum())
        seen["disordered"] += int((low[kept] >= fitted.coefficients[kept]).sum())
        seen["disordered"] += int((high[kept] <= fitted.coefficients[kept]).sum())
        for column in rng.permutation(kept)[: COMPARED if run % EVERY == 0 else 0]:
            slow = _Slow(X, y, fitted, int(column))
            for side, found in ((-1, float(low[column])), (1, float(high[column]))):
                if firth and np.isfinite(found):
                    height = slow.excess_from_many_starts(found, rng)
                    seen["firth_checked"] += 1
                    seen["firth_too_narrow"] += height > HEIGHT
                    seen["firth_unconfirmed"] += height < -HEIGHT
                    continue
                expected = slow.limit(side)
                seen["compared"] += 1
                seen["contradicted"] += bool(np.isinf(found) != np.isinf(expected))
                if np.isfinite([found, expected]).all():
                    miss = abs(found - expected) / abs(expected - slow.centre)
                    seen["largest_difference"] = max(seen["largest_difference"], miss)
    return seen


def faults(rows: pd.DataFrame) -> list[str]:
    """Return what is wrong: no Monte Carlo error is allowed for, since none is right by chance."""
    found = []
    for _, row in rows.iterrows():
        where = f"{row['kind']}, n {row['least_n']}-{row['most_n']}"
        where += f", {row['least_columns']}-{row['most_columns']} columns"
        wrong = ("failures", "disordered", "contradicted", "firth_too_narrow")
        found += [f"{where}: {row[name]} {name.replace('_', ' ')}" for name in wrong if row[name]]
        if row["largest_difference"] > TOLERANCE:
            found.append(f"{where}: a limit is off by {row['largest_difference']:.1e}")
        if row["compared"] + row["firth_checked"] == 0:
            found.append(f"{where}: no limit was compared")
    if not rows.loc[rows["kind"] == "separated", "firth"].sum():
        found.append("no study under Firth's method")
    return found


def _study(cell: Mapping[str, Any], rng: np.random.Generator) -> tuple[Floats, Floats]:
    while True:
        n = int(rng.integers(cell["least_n"], cell["most_n"] + 1))
        q = int(rng.integers(cell["least_columns"], cell["most_columns"] + 1))
        X, y = _cases(str(cell["kind"]), n, q, rng)
        if 0 < y.sum() < n:
            return X, y


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
    elif kind == "nearly separated":
        y = (rng.random(n) < expit(4 * score)).astype(float)
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


class _Slow:
    """The profile of one coefficient by scipy's minimizers on the columns' QR factors."""

    def __init__(self, X: Floats, y: Floats, fitted: logistic.Logistic, column: int) -> None:
        used = np.flatnonzero(np.isfinite(fitted.se))
        # A shift of the others changes the intercept alone.
        shift = X.mean(axis=0) if column else 0.0
        design = np.column_stack([np.ones(len(y)), X - shift])
        ordered = design[:, np.append(used[used != column], column)]
        Q, R = np.linalg.qr(ordered / np.abs(ordered).max(axis=0))
        self.columns = Q * np.sqrt(len(y))
        self.unit = float(R[-1, -1] / np.sqrt(len(y)) * np.abs(ordered[:, -1]).max())
        self.sign = np.where(y == 1, 1.0, -1.0)
        self.penalized = fitted.method == "Firth"
        self.centre, self.step = float(fitted.coefficients[column]), float(fitted.se[column])
        self.near = np.zeros(len(used))
        if self.penalized:  # a few plain steps toward separation: a second start
            self.near = minimize(
                lambda b: np.logaddexp(0, -self.sign * (self.columns @ b)).sum(),
                self.near,
                method="BFGS",
                options={"maxiter": 6},
            ).x
        self.top, self.best = self._highest(self.near, len(used))

    def limit(self, side: int) -> float:
        """Return the first place outward, steps doubling, beyond which the profile is too low."""
        self.near = self.best
        inner, outer = 0.0, 1.0
        while self._excess(side * outer) > 0:
            inner, outer = outer, 2 * outer
            if outer > FAR:
                return side * np.inf
        share = brentq(lambda t: self._excess(side * t), inner, outer, xtol=1e-13, rtol=1e-13)
        return float(self.centre + side * share * self.step)

    def excess_from_many_starts(self, value: float, rng: np.random.Generator) -> float:
        """Return how far the highest maximum found with the coefficient held is above the goal."""
        free, held = len(self.near) - 1, value * self.unit
        starts = [np.zeros(free), self.best[:-1], self.best[:-1] * held / self.best[-1]]
        starts += [rng.normal(size=free) * size for size in (0.5, 1, 2)]
        tops = [self._search(np.append(start, held), free)[0] for start in starts]
        return max(tops) - self.top + DROP

    def _excess(self, steps: float) -> float:
        value = (self.centre + steps * self.step) * self.unit
        height, self.near = self._highest(np.append(self.near[:-1], value), len(self.near) - 1)
        return height - self.top + DROP

    def _highest(self, start: Floats, free: int) -> tuple[float, Floats]:
        starts = [start]
        if self.penalized:
            starts.append(np.append(np.zeros(free), start[free:]))
        return max((self._search(s, free) for s in starts), key=lambda pair: pair[0])

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
            found = minimize(height, start[:free], jac=True, method="BFGS", options={"gtol": 1e-7})
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
