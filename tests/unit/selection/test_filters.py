import numpy as np
import pytest
from scipy.stats import mannwhitneyu, spearmanr, ttest_ind

from microcalc.core.errors import StudyError
from microcalc.selection import filters

RNG = np.random.default_rng(0)
Y = np.repeat([0, 1], 40)
X = RNG.normal(size=(80, 6)) + Y[:, None] * np.array([0, 0.5, 1, 0, 0, 1.5])
X[:, 3] = 2.0
X[:, 4] = np.exp(X[:, 2]) + 0.01 * X[:, 4]  # monotone in column 2, a little worse


def test_univariable_p_values() -> None:
    for test, plain in (
        ("mann_whitney", lambda a, b: mannwhitneyu(a, b, method="asymptotic").pvalue),
        ("welch", lambda a, b: ttest_ind(a, b, equal_var=False).pvalue),
    ):
        found = filters.univariable_p(X, Y, test=test)
        for j in (0, 1, 2, 4, 5):
            np.testing.assert_allclose(found[j], plain(X[Y == 1, j], X[Y == 0, j]), rtol=1e-12)
        assert found[3] == 1.0


def test_of_a_collinear_pair_the_more_telling_stays() -> None:
    assert abs(spearmanr(X[:, 2], X[:, 4]).statistic) > 0.9
    kept = filters.not_collinear(X, Y, maximum=0.9)
    p = filters.univariable_p(X, Y)
    assert kept[[2, 4]].tolist() == [p[2] <= p[4], p[2] > p[4]]
    assert kept[[0, 1, 5]].all()


def test_no_pair_remains_above_the_limit() -> None:
    many = RNG.normal(size=(80, 12)) @ RNG.normal(size=(12, 60))
    kept = filters.not_collinear(many, Y, maximum=0.5)
    remaining = np.abs(spearmanr(many[:, kept]).statistic) - np.eye(kept.sum())
    assert remaining.max() <= 0.5
    dropped = np.flatnonzero(~kept)
    rho = np.abs(spearmanr(many).statistic)
    assert (rho[np.ix_(dropped, np.flatnonzero(kept))].max(axis=1) > 0.5).all()


def test_stability() -> None:
    original = RNG.normal(size=(30, 3))
    noise = RNG.normal(size=(2, 30, 3)) * np.array([0.05, 1.0, 0.05])
    copies = original + noise + np.array([0.0, 0.0, 5.0])  # a shift is no agreement
    assert filters.stable(original, copies, minimum=0.75).tolist() == [True, False, False]


def test_stability_is_judged_on_cases_with_all_copies() -> None:
    original, noise = RNG.normal(size=(40, 2)), RNG.normal(size=(2, 40, 2))
    copies = original + noise * np.array([0.05, 1.0])
    part = copies.copy()
    part[0, 5:15], part[1, 10:20] = np.nan, np.nan
    judged = np.r_[0:5, 20:40]
    for minimum in (0.3, 0.5, 0.75):
        expected = filters.stable(original[judged], copies[:, judged], minimum=minimum)
        assert filters.stable(original, part, minimum=minimum).tolist() == expected.tolist()
    part[0, 1:] = np.nan
    with pytest.raises(StudyError, match="1 of 40 training cases have a region drawn a second"):
        filters.stable(original, part, minimum=0.75)
