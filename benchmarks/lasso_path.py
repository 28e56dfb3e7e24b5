"""LASSO path and 10-fold cross-validation against scikit-learn and R's glmnet.

All sides get the same 100 lambdas and the same folds. glmnet and scikit-learn run at their own
tolerance, ours at the one it always has; coefficients are compared with glmnet's at a strict one.
"""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import timing
from r_session import RSession, has_r
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import PredefinedSplit

from microcalc.selection import lasso

SHAPES = ((200, 30), (200, 2048))
FOLDS = 10
BUDGET_S = 10.0
SAME = 1e-5
"""Largest difference of a coefficient per SD, as a share of the largest coefficient."""

GLMNET = """
suppressMessages(library(glmnet))
work <- function() {{
  found <- cv.glmnet(X, y, family = "binomial", lambda = lambdas, foldid = fold + 1{options})
  as.numeric(coef(found$glmnet.fit, s = lambdas[{at}]))[-1]
}}
"""


def rows() -> Iterator[dict[str, str]]:
    """Yield ours against both at each shape."""
    for n, p in SHAPES:
        X, y = cases(n, p)
        fold = np.random.default_rng(0).permutation(n) % FOLDS
        lambdas = lasso.fit_path(X, y).lambdas

        def ours(X=X, y=y, fold=fold, lambdas=lambdas) -> lasso.CrossValidation:
            return lasso.cross_validate(X, y, folds=fold, lambdas=lambdas)

        turns = timing.turns_within(BUDGET_S, (ours, _sklearn(X, y, fold, lambdas)), most=9)
        yield _row(n, p, "scikit-learn's LogisticRegressionCV", turns, "")
        if has_r("glmnet"):
            data = {"X": X, "y": y, "lambdas": lambdas, "fold": fold}
            middle = len(lambdas) // 2
            strict = RSession(GLMNET.format(options=", thresh = 1e-14", at=middle + 1), data)
            strict.turn()
            mine = lasso.fit_path(X, y, lambdas=lambdas).coefficients[:, middle]
            off = np.abs(mine - strict.answer).max() / np.abs(strict.answer).max()
            strict.close()
            session = RSession(GLMNET.format(options="", at=middle + 1), data)
            turns = timing.turns_within(BUDGET_S, (ours, session.turn), most=9)
            yield _row(n, p, "R's glmnet", turns, off)
            session.close()


def cases(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Return standardized features of n cases, five of which matter, and outcomes."""
    random = np.random.default_rng(p)
    X = random.standard_normal((n, 12)) @ random.standard_normal((12, p)) / 4
    X += random.standard_normal((n, p))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    eta = X[:, :5] @ np.array([0.9, -0.7, 0.6, 0.5, -0.4])
    return X, (random.random(n) < 1 / (1 + np.exp(-eta))).astype(int)


def _sklearn(
    X: np.ndarray, y: np.ndarray, fold: np.ndarray, lambdas: np.ndarray
) -> Callable[[], object]:
    model = LogisticRegressionCV(
        Cs=1 / (len(y) * lambdas),
        cv=PredefinedSplit(fold),
        l1_ratios=(1,),
        solver="liblinear",
        scoring="neg_log_loss",
        use_legacy_attributes=False,
    )

    def fit() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the smallest penalties do not converge
            model.fit(X, y)

    return fit


def _row(
    n: int, p: int, name: str, turns: list[tuple[float, float]], off: float | str
) -> dict[str, str]:
    mine, other = timing.medians(turns)
    is_glmnet = off != ""
    times = f"{timing.ratio(turns, 1, 0):.1f} times as fast"
    return {
        "what": f"LASSO path and {FOLDS}-fold CV, {n} x {p}",
        "against": name,
        "goal": "same coefficients" if is_glmnet else "faster",
        "met": timing.verdict(off <= SAME if is_glmnet else mine < other),
        "ratio": f"{times}, coefficients within {off:.0e}" if is_glmnet else times,
        "absolute": f"{mine:.3f} against {other:.3f} s",
    }
