"""The sandwich over patients against statsmodels, and where it is used."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from microcalc.models import clustered, logistic, regression

CLINICAL = {"age": {"kind": "continuous"}, "size": {"kind": "continuous"}}
SETTINGS = {"missing": "impute"}


@pytest.fixture
def cases() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    patient = np.repeat(np.arange(60), rng.integers(1, 4, 60))
    shared = rng.normal(size=60)[patient]
    age, size = 50 + 8 * shared, rng.normal(20, 5, len(patient))
    logit = 1.2 * rng.normal(size=60)[patient] + 0.05 * (age - 50) + 0.05 * (size - 20)
    return pd.DataFrame(
        {
            "patient_id": [f"P{i}" for i in patient],
            "y": (rng.random(len(patient)) < 1 / (1 + np.exp(-logit))).astype(int),
            "age": age,
            "size": size,
        }
    )


def test_it_is_the_sandwich_of_statsmodels(cases: pd.DataFrame) -> None:
    X, y = cases[["age", "size"]].to_numpy(), cases["y"].to_numpy()
    plain = logistic.fit(X, y, names=["age", "size"])
    robust = clustered.by_patient(plain, X, y, cases["patient_id"])
    codes = pd.factorize(cases["patient_id"])[0]
    expected = sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit(
        tol=1e-14, cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    np.testing.assert_allclose(robust.covariance, expected.cov_params() * 60 / 59, rtol=1e-8)
    np.testing.assert_array_equal(robust.coefficients, plain.coefficients)
    reach = 1.959963984540054 * robust.se
    np.testing.assert_allclose(robust.high - robust.coefficients, reach)


def test_a_column_left_out_stays_without_an_error(cases: pd.DataFrame) -> None:
    X = cases[["age", "age"]].to_numpy()
    plain = logistic.fit(X, cases["y"], names=["age", "again"])
    robust = clustered.by_patient(plain, X, cases["y"], cases["patient_id"])
    assert np.isnan(robust.se[2])
    assert np.isfinite(robust.se[:2]).all()


def test_regressions_are_clustered_where_patients_repeat(cases: pd.DataFrame) -> None:
    found = regression.fit([cases], ["age", "size"], CLINICAL, SETTINGS, profile=True)
    assert found.method.endswith("cluster-robust by patient")
    numbers = found.numbers("age")
    assert np.isnan(numbers["or_profile_low"])
    test = found.test("age", "likelihood_ratio")
    assert test.chi_square == pytest.approx((numbers["coefficient"] / numbers["se"]) ** 2)
    alone = cases.assign(patient_id=[f"P{i}" for i in range(len(cases))])
    plain = regression.fit([alone], ["age", "size"], CLINICAL, SETTINGS, profile=True)
    assert plain.method == "maximum likelihood"
    # Age is the patient's, so that its cases tell less than they seem to.
    assert numbers["se"] > plain.numbers("age")["se"]
    assert np.isfinite(plain.numbers("age")["or_profile_low"])
