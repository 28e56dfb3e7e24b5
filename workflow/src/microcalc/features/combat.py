"""ComBat: each center's features shifted and scaled towards those of the training cases.

Johnson, Li and Rabinovic, "Adjusting batch effects in microarray expression data using empirical
Bayes methods", Biostatistics 2007;8:118-127, with the training cases as reference batch (Zhang
and others, BMC Bioinformatics 2018;19:262) and no covariate: the class is not known where a model
is used. Where centers differ in their mix of classes, ComBat takes that for a difference between
centers and erases part of the signal.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.features.columns import feature_names
from microcalc.features.domains import TRAINING, domains
from microcalc.images import included as included_cases

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-8
MOST_ITERATIONS = 1000


def harmonized(table: pd.DataFrame, included_paths: Sequence[str]) -> pd.DataFrame:
    """Return a table of cases with every center's features moved towards the training cases'.

    Parameters
    ----------
    table
        case_id, what else stands beside features, and the features.
    included_paths
        ``included.csv``; without one the table is returned as it is.

    Returns
    -------
    DataFrame
        The same columns, included cases alone; training and internal validation unchanged.

    Raises
    ------
    StudyError
        When an external center has too few cases.
    """
    if not included_paths:
        return table
    included = included_cases.read(included_paths[0])
    kept = table[table["case_id"].isin(included["case_id"])].reset_index(drop=True)
    domain = domains(included).loc[kept["case_id"]].to_numpy(dtype=str)
    training = included.loc[included["split"] == "train", "case_id"]
    names = list(feature_names(kept.columns))
    values = kept[names].to_numpy(dtype=np.float64)
    reference = values[kept["case_id"].isin(training).to_numpy()]
    for name in sorted(set(domain) - {TRAINING}):
        rows = domain == name
        values[rows] = towards(reference, values[rows])
    return pd.concat(
        [kept.drop(columns=names), pd.DataFrame(values.astype(np.float32), columns=names)], axis=1
    )


def towards(reference: Floats, batch: Floats) -> Floats:
    """Return the features of `batch`, location and scale moved towards those of `reference`.

    Parameters
    ----------
    reference
        Shape (n, p); it defines the scale on which features are comparable.
    batch
        Shape (m, p), m at least 2; its shifts and scales are shrunk towards their mean over the
        features (empirical Bayes), the more the fewer its cases.

    Returns
    -------
    ndarray
        Shape (m, p). A feature that is constant in the reference stays as it is.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.features import combat
    >>> rng = seeds.stream(1, "combat")
    >>> reference, batch = rng.normal(size=(200, 50)), 1 + rng.normal(size=(200, 50))
    >>> moved = combat.towards(reference, batch)
    >>> bool(abs((moved - reference).mean()) < 0.01)
    True
    """
    result = batch.copy()
    mean, sd = reference.mean(axis=0), reference.std(axis=0)
    varies = sd > 0
    standard = (batch[:, varies] - mean[varies]) / sd[varies]
    shift, scale = _shrunk(standard)
    result[:, varies] = (standard - shift) / np.sqrt(scale) * sd[varies] + mean[varies]
    return result


def _shrunk(standard: Floats) -> tuple[Floats, Floats]:
    """Return the posterior shift and variance of each feature, each of shape (p,)."""
    n = len(standard)
    shift_seen, scale_seen = standard.mean(axis=0), standard.var(axis=0, ddof=1)
    center, spread = shift_seen.mean(), shift_seen.var(ddof=1)
    m, s2 = scale_seen.mean(), scale_seen.var(ddof=1)
    a, b = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
    shift, scale = shift_seen, scale_seen
    for _ in range(MOST_ITERATIONS):
        before = shift, scale
        shift = (spread * n * shift_seen + scale * center) / (spread * n + scale)
        squares = ((standard - shift) ** 2).sum(axis=0)
        scale = (squares / 2 + b) / (n / 2 + a - 1)
        if max(np.abs(shift - before[0]).max(), np.abs(scale - before[1]).max()) < TOLERANCE:
            break
    return shift, scale
