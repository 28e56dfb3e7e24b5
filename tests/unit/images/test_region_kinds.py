"""Each way in which a file of regions can be ambiguous or turned, with the box that is right."""

import base64
import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from tests.unit.images.making import breast, dataset, dicom, to_bytes
from tests.unit.images.test_regions import ALL, BOX, LARGEST, SHAPE, itk, mask, png, read

from microcalc.config.image_settings import ImageSettings, PatchSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Place
from microcalc.images.outlines import _coco_mask
from microcalc.images.regions import from_file
from microcalc.images.roi import Roi

STANDARD = PatchSettings().region_rules

TENTH = Place((0.1, 0.1))
OTHER = Roi(40, 2, 46, 5)


def drawn(*boxes, value=1, dtype=np.uint8):
    array = np.zeros(SHAPE, dtype)
    for box in boxes:
        array[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = value
    return array


def saved(array, kind, mode=None, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def sides(roi):
    return [roi.x0, roi.y0, roi.x1, roi.y1]


TWO = drawn(BOX, OTHER, value=255)
MANY_GRAYS = (breast(*SHAPE) // 16).astype(np.uint8)


# Several regions


def test_several_regions_are_refused_with_sizes_and_distance():
    with pytest.raises(StudyError, match="holds several regions") as caught:
        read(png(TWO), place=Place((0.2, 0.1)), rules=replace(STANDARD, speck_mm2=0))
    assert caught.value.detail == "2 regions: 0.9 x 3.0 mm; 0.6 x 0.6 mm, 7.3 mm away"
    assert not any(letter.isdigit() for letter in caught.value.reason)


def test_a_setting_takes_the_largest_or_all_and_flags_it():
    largest, whole = read(png(TWO), rules=LARGEST), read(png(TWO), rules=ALL)
    assert (largest, largest.flags) == (BOX, ("roi_largest_of_several",))
    assert (whole, whole.flags) == (Roi(12, 2, 46, 45), ("roi_all_of_several",))
    assert read(png(drawn(BOX))).flags == ()


def test_of_equal_regions_the_upper_one_is_the_largest():
    upper, lower = Roi(30, 5, 40, 15), Roi(5, 30, 15, 40)
    assert read(png(drawn(lower, upper)), rules=LARGEST) == upper


def test_pixels_that_touch_at_a_corner_are_one_region():
    stairs = drawn(Roi(10, 10, 20, 20), Roi(20, 20, 30, 30))
    assert read(png(stairs)) == Roi(10, 10, 30, 30)
    apart = drawn(Roi(10, 10, 20, 20), Roi(21, 20, 30, 30))
    with pytest.raises(StudyError, match="several regions"):
        read(png(apart))


def test_a_ring_is_one_region_and_what_it_encloses_another():
    ring = drawn(Roi(5, 10, 30, 40))
    ring[12:38, 7:28] = 0
    assert read(png(ring)) == Roi(5, 10, 30, 40)
    ring[20:25, 15:20] = 1
    with pytest.raises(StudyError, match="several regions"):
        read(png(ring))


def test_specks_are_left_out_and_counted():
    array = drawn(BOX)
    array[2, 40] = array[50, 3] = array[50:52, 40:42] = 1
    roi = read(png(array), place=TENTH)
    assert (roi, roi.specks, roi.flags) == (BOX, 3, ("roi_specks_left_out",))
    with pytest.raises(StudyError, match="several regions"):
        read(png(array), place=TENTH, rules=replace(STANDARD, speck_mm2=0.04))
    # 5 x 5 pixels of 0.1 mm are no speck.
    array[50:55, 40:45] = 1
    with pytest.raises(StudyError, match="several regions"):
        read(png(array), place=TENTH)


def test_nothing_but_specks_is_refused():
    with pytest.raises(StudyError, match=r"nothing but specks.*1, the largest of 0.01 mm²"):
        read(png(drawn(Roi(9, 9, 10, 10))), place=TENTH)


def test_labels_that_touch_are_regions_of_their_own():
    array = drawn(Roi(10, 10, 20, 30), value=1, dtype=np.uint16)
    array[10:30, 20:40] = 2
    assert read(png(array), label="1") == Roi(10, 10, 20, 30)
    assert read(png(array), label="2") == Roi(20, 10, 40, 30)
    assert read(png(array), rules=LARGEST) == Roi(20, 10, 40, 30)
    with pytest.raises(StudyError, match=r"several regions.*'2' 20.0 x 20.0 mm; '1' 10"):
        read(png(array))


# What is no mask


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (255 - drawn(BOX, value=255), "is inverted"),
        (drawn(Roi(1, 1, 49, 59), value=255), "nearly the whole image"),
        (np.where(drawn(BOX) > 0, 255, 254).astype(np.uint8), "is inverted"),
        (MANY_GRAYS, "picture of many gray levels"),
        (np.maximum(MANY_GRAYS, drawn(BOX, value=255)), "picture of many gray levels"),
    ],
)
def test_a_mask_that_is_none(array, words):
    with pytest.raises(StudyError, match=words):
        read(png(array))


def test_a_mammogram_with_its_region_painted_on_is_refused():
    overlay = np.repeat(MANY_GRAYS[:, :, None], 3, axis=2)
    overlay[drawn(BOX) > 0] = (255, 0, 0)
    for mode in (None, "RGBA"):
        with pytest.raises(StudyError, match="many gray levels or colors"):
            read(saved(overlay, "PNG", mode))


# Values


def test_254_and_255_are_one_region():
    array = drawn(BOX, value=255)
    array[30:45:2, 12:21] = 254
    assert read(png(array)) == BOX


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_jpeg_mask_keeps_its_box(quality):
    wide = np.zeros((400, 300), np.uint8)
    wide[150:171, 70:93] = 255
    from microcalc.images.regions import from_file

    data = saved(wide, "JPEG", quality=quality)
    assert (np.asarray(Image.open(io.BytesIO(data))) > 0).sum() > 21 * 23
    roi = from_file(data, image_id="a", shape=wide.shape, place=TENTH)
    assert roi == Roi(70, 150, 93, 171)
    # The same noise in a format that keeps it.
    noisy = png(np.asarray(Image.open(io.BytesIO(data))))
    assert from_file(noisy, image_id="a", shape=wide.shape, place=TENTH) == roi


def test_blurred_edges_are_cut_at_the_threshold():
    array = drawn(Roi(10, 10, 30, 40), value=255)
    array[10:40, 9] = 100
    array[10:40, 30] = 200
    assert read(png(array)) == Roi(10, 10, 31, 40)
    assert read(png(array), rules=replace(STANDARD, threshold=0.3)) == Roi(9, 10, 31, 40)


def test_a_faint_region_apart_is_not_overlooked():
    array = drawn(Roi(5, 10, 30, 50), value=255)
    array[2:5, 40:44] = 90
    with pytest.raises(StudyError, match="several regions"):
        read(png(array))


def test_a_palette_gives_labels():
    image = Image.fromarray(drawn(BOX) + 2 * drawn(OTHER), "P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert read(buffer.getvalue(), label="1") == BOX
    assert read(buffer.getvalue(), label="2") == OTHER


def test_a_palette_that_begins_with_white_is_a_picture():
    image = Image.fromarray(1 - drawn(BOX), "P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert read(buffer.getvalue()) == BOX


def test_colors_are_labels_and_transparency_is_empty():
    array = np.zeros((*SHAPE, 4), np.uint8)
    array[drawn(BOX) > 0] = (255, 0, 0, 128)
    assert read(saved(array, "PNG")) == BOX
    array[drawn(OTHER) > 0] = (0, 255, 0, 128)
    assert read(saved(array, "PNG"), label="#ff0000") == BOX
    black = np.zeros((*SHAPE, 4), np.uint8)
    black[drawn(BOX) > 0, 3] = 255
    assert read(saved(black, "PNG")) == BOX


def test_bmp_and_tiff_pages():
    assert read(saved(drawn(BOX, value=255), "BMP")) == BOX
    pages = io.BytesIO()
    first, second = (Image.fromarray(drawn(box, value=255)) for box in (OTHER, BOX))
    first.save(pages, "TIFF", save_all=True, append_images=[second])
    assert read(pages.getvalue(), place=Place(frame=2, frames=2)) == BOX
    with pytest.raises(StudyError, match="another number of slices"):
        read(pages.getvalue())


# Directions


def written(array, tmp_path, suffix, direction=None, spacing=0.1, origin=None):
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing([spacing] * image.GetDimension())
    if direction:
        image.SetDirection(direction)
    if origin:
        image.SetOrigin(origin)
    path = tmp_path / f"turned{suffix}"
    SimpleITK.WriteImage(image, str(path))
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    ("turn", "direction"),
    [
        (lambda a: a, (1, 0, 0, 1)),
        (lambda a: a[::-1], (1, 0, 0, -1)),
        (lambda a: a[:, ::-1], (-1, 0, 0, 1)),
        (lambda a: a[::-1, ::-1], (-1, 0, 0, -1)),
        (lambda a: a.T, (0, 1, 1, 0)),
    ],
)
def test_directions_are_honoured(suffix, turn, direction, tmp_path):
    # Without an origin, both reversed are the identity in NIfTI's own axes; see below.
    origin = (4.9, 5.9) if sum(direction) < 0 else None
    turned = np.ascontiguousarray(turn(mask()))
    data = written(turned, tmp_path, suffix, direction, origin=origin)
    roi = read(data, place=TENTH)
    assert (roi, roi.flags) == (BOX, ())


def test_stored_rows_are_taken_as_they_are(tmp_path):
    data = written(mask()[::-1].copy(), tmp_path, ".nrrd", (1, 0, 0, -1))
    assert read(data, place=TENTH, rules=replace(STANDARD, orientation="stored")) == Roi(
        12, 15, 21, 30
    )


def test_dcm2niix_reverses_rows_and_says_nothing(tmp_path):
    data = bytearray(written(mask()[::-1].copy(), tmp_path, ".nii", spacing=1.0))
    # As v1.0.20260724 writes it: qform_code and sform_code 0, no rows of an affine.
    data[252:256] = bytes(4)
    data[280:328] = bytes(48)
    with pytest.raises(StudyError, match=r"does not say which way its rows run.*rows_reversed"):
        read(bytes(data), place=TENTH)
    assert (
        read(bytes(data), place=TENTH, rules=replace(STANDARD, orientation="rows_reversed")) == BOX
    )
    # A viewer that took it for upright wrote that into the mask.
    viewed = written(mask()[::-1].copy(), tmp_path, ".nii", spacing=1.0)
    assert read(viewed, place=TENTH).flags == ("roi_orientation_unsure",)
    sure = read(viewed, place=TENTH, rules=replace(STANDARD, orientation="rows_reversed"))
    assert (sure, sure.flags) == (BOX, ())


def affine(data, code, matrix):
    changed = bytearray(data)
    changed[254:256] = np.int16(code).tobytes()
    changed[280:328] = np.asarray(matrix, "<f4").tobytes()
    return bytes(changed)


def test_an_identity_affine_is_no_orientation(tmp_path):
    data = bytearray(affine(written(mask(), tmp_path, ".nii"), 2, np.eye(4)[:3]))
    data[252:254] = bytes(2)
    with pytest.raises(StudyError, match="does not say which way"):
        read(bytes(data), place=TENTH)
    assert read(bytes(data), place=TENTH, rules=replace(STANDARD, orientation="stored")) == BOX


def test_sform_and_qform_each_count_and_must_agree(tmp_path):
    upright = written(mask(), tmp_path, ".nii")
    reversed_rows = [[-0.1, 0, 0, 0], [0, 0.1, 0, -5.9], [0, 0, 0.1, 0]]
    with pytest.raises(StudyError, match="qform and sform differ"):
        read(affine(upright, 1, reversed_rows), place=TENTH)
    alone = bytearray(affine(written(mask()[::-1].copy(), tmp_path, ".nii"), 1, reversed_rows))
    alone[252:254] = bytes(2)
    assert read(bytes(alone), place=TENTH) == BOX
    flipped = written(mask()[::-1].copy(), tmp_path, ".nii", (1, 0, 0, -1))
    assert read(affine(flipped, 0, np.zeros((3, 4))), place=TENTH) == BOX


def test_another_plane_is_refused(tmp_path):
    data = written(mask()[None], tmp_path, ".nrrd", (0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1))
    with pytest.raises(StudyError, match="another plane"):
        read(data, place=TENTH)


def test_the_images_own_directions_are_what_a_masks_are_relative_to(tmp_path):
    place = Place((0.1, 0.1), row_direction=(0, -1, 0), column_direction=(0, 0, -1))
    across = np.cross(place.row_direction, place.column_direction)
    axes = np.column_stack([place.row_direction, place.column_direction, across])
    data = written(mask()[None], tmp_path, ".mha", axes.ravel().tolist())
    assert read(data, place=place) == BOX
    axes[:, 1] *= -1
    turned = written(mask()[None, ::-1].copy(), tmp_path, ".mha", axes.ravel().tolist())
    assert read(turned, place=place) == BOX


@pytest.mark.parametrize(
    "data",
    [
        b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 50 60\nencoding: raw\n"
        b"data file: /etc/passwd\n\n",
        b"ObjectType = Image\nNDims = 2\nDimSize = 50 60\nElementType = MET_UCHAR\n"
        b"ElementDataFile = /etc/passwd\n",
        b"ObjectType = Image\nComment = ElementDataFile = LOCAL\nNDims = 2\nDimSize = 50 60\n"
        b"ElementType = MET_UCHAR\nElementDataFile = /etc/passwd\n",
    ],
)
def test_a_header_cannot_make_another_file_be_read(data):
    with pytest.raises(StudyError, match="pixels lie in a second file"):
        read(data)


# Slices


def test_a_mask_of_several_slices(tmp_path):
    stack = np.stack([drawn(OTHER), drawn(BOX), drawn()])
    data = itk(stack, ".nrrd", tmp_path)
    assert read(data, place=Place(frame=2, frames=3)) == BOX
    assert read(data, place=Place(frame=1, frames=3)) == OTHER
    with pytest.raises(StudyError, match="mask is empty"):
        read(data, place=Place(frame=3, frames=3))
    for place in (Place(), Place(frame=2, frames=4)):
        with pytest.raises(StudyError, match="another number of slices"):
            read(data, place=place)
    backward = written(stack[::-1].copy(), tmp_path, ".nrrd", (1, 0, 0, 0, 1, 0, 0, 0, -1))
    assert read(backward, place=Place(frame=2, frames=3)) == BOX
    assert read(backward, place=Place(frame=1, frames=3)) == OTHER
    one = itk(stack[1:2], ".nrrd", tmp_path)
    assert read(one, place=Place(frame=2, frames=3)) == BOX


def test_a_cropped_segmentation_of_a_stack(tmp_path):
    crop = "10 25 4"
    data = itk(
        np.stack([drawn(OTHER), drawn(BOX)])[:, 25:50, 10:30],
        ".nrrd",
        tmp_path,
        Segmentation_ReferenceImageExtentOffset=crop,
    )
    assert read(data, place=Place(frame=6, frames=9)) == BOX
    with pytest.raises(StudyError, match=r"nothing on this frame \(frame 3; it draws on 5, 6"):
        read(data, place=Place(frame=3, frames=9))


# Outlines


def shapes(*given, **content):
    drawn = [dict(zip(("label", "shape_type", "points"), shape, strict=True)) for shape in given]
    return json.dumps({"shapes": drawn, "imageHeight": 60, "imageWidth": 50} | content).encode()


def test_labelme_points_are_specks_and_shapes_that_touch_are_one():
    first, second = [[10, 10], [20, 20]], [[19.5, 15], [30, 25]]
    roi = read(
        shapes(("a", "rectangle", first), ("a", "rectangle", second), ("p", "point", [[40, 50]]))
    )
    assert (roi, roi.specks) == (Roi(10, 10, 30, 25), 1)
    with pytest.raises(StudyError, match=r"several regions.*2 regions: 'b' 10.5 x 10.0 mm; 'a'"):
        read(shapes(("a", "rectangle", first), ("b", "rectangle", second)))
    apart = shapes(("a", "rectangle", first), ("a", "rectangle", [[30, 30], [35, 38]]))
    with pytest.raises(StudyError, match="several regions"):
        read(apart)
    assert read(apart, rules=LARGEST) == Roi(10, 10, 20, 20)


def test_labelme_masks():
    cells = base64.b64encode(png(np.ones((15, 9), np.uint8) * 255)).decode()
    shape = {"label": "a", "shape_type": "mask", "points": [[12, 30], [20, 44]], "mask": cells}
    content = {"shapes": [shape], "imageHeight": 60, "imageWidth": 50}
    assert read(json.dumps(content).encode()) == BOX


def coco(*annotations):
    images = [{"id": 1, "file_name": "a.png", "height": 60, "width": 50}]
    made = [{"image_id": 1, "category_id": 7} | a for a in annotations]
    return json.dumps({"images": images, "annotations": made}).encode()


# What pycocotools 2.0.11 encodes for BOX without the pixels (12, 30) and (15, 35).
COCO_STRING = r"_g0>]11000FdN4\1600000000^e1"


def holed():
    array = drawn(BOX)
    array[30, 12] = array[35, 15] = 0
    return array


def runs(array):
    """The lengths of equal pixels down the columns, an empty run first."""
    flat = array.T.ravel()
    ends = [*(np.flatnonzero(np.diff(flat)) + 1), flat.size]
    return np.diff([0, *ends]).tolist()


def test_coco_run_lengths():
    coded = {"size": list(SHAPE), "counts": COCO_STRING}
    np.testing.assert_array_equal(_coco_mask(coded, SHAPE), holed() > 0)
    assert read(coco({"segmentation": {"size": [60, 50], "counts": COCO_STRING}})) == BOX
    assert read(coco({"segmentation": {"size": [60, 50], "counts": runs(holed())}})) == BOX
    with pytest.raises(StudyError, match="another size"):
        read(coco({"segmentation": {"size": [60, 50], "counts": runs(holed())[:-1]}}))


def test_two_coco_annotations_on_one_image():
    two = coco({"bbox": [12, 30, 9, 15]}, {"bbox": [40, 2, 6, 3]})
    with pytest.raises(StudyError, match="several regions"):
        read(two)
    assert read(two, rules=LARGEST) == BOX
    assert read(coco({"bbox": [12, 30, 9, 9]}, {"bbox": [12, 35, 9, 10]})) == BOX


def test_json_with_a_byte_order_mark():
    assert read(b"\xef\xbb\xbf" + coco({"bbox": [12, 30, 9, 15]})) == BOX


VOC = """<annotation><filename>a.png</filename>
<size><width>50</width><height>60</height><depth>1</depth></size>
<object><name>calc</name><bndbox><xmin>12</xmin><ymin>30</ymin><xmax>21</xmax><ymax>45</ymax></bndbox></object>
<object><name>mass</name><bndbox><xmin>40</xmin><ymin>2</ymin><xmax>46</xmax><ymax>5</ymax></bndbox></object>
</annotation>"""


def test_pascal_voc():
    assert read(VOC.encode(), label="calc") == BOX
    assert read(b"\xef\xbb\xbf" + VOC.encode(), label="mass") == OTHER
    with pytest.raises(StudyError, match="several regions"):
        read(VOC.encode())
    with pytest.raises(StudyError, match="another size"):
        read(VOC.replace("<width>50", "<width>500").encode(), label="calc")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp037"])
def test_a_document_type_is_refused_or_not_even_decoded(encoding):
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    bomb = f'{head}<!DOCTYPE x [<!ENTITY a "b">]>{VOC}'
    words = "document type" if encoding == "utf-8" else "document type|could not be decoded|no kind"
    with pytest.raises(StudyError, match=words):
        read(bomb.encode(encoding))


CVAT = """<?xml version="1.0"?><annotations><version>1.1</version>
<image id="0" name="x/b.png" width="50" height="60">
<box label="calc" xtl="0" ytl="0" xbr="5" ybr="5"/></image>
<image id="1" name="x/a.png" width="50" height="60">
<box label="calc" xtl="12" ytl="30" xbr="21" ybr="45" occluded="0"/>
<polygon label="mass" points="40,2;46,2;43.5,5"/>
<ellipse label="cyst" cx="30" cy="20" rx="4" ry="6"/>
<mask label="ai" rle="1, 2, 1, 2, 1, 2" left="3" top="7" width="3" height="3"/>
<points label="p" points="1,1;2,2"/>
<box label="turned" xtl="10" ytl="20" xbr="20" ybr="22" rotation="90"/>
</image></annotations>"""


@pytest.mark.parametrize(
    ("label", "box"),
    [
        ("calc", BOX),
        ("mass", OTHER),
        ("cyst", Roi(26, 14, 34, 26)),
        ("ai", Roi(4, 7, 6, 10)),
        ("turned", Roi(14, 16, 16, 26)),
    ],
)
def test_cvat(label, box):
    found = read(CVAT.encode(), label=label)
    assert sides(found) == pytest.approx(sides(box))


def test_cvat_knows_its_images_and_refuses_video():
    with pytest.raises(StudyError, match="several regions"):
        read(CVAT.encode())
    with pytest.raises(StudyError, match="neither its image_id nor its file name"):
        read(CVAT.replace("a.png", "c.png").encode())
    with pytest.raises(StudyError, match="video"):
        read(b"<annotations><track id='0' label='a'/></annotations>")


def test_yolo():
    box = b"0 0.33 0.625 0.18 0.25\n"
    assert sides(read(box)) == pytest.approx(sides(BOX))
    two = box + b"1 0.8 0.0333333 0.92 0.0333333 0.87 0.0833333\r\n"
    with pytest.raises(StudyError, match="several regions"):
        read(two)
    other = read(two, label="1")
    assert sides(other) == pytest.approx(sides(OTHER), abs=1e-4)
    with pytest.raises(StudyError, match="expected 0 to 1"):
        read(b"0 12 30 21 45\n")


# DICOM


def source(frames=1, uid="1.2.3.4", **options):
    pixels = breast(*SHAPE)
    made = dataset(pixels if frames == 1 else np.stack([pixels] * frames), SOPInstanceUID=uid)
    made.Rows, made.Columns = SHAPE
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(made, keyword, "1.2.3")
    for keyword in ("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "PatientBirthDate",
                    "PatientSex", "ReferringPhysicianName"):  # fmt: skip
        setattr(made, keyword, "")
    for keyword, value in options.items():
        setattr(made, keyword, value)
    return made


def segmentation(sources, pixels, kind="BINARY", names=("calcifications", "mass")):
    import highdicom
    import pydicom

    finding = pydicom.sr.codedict.codes.SCT.MorphologicallyAbnormalStructure
    made = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[
            highdicom.seg.SegmentDescription(i + 1, name, finding, finding, "MANUAL")
            for i, name in enumerate(names)
        ],
        series_instance_uid="1.2.3.5",
        series_number=1,
        sop_instance_uid="1.2.3.6",
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
    )
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


UID = digest_bytes(b"1.2.3.4")


def test_overlapping_segments_do_not_cut_each_other():
    inner, outer = Roi(15, 20, 25, 30), Roi(10, 10, 30, 40)
    pixels = np.stack([drawn(inner), drawn(outer)], axis=-1)[None]
    data = segmentation([source()], pixels)
    assert read(data, uid_digest=UID, label="calcifications") == inner
    assert read(data, uid_digest=UID, label="mass") == outer
    # The overlap as a half of the other segment: today's label map would have halved it.
    half = np.stack([drawn(Roi(10, 10, 20, 40)), drawn(Roi(15, 10, 30, 40))], axis=-1)[None]
    data = segmentation([source()], half)
    assert read(data, uid_digest=UID, label="1") == Roi(10, 10, 20, 40)
    assert read(data, uid_digest=UID, label="2") == Roi(15, 10, 30, 40)
    with pytest.raises(StudyError, match="several regions"):
        read(data, uid_digest=UID)


def test_fractional_segments_by_threshold():
    pixels = np.zeros((1, *SHAPE), float)
    pixels[0, 30:45, 10:25] = 0.3
    pixels[0, 30:45, 12:21] = 0.7
    data = segmentation([source()], pixels, "FRACTIONAL", ("calcifications",))
    assert read(data, uid_digest=UID) == BOX
    assert read(data, uid_digest=UID, rules=replace(STANDARD, threshold=0.25)) == Roi(
        10, 30, 25, 45
    )
    for syntax in (JPEG2000Lossless, RLELossless):
        ds = dcmread(io.BytesIO(data))
        ds.compress(syntax, generate_instance_uid=False)
        assert read(to_bytes(ds), uid_digest=UID) == BOX


def tomosynthesis(frames):
    made = source(frames, NumberOfFrames=frames, SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3")
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.DimensionOrganizationType = "3D"
    measures, plane, per_frame = Dataset(), Dataset(), []
    measures.PixelSpacing, measures.SliceThickness = [0.1, 0.1], 1.0
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    for number in range(frames):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, number]
        group.PlanePositionSequence = [position]
        per_frame.append(group)
    made.SharedFunctionalGroupsSequence = Sequence([shared])
    made.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    return made


def test_a_frame_of_a_tomosynthesis_segmentation():
    pixels = np.stack([drawn(), drawn(Roi(30, 2, 46, 5)), drawn(BOX), drawn()])
    image = tomosynthesis(4)
    data = segmentation([image], pixels, names=("calcifications",))
    third = decode(to_bytes(image), ImageEntry("a", frame=3))
    assert (third.place.frame, third.place.frames) == (3, 4)
    assert third.place.position == (0, 0, 2)
    assert read(data, uid_digest=third.uid_digest, place=third.place) == BOX
    second = decode(to_bytes(image), ImageEntry("a", frame=2))
    assert read(data, uid_digest=second.uid_digest, place=second.place) == Roi(30, 2, 46, 5)
    first = decode(to_bytes(image), ImageEntry("a", frame=1))
    with pytest.raises(StudyError, match=r"nothing on this frame \(frame 1; it draws on 2, 3\)"):
        read(data, uid_digest=first.uid_digest, place=first.place)


def structure_set(points, uid="1.2.3.4", kind="CLOSED_PLANAR", frame=None):
    made = dataset(np.zeros((2, 2), np.uint8))
    del made.PixelData
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    name, image, contour, roi = Dataset(), Dataset(), Dataset(), Dataset()
    name.ROINumber, name.ROIName = 1, "calcifications"
    image.ReferencedSOPInstanceUID = uid
    if frame:
        image.ReferencedFrameNumber = frame
    contour.ContourImageSequence = [image]
    contour.ContourGeometricType = kind
    contour.NumberOfContourPoints = len(points)
    contour.ContourData = [float(v) for point in points for v in point]
    roi.ReferencedROINumber, roi.ContourSequence = 1, [contour]
    made.StructureSetROISequence, made.ROIContourSequence = [name], [roi]
    return to_bytes(made)


def test_contours_of_a_structure_set():
    place = Place(
        (0.2, 0.1), position=(10, 20, 30), row_direction=(0, 1, 0), column_direction=(0, 0, -1)
    )
    # Pixel (x, y)'s middle lies at (10, 20 + 0.1 x, 30 - 0.2 y).
    corners = [(11.5, 29.5), (20.5, 29.5), (20.5, 44.5), (11.5, 44.5)]
    points = [(10, 20 + 0.1 * x, 30 - 0.2 * y) for x, y in corners]
    roi = read(structure_set(points), uid_digest=UID, place=place, label="calcifications")
    assert sides(roi) == pytest.approx(sides(BOX))
    with pytest.raises(StudyError, match="of another image"):
        read(structure_set(points, uid="9"), uid_digest=UID, place=place)
    with pytest.raises(StudyError, match="does not say where it lies"):
        read(structure_set(points), uid_digest=UID)
    with pytest.raises(StudyError, match="nothing but specks"):
        read(structure_set(points[:1], kind="POINT"), uid_digest=UID, place=place)
    away = [(x + 5, y, z) for x, y, z in points]
    with pytest.raises(StudyError, match=r"not lie in the image's plane \(5.0 mm away\)"):
        read(structure_set(away), uid_digest=UID, place=place)


# In a shard


def test_settings_of_regions_are_part_of_a_rows_key(tmp_path, caplog):
    from tests.unit.images.making import SETTINGS, row

    from microcalc.images import shards

    two = np.zeros((400, 300), np.uint8)
    two[150:170, 70:90] = two[270:290, 150:170] = 255
    (tmp_path / "a.dcm").write_bytes(dicom(breast(), BitsStored=12))
    (tmp_path / "m.png").write_bytes(png(two))
    rows = [row("a", roi_path="m.png", x0="", y0="", x1="", y1="")]
    caplog.set_level("INFO", logger="microcalc")

    def made(**settings):
        caplog.clear()
        shards.update(
            tmp_path / "s",
            rows,
            settings=ImageSettings.of(SETTINGS | settings),
            image_folder=tmp_path,
            digest="",
        )
        return shards.read(tmp_path / "s")

    refused = made()
    assert refused.status.tolist() == ["excluded"]
    assert refused.reason[0].startswith("its ROI file holds several regions;")
    assert refused.detail[0] == "2 regions: 2.0 x 2.0 mm; 2.0 x 2.0 mm, 14.4 mm away"
    largest = made(roi_components="largest")
    assert "computed 1, kept 0" in caplog.text
    assert "roi_largest_of_several" in largest.qc[0]
    made(roi_components="largest")
    assert "computed 0, kept 1" in caplog.text


def test_swapped_boxes_have_one_reason(tmp_path):
    from tests.unit.images.making import SETTINGS, row

    from microcalc.images import shards

    rows = []
    for number in range(4):
        name = f"i{number}"
        (tmp_path / f"{name}.dcm").write_bytes(dicom(breast(seed=number), BitsStored=12))
        rows.append(row(name, x0=100 + number, x1=60))
    shards.update(
        tmp_path / "s", rows, settings=ImageSettings.of(SETTINGS), image_folder=tmp_path, digest=""
    )
    shard = shards.read(tmp_path / "s")
    assert set(shard.reason.tolist()) == {"its ROI is empty: expected x0 < x1 and y0 < y1"}
    assert shard.detail[3] == "x 103 to 60, y 180 to 220"


def test_a_structure_set_of_rt_utils():
    """Written by rt-utils 1.2.7 from a mask of BOX: contours run through pixels' middles."""
    data = (Path(__file__).parent / "data" / "rt_utils.dcm").read_bytes()
    place = Place((0.1, 0.1), position=(1, 2, 3))
    roi = read(data, uid_digest=UID, place=place, label="calc")
    assert sides(roi) == pytest.approx([12.5, 30.5, 20.5, 44.5])
    assert roi.center == pytest.approx(BOX.center)


@pytest.mark.parametrize("kind", [".nii", ".nii.gz"])
@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_a_nifti_mask_that_is_cut_short_is_refused(kind, part, tmp_path):
    rng = np.random.default_rng(0)
    # Labels in disorder, so that half a compressed file is worth half its pixels.
    labels = rng.integers(2, 6, (200, 150)).astype(np.uint8)
    labels[10:20, 30:50] = 1
    path = tmp_path / f"mask{kind}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(labels[None]), str(path))
    data, rules = path.read_bytes(), replace(STANDARD, orientation="stored")
    options = {"image_id": "a", "shape": (200, 150), "label": "1", "rules": rules, "place": TENTH}
    assert from_file(data, **options) == Roi(30, 10, 50, 20)
    with pytest.raises(StudyError, match=r"^image a: its ROI mask is cut short") as raised:
        from_file(data[: int(part * len(data))], **options)
    assert raised.value.detail.endswith("of 30352 bytes")


def test_a_gzip_file_of_several_members_is_whole(tmp_path):
    path = tmp_path / "mask.nii"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(drawn(BOX)[None]), str(path))
    data = path.read_bytes()
    members = gzip.compress(data[:700]) + gzip.compress(data[700:])
    options = {"image_id": "a", "shape": SHAPE, "rules": replace(STANDARD, orientation="stored")}
    assert from_file(members, **options, place=TENTH) == BOX
