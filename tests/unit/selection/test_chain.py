from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.unit.selection.study import CHOSEN, SETTINGS, draw

from microcalc.config.selection_settings import SelectionSettings
from microcalc.selection import chain, mrmr
from microcalc.selection.training import training_cases


def fit(
    seed: int = 0,
    *,
    redrawn: Sequence[chain.Redrawn] = (),
    **settings: Any,
) -> tuple[chain.Chain, np.ndarray]:
    cases = training_cases(*draw(seed))
    fitted = chain.fit(
        cases.X,
        cases.y,
        cases.patients,
        feature_names=cases.feature_names,
        settings=SelectionSettings.of(CHOSEN | settings),
        seed=1,
        redrawn=redrawn,
    )
    return fitted, cases.X


def test_it_finds_what_is_there_and_counts_what_is_left() -> None:
    fitted, _ = fit()
    assert fitted.mrmr["feature"].tolist()[0] in ("deep_0000", "deep_0001")
    assert {"deep_0000", "deep_0001"} <= set(fitted.selected["feature"])
    assert fitted.funnel["step"].tolist() == ["extracted", "not constant", "mRMR", "LASSO"]
    assert fitted.funnel["n_features"].tolist()[:3] == [60, 59, 10]
    assert fitted.funnel["n_features"].iloc[-1] == len(fitted.selected) - 1


def test_the_score_is_readable_from_selected_csv() -> None:
    fitted, X = fit()
    by_hand = []
    for case in X:
        total = 0.0
        for row in fitted.selected.to_dict("records"):
            j = -1 if row["feature"] == chain.INTERCEPT else int(row["feature"][5:])
            value = 1.0 if j < 0 else (case[j] - row["mean"]) / row["sd"]
            total += row["coefficient"] * value
        by_hand.append(total)
    np.testing.assert_allclose(fitted.score(X), by_hand, rtol=1e-12)


def test_the_score_is_the_path_at_the_chosen_lambda() -> None:
    fitted = fit()[0]
    assert fitted.lasso_cv["is_min"].sum() == fitted.lasso_cv["is_1se"].sum() == 1
    chosen = fitted.lasso_cv.loc[fitted.lasso_cv["is_min"], "lambda"].iloc[0]
    at = fitted.lasso_path[fitted.lasso_path["lambda"] == chosen].set_index("feature")
    for row in fitted.selected.iloc[1:].to_dict("records"):
        np.testing.assert_allclose(at.loc[row["feature"], "coefficient"], row["coefficient"])


def test_lambda_1se_keeps_no_more() -> None:
    least, most = fit(lasso=CHOSEN["lasso"] | {"choose": "lambda_1se"})[0], fit()[0]
    assert len(least.selected) <= len(most.selected)


def test_nothing_selected_is_the_prevalence(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], [20, 40])
    X = np.column_stack([rng.permutation(y) * 0.0, np.tile([0.0, 1.0], 30)])
    fitted = chain.fit(
        X, y, np.arange(60), feature_names=["deep_0", "deep_1"], settings=SETTINGS, seed=0
    )
    assert fitted.selected["feature"].tolist() == [chain.INTERCEPT]
    np.testing.assert_allclose(fitted.score(X), np.log(2), rtol=1e-12)
    assert "kept none" in caplog.text


def test_all_features_constant() -> None:
    y = np.repeat([0, 1], 10)
    fitted = chain.fit(
        np.ones((20, 3)), y, np.arange(20), feature_names=list("abc"), settings=SETTINGS, seed=0
    )
    assert fitted.funnel["n_features"].tolist() == [3, 0, 0, 0]
    assert fitted.lasso_cv.empty
    np.testing.assert_allclose(fitted.score(np.ones((2, 3))), 0.0, atol=1e-12)


def test_a_handful_of_cases_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    X = np.random.default_rng(0).normal(size=(5, 8))
    fitted = chain.fit(
        X, [0, 1, 1, 1, 1], np.arange(5), feature_names=list("abcdefgh"), settings=SETTINGS, seed=0
    )
    assert len(fitted.selected) == 1
    assert "cannot be tuned" in caplog.text


def test_fewer_patients_than_folds_leaves_one_out(caplog: pytest.LogCaptureFixture) -> None:
    X = np.random.default_rng(0).normal(size=(4, 8))
    chain.fit(
        X, [0, 0, 1, 1], np.arange(4), feature_names=list("abcdefgh"), settings=SETTINGS, seed=0
    )
    assert "leaving one out at a time" in caplog.text


