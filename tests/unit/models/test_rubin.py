from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import f, t

from microcalc.models import logistic, rubin

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 2))
Y = RNG.integers(0, 2, 50)
ONE = logistic.fit(X, Y, names=["a", "b"])


def moved(*by: float) -> logistic.Logistic:
    """A fit whose second coefficient is moved, and whose variances are all 0.04."""
    shift = np.array([0.0, *by])
    return replace(ONE, coefficients=shift, covariance=0.04 * np.eye(3))


def test_by_hand() -> None:
    pooled = rubin.pool([moved(0.3, 0.0), moved(0.5, 0.0), moved(0.7, 0.0)])
    # mean 0.5, within 0.04, between 0.04: total 0.04 + 4/3 * 0.04
    assert pooled.coefficients[1] == pytest.approx(0.5)
    total = 0.04 + 0.04 * 4 / 3
    assert pooled.se[1] == pytest.approx(np.sqrt(total))
    lost = 0.04 * 4 / 3 / total
    old, complete = 2 / lost**2, 50 - 3
    observed = (complete + 1) / (complete + 3) * complete * (1 - lost)
    df = 1 / (1 / old + 1 / observed)
    assert pooled.df is not None
    assert pooled.df[1] == pytest.approx(df)
    assert pooled.p[1] == pytest.approx(2 * t.sf(0.5 / np.sqrt(total), df))
    assert pooled.high[1] == pytest.approx(0.5 + t.ppf(0.975, df) * np.sqrt(total))


def test_equal_fits_lose_nothing() -> None:
    pooled = rubin.pool([ONE, ONE, ONE])
    np.testing.assert_allclose(pooled.covariance, ONE.covariance)
    found = rubin.wald_test([ONE, ONE, ONE], [True, True])
    assert found.chi_square == pytest.approx(logistic.wald_test(ONE, [True, True]).chi_square)
    assert found.p == pytest.approx(logistic.wald_test(ONE, [True, True]).p, abs=1e-9)


def test_one_fit_is_itself() -> None:
    assert rubin.pool([ONE]) is ONE


def test_the_test_of_one_coefficient_is_its_squared_t() -> None:
    fits = [moved(0.3, 0.1), moved(0.5, -0.1), moved(0.7, 0.2)]
    pooled = rubin.pool(fits)
    found = rubin.wald_test(fits, [True, False])
    assert found.chi_square == pytest.approx(pooled.z[1] ** 2)
    # Li, Raghunathan and Rubin's degrees of freedom for k (m - 1) = 2.
    increase = 4 / 3
    df = 2 * (1 + 1) * (1 + 1 / increase) ** 2 / 2
    assert found.p == pytest.approx(f.sf(found.chi_square, 1, df))


def test_nothing_to_test() -> None:
    assert rubin.wald_test([ONE, ONE], [False, False]).p == 1.0
