"""`sample_size.csv`: how many cases the models and their validation would have needed.

Development: Riley et al., Stat Med 2019; 38: 1276 and BMJ 2020; 368: m441 (pmsampsize).
Validation: Riley et al., Stat Med 2021; 40: 4230 (pmvalsampsize).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri

from microcalc.core.errors import StudyError
from microcalc.models import design
from microcalc.models.recipe import Recipe

SHRINKAGE = 0.9
R2_DIFFERENCE = 0.05
RISK_MARGIN = 0.05
OE_WIDTH = 0.2
SLOPE_WIDTH = 0.2
AUC_WIDTH = 0.1
Z = float(ndtri(0.975))

COLUMNS = (
    "set", "model", "criterion", "parameters", "expected_auc", "prevalence",
    "n_required", "events_required", "n", "events", "events_per_parameter", "met", "statement",
)  # fmt: skip


@dataclass(frozen=True)
class Criterion:
    """One requirement: a name to show, and the smallest number of cases that meets it."""

    name: str
    n_required: int


def cox_snell(auc: float, prevalence: float) -> float:
    """Return the Cox–Snell R² of a calibrated model with this AUC and prevalence.

    The linear predictor is taken to be normal with one variance in each class (Riley et al.,
    Stat Med 2021; 40: 859); the expected likelihood is integrated, not simulated.

    Raises
    ------
    StudyError
        When the AUC is not in [0.5, 1) or the prevalence not in (0, 1).
    """
    _check(auc, prevalence)
    lp, weights = _linear_predictor(auc, prevalence)
    # Both classes: weight is the density times the class's share.
    gain = (weights[1] * -np.logaddexp(0, -lp[1])).sum()
    gain += (weights[0] * -np.logaddexp(0, lp[0])).sum()
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return float(1 - math.exp(-2 * (gain - null)))


def development(parameters: int, prevalence: float, r2: float) -> list[Criterion]:
    """Return Riley's criteria for developing a logistic model.

    Parameters
    ----------
    parameters
        Candidate predictor parameters, those that screening drops included, at least 1.
    prevalence
        Share of positives.
    r2
        Anticipated Cox–Snell R², e.g. from `cox_snell`.

    Returns
    -------
    list of Criterion
        Expected shrinkage of at least 0.9; optimism in Nagelkerke's R² of at most 0.05; overall
        risk within ±0.05.

    Raises
    ------
    StudyError
        When a value is out of range or R² above what the prevalence allows.
    """
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    largest = 1 - math.exp(2 * null)
    if parameters < 1 or not 0 < r2 < largest:
        raise StudyError(
            f"{parameters} parameters and R² = {r2:.3f}; expected at least one parameter and an "
            f"R² above 0 and under {largest:.3f}, the most that this prevalence allows"
        )
    shrinkage = r2 / (r2 + R2_DIFFERENCE * largest)
    return [
        Criterion("shrinkage at least 0.9", _shrunk(parameters, r2, SHRINKAGE)),
        Criterion("R² optimism at most 0.05", _shrunk(parameters, r2, shrinkage)),
        Criterion(
            "overall risk within 0.05",
            math.ceil((Z / RISK_MARGIN) ** 2 * prevalence * (1 - prevalence)),
        ),
    ]


def validation(prevalence: float, auc: float) -> list[Criterion]:
    """Return Riley's criteria for validating a model that is calibrated and has this AUC.

    Parameters
    ----------
    prevalence
        Share of positives in the validation set.
    auc
        Anticipated AUC, in (0.5, 1).

    Returns
    -------
    list of Criterion
        95 % intervals no wider than 0.2 for O:E, 0.2 for the slope, 0.1 for the AUC.
    """
    _check(auc, prevalence)
    oe_error = math.asinh(OE_WIDTH / 2) / Z
    lp, weights = _linear_predictor(auc, prevalence)
    x, w = np.concatenate(lp), np.concatenate(weights)
    information = w * expit(x) * expit(-x)
    i0, i1, i2 = (float((information * x**power).sum()) for power in (0, 1, 2))
    slope_variance = i0 / (i0 * i2 - i1**2)
    n = np.arange(2, 1_000_001)
    narrow = 2 * Z * np.sqrt(_auc_variance(auc, prevalence, n)) <= AUC_WIDTH
    return [
        Criterion(
            "O:E interval at most 0.2 wide",
            math.ceil((1 - prevalence) / (prevalence * oe_error**2)),
        ),
        Criterion(
            "slope interval at most 0.2 wide",
            math.ceil(slope_variance / (SLOPE_WIDTH / 2 / Z) ** 2),
        ),
        Criterion("AUC interval at most 0.1 wide", int(n[np.argmax(narrow)])),
    ]


def of_study(
    cases: pd.DataFrame,
    funnels: Mapping[str, pd.DataFrame],
    models: Mapping[str, Mapping[str, Any]],
    clinical: Mapping[str, Mapping[str, Any]],
    screening: Mapping[str, Any],
    *,
    expected_auc: float,
) -> pd.DataFrame:
    """Return `table` of the study's models.

    Parameters
    ----------
    cases
        The included cases.
    funnels
        `selection/funnel.csv` of each network, whose first row counts the features extracted:
        all of them are candidates of a deep score.
    models, clinical, screening
        The config's sections of these names.
    expected_auc
        As in `table`.
    """
    extracted = {name: int(funnel["n_features"].iloc[0]) for name, funnel in funnels.items()}
    recipes = [Recipe(name, spec, clinical, screening) for name, spec in models.items()]
    training = cases[cases["split"] == "train"]
    parameters = parameters_of(recipes, training, extracted)
    return table(cases, parameters, expected_auc=expected_auc)


def parameters_of(
    recipes: Iterable[Recipe], training: pd.DataFrame, n_features: Mapping[str, int]
) -> dict[str, int]:
    """Return the candidate parameters of each model that the study fits.

    They are the columns that the clinical candidates have in the design of the training cases
    (levels seen less one, one of an ordinal variable, the bends of a spline, indicators of
    missing values), and for a deep score all the features it was chosen from. An external score
    is not developed here; it is left out, and so is a model without any candidate.
    """
    found = {}
    for recipe in recipes:
        if recipe.spec.get("kind") != "external_score":
            coded = design.fit(training, recipe.candidates, recipe.clinical, recipe.screening)
            deep = n_features[recipe.network] if recipe.uses_deep else 0
            found[recipe.name] = len(coded.columns) + deep
    return {name: number for name, number in found.items() if number}


def table(
    cases: pd.DataFrame, parameters: Mapping[str, int], *, expected_auc: float
) -> pd.DataFrame:
    """Return each criterion for the training set of each model and for each validation set.

    Parameters
    ----------
    cases
        The included cases, with `split` and `y`.
    parameters
        From `parameters_of`.
    expected_auc
        The AUC that one would have hoped for before seeing the data.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; `met` is yes or no and `statement` says it in words.
    """
    found: list[dict[str, Any]] = []
    for split in ("train", "internal", "external"):
        y = cases.loc[cases["split"] == split, "y"].to_numpy()
        if len(np.unique(y)) < 2:
            continue
        n, events = int(y.size), int(min(y.sum(), y.size - y.sum()))
        prevalence = float(y.mean())
        size = {"set": split, "n": n, "events": events, "prevalence": prevalence,
                "expected_auc": expected_auc}  # fmt: skip
        if split != "train":
            criteria = validation(prevalence, expected_auc)
            what = f"{split} validation"
            found += [size | _judged(one, n, prevalence, what) for one in criteria]
            continue
        r2 = cox_snell(expected_auc, prevalence)
        for model, number in parameters.items():
            what = f"the {model} model with {number:,} candidate parameters"
            per = {"model": model, "parameters": number, "events_per_parameter": events / number}
            criteria = development(number, prevalence, r2)
            found += [size | per | _judged(one, n, prevalence, what) for one in criteria]
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"parameters": "Int64"})


def _judged(criterion: Criterion, n: int, prevalence: float, what: str) -> dict[str, Any]:
    met = n >= criterion.n_required
    return {
        "criterion": criterion.name,
        "n_required": criterion.n_required,
        "events_required": math.ceil(criterion.n_required * min(prevalence, 1 - prevalence)),
        "met": "yes" if met else "no",
        "statement": (
            f"For {what}, {criterion.name} takes {criterion.n_required:,} cases; there are {n:,}: "
            + ("enough." if met else f"{criterion.n_required - n:,} too few.")
        ),
    }


def _check(auc: float, prevalence: float) -> None:
    if not 0.5 < auc < 1 or not 0 < prevalence < 1:
        raise StudyError(
            f"expected AUC {auc} and prevalence {prevalence}; expected an AUC above 0.5 and "
            "under 1, and a prevalence between 0 and 1"
        )


def _shrunk(parameters: int, r2: float, shrinkage: float) -> int:
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - r2 / shrinkage)))


def _linear_predictor(auc: float, prevalence: float) -> tuple[list[Any], list[Any]]:
    """Return nodes and weights of the calibrated linear predictor, negatives then positives.

    With variance v in both classes it is calibrated when the means are logit(prevalence) ∓ v/2,
    and its AUC is Φ(√(v/2)).
    """
    spread = math.sqrt(2) * float(ndtri(auc))
    nodes = np.linspace(-9, 9, 4001)
    density = np.exp(-(nodes**2) / 2)
    density /= density.sum()
    center = float(logit(prevalence))
    lp = [center + side * spread**2 / 2 + spread * nodes for side in (-1, 1)]
    return lp, [(1 - prevalence) * density, prevalence * density]


def _auc_variance(auc: float, prevalence: float, n: Any) -> Any:
    """Return Newcombe's variance of the AUC (Stat Med 2006; 25: 559), method 4."""
    spread = 1 + (n / 2 - 1) * (1 - auc) / (2 - auc) + (n / 2 - 1) * auc / (1 + auc)
    return auc * (1 - auc) * spread / (n**2.0 * prevalence * (1 - prevalence))
