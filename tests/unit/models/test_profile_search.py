"""The profile search against a slow, independent one, on studies that once ended it."""

import dataclasses
import functools
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import chi2

from microcalc.models import logistic, profile_likelihood

HERE = Path(__file__).parent / "profile"
DROP = chi2.ppf(0.95, 1) / 2


def _simulation():
    path = Path(__file__).parents[3] / "simulations" / "profile_intervals.py"
    spec = importlib.util.spec_from_file_location("simulation_profile_intervals", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIMULATION = _simulation()


def study(name):
    with np.load(HERE / f"{name}.npz") as data:
        return data["X"], data["y"].astype(float)


def fit(X, y):
    return logistic.fit(X, y, names=[f"x{i}" for i in range(X.shape[1])])


@functools.cache
def limits(name):
    X, y = study(name)
    return profile_likelihood.intervals(X, y, fit(X, y))


@pytest.mark.parametrize("name", ["crash_1_23", "crash_1_67", "wrong_1_78"])
def test_limits_are_those_of_a_slow_search(name):
    X, y = study(name)
    fitted = fit(X, y)
    low, high = profile_likelihood.intervals(X, y, fitted)
    assert np.isfinite([low, high]).all()
    for column in range(1, len(fitted.names)):
        slow = SIMULATION.SlowSearch(X, y, fitted, column)
        expected, found = [slow.limit(-1), slow.limit(1)], [low[column], high[column]]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, err_msg=str(column))


def test_the_limit_that_was_the_estimate_itself():
    X, y = study("wrong_1_78")
    assert profile_likelihood.intervals(X, y, fit(X, y))[1][1] == pytest.approx(0.129910, abs=1e-6)


def test_where_firths_profile_has_several_branches_the_estimates_is_followed():
    X, y = study("crash_1_67")
    fitted = fit(X, y)
    # Continued from the estimate in steps of 0.05, the penalized profile is 0.074 above the goal
    # at 0.948 and 0.064 below at 0.998; another maximum is higher there.
    assert profile_likelihood.intervals(X, y, fitted)[1][1] == pytest.approx(0.973532, abs=1e-6)


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
    expected, found = limits(name), profile_likelihood.intervals(moved, y, fit(moved, y))
    for side in (0, 1):
        np.testing.assert_allclose(found[side][1:] * units, expected[side][1:], rtol=1e-6)


def test_a_profile_that_never_falls_has_an_infinite_limit():
    x, y = np.array([[1.0], [2], [3], [4], [5], [6]]), np.array([0, 0, 0, 1, 1, 1])
    # As a program reports it that fits separated classes by maximum likelihood.
    claimed = dataclasses.replace(fit(x, y), method="maximum likelihood")
    low, high = profile_likelihood.intervals(x, y, claimed)
    assert high[1] == np.inf
    # The highest log-likelihood is 0; by symmetry the intercept is -3.5 times the slope.
    expected = brentq(lambda b: -2 * sum(np.log1p(np.exp(-b * d)) for d in (0.5, 1.5, 2.5)) + DROP,
                      0, 20, xtol=1e-12)  # fmt: skip
    assert low[1] == pytest.approx(expected, abs=1e-6)


def test_a_maximum_far_away_has_finite_limits():
    x = np.append(np.linspace(-1, 1, 20), [0.02, -0.02])[:, None]
    y = np.append(np.repeat([0, 1], 10), [0, 1])
    fitted = fit(x, y)
    low, high = profile_likelihood.intervals(x, y, fitted)
    assert fitted.method == "maximum likelihood"
    slow = SIMULATION.SlowSearch(x, y, fitted, 1)
    np.testing.assert_allclose([low[1], high[1]], [slow.limit(-1), slow.limit(1)], rtol=1e-6)


def test_rounding_ends_a_search_that_can_come_no_nearer(monkeypatch):
    # Classes so far apart at their limits that rounding moves the gradient by 1e-9: the search
    # for a maximum of 197 cases once took thousands of steps there that led nowhere.
    random = np.random.default_rng(0)
    X = np.column_stack([random.normal(55, 10, 197).round(), random.normal(size=197)])
    score = (X[:, 0] - 55) / 100 + X[:, 1]
    y = (score > np.quantile(score, 0.3)).astype(float)
    fitted = fit(X, y)
    evaluated = []
    at = profile_likelihood.PenalizedSurface.at
    monkeypatch.setattr(
        profile_likelihood.PenalizedSurface,
        "at",
        lambda self, place: evaluated.append(1) or at(self, place),
    )
    low, high = profile_likelihood.intervals(X, y, fitted)
    assert len(evaluated) < 5000
    slow = SIMULATION.SlowSearch(X, y, fitted, 2)
    expected = [slow.limit(-1), slow.limit(1)]
    np.testing.assert_allclose([low[2], high[2]], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["wrong_1_78", "crash_1_67"])
def test_a_maximum_that_is_not_reached_is_searched_again_nearer(name, monkeypatch):
    X, y = study(name)
    fitted = fit(X, y)
    expected = limits(name)
    climb, held = profile_likelihood.climb, []

    def failing(surface, start, *, free, steps=200):
        if free < len(start):
            held.append(start)
            if len(held) % 7 < 2:  # at times from both of the places that it begins at
                return surface.at(start + 0.1), False
        return climb(surface, start, free=free, steps=steps)

    monkeypatch.setattr(profile_likelihood, "climb", failing)
    found = profile_likelihood.intervals(X, y, fitted)
    assert len(held) > 100
    np.testing.assert_allclose(found, expected, rtol=1e-6)
