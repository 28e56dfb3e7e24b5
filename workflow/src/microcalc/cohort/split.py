"""Who trains and who validates: by center and a hash of the patient's id, or as the user says.

Planning reads this too, so it imports the standard library alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from microcalc.config.cohort_settings import Labels
from microcalc.core import seeds

SPLITS = ("train", "internal", "external")
SPLIT_WORDS = {
    "train": "training",
    "internal": "internal validation",
    "external": "external validation",
}

FEW_CASES = 10
"""With fewer cases in a class every interval is wide."""

Row = Mapping[str, Any]

_RANGE = 2**63
"""Above every seed that `seeds.derive` returns."""


def place(
    patient: str,
    center: str,
    *,
    development_centers: Iterable[str],
    train_fraction: float,
    seed: int,
) -> str:
    """Return a patient's split: train, internal or external.

    A hash of the study's seed and the patient's id, spread evenly over 0 to 1, lies below the
    training fraction or does not: neither other patients nor any label enter, so that nobody
    moves because of them. How many train is therefore binomial, and so is each class's number.

    Parameters
    ----------
    patient, center
        The patient's id and center.
    development_centers
        The centers that train and internal validation come from; every other one is external.
    train_fraction
        The share of their patients that is to train, above 0 and at most 1.
    seed
        The study's seed.

    Returns
    -------
    str
        One of `SPLITS`.

    Examples
    --------
    >>> from microcalc.cohort import split
    >>> how = {"development_centers": ["A"], "train_fraction": 0.7, "seed": 1}
    >>> [split.place(patient, "A", **how) for patient in ("P1", "P2", "P3", "P4")]
    ['train', 'train', 'internal', 'train']
    >>> split.place("P1", "B", **how)
    'external'
    """
    if center not in development_centers:
        return "external"
    is_low = seeds.derive(seed, "split", patient) < train_fraction * _RANGE
    return "train" if is_low else "internal"


def assign_splits(
    cases: Iterable[Row],
    *,
    development_centers: Iterable[str],
    train_fraction: float,
    seed: int,
    frozen: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return each case's split: that of its patient, wherever else the patient has cases.

    Parameters
    ----------
    cases
        Rows with `case_id`, `patient_id` and `center`.
    development_centers, train_fraction, seed
        As for `place`.
    frozen
        Split by `patient_id` of those whose place is fixed, whatever the rest says.

    Returns
    -------
    dict
        Split by `case_id`.

    Examples
    --------
    >>> from microcalc.cohort import split
    >>> cases = [{"case_id": "C1", "patient_id": "P1", "center": "A"}]
    >>> cases += [{"case_id": "C2", "patient_id": "P1", "center": "B"}]
    >>> how = {"development_centers": ["A"], "train_fraction": 0.7, "seed": 1}
    >>> split.assign_splits(cases, **how, frozen={"P1": "internal"})
    {'C1': 'internal', 'C2': 'internal'}
    """
    places = dict(frozen or {})
    development = frozenset(development_centers)
    found = {}
    for case in cases:
        patient = case["patient_id"]
        if patient not in places:
            places[patient] = place(
                patient,
                case["center"],
                development_centers=development,
                train_fraction=train_fraction,
                seed=seed,
            )
        found[case["case_id"]] = places[patient]
    return found


def sizes(cases: Iterable[Row]) -> dict[str, tuple[int, int]]:
    """Return, for each split that has cases, how many are negative and how many positive.

    Parameters
    ----------
    cases
        Rows with `split` and `y` (0 or 1, as number or text).

    Returns
    -------
    dict of tuple
        (negative, positive) by split, in the order of `SPLITS`.

    Examples
    --------
    >>> from microcalc.cohort import split
    >>> split.sizes([{"split": "train", "y": 1}, {"split": "train", "y": "0"}])
    {'train': (1, 1)}
    """
    y: dict[str, list[int]] = {}
    for case in cases:
        y.setdefault(case["split"], []).append(int(case["y"]))
    return {name: (y[name].count(0), y[name].count(1)) for name in SPLITS if name in y}


def few_cases(counts: Mapping[str, tuple[int, int]], labels: Labels) -> list[str]:
    """Return a sentence for each set that has fewer than `FEW_CASES` of a class.

    Parameters
    ----------
    counts
        What `sizes` returns.
    labels
        The classes' names, `negative` and `positive`.

    Returns
    -------
    list of str
        Empty where every set has enough of both; where a set of the development centers has not,
        the last line says what can be done.

    Examples
    --------
    >>> from microcalc.cohort import split
    >>> from microcalc.config.cohort_settings import Labels
    >>> labels = Labels(negative="DCIS", positive="IDC")
    >>> split.few_cases({"train": (40, 60), "internal": (3, 20)}, labels)[0][:51]
    'WARNING: internal validation has 3 DCIS and 20 IDC:'
    """
    few = [split for split, own in counts.items() if min(own) < FEW_CASES]
    told = []
    for split in few:
        negative, positive = counts[split]
        lack = (
            f"fewer than {FEW_CASES} of a class, every interval there is wide"
            if min(counts[split])
            else "one class alone, nothing can be estimated there"
        )
        told.append(
            f"WARNING: {SPLIT_WORDS[split]} has {negative} {labels.negative} and {positive} "
            f"{labels.positive}: {lack}"
        )
    if {"train", "internal"} & set(few):
        told.append(
            "  A place is drawn without a look at labels; cohort.split_file can divide the classes "
            "evenly, before any result is known (docs/splits.md)"
        )
    return told
