from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.selection.study import CLINICAL, draw

from microcalc.core.errors import StudyError
from microcalc.core.files import FAST_DIGEST
from microcalc.models import applicability_domain

SCANNER = "Invented Imaging One"


def quality(cases: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": cases["case_id"] + "_CC",
            "case_id": cases["case_id"],
            "status": "ok",
            "spacing_row_mm": 0.07,
            "spacing_column_mm": 0.07,
            "scanner": SCANNER,
        }
    )


def digests(cases: pd.DataFrame) -> pd.DataFrame:
    image_ids, case_ids = cases["case_id"] + "_CC", cases["case_id"]
    pixels = [f"{FAST_DIGEST}:{case}" for case in case_ids]
    return pd.DataFrame({"image_id": image_ids, "case_id": case_ids, "pixel_digest": pixels})


def describe(cases: pd.DataFrame, features: pd.DataFrame) -> applicability_domain.Domain:
    return applicability_domain.describe(
        cases, quality(cases), {"deep": features}, digests(cases), CLINICAL
    )


@pytest.fixture(scope="module")
def study() -> tuple[pd.DataFrame, pd.DataFrame]:
    return draw(n=400)


def test_only_training_cases_are_looked_at(study: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    cases, features = study
    others = cases["split"] != "train"
    changed = cases.assign(age=cases["age"].mask(others, "999"), birads="5").assign(
        birads=cases["birads"].mask(others, "6")
    )
    moved = features.copy()
    moved.loc[others.to_numpy(), moved.columns[2:]] += 50.0
    assert describe(cases, features) == describe(changed, moved)
    assert len(describe(cases, features)["images"]) == int((~others).sum())


def aspects(cases: pd.DataFrame, found: pd.DataFrame, case_id: str) -> list[tuple[str, str]]:
    own = found[found["case_id"] == case_id]
    return list(zip(own["aspect"], own["found"], strict=True))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("birads", "6", ("unknown level", "birads 6")),
        ("age", "99", ("value out of range", "age 99")),
        ("age", np.nan, ("missing value", "age")),
        ("scanner", "Other Two", ("unknown scanner", "Other Two")),
        ("scanner", np.nan, ("unknown scanner", "not stated")),
        ("spacing_row_mm", 0.1, ("pixel spacing", "0.1 x 0.07 mm")),
        ("spacing_row_mm", 0.0703, None),
    ],
)
def test_each_way_of_being_unlike_is_named(
    study: tuple[pd.DataFrame, pd.DataFrame], column: str, value: Any, expected: Any
) -> None:
    cases, features = study
    span = describe(cases, features)
    new = cases[cases["split"] == "external"].reset_index(drop=True)
    qc = quality(new)
    case_id, deep = new["case_id"].iloc[0], {"deep": features}
    table = qc if column in qc else new
    table[column] = [value, *table[column].iloc[1:]]
    plain = applicability_domain.outside(
        span, cases[cases["case_id"] == case_id], quality(new), deep, []
    )
    found = applicability_domain.outside(span, new, qc, deep, ["age", "birads"])
    added = set(aspects(new, found, case_id)) - set(aspects(new, plain, case_id))
    assert added == ({expected} if expected else set())


def test_a_variable_no_model_uses_gives_no_warning(
    study: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    cases, features = study
    new = cases.assign(birads="6")
    found = applicability_domain.outside(
        describe(cases, features), new, quality(new), {"deep": features}, ["age"]
    )
    assert "unknown level" not in set(found["aspect"])


def test_the_distance_tells_far_cases_and_few_others(
    study: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    cases, features = study
    span = describe(cases, features)["features"]["deep"]
    held_out = cases[cases["split"] != "train"]
    names = features.columns[2:]
    X = features.set_index("case_id").loc[held_out["case_id"], names].to_numpy(dtype=float)
    near = applicability_domain.distance(X, np.array(span["mean"]), span["variance"])
    assert np.sqrt((near**2).mean()) == pytest.approx(1, rel=0.05)
    assert (near > span["limit"]).mean() < 0.06
    far = applicability_domain.distance(X + 1.5, np.array(span["mean"]), span["variance"])
    assert (far > span["limit"]).all()


def test_the_limit_is_kept_by_99_of_100_training_cases_left_out(
    study: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    cases, features = study
    span = describe(cases, features)["features"]["deep"]
    train = cases.loc[cases["split"] == "train", "case_id"]
    X = features.set_index("case_id").loc[train].iloc[:, 1:].to_numpy(dtype=float)
    by_hand = [
        np.sqrt(((x - np.delete(X, i, axis=0).mean(axis=0)) ** 2).sum() / span["variance"])
        for i, x in enumerate(X)
    ]
    assert np.mean(np.array(by_hand) <= span["limit"] + 1e-9) >= 0.99
    assert np.mean(np.array(by_hand) < span["limit"] - 1e-9) < 1


def test_features_are_compared_by_their_names(study: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """A table of a cohort's own may have further columns, and all in another order."""
    cases, features = study
    span = describe(cases, features)
    new = cases[cases["split"] == "external"]

    def outside(table: pd.DataFrame) -> pd.DataFrame:
        return applicability_domain.outside(span, new, quality(new), {"deep": table}, [])

    numbers = features.columns[2:]
    far = features.assign(**{numbers[0]: features[numbers[0]] + 40})
    expected = outside(far)
    assert (expected["aspect"] == "deep features").sum() == len(new)
    turned = far[["case_id", *numbers[::-1]]].assign(deep_also=1e9)
    pd.testing.assert_frame_equal(outside(turned), expected)
    with pytest.raises(StudyError, match=f"no column '{numbers[1]}'"):
        outside(far.drop(columns=numbers[1]))
    span["features"]["deep"].pop("names")  # type: ignore[misc]
    with pytest.raises(StudyError, match="earlier version, which did not name the features"):
        outside(far)


def test_a_training_image_is_known_again(study: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    cases, features = study
    span = describe(cases, features)
    train, new = (cases[cases["split"] == split].head(2) for split in ("train", "external"))
    given = digests(pd.concat([train, new])).assign(image_id=["N1", "N2", "N3", "N4"])
    assert applicability_domain.trained_on(span, given) == ["N1", "N2"]


def test_digests_of_another_kind_are_not_compared(
    study: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    cases, features = study
    span = describe(cases, features)
    before = span | {"images": [name.removeprefix(f"{FAST_DIGEST}:") for name in span["images"]]}
    with pytest.raises(StudyError, match=r"models/domain.json .* another kind .*xxh3-128"):
        applicability_domain.trained_on(before, digests(cases))
    assert applicability_domain.trained_on(span | {"images": []}, digests(cases)) == []
