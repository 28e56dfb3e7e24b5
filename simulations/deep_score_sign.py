"""What the combined model does with a deep score whose coefficient comes out negative.

Studies of `n` training cases with two clinical variables, one of them telling, and 500 features
of 20 latent ones as a network's pooled activations have them; the classes differ in the mean of
one latent variable by `effect` standard deviations. The study's own selection is fitted on all
training cases, and without each fold for out-of-fold scores. The combined model is then

- free: the logistic regression on clinical variables and score, whatever its sign;
- nonnegative: the study's rule, the coefficient of the score held at 0 or above;
- shrunken: the coefficient times 1 - 1 / z^2, or 0 where that or the coefficient is negative.

Judged on 1,000 new cases, with the clinical model beside them.
"""

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.model_settings import ModelSettings
from microcalc.config.settings import complete
from microcalc.config.study_config import StudyConfig
from microcalc.core.seeds import derive
from microcalc.models import logistic, notes
from microcalc.models.recipe import Recipe, ScoreInput
from microcalc.selection import chain
from microcalc.selection.likelihood import constrained_maximum
from microcalc.statistics import calibration, delong
from microcalc.statistics.folds import assign_folds

Floats = npt.NDArray[np.float64]

NEW, FEATURES, LATENT = 1000, 500, 20
CLINICAL = {name: ClinicalVariable(kind="continuous") for name in ("telling", "idle")}
RULES = ("free", "nonnegative", "shrunken")
EFFECTS = {"none": 0.0, "weak": 0.8, "strong": 2.0}

CELLS = [
    {"n": n, "effect": effect, "choose": choose}
    for n in (60, 130)
    for effect, choose in (
        ("none", "lambda_min"),
        ("none", "lambda_1se"),
        ("weak", "lambda_min"),
        ("weak", "lambda_1se"),
        ("strong", "lambda_min"),
    )
]
REPLICATES = 100
SAMPLE = 10


