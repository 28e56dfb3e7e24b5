import numpy as np
import pytest

from microcalc.models import logistic
from microcalc.statistics import logit_fits


@pytest.fixture
def samples():
    """Seven samples of 60 cases: the second is separated, the third has one probability."""
    random = np.random.default_rng(8)
    p = random.uniform(0.02, 0.98, size=(7, 60))
    positive = random.random(p.shape) < p**2
    positive[1] = p[1] > 0.5
    p[2] = 0.3
    return positive, p


def test_slope_and_intercept_are_those_of_the_regression(samples):
    positive, p = samples
    estimates, errors = logit_fits.intercept_and_slope(positive, p)
    fitted = logistic.fit(logit_fits.logits(p[0])[:, None], positive[0], names=["logit"])
    assert estimates[0] == pytest.approx(fitted.coefficients, abs=1e-9)
    assert errors[0] == pytest.approx(fitted.se, abs=1e-9)


@pytest.mark.parametrize("fit", [logit_fits.intercept_and_slope, logit_fits.intercept_alone])
def test_samples_are_fitted_together_as_each_alone(samples, fit):
    positive, p = samples
    together = fit(positive, p)
    for i in range(len(p)):
        for all_of_them, alone in zip(together, fit(positive[[i]], p[[i]]), strict=True):
            np.testing.assert_array_equal(all_of_them[i], alone[0])


def test_what_has_no_slope_is_undefined(samples):
    estimates, errors = logit_fits.intercept_and_slope(*samples)
    undefined = np.isnan(estimates).all(axis=1) & np.isnan(errors).all(axis=1)
    assert undefined.tolist() == [False, True, True, False, False, False, False]


def test_sure_probabilities_leave_the_intercept_finite():
    positive, p = np.array([[True, False, True]]), np.array([[1.0, 0.0, 1.0]])
    assert np.isfinite(logit_fits.intercept_alone(positive, p)).all()
