"""From the checked tables to the cases that go on, their split and outcome."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from microcalc.cohort import split_file
from microcalc.cohort.split import assign_splits
from microcalc.cohort.study_tables import Cohort
from microcalc.config.cohort_settings import CohortSettings, Labels
from microcalc.core.errors import StudyError, did_you_mean
from microcalc.core.seeds import stream

FEWEST_PATIENTS = 3
"""Of each class in training: cross-fitting leaves out two folds at a time."""

EXCLUSION_COLUMNS = ["room", "case_id", "image_id", "reason"]


def build_eligible(
    cohort: Cohort,
    *,
    labels: Labels,
    settings: CohortSettings,
    seed: int,
    frozen: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the eligible cases, all images, and the exclusions with their reasons.

    Parameters
    ----------
    cohort
        The checked tables.
    labels
        The config's `positive`, `negative` and `excluded` labels.
    settings
        The config's `cohort`. `development_centers` and `train_fraction` are not used where the
        case table has a `split` column, nor for a patient who is in `frozen`.
        `permute_labels` is a seed that permutes the labels within each center after the split, for
        a run that must find nothing, or None.
    seed
        The study's seed.
    frozen
        Split by patient, of `cohort.split_file`.

    Returns
    -------
    eligible, images, exclusions : DataFrame
        `eligible` has `split`, `label` and `y` (1 = positive class), one row per case, sorted.

    Raises
    ------
    StudyError
        When a development center is no center of the case table, train has fewer than
        `FEWEST_PATIENTS` of a class, a clinical variable is the label under another name, or
        `frozen` is another study's.
    """
    with_image = {image["case_id"] for image in cohort.images}
    reasons = {case["case_id"]: _reason(case, labels, with_image) for case in cohort.cases}
    _check_centers(cohort, settings.development_centers)
    kept = [dict(case) for case in cohort.cases if reasons[case["case_id"]] is None]
    for case in kept:
        case["y"] = int(case["label"] == labels.positive)
    if frozen:
        split_file.refuse_other_tables(frozen, cohort.cases)
    _place(kept, settings, seed, frozen)
    leading = ["case_id", "patient_id", "center", "split", "label", "y"]
    clinical = [name for name in (kept[0] if kept else {}) if name not in leading]
    _refuse_recoded_label(kept, clinical)
    if settings.permute_labels is not None:
        _permute_within_center(kept, labels, settings.permute_labels)
    _check_classes(kept, labels)

    exclusions = [
        {"room": "cohort", "case_id": case_id, "image_id": "", "reason": reason}
        for case_id, reason in reasons.items()
        if reason is not None
    ]
    return (
        pd.DataFrame(kept, columns=leading + clinical),
        pd.DataFrame(list(cohort.images)),
        pd.DataFrame(exclusions, columns=EXCLUSION_COLUMNS),
    )


def _check_centers(cohort: Cohort, development: Iterable[str]) -> None:
    """Raise a StudyError for development centers that no case comes from."""
    centers = sorted({case["center"] for case in cohort.cases})
    problems = [
        f"{center!r} is no center of the case table, which has {', '.join(centers)}"
        f"{did_you_mean(center, centers)}"
        for center in development
        if center not in centers
    ]
    # Where the table has splits of its own, these centers are not used.
    if problems and "split" not in cohort.cases[0]:
        raise StudyError.listing("cohort.development_centers cannot be what is meant", problems)


def _reason(case: Mapping[str, Any], labels: Labels, with_image: set[str]) -> str | None:
    if case["label"] is None:
        return "no label"
    if case["label"] in labels.excluded:
        return f"label {case['label']} is not part of the study"
    if case["case_id"] not in with_image:
        return "no image in the images table"
    return None


def _place(
    cases: list[dict[str, Any]],
    settings: CohortSettings,
    seed: int,
    frozen: Mapping[str, str] | None,
) -> None:
    if cases and "split" in cases[0]:
        return
    splits = assign_splits(
        cases,
        development_centers=settings.development_centers,
        train_fraction=settings.train_fraction,
        seed=seed,
        frozen=frozen,
    )
    for case in cases:
        case["split"] = splits[case["case_id"]]


