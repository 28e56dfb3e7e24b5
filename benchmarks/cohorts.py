"""Made-up cohorts of any size: tables whose rows are the demo's under new names, and features."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from microcalc.config import settings
from microcalc.core.files import digest_value
from microcalc.features import shard_features as feature_shards
from microcalc.features.columns import numbered
from microcalc.images import shard_file
from microcalc.plan import code_digest, shard_rows

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "workflow" / "demo"
SCHEMA = ROOT / "workflow" / "schemas" / "config.yaml"
VIEWS = ("CC", "MLO")
FILES = 1000
PATCH_PX = 32
WIDTH = 2048
FACTORS = 48


def config(*, shards: int) -> dict[str, Any]:
    """Return the demo's config for a study of tables in its own folder, with nothing simulated."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    del loaded["simulate"], loaded["published"]
    loaded["study"] = "cohort"
    loaded["cohort"] |= {"cases": "cases.csv", "images": "images.csv", "image_folder": "dicom"}
    loaded["images"]["shards"] = shards
    return loaded


def write_tables(folder: Path, cases: int, *, shards: int) -> None:
    """Write a config and both tables into `folder`: two views a case, a patient each."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(config(shards=shards), sort_keys=False)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    with open(DEMO / "cases.csv", encoding="utf-8") as file:
        known = list(csv.DictReader(file))
    made = []
    for number, row in enumerate(_mixed(known, cases)):
        row |= {"case_id": _case(number), "patient_id": f"P{number:06d}"}
        made.append(row)
    with open(folder / "cases.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(known[0]))
        table.writeheader()
        table.writerows(made)
    names = ("image_id", "case_id", "path", "view", "laterality", "x0", "y0", "x1", "y1")
    with open(folder / "images.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        for number in range(cases):
            for view in VIEWS:
                image = f"{_case(number)}_{view}"
                rows.writerow([image, _case(number), _path(number), view, "L", 177, 422, 366, 602])


def _mixed(known: list[dict[str, str]], cases: int) -> Iterator[dict[str, str]]:
    """Yield case rows, each cell from a row of its own: half of them from one of the same label."""
    random = np.random.default_rng(1)
    label = np.array([row["label"] for row in known])
    first = random.integers(len(known), size=cases)
    drawn = {"label": first, "center": first}
    for name in sorted(known[0].keys() - drawn.keys()):
        source = random.integers(len(known), size=cases)
        same = random.random(cases) < 0.5
        for value in np.unique(label):
            chosen = same & (label[first] == value)
            source[chosen] = random.choice(np.flatnonzero(label == value), chosen.sum())
        drawn[name] = source
    for number in range(cases):
        yield {name: known[drawn[name][number]][name] for name in known[0]}


def _case(number: int) -> str:
    return f"C{number:06d}"


def _path(number: int) -> str:
    """Return where an image lies; many share a file, of which planning only asks its change."""
    return f"{number % FILES}.dcm"


def write_files(folder: Path) -> None:
    """Write the empty files that stand for images."""
    for number in range(FILES):
        path = folder / "dicom" / _path(number)
        path.parent.mkdir(exist_ok=True)
        path.touch()


def write_shards(folder: Path, *, shards: int) -> None:
    """Write what image and feature jobs would leave: noise, and features that know the label."""
    results = folder / "results" / "cohort"
    with open(folder / "cases.csv", encoding="utf-8") as file:
        label = {row["case_id"]: row["label"] == "IDC" for row in csv.DictReader(file)}
    completed = settings.complete(config(shards=shards))
    code = code_digest.code_digest(str(ROOT / "workflow" / "scripts" / "extract_patches.py"))
    circumstances = {
        **{"backbone": "resnet101", "layers": ["penultimate"], "weights": "made up"},
        **{"precision": "float32", "device": "cpu", "torch": "0", "torchvision": "0", "recipe": 1},
    }
    mixing = np.random.default_rng(2).standard_normal((FACTORS, WIDTH), dtype=np.float32)
    for number in range(shards):
        rows = shard_rows.of_shard(
            str(folder / "cases.csv"), str(folder / "images.csv"), number, shards
        )
        random = np.random.default_rng([3, number])
        files = shard_rows.files_digest(rows, str(folder / "dicom"))
        shard_file.write(
            results / "images" / f"shard-{number}.npz",
            _images(rows, random),
            count=len(rows),
            patch_px=PATCH_PX,
            thumbnail_px=1,
            digest=digest_value([files, completed.images.plain(), code]),
            recipe=0,
        )
        features = _features([label[row["case_id"]] for row in rows], mixing, random)
        columns = {name: [row[name] for row in rows] for name in ("image_id", "case_id", "view")}
        columns["key"] = columns["image_id"]
        path = results / "features" / "deep" / f"shard-{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = numbered(WIDTH)
        feature_shards._write(columns, names, list(features), circumstances, path)


def _images(rows: list[dict[str, str]], random: np.random.Generator) -> Iterator[shard_file.Row]:
    blank = np.zeros((1, 1), np.uint8)
    qc = {
        "rows": 1200, "columns": 740, "spacing_row_mm": 0.1, "spacing_column_mm": 0.1,
        "bits_stored": 12, "voi": "none", "inverted": False, "flags": "",
    }  # fmt: skip
    for row in rows:
        texts = dict.fromkeys(shard_file.TEXTS, "") | {
            name: row[name] for name in ("image_id", "case_id", "view")
        }
        texts |= {"status": "ok", "pixel_digest": row["image_id"], "qc": json.dumps(qc)}
        patch = random.random((PATCH_PX, PATCH_PX), dtype=np.float32)
        yield shard_file.Row(texts, patch, blank)


def _features(label: list[bool], mixing: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return features as a network's: many, correlated, not negative, a few factors behind them."""
    factors = random.standard_normal((len(label), FACTORS), dtype=np.float32)
    factors[:, :8] += 0.4 * np.array(label, dtype=np.float32)[:, None]
    own = random.standard_normal((len(label), WIDTH), dtype=np.float32)
    return np.maximum(factors @ mixing / np.float32(np.sqrt(FACTORS)) + own, 0)
