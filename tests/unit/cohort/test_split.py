import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcalc.cohort.split import assign_splits, few_cases, place, sizes
from microcalc.config.cohort_settings import Labels


def cases_of(n: int, centers: str = "AB") -> list[dict[str, Any]]:
    return [
        {"case_id": f"C{i}", "patient_id": f"P{i}", "center": centers[i % 2], "y": int(i % 3 > 0)}
        for i in range(n)
    ]


def split(cases: list[dict[str, Any]], seed: int = 1, **given: Any) -> dict[str, str]:
    how: dict[str, Any] = {"development_centers": ["A"], "train_fraction": 0.7} | given
    return assign_splits(cases, **({"seed": seed} | how))


def test_a_patients_place_is_the_hash_of_seed_and_id_against_the_fraction() -> None:
    for i in range(200):
        digest = hashlib.sha256(f"5\x1fsplit\x1fP{i}".encode()).digest()
        share = (int.from_bytes(digest[:8], "big") >> 1) / 2**63
        found = place(f"P{i}", "A", development_centers=["A"], train_fraction=0.3, seed=5)
        assert found == ("train" if share < 0.3 else "internal")


def test_other_centers_are_external_and_the_fraction_trains() -> None:
    cases = cases_of(8000)
    placed = split(cases)
    assert {placed[c["case_id"]] for c in cases if c["center"] == "B"} == {"external"}
    for y in (0, 1):
        own = [placed[c["case_id"]] for c in cases if c["center"] == "A" and c["y"] == y]
        # four standard errors of a binomial share
        assert abs(own.count("train") / len(own) - 0.7) < 4 * (0.21 / len(own)) ** 0.5
    everyone = split(cases_of(500, "AA"), train_fraction=1)
    assert set(everyone.values()) == {"train"}


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter(random: Any, seed: int) -> None:
    cases = cases_of(40)
    expected = split(cases, seed)
    random.shuffle(cases)
    assert split(cases, seed) == expected


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_nobody_moves_because_of_others_or_of_labels(random: Any, seed: int) -> None:
    cases = cases_of(60)
    before = split(cases, seed)
    new = [{"case_id": f"N{i}", "patient_id": f"Q{i}", "center": "A", "y": i % 2} for i in range(9)]
    kept = random.sample(cases, 30)
    for case in kept:
        case["y"] = random.randrange(2)
    after = split([*new, *kept], seed)
    assert all(after[case["case_id"]] == before[case["case_id"]] for case in kept)


def test_a_patient_with_cases_of_both_labels_stays_whole() -> None:
    cases = cases_of(100, "AA")
    twins = [{**c, "case_id": c["case_id"] + "b", "y": 1 - c["y"]} for c in cases]
    placed = split(cases + twins)
    assert all(placed[c["case_id"]] == placed[c["case_id"] + "b"] for c in cases)


@pytest.mark.parametrize(
    "changed", [{"seed": 2}, {"train_fraction": 0.1}, {"development_centers": []}]
)
def test_a_frozen_place_holds_whatever_else_changes(changed: dict[str, Any]) -> None:
    cases = cases_of(200)
    before = split(cases)
    frozen = {case["patient_id"]: before[case["case_id"]] for case in cases}
    assert split(cases, **changed, frozen=frozen) == before
    assert split(cases, **changed) != before
    assert len(frozen) == 200


def test_sets_with_few_of_a_class_are_told() -> None:
    labels = Labels(negative="DCIS", positive="IDC")
    rows = [{"split": "train", "y": i % 2} for i in range(20)]
    assert sizes(rows) == {"train": (10, 10)}
    assert few_cases(sizes(rows), labels) == []
    assert len(few_cases({"external": (9, 10)}, labels)) == 1
    told = few_cases({"train": (30, 9), "internal": (0, 12)}, labels)
    assert told[0].startswith("WARNING: training has 30 DCIS and 9 IDC: fewer than 10")
    assert told[1].startswith("WARNING: internal validation has 0 DCIS and 12 IDC: one class alone")
    assert "cohort.split_file" in told[2]
