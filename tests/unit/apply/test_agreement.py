import json
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.unit.models.test_frozen import MODEL, SCORE, TERM

from microcalc.apply import agreement
from microcalc.core.errors import StudyError
from microcalc.models import provenance

WEIGHTS = {"backbone": "resnet18", "source": "random (seed 7)", "digest": "a" * 64}
IMAGES: dict[str, Any] = {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256}
EXTRACTION: dict[str, Any] = {
    "layers": ["penultimate"],
    "precision": "float32",
    "pool_views": "mean",
    "harmonize": "none",
}
PART = {
    "kind": "network",
    "weights": WEIGHTS,
    "preprocessing": provenance.preprocessing(IMAGES, "network_features", EXTRACTION),
}
DEEP = MODEL | {"name": "deep", "terms": [TERM], "scores": [SCORE], "tables": {"deep": PART}}
BOTH = DEEP | {
    "name": "both",
    "scores": [{**SCORE, "tables": ["deep", "around"]}],
    "tables": {"deep": PART, "around": PART},
}


def take(folder: Path, weights: dict = WEIGHTS, **changes: Any) -> Path:
    header = json.dumps({"__metadata__": {"preprocessing": "{}", **weights}}).encode()
    (folder / "weights").write_bytes(struct.pack("<Q", len(header)) + header)
    names = []
    for model in (changes.get("model", DEEP), MODEL):
        names.append(f"{model['name']}.json")
        (folder / names[-1]).write_text(json.dumps(model))
    made = {
        "kind": changes.get("kind", "network"),
        "images": IMAGES | changes.get("images", {}),
        "measured_in": "network_features",
        "features": EXTRACTION | changes.get("features", {}),
    }
    table = changes.get("table", "deep")
    agreement.take(
        [folder / name for name in names],
        [folder / "here" / name for name in names],
        provenance.parts({table: made}, {table: folder / "weights"}, {}),
    )
    return folder / "here"


def test_models_that_agree_are_taken_byte_for_byte(tmp_path: Path) -> None:
    here = take(tmp_path, weights=WEIGHTS | {"source": "resnet18.safetensors"})
    for name in ("deep.json", "clinical.json"):
        assert (here / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("weights", "changes", "message"),
    [
        ({"digest": "b" * 64}, {}, "deep: the digest of the weights of deep is bbb.* here, aaa"),
        ({"backbone": "resnet101"}, {}, "the backbone of deep is resnet101 here, resnet18 in"),
        (
            {},
            {"images": {"spacing_mm": 0.05}},
            "images.spacing_mm of deep is 0.05 here, 0.1 in the",
        ),
        (
            {},
            {"features": {"pool_views": "max"}},
            "features.pool_views of deep is 'max' here, 'mean'",
        ),
        (
            {},
            {"kind": "radiomics"},
            "deep: the kind of deep is radiomics here, network in the model",
        ),
        ({}, {"table": "around"}, "deep: it takes the features of deep, which are not made here"),
    ],
)
def test_models_that_differ_are_refused(
    tmp_path: Path, weights: dict, changes: dict, message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        take(tmp_path, weights=WEIGHTS | weights, **changes)
    assert not (tmp_path / "here").exists()


def test_of_several_tables_the_one_that_differs_is_named() -> None:
    other = {**PART, "weights": WEIGHTS | {"digest": "c" * 64}}
    assert agreement.differences(BOTH, {"deep": PART, "around": PART}) == []
    (line,) = agreement.differences(BOTH, {"deep": PART, "around": other})
    assert line == (
        f"model both: the digest of the weights of around is {'c' * 64} here, {'a' * 64} in the "
        "model"
    )
    made = provenance.preprocessing(IMAGES, "network_features", EXTRACTION | {"layers": ["layer3"]})
    changed = {**PART, "preprocessing": made}
    (line,) = agreement.differences(BOTH, {"deep": changed, "around": PART})
    assert line == (
        "model both: features.layers of deep is ['layer3'] here, ['penultimate'] in the model"
    )
    # What no model takes may be made in any way.
    assert agreement.differences(DEEP, {"deep": PART, "around": other}) == []


def test_a_table_that_needs_no_weights_has_none() -> None:
    bare = {"kind": "table", "preprocessing": PART["preprocessing"]}
    model = DEEP | {"tables": {"deep": bare}}
    assert agreement.differences(model, {"deep": bare}) == []
    (line,) = agreement.differences(model, {"deep": {**bare, "kind": "radiomics"}})
    assert line == "model deep: the kind of deep is radiomics here, table in the model"


def test_models_of_an_earlier_schema_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"deep\.json: written for version 1 .* reads version 2"):
        take(tmp_path, model=DEEP | {"schema": 1})
    assert not (tmp_path / "here").exists()


def test_another_version_of_the_recipe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "RECIPE", 99)
    with pytest.raises(
        StudyError, match=r"model deep: images.recipe of deep is 99 here, \d+ in the model"
    ):
        take(tmp_path)
