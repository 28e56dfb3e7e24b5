import numpy as np
import pytest
from scipy.stats import chi2
from tests.unit.models.birthwt import CLINICAL, EXACT, TABLE, R, r_name

from microcalc.config.clinical_settings import ScreeningSettings
from microcalc.models import design, logistic, profile_likelihood
from microcalc.selection.likelihood import penalized_maximum

CODING = design.fit(TABLE, R["predictors"], CLINICAL, ScreeningSettings())
X = CODING.matrix(TABLE)
Y = TABLE["y"].to_numpy()


def test_limits_are_the_exact_roots() -> None:
    fitted = logistic.fit(X, Y, names=CODING.columns)
    low, high = profile_likelihood.intervals(X, Y, fitted)
    for i, name in enumerate(fitted.names):
        expected = EXACT["terms"][r_name(name)]["coef_ci95_profile_exact"]
        np.testing.assert_allclose([low[i], high[i]], expected, atol=1e-9)


def test_variance_inflation_agrees_with_r() -> None:
    fitted = logistic.fit(X, Y, names=CODING.columns)
    expected = R["multivariate_all"]["vif_rms"]
    assert np.isnan(fitted.vif[0])
    for name, value in zip(fitted.names[1:], fitted.vif[1:], strict=True):
        assert value == pytest.approx(expected[r_name(name)], rel=1e-7)


def test_under_separation_the_penalized_likelihood_falls_by_as_much() -> None:
    x, y = np.arange(10.0)[:, None], np.repeat([0, 1], 5)
    fitted = logistic.fit(x, y, names=["x"])
    low, high = profile_likelihood.intervals(x, y, fitted)
    assert fitted.method == "Firth"
    matrix = np.column_stack([np.ones(10), x])
    for limit in (low[1], high[1]):
        start = np.array([fitted.coefficients[0], limit])
        held = penalized_maximum(matrix, y, fixed=np.array([False, True]), start=start)
        fall = 2 * (fitted.log_likelihood - held.log_likelihood)
        assert fall == pytest.approx(chi2.ppf(0.95, 1), abs=1e-6)


def test_a_repeated_column_has_no_limits() -> None:
    twice = np.column_stack([X[:, :1], X[:, :1]])
    low, high = profile_likelihood.intervals(twice, Y, logistic.fit(twice, Y, names=["a", "b"]))
    assert np.isfinite([low[1], high[1]]).all()
    assert np.isnan([low[2], high[2]]).all()
