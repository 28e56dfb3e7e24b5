"""Sample size of a prediction model: Riley's criteria for development and validation."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtri

from microcalc.core.errors import StudyError

SHRINKAGE = 0.9


R2_DIFFERENCE = 0.05


RISK_MARGIN = 0.05


OE_WIDTH = 0.2


SLOPE_WIDTH = 0.2


AUC_WIDTH = 0.1


Z = float(ndtri(0.975))


@dataclass(frozen=True)
class Criterion:
    """One requirement: a name to show, and the smallest number of cases that meets it."""

    name: str
    n_required: int


def cox_snell(auc: float, prevalence: float) -> float:
    """Return the Cox–Snell R² of a calibrated model with this AUC and prevalence.

    The linear predictor is taken to be normal with one variance in each class (Riley et al.,
    Stat Med 2021; 40: 859); the expected likelihood is integrated, not simulated.

    Parameters
    ----------
    auc
        Anticipated, in [0.5, 1).
    prevalence
        Share of positives, in (0, 1).

    Returns
    -------
    float
        In [0, 1).

    Raises
    ------
    StudyError
        When the AUC is not in [0.5, 1) or the prevalence not in (0, 1).

    Examples
    --------
    >>> from microcalc.statistics import sample_size
    >>> round(sample_size.cox_snell(0.89, 0.174), 3)
    0.291
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

    References
    ----------
    Riley et al., Stat Med 2019; 38: 1276; BMJ 2020; 368: m441.

    Examples
    --------
    >>> from microcalc.statistics import sample_size
    >>> [c.n_required for c in sample_size.development(24, 0.174, 0.288)]  # Riley: 662 in all
    [623, 662, 221]
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

    Raises
    ------
    StudyError
        When a value is out of range.

    References
    ----------
    Riley et al., Stat Med 2021; 40: 4230.

    Examples
    --------
    >>> from microcalc.statistics import sample_size
    >>> [c.n_required for c in sample_size.validation(0.3, 0.8)]
    [900, 2176, 359]
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
