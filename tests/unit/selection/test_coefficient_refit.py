import numpy as np
import pytest
import statsmodels.api as sm

from microcalc.selection import coefficient_refit, lasso


def data(seed: int = 0, n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 3))
    return Z, (rng.random(n) < 1 / (1 + np.exp(-Z[:, 0]))).astype(int)


def test_logistic_is_unpenalized() -> None:
    Z, y = data()
    intercept, coefficients = coefficient_refit.logistic(Z, y)
    expected = sm.Logit(y, sm.add_constant(Z)).fit(disp=0, method="newton", maxiter=100).params
    np.testing.assert_allclose([intercept, *coefficients], expected, rtol=1e-6)


def test_logistic_survives_separation_and_repeated_columns() -> None:
    Z, _ = data()
    y = (Z[:, 0] > 0).astype(int)
    _, coefficients = coefficient_refit.logistic(np.column_stack([Z, Z[:, 0]]), y)
    assert np.isfinite(coefficients).all()
    assert coefficients[3] == 0


def test_ridge_keeps_all_and_satisfies_its_equations() -> None:
    Z, y = data()
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    folds = np.arange(90) % 5
    intercept, coefficients = coefficient_refit.ridge(Z, y, folds)
    assert (coefficients != 0).all()
    tuned = lasso.cross_validate(Z, y, folds=folds, alpha=0.0)
    residual = y - 1 / (1 + np.exp(-(intercept + Z @ coefficients)))
    gradient = (Z * residual[:, None]).mean(axis=0)
    np.testing.assert_allclose(gradient, tuned.lambda_min * coefficients, atol=1e-7)


def test_ridge_without_folds_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to refit"):
        coefficient_refit.ridge(*data(), None)
