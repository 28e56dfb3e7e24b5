"""The profile search against a slow, independent one, on studies that once ended it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize
from scipy.special import expit
from scipy.stats import chi2

from microcalc.models import logistic, profile

HERE = Path(__file__).parent / "profile"
DROP = chi2.ppf(0.95, 1) / 2


def study(name):
    with np.load(HERE / f"{name}.npz") as data:
        return data["X"], data["y"].astype(float)


def fit(X, y):
    return logistic.fit(X, y, names=[f"x{i}" for i in range(X.shape[1])])


class Slow:
    """scipy's minimizers on standardized columns, begun anew for every value held."""

    def __init__(self, X, y, column, *, penalized):
        Z = (X - X.mean(axis=0)) / X.std(axis=0)
        self.design = np.column_stack([np.ones(len(y)), Z])
        self.held = self.design[:, column]
        self.free = np.delete(self.design, column, axis=1)
        self.unit = X.std(axis=0)[column - 1]
        self.sign, self.penalized = np.where(y == 1, 1.0, -1.0), penalized
        self.y = y

    def height(self, value, start):
        def surface(beta):
            predictor = self.free @ beta + self.held * value
            weight = expit(predictor) * expit(-predictor)
            residual = self.sign * expit(-self.sign * predictor)
            total = -np.logaddexp(0, -self.sign * predictor).sum()
            if self.penalized:
                root, R = np.linalg.qr(self.design * np.sqrt(weight)[:, None])
                total += np.log(np.abs(np.diag(R))).sum()
                residual = residual + (root**2).sum(axis=1) * (0.5 - expit(predictor))
            return -total, -(self.free.T @ residual)

        found = minimize(surface, start, jac=True, method="BFGS", options={"gtol": 1e-9})
        return -found.fun, found.x

    def limits(self, coefficient, se):
        centre, step = coefficient * self.unit, se * self.unit
        start = np.zeros(self.free.shape[1])
        top, start = self.height(centre, start)

        def excess(value):
            return self.height(value, start)[0] - top + DROP

        ends = []
        for side in (-1, 1):
            outer = next(k for k in range(1, 60) if excess(centre + side * k * step / 2) < 0)
            inner, outer = centre + side * (outer - 1) * step / 2, centre + side * outer * step / 2
            ends.append(brentq(excess, inner, outer, xtol=1e-12) / self.unit)
        return ends


@pytest.mark.parametrize("name", ["crash_1_23", "crash_1_67", "wrong_1_78"])
def test_limits_are_those_of_a_slow_search(name):
    X, y = study(name)
    fitted = fit(X, y)
    low, high = profile.intervals(X, y, fitted)
    assert np.isfinite([low, high]).all()
    for column in range(1, len(fitted.names)):
        slow = Slow(X, y, column, penalized=fitted.method == "Firth")
        expected = slow.limits(fitted.coefficients[column], fitted.se[column])
        found = [low[column], high[column]]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, err_msg=str(column))


def test_the_limit_that_was_the_estimate_itself():
    X, y = study("wrong_1_78")
    assert profile.intervals(X, y, fit(X, y))[1][1] == pytest.approx(0.129910, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["crash_1_23", "crash_1_67", "wrong_1_78"]),
    powers=st.lists(st.integers(-6, 6), min_size=7, max_size=7),
    offsets=st.lists(st.sampled_from([0.0, 1.0, -1e3, 1e6]), min_size=7, max_size=7),
)
def test_neither_units_nor_offsets_matter(name, powers, offsets):
    X, y = study(name)
    units = 10.0 ** np.array(powers)
    moved = (X + np.array(offsets) * X.std(axis=0)) * units
    expected, found = (profile.intervals(Z, y, fit(Z, y)) for Z in (X, moved))
    for side in (0, 1):
        np.testing.assert_allclose(found[side][1:] * units, expected[side][1:], rtol=1e-6)


def test_a_profile_that_never_falls_has_an_infinite_limit():
    x, y = np.array([[1.0], [2], [3], [4], [5], [6]]), np.array([0, 0, 0, 1, 1, 1])
    # As a program reports it that fits separated classes by maximum likelihood.
    claimed = dataclasses.replace(fit(x, y), method="maximum likelihood")
    low, high = profile.intervals(x, y, claimed)
    assert high[1] == np.inf
    # The highest log-likelihood is 0; by symmetry the intercept is -3.5 times the slope.
    expected = brentq(lambda b: -2 * sum(np.log1p(np.exp(-b * d)) for d in (0.5, 1.5, 2.5)) + DROP,
                      0, 20, xtol=1e-12)  # fmt: skip
    assert low[1] == pytest.approx(expected, abs=1e-6)


def test_a_maximum_far_away_has_finite_limits():
    x = np.append(np.linspace(-1, 1, 20), [0.02, -0.02])[:, None]
    y = np.append(np.repeat([0, 1], 10), [0, 1])
    fitted = fit(x, y)
    low, high = profile.intervals(x, y, fitted)
    assert fitted.method == "maximum likelihood"
    slow = Slow(x, y, 1, penalized=False).limits(fitted.coefficients[1], fitted.se[1])
    np.testing.assert_allclose([low[1], high[1]], slow, rtol=1e-6)
