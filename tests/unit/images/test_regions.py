import io
import json
from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from tests.unit.images.making import breast, dataset, to_bytes

from microcalc.config.image_settings import ImageSettings, PatchSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes
from microcalc.images.regions import from_file
from microcalc.images.roi import Roi

STANDARD = PatchSettings().region_rules

SHAPE = (60, 50)
ALL, LARGEST = replace(STANDARD, components="all"), replace(STANDARD, components="largest")
BOX = Roi(12, 30, 21, 45)


def mask(dtype=np.uint8, value=1):
    """Two regions: value 1 fills BOX, value 2 a smaller one elsewhere."""
    drawn = np.zeros(SHAPE, dtype=dtype)
    drawn[30:45, 12:21] = value
    return drawn


def both():
    drawn = mask()
    drawn[2:5, 40:46] = 2
    return drawn


def png(array, mode=None):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue()


def itk(array, suffix, tmp_path, **metadata):
    image = SimpleITK.GetImageFromArray(array)
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    path = tmp_path / f"mask{suffix}"
    SimpleITK.WriteImage(image, str(path), useCompression=suffix == ".nrrd")
    return path.read_bytes()


def read(data, **options):
    return from_file(data, image_id="a", shape=SHAPE, **options)


@pytest.mark.parametrize("value", [1, 255])
@pytest.mark.parametrize("mode", [None, "1", "RGB", "RGBA", "P", "I;16"])
def test_png(mode, value):
    if mode == "I;16":
        data = png(mask(np.uint16, value))
    else:
        data = png(mask(value=255 if mode == "1" else value), mode)
    assert read(data) == BOX


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("slices", [False, True])
def test_nifti_and_nrrd(suffix, slices, tmp_path):
    drawn = both()[None] if slices else both()
    data = itk(drawn, suffix, tmp_path)
    assert read(data, label="1") == BOX
    assert read(data, rules=ALL) == Roi(12, 2, 46, 45)


def test_a_slicer_segmentation_that_is_cropped_and_named(tmp_path):
    data = itk(
        both()[None, 25:50, 10:30],
        ".nrrd",
        tmp_path,
        Segmentation_ReferenceImageExtentOffset="10 25 0",
        Segment0_Name="calcifications",
        Segment0_LabelValue="1",
    )
    assert read(data, label="calcifications") == BOX
    with pytest.raises(StudyError, match=r"roi_label names \('mass'; it has calcifications\)"):
        read(data, label="mass")
    far = itk(mask()[None], ".nrrd", tmp_path, Segmentation_ReferenceImageExtentOffset="10 25 0")
    with pytest.raises(StudyError, match=r"reaches beyond the image .*row 85 and column 60"):
        read(far)


def segmentation(uid="1.2.3.4", **options):
    source = dataset(breast(*SHAPE), SOPInstanceUID=uid)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        setattr(source, keyword, "1.2.3")
    for keyword in ("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "PatientBirthDate",
                    "PatientSex", "ReferringPhysicianName"):  # fmt: skip
        setattr(source, keyword, "")
    finding = pydicom.sr.codedict.codes.SCT.MorphologicallyAbnormalStructure
    names = ("calcifications", "mass")
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=i + 1,
            segment_label=name,
            segmented_property_category=finding,
            segmented_property_type=finding,
            algorithm_type="MANUAL",
        )
        for i, name in enumerate(names)
    ]
    seg = highdicom.seg.Segmentation(
        source_images=[source],
        pixel_array=both()[None],
        segmentation_type=options.get("kind", "BINARY"),
        segment_descriptions=descriptions,
        series_instance_uid="1.2.3.5",
        series_number=1,
        sop_instance_uid="1.2.3.6",
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=True,
    )
    buffer = io.BytesIO()
    seg.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_dicom_seg(kind):
    data = segmentation(kind=kind)
    uid = digest_bytes(b"1.2.3.4")
    assert read(data, label="calcifications", uid_digest=uid) == BOX
    assert read(data, label="2", uid_digest=uid) == Roi(40, 2, 46, 5)
    assert read(data, uid_digest=uid, rules=ALL) == Roi(12, 2, 46, 45)
    with pytest.raises(StudyError, match="DICOM SEG of another image"):
        read(data, uid_digest=digest_bytes(b"9.9"))


def test_a_dicom_image_as_a_mask():
    assert read(to_bytes(dataset(mask(value=255)))) == BOX


POLYGON = [[12, 31], [15.5, 30], [21, 40.25], [14, 45]]


def labelme(**changes):
    shapes = [
        {"label": "calc", "points": POLYGON, "shape_type": "polygon"},
        {"label": "mass", "points": [[2, 3], [5, 4]], "shape_type": "rectangle"},
        {"label": "ring", "points": [[20, 20], [23, 24]], "shape_type": "circle"},
    ]
    content = {"shapes": shapes, "imageHeight": 60, "imageWidth": 50} | changes
    return json.dumps(content).encode()


def test_labelme():
    assert read(labelme(), label="calc") == BOX
    assert read(labelme(), label="mass") == Roi(2, 3, 5, 4)
    assert read(labelme(), label="ring") == Roi(15, 15, 25, 25)
    assert read(labelme(), rules=ALL) == Roi(2, 3, 25, 45)


