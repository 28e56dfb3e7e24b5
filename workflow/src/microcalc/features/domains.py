"""Domains for harmonization: which cases count as one source of images."""

from typing import TYPE_CHECKING

import numpy as np

from microcalc.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

TRAINING = "training"
"""The domain of everything that models are developed on: training and internal validation."""

LEAST = 2


def domains(included: "pd.DataFrame") -> "pd.Series":
    """Return the domain of every case, indexed by case_id.

    The development centers' cases are one domain, described by its *training* cases alone, so
    that nothing fitted on them sees internal validation. Every other center is its own domain,
    described by its own images without their labels: what is computed on it is transductive.

    Parameters
    ----------
    included
        case_id, center and split of the included cases.

    Returns
    -------
    pandas.Series
        `TRAINING` or "center ..." by case_id, in the order of `included`.

    Raises
    ------
    StudyError
        When an external center has fewer than `LEAST` cases.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.features import domains
    >>> included = {"case_id": ["C1", "C2", "C3", "C4"], "center": ["A", "A", "B", "B"]}
    >>> included["split"] = ["train", "internal", "external", "external"]
    >>> domains.domains(pd.DataFrame(included)).tolist()
    ['training', 'training', 'center B', 'center B']
    """
    # Extraction, which has no other use of pandas, imports this module too.
    import pandas as pd

    developed = included["split"].isin(["train", "internal"])
    # A center may be called "training" too.
    domain = pd.Series(
        np.where(developed, TRAINING, "center " + included["center"].astype(str)),
        index=included["case_id"].to_numpy(),
    )
    counts = domain.value_counts()
    few = sorted(counts.index[counts < LEAST])
    if few:
        raise StudyError.listing(
            "harmonize describes each center by its own images, and these have too few "
            f"cases (expected at least {LEAST}); set it to none, or leave the centers out",
            few,
        )
    return domain


def describing(included: "pd.DataFrame") -> set[str]:
    """Return the cases that a domain's description is made from.

    Parameters
    ----------
    included
        case_id and split of the included cases.

    Returns
    -------
    set of str
        case_id of all but internal validation.
    """
    return set(included.loc[included["split"] != "internal", "case_id"])
