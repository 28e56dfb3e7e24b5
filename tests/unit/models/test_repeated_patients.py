"""Patients with several cases: the correlation, what it adds to the covariance, and the tests."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm
from scipy.special import expit
from scipy.stats import chi2, f, t

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.models import logistic, regression, repeated_patients, rubin

CLINICAL = {
    "age": ClinicalVariable(kind="continuous"),
    "size": ClinicalVariable(kind="continuous"),
    "grade": ClinicalVariable(kind="categorical", levels=("low", "middle", "high")),
}
SETTINGS = ScreeningSettings(indicator_from=None)
NAMES = ["age", "size"]


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
            "grade": rng.choice(["low", "middle", "high"], 60, p=[0.5, 0.4, 0.1])[patient],
        }
    )


def given(cases: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns age and size, the outcome, the patients."""
    return cases[NAMES].to_numpy(), cases["y"].to_numpy(), cases["patient_id"].to_numpy()


def dense(
    X: np.ndarray, y: np.ndarray, patients: np.ndarray, fitted: logistic.Logistic
) -> tuple[float, np.ndarray]:
    """The correlation and the covariance, written down with n x n matrices."""
    design = np.column_stack([np.ones(len(y)), X])
    probability = expit(design @ fitted.coefficients)
    weight = probability * (1 - probability)
    bread = np.linalg.inv(design.T @ np.diag(weight) @ design)
    root = np.diag(np.sqrt(weight))
    hat = root @ design @ bread @ design.T @ root
    pearson = (y - probability) / np.sqrt(weight)
    products, squares = 0.0, 0.0
    for patient in np.unique(patients):
        own = np.flatnonzero(patients == patient)
        if len(own) > 1:
            left = np.eye(len(own)) - hat[np.ix_(own, own)]
            adjusted = np.linalg.inv(np.real(sqrtm(left))) @ pearson[own]
            pairs = np.outer(adjusted, adjusted)
            products += (pairs.sum() - np.trace(pairs)) / (len(own) - 1)
            squares += np.trace(pairs)
    correlation = min(max(products / squares, 0.0), 1.0)
    same = patients[:, None] == patients[None, :]
    working = np.where(same, correlation, 0.0) + (1 - correlation) * np.eye(len(y))
    sandwich = bread @ design.T @ root @ working @ root @ design @ bread
    # No combination of the coefficients may have less than the model's variance.
    lower = np.linalg.cholesky(bread)
    inverse = np.linalg.inv(lower)
    values, directions = np.linalg.eigh(inverse @ sandwich @ inverse.T)
    floored = directions @ np.diag(np.maximum(values, 1.0)) @ directions.T
    return correlation, lower @ floored @ lower.T


def test_it_is_the_sandwich_of_the_estimated_correlation(cases: pd.DataFrame) -> None:
    X, y, patients = given(cases)
    plain = logistic.fit(X, y, names=NAMES)
    corrected = repeated_patients.by_patient(plain, X, y, patients)
    correlation, covariance = dense(X, y, patients, plain)
    found = repeated_patients.within_patient_correlation(plain, X, y, patients)
    assert 0.05 < found < 0.9
    assert found == pytest.approx(correlation, rel=1e-9)
    np.testing.assert_allclose(corrected.covariance, covariance, rtol=1e-8)
    np.testing.assert_array_equal(corrected.coefficients, plain.coefficients)
    reach = t.ppf(0.975, 60 - 3) * corrected.se
    np.testing.assert_allclose(corrected.high - corrected.coefficients, reach)
    z = corrected.coefficients / corrected.se
    np.testing.assert_allclose(corrected.p, 2 * t.sf(np.abs(z), 60 - 3))


def test_cases_told_twice_tell_as_much_as_once(cases: pd.DataFrame) -> None:
    once = cases.drop_duplicates("patient_id")
    twice = pd.concat([once, once])
    X, y, _ = given(once)
    plain = logistic.fit(X, y, names=NAMES)
    doubled = logistic.fit(*given(twice)[:2], names=NAMES)
    assert repeated_patients.within_patient_correlation(doubled, *given(twice)) == pytest.approx(
        1.0
    )
    corrected = repeated_patients.by_patient(doubled, *given(twice))
    np.testing.assert_allclose(corrected.covariance, plain.covariance, rtol=1e-6)
    for marks in ([True, False], [True, True]):
        alone = logistic.drop_test(X, y, marks)
        test = repeated_patients.drop_test(*given(twice), marks)
        assert test.chi_square == pytest.approx(alone.chi_square, rel=1e-6)
        k = sum(marks)
        assert test.p == pytest.approx(f.sf(alone.chi_square / k, k, k * (len(once) - 3)), rel=1e-5)


