import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.models.test_frozen import MODEL, PART, SCORE, TERM

from microcalc.apply import prediction
from microcalc.core.errors import StudyError
from microcalc.core.files import write_csv, write_json
from microcalc.images import shard_file

SPAN: dict[str, Any] = {
    "variables": {"age": {"least": 40.0, "largest": 70.0}, "palpable": {"levels": ["no", "yes"]}},
    "spacing_mm": {"least": 0.1, "largest": 0.1},
    "scanners": ["One"],
    "features": {
        name: {
            "names": [f"{name}_0000", f"{name}_0001"],
            **{"mean": [0.0, 0.0], "variance": 2.0, "limit": 2.0},
        }
        for name in ("deep", "small")
    },
    "images": ["xxh3-128:of a training image"],
}


def score_model(name: str, table: str, **part: Any) -> dict[str, Any]:
    feature = {**SCORE["features"][0], "name": f"{table}_0001"}
    score = {**SCORE, "name": table, "tables": [table], "features": [feature], **part}
    term = {**TERM, "variable": f"{table}_score"}
    made_of = {"terms": [term], "scores": [score], "tables": {table: PART}}
    return MODEL | {"name": name, "intercept": 0.0, **made_of}


def write_shard(path: Path, pixels: list[str]) -> None:
    rows = []
    for i, digest in enumerate(pixels):
        texts = dict.fromkeys(shard_file.TEXTS, "") | {
            "image_id": f"C{i}_CC",
            "case_id": f"C{i}",
            "status": "ok",
            "pixel_digest": digest,
        }
        rows.append(shard_file.Row(texts, np.zeros((4, 4)), np.zeros((8, 8))))
    sizes = {"patch_px": 4, "thumbnail_px": 8, "digest": "", "recipe": 1}
    shard_file.write(path, rows, count=len(rows), **sizes)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    models = [score_model("deep", "deep"), score_model("smaller", "small"), MODEL]
    for model in models:
        write_json(model, tmp_path / f"{model['name']}.json")
    cases = pd.DataFrame(
        {"case_id": ["C0", "C1"], "patient_id": ["P0", "P1"], "center": "Z", "split": "external",
         "age": ["50", "80"], "palpable": ["no", "yes"], "n_images": 1, "status": "included",
         "reason": ""}
    )  # fmt: skip
    write_csv(cases, tmp_path / "included.csv")
    qc = pd.DataFrame(
        {"image_id": ["C0_CC", "C1_CC"], "case_id": ["C0", "C1"], "status": "ok",
         "spacing_row_mm": 0.1, "spacing_column_mm": 0.1, "scanner": "One"}
    )  # fmt: skip
    write_csv(qc, tmp_path / "qc.csv")
    for table, value in (("deep", 1.0), ("small", 3.0)):
        values = np.array([0.0, value], dtype=np.float32)
        features = {"case_id": ["C0", "C1"], f"{table}_0000": values, f"{table}_0001": values}
        pd.DataFrame(features).to_parquet(tmp_path / f"{table}.parquet")
    write_json(SPAN, tmp_path / "domain.json")
    write_shard(tmp_path / "shard.npz", ["pixels", "other pixels"])
    return {
        "models": [tmp_path / f"{model['name']}.json" for model in models],
        "included_cases": tmp_path / "included.csv",
        "features": {name: tmp_path / f"{name}.parquet" for name in ("deep", "small")},
        "qc": tmp_path / "qc.csv",
        "shards": [tmp_path / "shard.npz"],
        "seen": tmp_path / "domain.json",
    }


def run(files: dict[str, Any]) -> prediction.Predicted:
    return prediction.run(files["models"], **{k: v for k, v in files.items() if k != "models"})


def test_each_model_takes_the_features_of_its_own_table(files: dict[str, Any]) -> None:
    found = run(files).predictions.set_index(["model", "case_id"])["probability"]
    expected = {"deep": 0.5 + 1.0, "smaller": 0.5 + 3.0}
    for model, log_odds in expected.items():
        assert found[model, "C1"] == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-15)
        assert found[model, "C0"] == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-15)


def test_a_case_is_called_by_the_threshold_of_the_model(files: dict[str, Any]) -> None:
    table = run(files).predictions
    positive = table["probability"] >= table["threshold"]
    assert table["called"].tolist() == ["IDC" if yes else "DCIS" for yes in positive]
    assert positive.nunique() == 2


def test_warnings_name_the_table_that_is_far(files: dict[str, Any]) -> None:
    warnings = run(files).warnings
    assert warnings[["case_id", "aspect", "found"]].to_numpy().tolist() == [
        ["C1", "small features", "distance 3.00"],
        ["C1", "value out of range", "age 80"],
    ]


@pytest.mark.parametrize(
    ("file", "column", "value", "changed"),
    [
        ("included_cases", "age", "51", {"clinical"}),
        ("included_cases", "center", "Y", set()),
        ("qc", "scanner", "Two", set()),
    ],
)
def test_what_a_prediction_is_made_from_changes_with_what_it_takes(
    files: dict[str, Any], file: str, column: str, value: str, changed: set[str]
) -> None:
    before = run(files).predictions
    table = pd.read_csv(files[file], dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    write_csv(table, files[file])
    after = run(files).predictions
    assert set(before["model"][before["made_from"] != after["made_from"]]) == changed


def test_another_model_is_another_origin(files: dict[str, Any]) -> None:
    before = run(files).predictions.set_index(["model", "case_id"])["made_from"]
    write_json(score_model("deep", "deep", intercept=0.75), files["models"][0])
    after = run(files).predictions.set_index(["model", "case_id"])["made_from"]
    assert set(before.index[before != after]) == {("deep", "C0"), ("deep", "C1")}


def test_an_image_that_was_trained_on_stops_everything(
    files: dict[str, Any], tmp_path: Path
) -> None:
    write_shard(tmp_path / "shard.npz", ["pixels", "xxh3-128:of a training image"])
    with pytest.raises(StudyError, match=r"trained on these very images.*\n  - image C1_CC"):
        run(files)


def test_training_images_of_an_older_version_are_not_silently_strangers(
    files: dict[str, Any], tmp_path: Path
) -> None:
    old = hashlib.sha256(b"pixels").hexdigest()
    write_json(SPAN | {"images": ["xxh3-128:of a training image", old]}, tmp_path / "domain.json")
    with pytest.raises(StudyError, match=r"digests of another kind.*run their study again"):
        run(files)
