"""Who trains and who validates: by center, by a stable hash of the patient, or as the user says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from microcalc.files import digest_value

SPLITS = ("train", "internal", "external")

Row = Mapping[str, Any]


def assign_splits(
    cases: Sequence[Row],
    *,
    development_centers: Iterable[str],
    train_fraction: float,
    seed: int,
) -> dict[str, str]:
    """Return each case's split: train, internal or external.

    Development centers are divided by patient within center and label; every other center is
    external. A patient's place is the rank of a hash of its id among the patients of its
    stratum, so that a corrected label or a new patient moves at most a few others.

    Parameters
    ----------
    cases
        Rows with `case_id`, `patient_id`, `center` and `y` (0 or 1).
    development_centers
        The centers that train and internal validation come from.
    train_fraction
        The share of each stratum's patients that goes to train, between 0 and 1.
    seed
        The study's seed.

    Returns
    -------
    dict
        Split by `case_id`.
    """
    development = set(development_centers)
    strata: dict[tuple[str, int], set[str]] = {}
    positive = {case["patient_id"] for case in cases if case["y"] == 1}
    for case in cases:
        if case["center"] in development:
            stratum = (case["center"], int(case["patient_id"] in positive))
            strata.setdefault(stratum, set()).add(case["patient_id"])

    training: set[str] = set()
    for patients in strata.values():
        ranked = sorted(patients, key=lambda patient: digest_value([seed, "split", patient]))
        training.update(ranked[: round(train_fraction * len(ranked))])

    def place(case: Row) -> str:
        if case["center"] not in development:
            return "external"
        return "train" if case["patient_id"] in training else "internal"

    return {case["case_id"]: place(case) for case in cases}
