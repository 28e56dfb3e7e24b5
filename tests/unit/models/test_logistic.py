import numpy as np
import pandas as pd
import pytest
from firthmodels import FirthLogisticRegression
from tests.unit.models.birthwt import CLINICAL, EXACT, LOGISTIC, ORACLES, TABLE, R, r_name

from microcalc.config.clinical_settings import ScreeningSettings
from microcalc.core.errors import StudyError
from microcalc.models import design, logistic

CODING = design.fit(TABLE, R["predictors"], CLINICAL, ScreeningSettings())
X = CODING.matrix(TABLE)
Y = TABLE["y"].to_numpy()
SEPARATION = pd.read_csv(ORACLES / "data" / "separation10.csv")


def test_agrees_with_r() -> None:
    fitted = logistic.fit(X, Y, names=CODING.columns)
    expected = {term["name"]: term for term in R["multivariate_all"]["terms"]}
    assert fitted.method == "maximum likelihood"
    for i, name in enumerate(fitted.names):
        term = expected[r_name(name)]
        assert fitted.coefficients[i] == pytest.approx(term["coef"], abs=1e-10, rel=1e-10)
        assert fitted.se[i] == pytest.approx(EXACT["se_exact"][r_name(name)], rel=1e-10)
        assert fitted.se[i] == pytest.approx(term["se"], rel=1e-8)  # R stops a step earlier
        assert fitted.p[i] == pytest.approx(term["p_wald"], abs=1e-8)
        assert fitted.odds_ratio[i] == pytest.approx(term["OR"], rel=1e-10)
        limits = np.exp([fitted.low[i], fitted.high[i]])
        np.testing.assert_allclose(limits, term["OR_ci95_wald"], rtol=1e-7)
    assert fitted.log_likelihood == pytest.approx(R["multivariate_all"]["logLik"], abs=1e-10)
    assert (fitted.n, fitted.n_positive) == (189, 59)


def test_covariance_agrees_with_r() -> None:
    fitted = logistic.fit(X, Y, names=CODING.columns)
    names = [term["name"] for term in R["multivariate_all"]["terms"]]
    order = [names.index(r_name(name)) for name in fitted.names]
    expected = np.array(R["multivariate_all"]["vcov"])[np.ix_(order, order)]
    np.testing.assert_allclose(fitted.covariance, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("test", R["multivariate_all"]["lrt_per_term"], ids=lambda t: t["term"])
def test_likelihood_ratio_per_variable_agrees_with_r(test: dict) -> None:
    found = logistic.drop_test(X, Y, np.array(CODING.groups) == test["term"])
    assert found.df == test["df"]
    assert found.chi_square == pytest.approx(test["chisq"], rel=1e-8)
    assert found.p == pytest.approx(test["p"], rel=1e-8)


@pytest.mark.parametrize("name", R["predictors"])
def test_univariable_models_agree_with_r(name: str) -> None:
    columns = np.array(CODING.groups) == name
    fitted = logistic.fit(X[:, columns], Y, names=np.array(CODING.columns)[columns])
    expected = {term["name"]: term["coef"] for term in R["univariate"][name]["terms"]}
    for column, value in zip(fitted.names, fitted.coefficients, strict=True):
        assert value == pytest.approx(expected[r_name(column)], abs=1e-9)


def test_complete_separation_is_answered_by_firth() -> None:
    x, y = SEPARATION[["x"]].to_numpy(dtype=float), SEPARATION["y"].to_numpy()
    assert LOGISTIC["separation10"]["converged"] is False  # R gives up
    fitted = logistic.fit(x, y, names=["x"])
    assert fitted.method == "Firth"
    library = FirthLogisticRegression(backend="numpy", gtol=1e-6, xtol=1e-6, max_iter=100)
    library.fit(x, y).lrt()
    assert fitted.coefficients[1] == pytest.approx(library.coef_[0], rel=1e-6)
    assert fitted.se[1] == pytest.approx(library.bse_[0], rel=1e-6)
    assert fitted.log_likelihood == pytest.approx(library.loglik_, abs=1e-10)
    assert logistic.drop_test(x, y, [True]).p == pytest.approx(library.lrt_pvalues_[0], rel=1e-6)


def test_quasi_complete_separation_in_one_level() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    rare = ((np.arange(80) < 30) & (y == 1)).astype(float)  # only positives have it
    z = rng.normal(size=80)
    fitted = logistic.fit(np.column_stack([rare, z]), y, names=["rare", "z"])
    assert fitted.method == "Firth"
    assert np.isfinite(fitted.coefficients).all()
    assert 0 < fitted.coefficients[1] < 10


def test_a_strong_predictor_is_no_separation() -> None:
    x = np.concatenate([np.linspace(-30, 1, 50), np.linspace(-1, 30, 50)])
    y = np.repeat([0, 1], 50)
    assert logistic.fit(x[:, None], y, names=["x"]).method == "maximum likelihood"


def test_penalized_test_of_several_columns_holds_them_together() -> None:
    rng = np.random.default_rng(1)
    group = rng.integers(0, 3, 60)
    y = np.where(group == 2, 1, rng.integers(0, 2, 60))
    columns = np.column_stack([group == 1, group == 2, rng.normal(size=60)]).astype(float)
    found = logistic.drop_test(columns, y, [True, True, False])
    assert found.df == 2
    # Held at zero under the full penalty the maximum cannot exceed a one-column restriction.
    one = logistic.drop_test(columns, y, [False, True, False])
    assert found.chi_square > one.chi_square
    assert found.p < 0.01


def test_a_repeated_column_is_left_out() -> None:
    rng = np.random.default_rng(2)
    z, y = rng.normal(size=(50, 2)), rng.integers(0, 2, 50)
    both = logistic.fit(np.column_stack([z, z[:, 0] + z[:, 1]]), y, names=["a", "b", "sum"])
    assert both.coefficients[3] == 0
    assert np.isnan(both.se[3])
    plain = logistic.fit(z, y, names=["a", "b"])
    np.testing.assert_allclose(both.coefficients[:3], plain.coefficients, rtol=1e-10)
    assert logistic.drop_test(np.column_stack([z, z[:, 0]]), y, [0, 0, 1]).df == 0


def test_intercept_alone_is_the_prevalence() -> None:
    fitted = logistic.fit(np.empty((40, 0)), np.repeat([0, 1], [10, 30]), names=[])
    assert fitted.coefficients[0] == pytest.approx(np.log(3), abs=1e-12)


def test_more_columns_than_cases_is_survived() -> None:
    rng = np.random.default_rng(3)
    fitted = logistic.fit(rng.normal(size=(6, 9)), [0, 1, 0, 1, 1, 0], names=list("abcdefghi"))
    assert fitted.method == "Firth"
    assert np.isfinite(fitted.coefficients).all()


def test_one_class_is_refused() -> None:
    with pytest.raises(StudyError, match="0 negative"):
        logistic.fit(np.zeros((3, 1)), [1, 1, 1], names=["x"])
