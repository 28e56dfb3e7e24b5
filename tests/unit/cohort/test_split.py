from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcalc.cohort.split import assign_splits


def cases_of(n: int, centers: str = "AB") -> list[dict[str, Any]]:
    return [
        {"case_id": f"C{i}", "patient_id": f"P{i}", "center": centers[i % 2], "y": int(i % 3 > 0)}
        for i in range(n)
    ]


def split(cases: list[dict[str, Any]], seed: int = 1) -> dict[str, str]:
    return assign_splits(cases, development_centers=["A"], train_fraction=0.7, seed=seed)


def test_other_centers_are_external_and_strata_keep_the_fraction() -> None:
    cases = cases_of(294)
    placed = split(cases)
    assert {placed[c["case_id"]] for c in cases if c["center"] == "B"} == {"external"}
    for y in (0, 1):
        stratum = [placed[c["case_id"]] for c in cases if c["center"] == "A" and c["y"] == y]
        assert stratum.count("train") == round(0.7 * len(stratum))


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter(random: Any, seed: int) -> None:
    cases = cases_of(40)
    expected = split(cases, seed)
    random.shuffle(cases)
    assert split(cases, seed) == expected


@pytest.mark.parametrize("y", [0, 1])
def test_one_new_patient_or_one_new_label_moves_few_others(y: int) -> None:
    cases = cases_of(200)
    before = split(cases)
    grown = split([*cases, {"case_id": "new", "patient_id": "Pn", "center": "A", "y": y}])
    assert sum(grown[c["case_id"]] != before[c["case_id"]] for c in cases) <= 1
    cases[0] = {**cases[0], "y": 1 - cases[0]["y"]}
    relabelled = split(cases)
    assert sum(relabelled[c["case_id"]] != before[c["case_id"]] for c in cases[1:]) <= 2


def test_a_patient_with_cases_of_both_labels_stays_whole() -> None:
    cases = cases_of(100, "AA")
    twins = [{**c, "case_id": c["case_id"] + "b", "y": 1 - c["y"]} for c in cases]
    placed = split(cases + twins)
    assert all(placed[c["case_id"]] == placed[c["case_id"] + "b"] for c in cases)
