import shutil
import subprocess
from datetime import datetime

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1
from tests.scripts import run_script

from microcalc.core.files import digest_file, read_json
from microcalc.simulate import cohort, shard
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import SCANNERS, expose

SEED = 11


@pytest.fixture(scope="module")
def tables():
    return cohort.draw(SEED, n_negative=3, n_positive=3, field_mm=cohort.TINY_FIELD_MM)


@pytest.fixture(scope="module")
def folder(tables, tmp_path_factory):
    target = tmp_path_factory.mktemp("dicom")
    shard.write(tables.phantoms.to_dict("records"), target, seed=SEED)
    return target


@pytest.fixture(scope="module")
def datasets(tables, folder):
    return {row.image_id: pydicom.dcmread(folder / row.path) for row in tables.images.itertuples()}


def test_same_rows_as_text_in_any_order_give_the_same_bytes(tables, folder, tmp_path):
    rows = tables.phantoms.astype(str).to_dict("records")[:4]
    digests = shard.write(rows[::-1], tmp_path, seed=SEED)
    assert list(digests) == sorted(row["image_id"] for row in rows)
    for row in rows:
        assert digest_file(folder / row["path"]) == digests[row["image_id"]]


def test_a_column_that_is_no_latent_trait_changes_nothing(tables, folder, tmp_path):
    row = {**tables.phantoms.iloc[0].to_dict(), "label": "IDC", "birads": "5"}
    digests = shard.write([row], tmp_path, seed=SEED)
    assert digests[row["image_id"]] == digest_file(folder / row["path"])


def test_another_seed_gives_other_pixels(tables, folder, tmp_path):
    row = tables.phantoms.iloc[0].to_dict()
    shard.write([row], tmp_path, seed=SEED + 1)
    old, new = (pydicom.dcmread(place / row["path"]) for place in (folder, tmp_path))
    assert not np.array_equal(old.pixel_array, new.pixel_array)
    assert old.SOPInstanceUID != new.SOPInstanceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(tables, folder):
    for path in tables.images["path"]:
        run = subprocess.run(
            ["dciodvfy", str(folder / path)], capture_output=True, text=True, check=False
        )
        said = (run.stdout + run.stderr).splitlines()
        assert "MammographyImageForPresentation" in said[0]
        assert not [line for line in said if line.startswith("Error")]


def test_pixels_come_back_as_exposed(tables, datasets):
    for row in tables.phantoms.to_dict("records"):
        phantom = Phantom.from_row(row)
        dataset = datasets[phantom.image_id]
        np.testing.assert_array_equal(dataset.pixel_array, expose(phantom, seed=SEED).pixels)
        assert dataset.pixel_array.max() < 1 << dataset.BitsStored


def test_centers_differ_as_scanners_do(tables, datasets):
    seen = {}
    for row in tables.phantoms.itertuples():
        dataset = datasets[row.image_id]
        seen.setdefault(row.center, set()).add(
            (
                dataset.file_meta.TransferSyntaxUID,
                dataset.PhotometricInterpretation,
                dataset.BitsStored,
                float(dataset.ImagerPixelSpacing[0]),
                dataset.VOILUTFunction,
            )
        )
    assert seen == {
        "A": {(JPEGLosslessSV1, "MONOCHROME2", 12, 0.085, "LINEAR")},
        "B": {(ExplicitVRLittleEndian, "MONOCHROME1", 14, 0.1, "SIGMOID")},
    }


def test_view_laterality_and_orientation_agree(tables, datasets):
    for row in tables.images.itertuples():
        dataset = datasets[row.image_id]
        assert dataset.ViewPosition == row.view
        assert dataset.ImageLaterality == row.laterality
        assert dataset.PatientOrientation[0] == {"L": "A", "R": "P"}[row.laterality]
        # The chest wall's column lies in the breast, the opposite one in air or marker.
        bright = dataset.pixel_array.astype(float)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            bright = -bright
        first, last = np.median(bright[:, 0]), np.median(bright[:, -1])
        assert (first > last) == (row.laterality == "L")


def test_a_bright_marker_stands_in_the_corner_opposite_the_chest_wall(tables, datasets):
    for row in tables.phantoms.itertuples():
        pixels = datasets[row.image_id].pixel_array
        if SCANNERS[row.center].inverted:
            pixels = SCANNERS[row.center].top - pixels
        if row.laterality == "R":
            pixels = pixels[:, ::-1]
        corner = pixels[: len(pixels) // 12, -pixels.shape[1] // 4 :]
        share = (corner == round(0.97 * SCANNERS[row.center].top)).mean()
        assert 0.01 < share < 0.4


def test_no_dicom_identity_equals_a_study_identity_or_holds_todays_date(tables, datasets):
    ids = {*tables.cases["case_id"], *tables.cases["patient_id"], *tables.images["image_id"]}
    people = {}
    for row in tables.phantoms.itertuples():
        dataset = datasets[row.image_id]
        assert str(dataset.PatientID) not in ids
        assert not any(one in str(dataset) for one in (row.case_id, row.patient_id))
        assert int(dataset.StudyDate[:4]) < datetime.now().year - 1
        people.setdefault(row.patient_id, set()).add(
            (str(dataset.PatientID), str(dataset.PatientName), dataset.StudyInstanceUID)
        )
    assert all(len(names) == 1 for names in people.values())
    assert len({hospital for names in people.values() for hospital, _, _ in names}) == len(people)


def test_matrix_and_metadata_are_the_same_in_both_classes(tables, datasets):
    label = dict(zip(tables.cases["case_id"], tables.cases["label"], strict=True))
    tags = {}
    for row in tables.images.itertuples():
        dataset = datasets[row.image_id]
        tags.setdefault(label[row.case_id], set()).add(
            (dataset.get("Manufacturer"), dataset.Rows, dataset.Columns, len(dataset))
        )
    assert tags["DCIS"] == tags["IDC"]


def test_the_rules_script_writes_files_and_manifest(tables, tmp_path):
    tables.write(tmp_path)
    run_script(
        "simulate_shard",
        log=tmp_path / "log.txt",
        output={"manifest": str(tmp_path / "shard-0.json")},
        params={
            "cases": str(tmp_path / "cases.csv"),
            "phantoms": str(tmp_path / "phantoms.csv"),
            "shards": 3,
            "folder": str(tmp_path / "simulate" / "dicom"),
            "results": str(tmp_path),
            "seed": SEED,
        },
        wildcards={"shard": "0"},
    )
    manifest = read_json(tmp_path / "shard-0.json")
    written = sorted(path.stem for path in (tmp_path / "simulate" / "dicom").iterdir())
    assert written == list(manifest)
    assert 0 < len(manifest) < len(tables.images)