def test_without_repeats_all_is_as_it_was(cases: pd.DataFrame) -> None:
    X, y, _ = given(cases)
    everyone = np.arange(len(y))
    plain = logistic.fit(X, y, names=NAMES)
    np.testing.assert_array_equal(
        repeated_patients.by_patient(plain, X, y, everyone).covariance, plain.covariance
    )
    expected = logistic.drop_test(X, y, [True, False])
    found = repeated_patients.drop_test(X, y, everyone, [True, False])
    assert found.chi_square == pytest.approx(expected.chi_square, rel=1e-12)
    alone = cases.assign(patient_id=everyone)
    fitted = regression.fit([alone], ["age", "grade"], CLINICAL, SETTINGS, confidence=0.95)
    nameless = regression.fit(
        [alone.drop(columns="patient_id")], ["age", "grade"], CLINICAL, SETTINGS, confidence=0.95
    )
    assert fitted.method == "maximum likelihood"
    assert fitted.numbers("age") == pytest.approx(nameless.numbers("age"), nan_ok=True)
    assert fitted.test("grade", "likelihood_ratio") == nameless.test("grade", "likelihood_ratio")


def test_one_patient_with_two_cases_moves_little() -> None:
    rng = np.random.default_rng(4)
    n = 60
    X = rng.choice([0.0, 1.0], (n, 1), p=[0.93, 0.07])
    y = (rng.random(n) < 0.6).astype(int)
    y[np.flatnonzero(X[:, 0])[:2]] = [0, 1]
    patients = np.arange(n)
    plain = logistic.drop_test(X, y, [True])
    patients[1] = patients[0]
    found = repeated_patients.drop_test(X, y, patients, [True])
    assert found.chi_square == pytest.approx(plain.chi_square, rel=0.05)
    assert plain.p < found.p < plain.p + 0.02


