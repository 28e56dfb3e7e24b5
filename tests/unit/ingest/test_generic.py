"""A folder of anything: what of DICOM stays out, pictures and volumes, masks by name, and whose."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.unit.images.making import breast
from tests.unit.ingest.miniature import (
    BOXES,
    SHAPE,
    cohort_of,
    config_of,
    ingest,
    mammogram,
    patches_of,
    records,
)

from microcalc.core.errors import StudyError
from microcalc.ingest.record import Record

RAW = "1.2.840.10008.5.1.4.1.1.1.2.1"


def code(value: str, **more: Any) -> Sequence:
    item = Dataset()
    item.CodeValue = value
    for keyword, one in more.items():
        setattr(item, keyword, one)
    return Sequence([item])


def coded(view: str, modifier: str) -> dict[str, Any]:
    """Return the attributes of a view with a modifier, and of a tube that is near enough for it."""
    return {
        "ViewPosition": "",
        "ViewCodeSequence": code(view, ViewModifierCodeSequence=code(modifier)),
        "EstimatedRadiographicMagnificationFactor": 1,
    }


def picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(breast(*SHAPE, seed=seed)).save(path)


def mask(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros(SHAPE, np.uint8)
    x0, y0, x1, y1 = map(int, BOXES["L"])
    drawn[y0:y1, x0:x1] = 255
    Image.fromarray(drawn).save(path)


def volume(path: Path, spacing: float, slices: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = breast(*SHAPE)
    image = SimpleITK.GetImageFromArray(np.stack([stored] * slices) if slices else stored)
    image.SetSpacing([spacing] * image.GetDimension())
    SimpleITK.WriteImage(image, str(path))


def told(folder: Path) -> dict[str, Record]:
    return {record.place.source: record for record in records("generic", folder)}


def reasons(folder: Path) -> dict[str, str]:
    """Return why each file is left out; "" where it is taken."""
    return {source: record.reason for source, record in told(folder).items()}


def patients(folder: Path) -> list[set[str]]:
    """Return the files of each patient, sorted."""
    found: dict[str, set[str]] = {}
    for source, record in told(folder).items():
        if record.case:
            found.setdefault(record.case.patient_id, set()).add(source)
    return sorted(found.values(), key=sorted)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]}, "synthetic"),
        ({"SeriesDescription": "L CC C-View"}, "synthetic"),
        ({"SeriesDescription": "Insight 2D L-MLO"}, "synthetic"),
        ({"SeriesDescription": "V-Preview"}, "synthetic"),
        ({"SeriesDescription": "Synthesized 2D"}, "synthetic"),
        ({"AcquisitionDeviceProcessingDescription": "S-View"}, "synthetic"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, "tomosynthesis"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]}, "tomosynthesis"),
        (coded("399162004", "399055006"), "spot compression view"),
        (coded("R-10226", "R-102D7"), "spot compression view"),
        ({"ViewPosition": "SCC"}, "spot compression view"),
        ({"SeriesDescription": "L CC SPOT"}, "spot compression view"),
        ({"PaddleDescription": "SPOT CONTACT"}, "spot compression view"),
        (coded("R-10226", "R-102D6"), "magnification view"),
        ({"ViewPosition": "MMLO"}, "magnification view"),
        ({"EstimatedRadiographicMagnificationFactor": 1.8}, "magnification view"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 367}, "magnification view"),
        ({"SeriesDescription": "LCC MAG"}, "magnification view"),
        ({"ViewPosition": "ML"}, "a view other than CC and MLO"),
        (coded("399162004", "399209000"), "a view other than CC and MLO"),
        ({"ViewPosition": None}, "its file says nothing about the view"),
    ],
)
def test_what_is_no_plain_mammogram_has_its_reason(tmp_path, attributes, reason) -> None:
    mammogram(tmp_path / "a.dcm", seed=1)
    mammogram(tmp_path / "b.dcm", seed=2, **attributes)
    found = reasons(tmp_path)
    assert found["a.dcm"] == ""
    assert reason in found["b.dcm"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"SeriesDescription": "L CC VIEW"},
        {"SeriesDescription": "MAGDALENA HOSPITAL SPOTLESS"},
        {"EstimatedRadiographicMagnificationFactor": 1.08},
        {"ImageType": ["ORIGINAL", "PRIMARY", ""]},
        {"PresentationIntentType": "FOR PROCESSING", "SOPClassUID": RAW},
    ],
)
def test_what_is_one_is_taken(tmp_path, attributes) -> None:
    mammogram(tmp_path / "a.dcm", seed=1, **attributes)
    assert reasons(tmp_path) == {"a.dcm": ""}


def test_a_raw_image_is_left_where_its_finished_twin_is_there(tmp_path) -> None:
    raw = {"PresentationIntentType": "FOR PROCESSING", "SOPClassUID": RAW}
    same = {"StudyInstanceUID": "1.9"}
    mammogram(tmp_path / "shown.dcm", seed=1, **same)
    mammogram(tmp_path / "twin.dcm", seed=2, **same, **raw)
    mammogram(tmp_path / "other_view.dcm", seed=3, ViewPosition="MLO", **same, **raw)
    mammogram(tmp_path / "other_side.dcm", seed=4, side="R", **same, **raw)
    mammogram(tmp_path / "other_study.dcm", seed=5, StudyInstanceUID="1.10", **raw)
    mammogram(tmp_path / "other_woman.dcm", seed=6, PatientID="MRN-2", **same, **raw)
    found = reasons(tmp_path)
    assert found.pop("twin.dcm") == "FOR PROCESSING; the same view is there FOR PRESENTATION"
    assert set(found.values()) == {""}


def test_every_reason_is_counted_in_the_summary(tmp_path) -> None:
    for seed, attributes in enumerate(({}, {"ViewPosition": "SCC"}, {"ViewPosition": "SMLO"})):
        mammogram(tmp_path / "source" / f"{seed}.dcm", seed=seed, **attributes)
    ingest("generic", tmp_path / "source", tmp_path / "study")
    text = (tmp_path / "study" / "summary.md").read_text()
    assert "| .dcm files | 3 | read |\n| | 1 | taken |\n" in text
    assert "| | 2 | left out: spot compression view |" in text


def test_pictures_become_a_study_that_runs(tmp_path) -> None:
    source = tmp_path / "source"
    for i in range(10):
        for view in ("CC", "MLO"):
            picture(source / "images" / f"P{i:03d}_L_{view}.png", seed=2 * i + (view == "CC"))
            mask(source / "masks" / f"P{i:03d}_L_{view}.png")
    outcome = ingest("generic", source, tmp_path / "study", "0.1")
    images = pd.read_csv(tmp_path / "study" / "images.csv", dtype=str, keep_default_na=False)
    assert len(images) == 20
    for _, row in images.iterrows():
        assert row["roi_path"] == row["path"].replace("images", "masks")
        assert (row["laterality"], row["view"]) == ("L", row["path"][-7:-4].strip("_"))
        assert (row["spacing_mm"], row["x0"]) == ("0.1", "")
    cases = pd.read_csv(tmp_path / "study" / "cases.csv", dtype=str, keep_default_na=False)
    assert len(cases) == cases["patient_id"].nunique() == 10
    text = (tmp_path / "study" / "summary.md").read_text()
    assert "Taken: 10 cases (10 no label) of 10 patients, 20 images." in text
    assert "20 images carry no pixel spacing; you said 0.1 mm." in text
    assert "TO BE COMPLETED: nothing names the patient of 20 of 20 images" in text
    assert "Who is who was taken from the file's name (20)" in text
    assert "No region" not in text
    cases["label"] = np.where(np.arange(10) % 2, "IDC", "DCIS")
    cases.to_csv(tmp_path / "study" / "cases.csv", index=False)
    config = config_of(tmp_path / "study")
    cohort_of(config)
    assert patches_of(config, tmp_path) == dict.fromkeys(outcome.images, "")


def test_a_picture_without_spacing_is_told_and_nothing_is_assumed(tmp_path) -> None:
    picture(tmp_path / "source" / "a.png")
    volume(tmp_path / "source" / "b.nii.gz", 0.07, slices=1)
    volume(tmp_path / "source" / "c.mha", 1.0)
    ingest("generic", tmp_path / "source", tmp_path / "study")
    text = (tmp_path / "study" / "summary.md").read_text()
    assert "2 images carry no pixel spacing and will be excluded until" in text
    assert "spacing_mm=..." in text
    assert "Nothing says the side of 3 of 3 images" in text
    assert "Nothing says the view of 3 of 3 images" in text
    assert "No region is drawn yet in 3 of 3 images" in text
    ingest("generic", tmp_path / "source", tmp_path / "other", "0.05")
    images = pd.read_csv(tmp_path / "other" / "images.csv", dtype=str, keep_default_na=False)
    assert dict(zip(images["path"], images["spacing_mm"], strict=True)) == {
        "a.png": "0.05",
        "b.nii.gz": "",
        "c.mha": "0.05",
    }


def test_what_is_no_image_of_ours_has_its_reason(tmp_path) -> None:
    picture(tmp_path / "P1_L_CC.png")
    picture(tmp_path / "P1_L_ML.png")
    picture(tmp_path / "P1_L_CC_spot.tif")
    picture(tmp_path / "P1_R_CC_mag.tif")
    picture(tmp_path / "P1_L_CC.tif")
    (tmp_path / "P3_L_CC.bmp").write_bytes(b"BM")
    volume(tmp_path / "tomo_L_CC.nii", 0.1, slices=3)
    (tmp_path / "cut.nii.gz").write_bytes(b"\x1f\x8b nothing")
    (tmp_path / "._P1_L_CC.png").write_bytes(b"resource fork")
    (tmp_path / "P1_mask.txt").write_text("no mask")
    picture(tmp_path / "P1_L_CC_overlay.png")
    volume(tmp_path / "P4_L_CC.mhd", 0.1)
    assert reasons(tmp_path) == {
        "P1_L_CC.tif": "",
        "P1_L_CC.png": "the same name once more, in another format",
        "P1_L_ML.png": "a view other than CC and MLO",
        "P1_L_CC_spot.tif": "spot compression view",
        "P1_R_CC_mag.tif": "magnification view",
        "P3_L_CC.bmp": "a BMP file, which is read as a mask alone; save it as PNG or TIFF",
        "tomo_L_CC.nii": "tomosynthesis or another object of several frames",
        "cut.nii.gz": "its header cannot be read",
        "._P1_L_CC.png": "a hidden file",
        "P1_mask.txt": "neither an image nor a mask",
        "P1_L_CC_overlay.png": "a thumbnail or overlay, as its name says",
        "P4_L_CC.mhd": "",
        "P4_L_CC.raw": "the pixels of the MHD header beside it",
    }


def test_masks_are_paired_by_name_and_never_images(tmp_path) -> None:
    for name in ("A_L_CC", "B_L_CC", "C_L_CC", "D_L_CC"):
        picture(tmp_path / f"{name}.png")
    mammogram(tmp_path / "E.dcm", seed=1)
    mask(tmp_path / "A_L_CC_mask.png")
    mask(tmp_path / "masks" / "B_L_CC.tif")
    mask(tmp_path / "C_L_CC_roi.png")
    mask(tmp_path / "labels" / "C_L_CC.png")
    mask(tmp_path / "E_seg.png")
    mask(tmp_path / "F_L_CC_mask.png")
    found = told(tmp_path)
    drawn = {
        source: record.image.roi_path
        for source, record in found.items()
        if record.image and record.image.path == source
    }
    assert drawn == {
        "A_L_CC.png": "A_L_CC_mask.png",
        "B_L_CC.png": "masks/B_L_CC.tif",
        "C_L_CC.png": "",
        "D_L_CC.png": "",
        "E.dcm": "E_seg.png",
    }
    several = "one of several masks of one image; name one in roi_path"
    assert {source: record.reason for source, record in found.items() if record.reason} == {
        "C_L_CC_roi.png": several,
        "labels/C_L_CC.png": several,
        "F_L_CC_mask.png": "a mask without an image of its name that is taken",
    }
    # The mask's own line in the account names its case and image.
    assert found["A_L_CC_mask.png"].image == found["A_L_CC.png"].image


def test_a_mask_that_fits_two_images_is_left(tmp_path) -> None:
    picture(tmp_path / "images" / "A_L_CC.png", seed=1)
    picture(tmp_path / "A_L_CC.png", seed=2)
    mask(tmp_path / "A_L_CC_mask.png")
    assert reasons(tmp_path)["A_L_CC_mask.png"] == "a mask whose name fits several images"


def test_a_mask_of_an_image_that_is_left_out_is_left_too(tmp_path) -> None:
    picture(tmp_path / "A_L_CC.png")
    picture(tmp_path / "B_L_ML.png")
    mask(tmp_path / "B_L_ML_mask.png")
    assert reasons(tmp_path)["B_L_ML_mask.png"].startswith("a mask without an image")


def test_dicom_without_patient_goes_by_its_study(tmp_path) -> None:
    said = [("1.9", ""), ("1.9", "ANONYMOUS"), ("1.10", ""), ("1.11", "MRN"), ("1.11", "")]
    for seed, (name, (study, patient)) in enumerate(zip("abcde", said, strict=True)):
        mammogram(tmp_path / f"{name}.dcm", seed=seed, PatientID=patient, StudyInstanceUID=study)
    assert patients(tmp_path) == [{"a.dcm", "b.dcm"}, {"c.dcm"}, {"d.dcm", "e.dcm"}]
    # e's patient is named by another file of its study.
    guessed = {s: r.image.patient_from for s, r in told(tmp_path).items() if r.image}
    assert guessed == {
        "a.dcm": "StudyInstanceUID",
        "b.dcm": "StudyInstanceUID",
        "c.dcm": "StudyInstanceUID",
        "d.dcm": "",
        "e.dcm": "",
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # The rest of the names, within a folder of kinds, sets or classes alike.
        (
            ["train/benign/P1_L_CC.png", "test/malignant/P1_R_CC.png", "train/benign/P2_L_CC.png"],
            [
                {"test/malignant/P1_R_CC.png", "train/benign/P1_L_CC.png"},
                {"train/benign/P2_L_CC.png"},
            ],
        ),
        # Folders.
        (
            ["P1/L_CC.png", "P1/L_MLO.png", "P2/L_CC.png", "P2/img7.png"],
            [{"P1/L_CC.png", "P1/L_MLO.png"}, {"P2/L_CC.png", "P2/img7.png"}],
        ),
        # Two examinations.
        (
            ["P1/2019/L_CC.png", "P1/2021/L_CC.png"],
            [{"P1/2019/L_CC.png", "P1/2021/L_CC.png"}],
        ),
        # Several patients in a site's folder, of which one has two images.
        (
            ["site/P1_L_CC.png", "site/P1_L_MLO.png", "site/P2_L_CC.png"],
            [{"site/P1_L_CC.png", "site/P1_L_MLO.png"}, {"site/P2_L_CC.png"}],
        ),
        # Running numbers of one patient's images.
        (
            ["P1/0001_L_CC.png", "P1/0002_L_MLO.png", "P2/0001_L_CC.png"],
            [{"P1/0001_L_CC.png", "P1/0002_L_MLO.png"}, {"P2/0001_L_CC.png"}],
        ),
        # Equal names at two sites.
        (
            ["A/1_L_CC.png", "A/1_L_MLO.png", "A/2_L_CC.png", "B/1_L_CC.png", "B/1_L_MLO.png"],
            [
                {"A/1_L_CC.png", "A/1_L_MLO.png"},
                {"A/2_L_CC.png"},
                {"B/1_L_CC.png", "B/1_L_MLO.png"},
            ],
        ),
        # The names of RSNA's files: patient and image.
        (
            ["10006_462822612.png", "10006_1459541791.png", "10011_220375232.png"],
            [{"10006_1459541791.png", "10006_462822612.png"}, {"10011_220375232.png"}],
        ),
        # Nothing tells: each file by itself.
        (["case_1.png", "case_2.png"], [{"case_1.png"}, {"case_2.png"}]),
        (["images/1.png", "images/2.png"], [{"images/1.png"}, {"images/2.png"}]),
        # One patient's folder is the source itself.
        (["L_CC.png", "R_CC.png"], [{"L_CC.png", "R_CC.png"}]),
    ],
)  # fmt: skip
def test_pictures_go_by_name_or_folder(tmp_path, files, expected) -> None:
    for seed, file in enumerate(files):
        picture(tmp_path / file, seed)
    assert patients(tmp_path) == expected


def test_two_examinations_are_two_cases_of_one_patient(tmp_path) -> None:
    for year in ("2019", "2021"):
        for view in ("CC", "MLO"):
            picture(tmp_path / "P1" / year / f"L_{view}.png")
    found = [record.case for record in told(tmp_path).values() if record.case]
    assert len({case.case_id for case in found}) == 2
    assert len({case.patient_id for case in found}) == 1


def test_images_without_a_side_are_cases_of_their_own(tmp_path) -> None:
    picture(tmp_path / "P1" / "CC.png", 1)
    picture(tmp_path / "P1" / "MLO.png", 2)
    found = told(tmp_path)
    cases = {record.case.case_id for record in found.values() if record.case}
    assert len(cases) == 2
    assert len(patients(tmp_path)) == 1


@pytest.mark.parametrize(("images", "expected"), [(8, False), (9, True)])
def test_one_patient_of_very_many_images_is_told(tmp_path, images, expected) -> None:
    for seed in range(images):
        mammogram(tmp_path / "source" / f"{seed}.dcm", seed=seed, PatientID="STUDY-7")
    ingest("generic", tmp_path / "source", tmp_path / "study")
    text = (tmp_path / "study" / "summary.md").read_text()
    assert (f"All {images} images are said to be of one patient" in text) == expected


def test_nothing_of_a_name_reaches_the_ids(tmp_path) -> None:
    picture(tmp_path / "source" / "Mustermann_L_CC.png")
    picture(tmp_path / "source" / "Doe Jane" / "L_CC.png")
    ingest("generic", tmp_path / "source", tmp_path / "study")
    text = (tmp_path / "study" / "cases.csv").read_text()
    text += (tmp_path / "study" / "summary.md").read_text()
    assert "ustermann" not in text
    assert "Doe" not in text


def test_a_folder_of_nothing_says_what_it_holds(tmp_path) -> None:
    mask(tmp_path / "a_mask.png")
    with pytest.raises(StudyError, match="1 x a mask without an image of its name"):
        ingest("generic", tmp_path, tmp_path / "study")
