from typing import Any

import pandas as pd
import pytest
from tests.unit.configs import SMALLEST

from microcalc.cohort.eligible import build_eligible
from microcalc.cohort.study_tables import Cohort
from microcalc.config.cohort_settings import CohortSettings, Labels
from microcalc.core.errors import StudyError

LABELS = {"negative": "DCIS", "positive": "IDC", "excluded": ["LCIS"]}
SETTINGS: dict[str, Any] = {
    "development_centers": ["A"],
    "train_fraction": 0.7,
    "permute_labels": None,
}


def cohort_of(n: int = 60) -> Cohort:
    cases = tuple(
        {
            "case_id": f"C{i:02}",
            "patient_id": f"P{i:02}",
            "center": "AB"[i % 2],
            "label": "DCIS" if i % 3 else "IDC",
            "age": 50.0 + i,
        }
        for i in range(n)
    )
    images = tuple({"image_id": f"I{i:02}", "case_id": f"C{i:02}"} for i in range(n))
    return Cohort(cases, images)


def build(cohort: Cohort, **settings: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return build_eligible(
        cohort,
        labels=Labels.of(LABELS),
        settings=CohortSettings.of(SMALLEST["cohort"] | SETTINGS | settings),
        seed=1,
    )


def test_every_case_is_either_eligible_or_excluded_with_a_reason() -> None:
    cohort = cohort_of()
    cohort.cases[0]["label"] = None
    cohort.cases[1]["label"] = "LCIS"
    eligible, _, exclusions = build(Cohort(cohort.cases, cohort.images[:-1]))
    assert len(eligible) + len(exclusions) == 60
    assert dict(zip(exclusions.case_id, exclusions.reason, strict=True)) == {
        "C00": "no label",
        "C01": "label LCIS is not part of the study",
        "C59": "no image in the images table",
    }
    assert list(eligible.columns) == [
        "case_id", "patient_id", "center", "split", "label", "y", "age",
    ]  # fmt: skip


def test_labels_permuted_within_center_keep_split_and_class_sizes() -> None:
    true, _, _ = build(cohort_of())
    permuted, _, _ = build(cohort_of(), permute_labels=3)
    assert (permuted.split == true.split).all()
    assert (permuted.y != true.y).any()
    assert (permuted.groupby("center").y.sum() == true.groupby("center").y.sum()).all()
    assert ((permuted.label == "IDC") == (permuted.y == 1)).all()
    assert (permuted.age == true.age).all()


def test_the_users_own_split_is_kept() -> None:
    cohort = cohort_of()
    for i, case in enumerate(cohort.cases):
        case["split"] = ("train", "internal", "external")[i // 20]
    eligible, _, _ = build(cohort, development_centers=[])
    assert list(eligible.split) == ["train"] * 20 + ["internal"] * 20 + ["external"] * 20


def test_a_training_set_of_one_class_is_refused() -> None:
    cohort = cohort_of()
    for case in cohort.cases:
        case["label"] = "IDC"
    with pytest.raises(StudyError, match="training patients labelled 'DCIS': 0"):
        build(cohort)


def with_grade(cohort: Cohort, of_label: dict[str, Any]) -> Cohort:
    cases = tuple({**case, "grade": of_label[case["label"]]} for case in cohort.cases)
    return Cohort(cases, cohort.images)


@pytest.mark.parametrize(
    ("of_label", "told"),
    [
        ({"DCIS": 0.0, "IDC": 1.0}, "0.0 = DCIS and 1.0 = IDC in every case of every split"),
        ({"DCIS": 3.0, "IDC": 2.0}, "2.0 = IDC and 3.0 = DCIS in every case of every split"),
        ({"DCIS": "IDC", "IDC": "DCIS"}, "DCIS = IDC and IDC = DCIS in every case"),
        ({"DCIS": None, "IDC": 12.5}, "12.5 = IDC in every case of every split"),
    ],
)
def test_a_number_or_a_level_may_be_the_label(of_label: dict[str, Any], told: str) -> None:
    with pytest.raises(StudyError) as raised:
        build(with_grade(cohort_of(), of_label))
    if None in of_label.values():
        told = "empty = DCIS and filled in = IDC in every case of every split"
    assert f"column 'grade': {told}" in str(raised.value)


def test_a_recoding_that_each_split_words_in_its_own_way_is_refused() -> None:
    cohort = cohort_of()
    codes = {"A": {"DCIS": 0.0, "IDC": 1.0}, "B": {"DCIS": 1.0, "IDC": 2.0}}
    cases = tuple({**c, "grade": codes[c["center"]][c["label"]]} for c in cohort.cases)
    with pytest.raises(StudyError) as raised:
        build(Cohort(cases, cohort.images))
    told = str(raised.value)
    assert "0.0 = DCIS and 1.0 = IDC in every case of train" in told
    assert "1.0 = DCIS and 2.0 = IDC in every case of external" in told


def test_a_variable_that_is_the_label_in_training_alone_goes_on() -> None:
    cohort = with_grade(cohort_of(), {"DCIS": 0.0, "IDC": 1.0})
    split = build(Cohort(cohort_of().cases, cohort.images))[0].set_index("case_id").split
    outside = [case for case in cohort.cases if split[case["case_id"]] != "train"]
    for case in outside[::3]:
        case["grade"] = 1.0 - case["grade"]
    eligible, _, _ = build(cohort)
    train = eligible[eligible.split == "train"]
    assert (train.grade == train.y).all()


def test_three_levels_that_tell_the_label_are_a_perfect_predictor_and_no_recoding() -> None:
    graded = with_grade(cohort_of(), {"DCIS": "low", "IDC": "high"})
    graded.cases[0]["grade"] = "very high"
    assert len(build(graded)[0]) == 60


@pytest.mark.parametrize("missing", [0, 20])
def test_the_label_under_another_name_is_refused(missing: int) -> None:
    recoded = with_grade(cohort_of(), {"DCIS": "low", "IDC": "high"})
    for case in recoded.cases[:missing]:
        case["grade"] = None
    with pytest.raises(StudyError, match=r"column 'grade': high = IDC and low = DCIS in every"):
        build(recoded)


def test_a_variable_that_is_wrong_once_is_no_recoding() -> None:
    nearly = with_grade(cohort_of(), {"DCIS": 0.0, "IDC": 1.0})
    nearly.cases[5]["grade"] = 1.0 - nearly.cases[5]["grade"]
    assert len(build(nearly)[0]) == 60
