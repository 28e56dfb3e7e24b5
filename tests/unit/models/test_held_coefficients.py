"""Scores beside one another: their coefficients are the maximum of the likelihood at 0 or above."""

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from tests.unit.models.test_fit import recipe

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.models import logistic
from microcalc.models.recipe import Fitted, ScoreInput

Floats = NDArray[np.float64]
CLINICAL = {name: ClinicalVariable(kind="continuous") for name in ("age", "size")}
NO_FEATURES = pd.DataFrame({"case_id": []})
SELECTED = pd.DataFrame(
    {"feature": ["(intercept)", "x_0000"], "mean": 0.0, "sd": 1.0, "coefficient": [0.0, 1.0]}
)
SEEDS = range(20)


def draw(seed: int, k: int) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Return 70 cases, and k correlated scores of them, each weak or telling nothing."""
    random = np.random.default_rng([seed, k])
    n = 70
    y = (random.random(n) < 0.5).astype(np.int64)
    ids = [f"C{i:03d}" for i in range(n)]
    common = random.normal(size=n)
    effects = random.choice([0.0, 0.5, 1.0], k)
    scores = {
        f"s{j}": effect * y + 1.5 * common + random.normal(size=n)
        for j, effect in enumerate(effects)
    }
    rows = pd.DataFrame({"case_id": ids, "patient_id": ids, "y": y})
    rows["age"], rows["size"] = 0.5 * y + random.normal(size=n), random.normal(size=n) + common
    return rows, scores


def fitted(rows: pd.DataFrame, scores: dict[str, Floats], clinical: tuple[str, ...]) -> Fitted:
    spec: dict[str, Any] = {"scores": list(scores)}
    spec |= {"clinical": list(clinical)} if clinical else {}
    inputs = {
        name: ScoreInput(name, "lasso", values, SELECTED, NO_FEATURES)
        for name, values in scores.items()
    }
    return recipe("several", spec=spec, clinical=CLINICAL).fit(rows, inputs)


def bounded(X: Floats, y: NDArray[np.int64], n_free: int) -> Floats:
    """Return the maximum of the logistic likelihood, all but the first n_free at 0 or above."""

    def loss(b: Floats) -> tuple[float, Floats]:
        eta = X @ b
        return float(np.logaddexp(0, eta).sum() - y @ eta), X.T @ (expit(eta) - y)

    bounds = [(None, None)] * n_free + [(0.0, None)] * (X.shape[1] - n_free)
    found = minimize(
        *(loss, np.zeros(X.shape[1])),
        **{"jac": True, "method": "L-BFGS-B", "bounds": bounds},
        options={"maxiter": 10_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-10},
    )
    return np.asarray(found.x)


@pytest.mark.parametrize(("k", "clinical"), [*product((2, 3), ((), ("age", "size")))])
def test_they_are_the_bounded_maximum_of_the_likelihood(k: int, clinical: tuple[str, ...]) -> None:
    kept_in, despite = Counter[int](), 0
    for seed in SEEDS:
        rows, scores = draw(seed, k)
        found = fitted(rows, scores, clinical)
        X = np.column_stack([np.ones(len(rows)), rows[list(clinical)], *scores.values()])
        expected = bounded(X, rows["y"].to_numpy(), 1 + len(clinical))
        terms = [term.variable for term in found.equation.design.terms]
        own = dict(zip(terms, found.equation.coefficients, strict=True))
        names = [*clinical, *(f"{name}_score" for name in scores)]
        coefficients = [found.equation.intercept, *(own.get(name, 0.0) for name in names)]
        np.testing.assert_allclose(coefficients, expected, atol=1e-6)
        assert set(found.left_out) == {name for name in scores if f"{name}_score" not in own}
        assert all(value <= 0 for value in found.left_out.values())
        kept_in[k - len(found.left_out)] += 1
        free = bounded(X, rows["y"].to_numpy(), X.shape[1])[-k:]
        despite += sum(free[j] > 0 for j, name in enumerate(scores) if name in found.left_out)
    assert len(kept_in) >= k
    # Some were above 0 beside another that was below: the sign in the free fit does not tell.
    assert despite or k == 2


def test_what_was_left_out_is_told_beside_what_stays() -> None:
    rows, scores = draw(0, 3)
    everything = [draw(seed, 3) for seed in SEEDS]
    rows, scores = next(
        (rows, scores) for rows, scores in everything if len(fitted(rows, scores, ()).left_out) == 2
    )
    found = fitted(rows, scores, ())
    (kept,) = found.equation.scores
    for name, told in found.left_out.items():
        X = np.column_stack([np.ones(len(rows)), scores[kept], scores[name]])
        free = bounded(X, rows["y"].to_numpy(), 3)
        assert told == pytest.approx(free[-1], abs=1e-6)


def test_one_of_two_equal_scores_is_enough() -> None:
    rows, scores = next(draw(s, 2) for s in SEEDS if not fitted(*draw(s, 2), ()).left_out)
    same = {"first": scores["s1"], "second": scores["s1"]}
    found = fitted(rows, same, ())
    (alone,) = found.equation.coefficients
    X = np.column_stack([np.ones(len(rows)), scores["s1"]])
    assert alone == pytest.approx(bounded(X, rows["y"].to_numpy(), 2)[1], abs=1e-6)
    assert found.left_out == {"second": 0.0}


def test_the_order_of_the_scores_changes_nothing() -> None:
    for seed in SEEDS:
        rows, scores = draw(seed, 3)
        one = fitted(rows, scores, ("age",))
        other = fitted(rows, dict(reversed(scores.items())), ("age",))
        assert set(one.left_out) == set(other.left_out)
        assert set(one.equation.scores) == set(other.equation.scores)
        assert one.equation.intercept == pytest.approx(other.equation.intercept, abs=1e-9)


def separated(seed: int) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Return so few cases that two scores and a variable nearly always separate the classes."""
    random = np.random.default_rng(seed)
    n = 12
    y = np.arange(n) % 2
    common, ids = random.normal(size=n), [f"C{i:03d}" for i in range(n)]
    scores = {f"s{j}": 1.5 * y + common + 0.7 * random.normal(size=n) for j in range(2)}
    rows = pd.DataFrame({"case_id": ids, "patient_id": ids, "y": y})
    return rows.assign(age=2.5 * y + random.normal(size=n), size=0.0), scores


def test_where_the_classes_separate_no_score_leaves_for_a_likelihood() -> None:
    """Firth's likelihoods of other columns are not comparable, and took out scores above 0."""
    firth, alone = 0, 0
    for seed in [*range(40), 124, 839]:
        rows, scores = separated(seed)
        found = fitted(rows, scores, ("age",))
        firth += "Firth" in found.equation.method
        free = logistic.fit(
            np.column_stack([rows["age"], *scores.values()]), rows["y"], names=["age", *scores]
        ).coefficients[2:]
        if (free > 0).all():
            assert not found.left_out
            assert found.equation.coefficients[1:] == pytest.approx(tuple(free))
            continue
        assert found.left_out
        assert all(value > 0 for value in found.equation.coefficients[1:])
        if len(found.left_out) == 1:
            ((name, told),) = found.left_out.items()
            # Above 0 only where the other's would then be below.
            assert told == pytest.approx(free[[*scores].index(name)])
            assert told <= 0 or free.min() <= 0
            alone += told > 0
    assert firth > 30
    assert alone == 2
