"""Every setting of `images` and every column of the images table, from user's files to shard."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from tests.scripts import run_script
from tests.unit.images.making import breast, dataset, dicom, to_bytes

from microcalc.cohort.study_tables import read_cohort
from microcalc.config import settings
from microcalc.core.errors import StudyError
from microcalc.images import shards
from microcalc.plan.shard_rows import files_digest, of_shard

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "workflow" / "schemas"
BOX = {"x0": "60", "y0": "180", "x1": "100", "y1": "220"}


@pytest.fixture
def made(tmp_path):
    """Return a function that runs the rules' scripts on tables and files as a user writes them."""

    def make(files, rows=None, **images):
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        rows = rows or [{"path": next(iter(files)), **BOX}]
        table = [{"image_id": f"I{i}", "case_id": f"C{i}"} | row for i, row in enumerate(rows)]
        cases = [
            {"case_id": c, "patient_id": f"P{c}", "center": "A", "label": "IDC"}
            for c in sorted({row["case_id"] for row in table})
        ]
        pd.DataFrame(cases).to_csv(tmp_path / "cases.csv", index=False)
        pd.DataFrame(table).to_csv(tmp_path / "images.csv", index=False)
        config = yaml.safe_load((ROOT / "config.yaml").read_text())
        config["images"] = {"patch_mm": 6.4, "thumbnail_px": 64, "shards": 1} | images
        config |= {"clinical": {}, "models": {"deep": {"scores": ["deep"]}}}
        config["evaluation"] = {"comparisons": []}
        config = settings.complete(config)
        tables = {name: str(tmp_path / f"{name}.csv") for name in ("cases", "images")}
        read_cohort(
            *tables.values(),
            schemas=(str(SCHEMAS / "cases.yaml"), str(SCHEMAS / "images.yaml")),
            clinical={},
            labels=config.labels,
        )
        run_script(
            "extract_patches",
            log=tmp_path / "patches.log",
            output={"shard": str(tmp_path / "shard.npz")},
            params=tables
            | {
                "image_folder": str(tmp_path),
                "shards": 1,
                "digest": "d",
                "files": files_digest(of_shard(*tables.values(), 0, 1), str(tmp_path)),
                "settings": config.images.plain(),
                "surround": 1.0,
                "region_margin_mm": None,
            },
            wildcards={"shard": "0"},
        )
        return shards.read(tmp_path / "shard.npz")

    return make


def qc(shard, i=0):
    assert shard.reason[i] == ""
    return json.loads(str(shard.qc[i]))


def windowed():
    return dicom(
        breast(),
        BitsStored=12,
        WindowCenter=[1500, 900],
        WindowWidth=[2500, 700],
        WindowCenterWidthExplanation=["NORMAL", "HARDER"],
    )


@pytest.mark.parametrize(
    ("voi", "name"),
    [
        (None, "LINEAR window 0 (NORMAL)"),
        (1, "LINEAR window 1 (HARDER)"),
        ("HARDER", "LINEAR window 1 (HARDER)"),
        ("none", "none"),
    ],
)
def test_voi(made, voi, name):
    assert qc(made({"a.dcm": windowed()}, voi=voi))["voi"] == name


def test_a_voi_that_a_file_lacks_excludes_it(made):
    shard = made({"a.dcm": windowed()}, voi="SOFTER")
    assert shard.status[0] == "excluded"
    assert "images.voi" in shard.reason[0]


def test_normalization(made):
    file = {"a.dcm": dicom(breast(), BitsStored=12)}
    patches = {
        name: made(file, normalization=name).patch[0].astype(float)
        for name in ("percentile", "z-score", "none")
    }
    # Without any, 12 bits come to [0, 1], and the tissue of `breast` has a mean of 1500.
    assert patches["none"].mean() == pytest.approx(1500 / 4095, abs=0.1)
    assert patches["z-score"].mean() == pytest.approx(0.5, abs=0.25)
    assert len({patch.mean() for patch in patches.values()}) == 3


def test_crop(made):
    file = {"a.dcm": dicom(breast(), BitsStored=12)}
    assert qc(made(file))["window_mm"] == 6.4
    assert qc(made(file, crop="fit"))["window_mm"] == 4 + 2 * 2
    assert qc(made(file, crop="fit", fit_margin_mm=1))["window_mm"] == 4 + 2 * 1