def test_both_engines_give_the_same_chain() -> None:
    native, theirs = fit()[0], fit(mrmr=CHOSEN["mrmr"] | {"engine": "pymrmr"})[0]
    assert native.mrmr["feature"].tolist() == theirs.mrmr["feature"].tolist()
    assert native.selected.equals(theirs.selected)


def test_every_filter_is_counted() -> None:
    X = training_cases(*draw()).X
    copies = X[None] + np.random.default_rng(0).normal(0, 0.05, (2, *X.shape))
    copies[:, :, 7] = 0  # an unstable one
    of_reader = copies[:1].copy()
    of_reader[:, :, 9] = 0  # another
    of_reader[:, ::3] = np.nan  # cases that this reader did not draw
    filters = {
        "min_variance": 0.1,
        "univariable_p": 0.3,
        "max_spearman": 0.9,
    }
    everything = np.arange(X.shape[1])
    redrawn = [chain.Redrawn(values, everything, 0.75) for values in (copies, of_reader)]
    fitted, _ = fit(redrawn=redrawn, filters=filters)
    steps = ["extracted", "stable", "not constant", "univariable", "not collinear", "mRMR", "LASSO"]
    assert fitted.funnel["step"].tolist() == steps
    counts = fitted.funnel["n_features"].tolist()
    assert counts[:3] == [60, 57, 57]  # the dead feature's copies are no longer equal
    assert counts[2] > counts[3] >= counts[4] >= counts[5] >= counts[6] >= 2


def test_a_set_is_judged_by_its_own_redrawn_features_and_limit() -> None:
    """Of two sets side by side one was drawn otherwise; or both, asked for different agreement."""
    X = training_cases(*draw()).X
    noisy = X[None] + np.random.default_rng(0).normal(0, 0.7, (2, *X.shape))  # ICC about 0.67
    first, second = np.arange(30), np.arange(30, 60)
    alone, _ = fit(redrawn=[chain.Redrawn(noisy[:, :, first], first, 0.9)])
    assert alone.funnel["n_features"].tolist()[:2] == [60, 30]
    lenient = chain.Redrawn(noisy[:, :, second], second, 0.3)
    both, _ = fit(redrawn=[chain.Redrawn(noisy[:, :, first], first, 0.9), lenient])
    kept = both.funnel["n_features"].iloc[1]
    assert 20 < kept <= 30
    turned = chain.Redrawn(noisy[:, :, second[::-1]], second[::-1], 0.3)
    again, _ = fit(redrawn=[chain.Redrawn(noisy[:, :, first], first, 0.9), turned])
    assert again.selected.equals(both.selected)


def test_filters_that_keep_nothing_leave_the_prevalence() -> None:
    fitted, X = fit(filters={"univariable_p": 1e-30})
    assert fitted.funnel["n_features"].tolist() == [60, 59, 0, 0, 0]
    assert len(set(fitted.score(X))) == 1


@pytest.mark.parametrize("scheme", ["MID", "relevance", "correlation"])
def test_schemes(scheme: str) -> None:
    fitted, _ = fit(mrmr=CHOSEN["mrmr"] | {"scheme": scheme})
    assert fitted.mrmr["feature"].iloc[0] in ("deep_0000", "deep_0001")


def test_quantile_levels() -> None:
    halves = CHOSEN["mrmr"] | {"discretize": "quantiles", "levels": 2}
    fitted, X = fit(mrmr=halves)
    y = training_cases(*draw()).y
    codes = (np.median(X, axis=0) < X).astype(int)
    expected = mrmr.rank_codes(codes, y, n_features=3)
    names = [f"deep_{j:04d}" for j in expected.order]
    assert fitted.mrmr["feature"].iloc[:3].tolist() == names


def test_refits_change_coefficients_and_nothing_else() -> None:
    plain, X = fit()
    for refit in ("logistic", "ridge"):
        again, _ = fit(refit=refit)
        assert again.selected["feature"].tolist() == plain.selected["feature"].tolist()
        assert (again.selected["coefficient"] != plain.selected["coefficient"]).all()
        assert np.corrcoef(again.score(X), plain.score(X))[0, 1] > 0.9


def test_criterion_alpha_and_repetitions() -> None:
    by_auc, _ = fit(lasso=CHOSEN["lasso"] | {"criterion": "auc", "repeats": 3})
    assert by_auc.lasso_cv["auc"].between(0.4, 1).all()
    chosen = by_auc.lasso_cv.loc[by_auc.lasso_cv["is_min"]].iloc[0]
    assert chosen["auc"] == by_auc.lasso_cv["auc"].max()
    net, _ = fit(lasso=CHOSEN["lasso"] | {"alpha": 0.2})
    assert len(net.selected) >= len(fit()[0].selected)
