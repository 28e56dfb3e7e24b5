"""The maximum of the logistic likelihood against statsmodels' generalized linear model."""

import numpy as np
import pytest
import statsmodels.api as sm

from microcalc.selection import likelihood


@pytest.fixture(params=range(5))
def cases(request):
    """A design with intercept whose columns differ in scale by a million, and outcomes."""
    random = np.random.default_rng(request.param)
    columns = random.normal(size=(150, 3)) * [1, 1e3, 1e-3]
    log_odds = columns @ [0.8, -5e-4, 300] - 1
    y = (random.random(150) < 1 / (1 + np.exp(-log_odds))).astype(float)
    return np.column_stack([np.ones(150), columns]), y


def test_it_is_the_maximum_of_statsmodels(cases):
    design, y = cases
    found = likelihood.maximum_likelihood(design, y)
    expected = sm.GLM(y, design, family=sm.families.Binomial()).fit(tol=1e-14)
    assert found.coefficients == pytest.approx(expected.params, rel=1e-10)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(expected.bse, rel=1e-6)
    assert found.log_likelihood == pytest.approx(expected.llf, rel=1e-12)


def test_halved_steps_reach_the_same_maximum(cases):
    design, y = cases
    none = np.zeros(design.shape[1], dtype=bool)
    # So far off that plain Newton steps would diverge.
    start = np.array([8.0, 0.0, 0.0, 0.0])
    coefficients, value = likelihood.constrained_maximum(design, y, fixed=none, start=start)
    expected = likelihood.maximum_likelihood(design, y)
    assert coefficients == pytest.approx(expected.coefficients, rel=1e-5)
    assert value == pytest.approx(expected.log_likelihood, rel=1e-12)


def test_a_held_coefficient_stays(cases):
    design, y = cases
    fixed = np.array([False, True, False, False])
    start = np.array([0.0, 0.3, 0.0, 0.0])
    coefficients, value = likelihood.constrained_maximum(design, y, fixed=fixed, start=start)
    offset = 0.3 * design[:, 1]
    expected = sm.GLM(y, design[:, ~fixed], family=sm.families.Binomial(), offset=offset).fit()
    assert coefficients[1] == 0.3
    assert coefficients[~fixed] == pytest.approx(expected.params, rel=1e-5)
    assert value == pytest.approx(expected.llf, rel=1e-12)