def _permute_within_center(cases: list[dict[str, Any]], labels: Labels, permutation: int) -> None:
    for center in sorted({case["center"] for case in cases}):
        members = [case for case in cases if case["center"] == center]
        drawn = stream(permutation, "permute_labels", center).permutation([m["y"] for m in members])
        for member, y in zip(members, drawn.tolist(), strict=True):
            member["y"] = y
            member["label"] = labels.positive if y else labels.negative


def _refuse_recoded_label(cases: list[dict[str, Any]], clinical: list[str]) -> None:
    """Raise a StudyError for variables whose two values stand for the two labels, without fail.

    So may a value and none at all: what is filled in for one class alone tells the class.
    """
    problems = []
    for name in clinical:
        given = [(case["split"], case[name], case["label"]) for case in cases]
        filled = [(split, value, label) for split, value, label in given if value is not None]
        is_there = [
            (split, "empty" if value is None else "filled in", label)
            for split, value, label in given
        ]
        meaning = _recoding(filled) or _recoding(is_there)
        if meaning:
            problems.append(f"column {name!r}: {meaning}")
    if problems:
        raise StudyError.listing(
            "These clinical variables are the label under another name; remove them from "
            "`clinical` and name them under `cohort.other_columns`",
            problems,
        )


def _recoding(cases: list[tuple[str, Any, str]]) -> str:
    """Return what two values mean where every split has one for each label; else nothing.

    `cases` are split, value and label. Splits may be coded differently: what is 1 in one center
    may be 0 in another.
    """
    codes: dict[str, set[tuple[Any, str]]] = {}
    for split, value, label in cases:
        codes.setdefault(split, set()).add((value, label))
    if not all(
        len(pairs) == len(dict(pairs)) == len({y for _, y in pairs}) for pairs in codes.values()
    ):
        return ""
    whole = [pairs for pairs in codes.values() if len(pairs) == 2]
    if not whole:
        return ""
    if all(pairs <= whole[0] for pairs in codes.values()):
        return f"{_in_words(whole[0])} in every case of every split"
    return "; ".join(f"{_in_words(pairs)} in every case of {at}" for at, pairs in codes.items())


def _in_words(pairs: set[tuple[Any, str]]) -> str:
    return " and ".join(f"{value} = {label}" for value, label in sorted(pairs, key=str))


def small_classes(cases: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Return each class, negative or positive, that has fewer than `FEWEST_PATIENTS`.

    Parameters
    ----------
    cases
        Pairs of outcome (0 or 1) and patient; a patient with cases of both counts as positive.

    Returns
    -------
    dict of int
        The number of patients by class.

    Examples
    --------
    >>> from microcalc.cohort import eligible
    >>> eligible.small_classes([(0, "P1"), (1, "P1"), (1, "P2"), (1, "P3"), (1, "P4"), (1, "P5")])
    {'negative': 0}
    """
    pairs = list(cases)
    positive = {patient for y, patient in pairs if y == 1}
    negative = {patient for _, patient in pairs} - positive
    counts = {"negative": len(negative), "positive": len(positive)}
    return {name: count for name, count in counts.items() if count < FEWEST_PATIENTS}


def _check_classes(cases: list[dict[str, Any]], labels: Labels) -> None:
    training = [(case["y"], case["patient_id"]) for case in cases if case["split"] == "train"]
    problems = [
        f"training patients labelled {getattr(labels, name)!r}: {count}"
        for name, count in small_classes(training).items()
    ]
    if problems:
        raise StudyError.listing(
            f"The training set needs {FEWEST_PATIENTS} patients of each class, and a study many "
            "more; check `labels`, `cohort.development_centers`, `cohort.train_fraction` and the "
            "case table. Where the draw of a small study is what took a class away, divide the "
            "patients yourself in the file that `cohort.split_file` names (docs/splits.md)",
            problems,
        )