def simulate(cell: dict[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return means over studies.

    Of the studies whose final selection keeps a feature: `negative`, the share whose free
    coefficient is negative, `lowest` the least coefficient, and `unlike` the share with the
    warning that the folds' selections are unlike the final one. Of all studies: the mean AUC in
    new cases; the mean gain in AUC of the study's rule over the free one with its standard error;
    the greatest loss of AUC against the clinical model; mean calibration slope, its mean distance
    from 1, and the mean log loss.
    """
    logging.disable(logging.WARNING)
    settings = _settings(cell["choose"])
    studies = pd.DataFrame(
        [_study(cell["n"], EFFECTS[cell["effect"]], settings, rng) for _ in range(replicates)]
    )
    kept = studies[studies["n_selected"] > 0]
    gain = studies["auc_nonnegative"] - studies["auc_free"]
    found = {
        "kept": len(kept) / replicates,
        "negative": (kept["coefficient"] < 0).mean(),
        "lowest": kept["coefficient"].min(),
        "unlike": kept["unlike"].mean(),
        "gain": gain.mean(),
        "gain_se": gain.std() / np.sqrt(replicates),
    }
    for rule in ("clinical", *RULES):
        auc, slope = studies[f"auc_{rule}"], studies[f"slope_{rule}"]
        found |= {
            f"auc_{rule}": auc.mean(),
            f"greatest_loss_{rule}": (studies["auc_clinical"] - auc).max(),
            f"slope_{rule}": slope.mean(),
            f"slope_off_{rule}": (slope - 1).abs().mean(),
            f"log_loss_{rule}": studies[f"log_loss_{rule}"].mean(),
        }
    return found


def _settings(choose: str) -> StudyConfig:
    config = {
        "study": "simulated",
        "seed": 0,
        "labels": {"negative": "no", "positive": "yes"},
        "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "dicom"},
        "features": {"deep": {"kind": "network", "weights": "random"}},
        "clinical": {name: variable.plain() for name, variable in CLINICAL.items()},
        "selection": {"lasso": {"choose": choose}},
    }
    return complete(config)


def _study(
    n: int, effect: float, settings: StudyConfig, rng: np.random.Generator
) -> dict[str, float]:
    rows, X = _draw(n + NEW, effect, rng)
    train, new, ids = rows[:n], rows[n:], rows["case_id"][:n].to_numpy()
    y, seed, k = train["y"].to_numpy(), int(rng.integers(2**31)), settings.selection.folds
    names = [f"deep_{j:04d}" for j in range(FEATURES)]
    given: dict[str, Any] = {"feature_names": names, "settings": settings.selection}

    final = chain.fit(X[:n], y, ids, seed=seed, **given)
    folds = assign_folds(y, ids, n_folds=k, seed=derive(seed, "crossfit"))
    score, counts = np.empty(n), []
    for j in range(k):
        rest = folds != j
        own = chain.fit(X[:n][rest], y[rest], ids[rest], seed=derive(seed, j), **given)
        score[~rest] = own.score(X[:n][~rest])
        counts.append(len(own.columns))

    table = pd.DataFrame(X, columns=names).assign(case_id=rows["case_id"])
    deep = ScoreInput("deep", "lasso", score, final.selected, table)
    predicted = {
        name: recipe.fit(train, {"deep": deep}).linear_predictor(new, {"deep": table})
        for name, recipe in _recipes(settings).items()
    }
    coefficient = float("nan")
    predicted |= {"free": predicted["clinical"], "shrunken": predicted["clinical"]}
    if len(final.columns):
        coefficient, others = _others(train, score, new, final.score(X[n:]))
        predicted |= others
    found = {
        "n_selected": len(final.columns),
        "coefficient": coefficient,
        "unlike": notes.unlike(len(final.columns), counts),
    }
    for name, log_odds in predicted.items():
        found |= _judged(name, new["y"].to_numpy(), log_odds)
    return found


def _recipes(settings: StudyConfig) -> dict[str, Recipe]:
    plain = ModelSettings(clinical=tuple(CLINICAL))
    combined = plain.model_copy(update={"scores": ("deep",)})
    recipes = Recipe.of_models(
        {"clinical": plain, "nonnegative": combined},
        settings.clinical,
        settings.screening,
        training_scores=settings.selection.training_scores,
        seed=settings.seed,
    )
    return {recipe.name: recipe for recipe in recipes}


def _draw(n: int, effect: float, rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    y = (rng.random(n) < 0.62).astype(int)
    ids = [f"case{i:04d}" for i in range(n)]
    rows = pd.DataFrame({"case_id": ids, "patient_id": ids, "y": y})
    rows["telling"], rows["idle"] = 0.8 * y + rng.normal(size=n), rng.normal(size=n)
    latent = rng.normal(size=(n, LATENT))
    latent[:, 0] += effect * y
    loadings = rng.normal(scale=0.5, size=(LATENT, FEATURES))
    return rows, np.maximum(latent @ loadings + rng.normal(scale=2.0, size=(n, FEATURES)), 0)


def _others(
    train: pd.DataFrame, score: Floats, new: pd.DataFrame, new_score: Floats
) -> tuple[float, dict[str, Floats]]:
    """Return the free coefficient, and the log odds of new cases by the rules not taken."""
    names = list(CLINICAL)
    X, y = np.column_stack([train[names], score]), train["y"].to_numpy(dtype=float)
    X_new = np.column_stack([new[names], new_score])
    free = logistic.fit(X, y, names=[*names, "deep_score"])
    coefficient, z = float(free.coefficients[-1]), float(free.z[-1])
    design = np.column_stack([np.ones(len(y)), X])
    start = free.coefficients.copy()
    start[-1] = coefficient * max(0.0, 1 - 1 / z**2) if coefficient > 0 else 0.0
    fixed = np.arange(design.shape[1]) == design.shape[1] - 1
    shrunken, _ = constrained_maximum(design, y, fixed=fixed, start=start)
    return coefficient, {
        "free": free.linear_predictor(X_new),
        "shrunken": shrunken[0] + (X_new * shrunken[1:]).sum(axis=1),
    }


def _judged(name: str, y: npt.NDArray[np.int64], log_odds: Floats) -> dict[str, float]:
    # log(1 + exp(-log odds of what was)), which no rounding of a probability makes infinite
    loss = np.logaddexp(0.0, np.where(y == 1, -log_odds, log_odds)).mean()
    return {
        f"auc_{name}": delong.auc_ci(y, log_odds).auc,
        f"slope_{name}": calibration.fit_recalibration(y, expit(log_odds))[1],
        f"log_loss_{name}": float(loss),
    }


def faults(rows: pd.DataFrame) -> list[str]:
    """Return where the constraint costs anything, or gains nothing where the score is noise."""
    found = []
    for row in rows.itertuples():
        where = f"n = {row.n}, effect {row.effect}, {row.choose}"
        if row.gain < -0.001 - 2 * row.gain_se:
            found.append(f"{where}: the constraint costs {-row.gain:.4f} of AUC")
        if row.log_loss_nonnegative > row.log_loss_free + 0.001:
            found.append(f"{where}: the constraint costs log loss")
    null, strong = (rows[rows["effect"] == effect] for effect in ("none", "strong"))
    error = 3 * np.sqrt((null["gain_se"] ** 2).sum()) / len(null)
    if null["gain"].mean() + error < 0.002:
        found.append("without an effect, the constraint gains nothing")
    # A share of all studies of some cells, with its Monte Carlo error.
    for share, of, limit in (("negative", null, 0.4), ("unlike", null, 0.3)):
        mean, error = of[share].mean(), 1.5 / np.sqrt(of["replicates"].sum())
        if mean + error < limit:
            found.append(f"without an effect, {share} is only {mean:.2f}")
    error = 1.5 / np.sqrt(strong["replicates"].sum())
    if strong["unlike"].mean() - error > 0.05:
        found.append("the warning about unlike selections fires where the effect is strong")
    return found
