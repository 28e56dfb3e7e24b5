import json

import pandas as pd

from microcalc.config.cohort_settings import Labels
from microcalc.evaluation import flow

LABELS = Labels(negative="DCIS", positive="IDC")


def tables():
    gone = pd.DataFrame(
        [
            ("cohort", "c9", "", "label is LCIS"),
            ("cohort", "c8", "", "no image"),
            ("cohort", "c1", "c1-MLO", "no ROI"),
        ],
        columns=["room", "case_id", "image_id", "reason"],
    )
    cases = pd.DataFrame(
        [
            ("c1", "train", 1, "included", None),
            ("c2", "train", 0, "included", None),
            ("c3", "internal", 1, "excluded", "no usable image"),
            ("c4", "external", 0, "included", None),
        ],
        columns=["case_id", "split", "y", "status", "reason"],
    )
    qc = pd.DataFrame(
        [
            ("c1-CC", "c1", "ok", None),
            ("c3-CC", "c3", "excluded", "cannot be decoded"),
            ("c3-MLO", "c3", "excluded", "ROI outside the breast"),
            ("c4-CC", "c4", "ok", None),
        ],
        columns=["image_id", "case_id", "status", "reason"],
    )
    return gone, cases, qc


def test_every_case_is_accounted_for():
    found = flow.build(*tables(), labels=LABELS)
    assert [(s["step"], s["cases"]) for s in found["steps"]] == [
        ("assessed", 6), ("eligible", 4), ("included", 3),
    ]  # fmt: skip
    lost = sum(room["cases"] for room in found["rooms"])
    assert found["steps"][0]["cases"] - lost == found["steps"][-1]["cases"]


def test_reasons_are_counted_per_room():
    cohort, images = flow.build(*tables(), labels=LABELS)["rooms"]
    assert (cohort["room"], cohort["cases"], cohort["images"]) == ("cohort", 2, 1)
    assert {"reason": "no image", "cases": 1, "images": 0} in cohort["reasons"]
    assert (images["cases"], images["images"]) == (1, 2)


def test_splits_are_counted_by_class():
    splits = flow.build(*tables(), labels=LABELS)["splits"]
    assert list(splits) == ["train", "internal", "external"]
    assert splits["train"]["included"] == {"n": 2, "n_pos": 1, "n_neg": 1}
    assert splits["internal"]["eligible"]["n"] == 1
    assert splits["internal"]["included"]["n"] == 0


def test_every_exclusion_is_listed_and_the_whole_is_json():
    found = flow.build(*tables(), labels=LABELS)
    assert len(found["exclusions"]) == 6
    assert found["exclusions"][0]["image_id"] == "c1-MLO"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nobody_excluded_is_an_empty_list():
    gone, cases, qc = tables()
    cases = cases[cases["status"] == "included"]
    found = flow.build(gone.iloc[:0], cases, qc[qc["status"] == "ok"], labels=LABELS)
    assert found["exclusions"] == []
    assert [room["cases"] for room in found["rooms"]] == [0, 0]