def test_for_processing(made):
    raw = {"a.dcm": dicom(4095 - breast(), BitsStored=12, PresentationIntentType="FOR PROCESSING")}
    assert "for_processing_converted" in qc(made(raw))["flags"]
    shard = made(raw, for_processing="refuse")
    assert "images.for_processing is 'refuse'" in shard.reason[0]


def test_on_error_fail_stops_with_the_list(made):
    with pytest.raises(StudyError, match=r"image I0: its file is of no format that is read"):
        made({"a.dcm": b"no mammogram"}, on_error="fail")


def test_spacing_frame_and_page_come_from_the_table(made, tmp_path):
    pages = [Image.fromarray(breast(seed=seed)) for seed in (1, 2)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    frames = dataset(np.stack([breast(seed=1), breast(seed=2)]).reshape(800, 300), BitsStored=12)
    frames.Rows, frames.NumberOfFrames = 400, 2
    files = {"pages.tif": (tmp_path / "pages.tif").read_bytes(), "frames.dcm": to_bytes(frames)}
    shard = made(
        files,
        [
            {"path": "pages.tif", "frame": "2", "spacing_mm": "0.1", **BOX},
            {"path": "frames.dcm", "frame": "2", "spacing_mm": "NA", **BOX},
            {"path": "frames.dcm", "frame": "1", "spacing_mm": "", **BOX},
            {"path": "frames.dcm", "frame": "", "spacing_mm": "", **BOX},
            {"path": "pages.tif", "frame": "1", "spacing_mm": "", **BOX},
        ],
    )
    assert [qc(shard, i)["spacing_source"] for i in range(3)] == ["table"] + 2 * [
        "ImagerPixelSpacing"
    ]
    np.testing.assert_array_equal(shard.patch[0], shard.patch[1])
    assert (shard.patch[1] != shard.patch[2]).any()
    assert "column frame of the images table" in shard.reason[3]
    assert "column spacing_mm" in shard.reason[4]


def test_a_mask_polygons_and_a_box_around_the_same_place_give_one_patch(made, tmp_path):
    values = np.zeros((400, 300), np.uint8)
    values[180:220, 60:100] = 2
    values[300:310, 60:70] = 1
    Image.fromarray(values).save(tmp_path / "mask.png")
    corners = [[60, 180], [100, 180], [100, 220], [60, 220]]
    polygons = {"shapes": [{"label": "lesion", "points": corners}]}
    polygons |= {"imageHeight": 400, "imageWidth": 300}
    files = {
        "a.dcm": dicom(breast(), BitsStored=12),
        "mask.png": (tmp_path / "mask.png").read_bytes(),
        "drawn.json": json.dumps(polygons).encode(),
    }
    shard = made(
        files,
        [
            {"path": "a.dcm", **BOX},
            {"path": "a.dcm", "roi_path": "mask.png", "roi_label": "2"},
            {"path": "a.dcm", "roi_path": "drawn.json"},
            {"path": "a.dcm", "roi_path": "drawn.json", "roi_label": "cyst"},
        ],
    )
    assert shard.status.tolist() == ["ok"] * 3 + ["excluded"]
    np.testing.assert_array_equal(shard.patch[1], shard.patch[0])
    np.testing.assert_array_equal(shard.patch[2], shard.patch[0])
    assert shard.detail[3] == "'cyst'; it has lesion"


def test_reader(made):
    file = {"a.dcm": dicom(breast(), BitsStored=12)}
    one = {"image_id": "I", "case_id": "C", "path": "a.dcm"}
    rows = [one | BOX | {"reader": "ann"}, one | BOX | {"x1": "90", "reader": "bob"}]
    ann, bob = (made(file, rows, reader=reader).patch[0] for reader in ("ann", "bob"))
    np.testing.assert_array_equal(ann, made(file, [one | BOX]).patch[0])
    assert (ann != bob).any()
    with pytest.raises(StudyError, match=r"images\.reader(.|\n)*of readers ann, bob"):
        made(file, rows)
    assert "reader eve drew no region" in made(file, rows, reader="eve").reason[0]
    assert shards.drawn_by([*rows, one | BOX, one | BOX | {"reader": ""}], "bob") == rows[1:]