def test_neither_order_nor_names_of_patients_matter(cases: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    names = dict(zip(cases["patient_id"].unique(), rng.permutation(60).astype(str), strict=True))
    shuffled = cases.assign(patient_id=cases["patient_id"].map(names)).sample(
        frac=1, random_state=2
    )
    found = [
        regression.fit([table], ["age", "grade"], CLINICAL, SETTINGS, confidence=0.95, profile=True)
        for table in (cases, shuffled)
    ]
    for column in ("age", "grade=high"):
        one, other = (fitted.numbers(column) for fitted in found)
        assert one == pytest.approx(other, rel=1e-6)
    one, other = (fitted.test("grade", "likelihood_ratio") for fitted in found)
    assert one.p == pytest.approx(other.p, rel=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_no_variance_is_less_than_the_models(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(30), 2)
    # One case of each patient has the finding: a contrast within patients, which a shared
    # outcome makes more precise, not less.
    X = np.column_stack([np.tile([0.0, 1.0], 30), rng.normal(size=60)])
    y = np.repeat(rng.integers(0, 2, 30), 2) ^ (rng.random(60) < 0.2)
    plain = logistic.fit(X, y, names=NAMES)
    corrected = repeated_patients.by_patient(plain, X, y, patients)
    gained = np.linalg.eigvalsh(corrected.covariance - plain.covariance)
    assert gained.min() > -1e-12
    assert gained.max() > 1e-3
    assert (corrected.low < plain.low).all()
    assert (corrected.high > plain.high).all()
    for marks in ([True, False], [True, True]):
        without = logistic.drop_test(X, y, marks)
        assert repeated_patients.drop_test(X, y, patients, marks).p >= without.p


def test_where_the_data_separate_the_ratio_is_the_penalized_one() -> None:
    rng = np.random.default_rng(3)
    patients = np.r_[np.arange(40), np.arange(12)]
    y = rng.integers(0, 2, 52)
    y[40:] = y[:12]
    X = ((y == 1) & (patients % 3 == 0)).astype(float)[:, None]
    full = logistic.fit(X, y, names=["rare"])
    assert full.method == "Firth"
    penalized = logistic.drop_test(X, y, [True], full=full)
    found = repeated_patients.drop_test(X, y, patients, [True], full=full)
    corrected = repeated_patients.by_patient(full, X, y, patients)
    scale = full.covariance[1, 1] / corrected.covariance[1, 1]
    assert scale < 0.9
    assert found.chi_square == pytest.approx(penalized.chi_square * scale)
    assert found.p == pytest.approx(chi2.sf(found.chi_square, 1))


def test_a_level_of_one_patient_alone_counts_as_one_case() -> None:
    y = np.r_[np.tile([0, 1], 20), 1, 1]
    X = np.r_[np.zeros(40), 1, 1][:, None]
    patients = np.r_[np.arange(40), 40, 40]
    full = logistic.fit(X, y, names=["rare"])
    assert repeated_patients.within_patient_correlation(full, X, y, patients) == 1.0
    corrected = repeated_patients.by_patient(full, X, y, patients)
    assert corrected.se[1] / full.se[1] > 1.2
    assert (
        repeated_patients.drop_test(X, y, patients, [True]).p > logistic.drop_test(X, y, [True]).p
    )


def test_a_column_left_out_stays_without_an_error(cases: pd.DataFrame) -> None:
    X = cases[["age", "age", "size"]].to_numpy()
    y, patients = cases["y"].to_numpy(), cases["patient_id"].to_numpy()
    plain = logistic.fit(X, y, names=["age", "again", "size"])
    corrected = repeated_patients.by_patient(plain, X, y, patients)
    assert np.isnan(corrected.se[2])
    assert np.isfinite(corrected.se[[0, 1, 3]]).all()
    # What another column explains is not the tested one's, whichever of them the fit kept.
    nothing = repeated_patients.drop_test(X, y, patients, [True, False, False], full=plain)
    assert (nothing.df, nothing.p) == (0, 1.0)
    both = repeated_patients.drop_test(X, y, patients, [True, True, False], full=plain)
    alone = repeated_patients.drop_test(X[:, 1:], y, patients, [True, False])
    assert both.df == 1
    assert both.p == pytest.approx(alone.p, rel=1e-9)


def test_profile_limits_end_where_the_test_turns(cases: pd.DataFrame) -> None:
    X, y, patients = given(cases)
    full = logistic.fit(X, y, names=NAMES)
    for place, marks in ((1, [True, False]), (2, [False, True])):
        p = repeated_patients.drop_test(X, y, patients, marks, full=full).p
        low, high = repeated_patients.profile_intervals(full, X, y, patients, confidence=1 - p)
        assert min(abs(low[place]), abs(high[place])) < 1e-6
        assert max(abs(low[place]), abs(high[place])) > abs(full.coefficients[place])


@pytest.mark.parametrize("test", ["likelihood_ratio", "wald"])
def test_regressions_know_where_patients_repeat(cases: pd.DataFrame, test: str) -> None:
    found = regression.fit(
        [cases], ["age", "size"], CLINICAL, SETTINGS, confidence=0.95, profile=True
    )
    assert found.method == "maximum likelihood, corrected for repeated patients"
    alone = cases.assign(patient_id=np.arange(len(cases)))
    plain = regression.fit(
        [alone], ["age", "size"], CLINICAL, SETTINGS, confidence=0.95, profile=True
    )
    # Age is the patient's, so that its cases tell less than they seem to.
    numbers, others = found.numbers("age"), plain.numbers("age")
    assert numbers["se"] > others["se"]
    assert numbers["or_profile_low"] < others["or_profile_low"]
    assert numbers["or_profile_high"] > others["or_profile_high"]
    assert numbers["vif"] == pytest.approx(others["vif"])
    assert found.test("age", test).p > plain.test("age", test).p
    assert found.test("age", "wald").p == pytest.approx(numbers["p"])


def test_walds_test_of_several_columns_is_referred_to_f(cases: pd.DataFrame) -> None:
    found = regression.fit([cases], ["grade"], CLINICAL, SETTINGS, confidence=0.95)
    test = found.test("grade", "wald")
    assert test.df == 2
    assert test.p == pytest.approx(f.sf(test.chi_square / 2, 2, 2 * (60 - 3)))


def test_imputations_are_pooled_with_the_degrees_of_freedom_of_patients(
    cases: pd.DataFrame,
) -> None:
    fits = regression.fit([cases], ["age"], CLINICAL, SETTINGS, confidence=0.95).fits * 3
    pooled = rubin.pool(fits)
    observed = (58 + 1) / (58 + 3) * 58
    assert pooled.df is not None
    assert pooled.df[1] == pytest.approx(observed, rel=1e-6)
    test = rubin.wald_test(fits, [True])
    assert test.p == pytest.approx(2 * t.sf(np.sqrt(test.chi_square), 58))
    unlimited = rubin.wald_test([replace(fit, df=None) for fit in fits], [True])
    assert test.p > unlimited.p