def coco(names=("a.dcm",)):
    images = [
        {"id": i, "file_name": f"x/{n}", "height": 60, "width": 50} for i, n in enumerate(names)
    ]
    annotations = [
        {"image_id": 0, "category_id": 7, "segmentation": [[v for p in POLYGON for v in p]]},
        {"image_id": 0, "category_id": 8, "segmentation": {"counts": []}, "bbox": [2, 3, 3, 1]},
        {"image_id": 1, "category_id": 7, "bbox": [0, 0, 40, 50]},
    ]
    categories = [{"id": 7, "name": "calc"}, {"id": 8, "name": "mass"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return json.dumps(content).encode()


def test_coco():
    assert read(coco(), label="calc") == BOX
    assert read(coco(), label="8") == Roi(2, 3, 5, 4)
    two = coco(("a.dcm", "b.dcm"))
    assert read(two, label="calc") == BOX
    b = from_file(two, image_id="other", shape=SHAPE, file_name="folder/b.dcm")
    assert b == Roi(0, 0, 40, 50)
    with pytest.raises(StudyError, match="neither its image_id nor its file name"):
        from_file(two, image_id="c", shape=SHAPE)


@pytest.mark.parametrize(
    ("data", "label", "words"),
    [
        (png(np.zeros(SHAPE, np.uint8)), "", "ROI mask is empty"),
        (png(mask()), "3", r"no such region as roi_label names \('3'; it has 1\)"),
        (png(mask()), "mass", r"roi_label names \('mass'; it has 1\)"),
        (png(mask()[:40]), "", "another size .*40 rows and 50 columns; the image has 60"),
        (png(np.ascontiguousarray(mask().T)), "", "rows and columns look swapped"),
        (labelme(imageHeight=50, imageWidth=60), "", "drawn on an image of another size .*50 rows"),
        (labelme(), "cyst", "'cyst'; it has calc, mass, ring"),
        (labelme(shapes=[{"label": "a", "points": [[3, 3], [3, 9]]}]), "", "nothing but specks"),
        (b"[1, 2]", "", "neither LabelMe's nor COCO's"),
        (b"{nonsense", "", "could not be decoded"),
        (png(mask())[:60], "", "could not be decoded"),
        (b"NRRD0004\ntype: uchar\n", "", "could not be decoded"),
        (b"anything else", "", "of no kind that is read"),
        (b"", "", "empty or of no kind"),
        (segmentation()[:900], "", "could not be decoded"),
    ],
)
def test_what_is_wrong_is_named(data, label, words):
    with pytest.raises(StudyError, match=words) as caught:
        read(data, label=label)
    assert str(caught.value).startswith("image a: its ROI")


def test_a_mask_in_rows_of_the_shard(tmp_path, caplog):
    from tests.unit.images.making import SETTINGS, dicom, row

    from microcalc.images import shards

    image = breast()
    drawn = np.zeros(image.shape, np.uint8)
    drawn[180:220, 60:100] = 1
    (tmp_path / "a.dcm").write_bytes(dicom(image, BitsStored=12))
    (tmp_path / "m.png").write_bytes(png(drawn))
    by_box = row("a")
    by_mask = row("b", path="a.dcm", roi_path="m.png", x0="", y0="", x1="", y1="")
    neither = row("c", path="a.dcm", roi_path="m.png")

    def update():
        caplog.clear()
        shards.update(
            tmp_path / "s.npz",
            [by_box, by_mask, neither],
            settings=ImageSettings.of(SETTINGS),
            image_folder=tmp_path,
            digest="",
        )
        return shards.read(tmp_path / "s.npz")

    caplog.set_level("INFO", logger="microcalc")
    shard = update()
    np.testing.assert_array_equal(shard.patch[0], shard.patch[1])
    assert "has a box and a roi_path" in shard.reason[2]
    drawn[100:120, 60:100] = 1
    (tmp_path / "m.png").write_bytes(png(drawn))
    update()
    assert "computed 2, kept 1" in caplog.text


def test_one_of_several_readers(tmp_path):
    from tests.unit.images.making import SETTINGS, dicom, row

    from microcalc.images import shards

    (tmp_path / "a.dcm").write_bytes(dicom(breast(), BitsStored=12))
    rows = [
        row("a", reader="r1"),
        row("a", reader="r2", x1=120),
        row("b", path="a.dcm", reader="r1"),
        row("c", path="a.dcm"),
    ]

    def update(reader):
        settings = ImageSettings.of(SETTINGS | {"reader": reader})
        shards.update(tmp_path / "s", rows, settings=settings, image_folder=tmp_path, digest="")
        return shards.read(tmp_path / "s")

    with pytest.raises(StudyError, match=r"images.reader.*\n.*image a: 2 regions, of readers r1"):
        update(None)
    first, second = update("r1"), update("r2")
    assert first.status.tolist() == ["ok"] * 3
    assert second.status.tolist() == ["ok", "excluded", "ok"]
    assert second.reason[1] == "reader r2 drew no region in it"
    assert (first.patch[0] != second.patch[0]).any()
