import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.unit.images.making import breast, dataset, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry
from microcalc.images.patches import extract
from microcalc.images.roi import Roi


def item(**attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return Sequence([ds])


MAGNIFIED = item(
    CodeValue="399162004",
    CodeMeaning="cranio-caudal",
    ViewModifierCodeSequence=item(CodeValue="399163009", CodeMeaning="magnification"),
)


TWICE = {"EstimatedRadiographicMagnificationFactor": 2}


def read(table=None, side="", view="", **attributes):
    data = to_bytes(dataset(breast(60, 50), **attributes))
    return decode(data, ImageEntry("a", spacing_mm=table, laterality=side, view=view))


@pytest.mark.parametrize(
    ("attributes", "table", "spacing", "source"),
    [
        ({}, None, 0.1, "ImagerPixelSpacing"),
        ({"EstimatedRadiographicMagnificationFactor": 1.25}, None, 0.08,
         "ImagerPixelSpacing / magnification"),
        ({"PixelSpacing": [0.07, 0.07], "PixelSpacingCalibrationType": "FIDUCIAL"}, None, 0.07,
         "PixelSpacing FIDUCIAL"),
        ({"PixelSpacing": [0.1, 0.1], "PixelSpacingCalibrationType": "GEOMETRY",
          "EstimatedRadiographicMagnificationFactor": 1.25}, None, 0.1, "PixelSpacing GEOMETRY"),
        ({"PixelSpacing": [0.09, 0.09]}, None, 0.09, "PixelSpacing calibrated"),
        ({"PixelSpacing": [0.1, 0.1], "EstimatedRadiographicMagnificationFactor": 1.25}, None,
         0.08, "ImagerPixelSpacing / magnification"),
        ({"ImagerPixelSpacing": None, "PixelSpacing": [0.06, 0.06]}, None, 0.06, "PixelSpacing"),
        ({"ImagerPixelSpacing": None, "NominalScannedPixelSpacing": [0.05, 0.05]}, None, 0.05,
         "NominalScannedPixelSpacing"),
        ({"ImagerPixelSpacing": None}, 0.2, 0.2, "table"),
        ({"EstimatedRadiographicMagnificationFactor": 0}, None, 0.1, "ImagerPixelSpacing"),
        ({"ViewCodeSequence": MAGNIFIED, "EstimatedRadiographicMagnificationFactor": 2}, None,
         0.05, "ImagerPixelSpacing / magnification"),
        ({"ViewCodeSequence": MAGNIFIED}, 0.055, 0.055, "table"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 440}, None, 0.1 / 1.5,
         "ImagerPixelSpacing / magnification by distances"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 330,
          "EstimatedRadiographicMagnificationFactor": 1.25}, None, 0.08,
         "ImagerPixelSpacing / magnification"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 528,
          "EstimatedRadiographicMagnificationFactor": 0}, None, 0.08,
         "ImagerPixelSpacing / magnification by distances"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 0}, None, 0.1,
         "ImagerPixelSpacing"),
        ({"DistanceSourceToDetector": 660}, None, 0.1, "ImagerPixelSpacing"),
        ({"ViewCodeSequence": MAGNIFIED, "DistanceSourceToDetector": 660,
          "DistanceSourceToPatient": 330}, None, 0.05,
         "ImagerPixelSpacing / magnification by distances"),
        ({"PixelSpacing": [0.09, 0.09]}, 0.08, 0.08, "table"),
        ({"PixelSpacing": [1, 1]}, 0.08, 0.08, "table"),
        ({}, 0.1005, 0.1, "ImagerPixelSpacing"),
    ],
)  # fmt: skip
def test_the_source_of_the_spacing(attributes, table, spacing, source):
    mammogram = read(table, **attributes)
    assert mammogram.spacing_mm == pytest.approx((spacing, spacing))
    assert mammogram.spacing_source == source


def test_rows_and_columns_may_differ():
    assert read(ImagerPixelSpacing=[0.2, 0.1]).spacing_mm == (0.2, 0.1)


def test_what_is_odd_about_spacing_is_flagged():
    assert "spacing_contradiction" in read(0.2).flags
    assert "spacing_contradiction" not in read(0.1).flags
    odd = read(EstimatedRadiographicMagnificationFactor=0)
    assert "magnification_unusable" in odd.flags
    seen = read(ViewCodeSequence=MAGNIFIED, EstimatedRadiographicMagnificationFactor=1.8)
    assert "magnification_view" in seen.flags


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"EstimatedRadiographicMagnificationFactor": 1},
        {"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 640},
    ],
)
def test_a_magnification_view_without_a_factor_is_refused(attributes):
    with pytest.raises(StudyError, match=r"magnification view .* spacing_mm"):
        read(ViewCodeSequence=MAGNIFIED, **attributes)


def sized(rows, columns, table=None, **attributes):
    data = to_bytes(dataset(np.ones((rows, columns), np.uint16), **attributes))
    return decode(data, ImageEntry("a", spacing_mm=table))


SCANNED = {"ImagerPixelSpacing": None}


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((350, 310), 1.0), ((310, 350), 1.0), ((700, 620), 0.5), ((3328, 2560), 0.085)],
)
def test_the_largest_images_are_believed(shape, spacing):
    found = sized(*shape, **SCANNED, PixelSpacing=[spacing] * 2)
    assert found.spacing_mm == (spacing, spacing)
    assert found.flags == ()


@pytest.mark.parametrize(
    ("shape", "attributes", "words"),
    [
        ((351, 200), SCANNED | {"PixelSpacing": [1, 1]}, "20 x 35.1 cm at 1 x 1 mm, PixelSpacing"),
        ((200, 351), SCANNED | {"PixelSpacing": [1, 1]}, "20 x 35.1 cm"),
        ((311, 311), SCANNED | {"PixelSpacing": [1, 1]}, "31.1 x 31.1 cm"),
        ((400, 300), {"ImagerPixelSpacing": [1, 1]}, "30 x 40 cm at 1 x 1 mm, ImagerPixelSpacing"),
        ((400, 300), {"PixelSpacing": [1, 1]}, "at the detector 0.1 x 0.1 mm"),
        ((60, 50), {"PixelSpacing": [0.106, 0.106]}, "0.106 x 0.106 mm, at the detector"),
        ((60, 50), {"PixelSpacing": [0.1, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
         "0.1 x 0.2 mm, at the detector 0.1 x 0.1 mm"),
    ],
)  # fmt: skip
def test_a_size_no_mammogram_has_is_refused_unless_the_table_says_the_spacing(
    shape, attributes, words
):
    with pytest.raises(StudyError, match=r"^image a: .* spacing_mm") as raised:
        sized(*shape, **attributes)
    assert words in raised.value.detail
    assert "cm at" not in raised.value.reason
    mended = sized(*shape, table=0.08, **attributes)
    assert (mended.spacing_mm, mended.spacing_source) == ((0.08, 0.08), "table")
    assert "spacing_contradiction" in mended.flags


def test_the_table_is_not_believed_blindly_either():
    with pytest.raises(StudyError, match="larger than any mammogram") as raised:
        sized(400, 300, table=1.0, **SCANNED)
    assert raised.value.detail.endswith("table")


def test_a_calibration_may_be_a_little_off():
    assert read(PixelSpacing=[0.104, 0.104]).spacing_mm == (0.104, 0.104)


@pytest.mark.parametrize(
    ("shape", "attributes", "flags"),
    [
        ((400, 300), {}, ()),
        ((400, 299), {}, ("image_small",)),
        ((299, 400), {}, ("image_small",)),
        ((400, 300), {"PixelSpacing": [0.05, 0.05]}, ("image_small",)),
        ((3000, 2000), {"PixelSpacing": [0.02, 0.02]}, ("magnification_unusable",)),
    ],
)
def test_an_image_that_is_very_small_is_flagged(shape, attributes, flags):
    assert sized(*shape, **attributes).flags == flags


@pytest.mark.parametrize(
    ("attributes", "table", "expected", "contradiction"),
    [
        ({"ImageLaterality": "R"}, "", "R", False),
        ({"ImageLaterality": None, "Laterality": "R"}, "", "R", False),
        ({"ImageLaterality": None}, "R", "R", False),
        ({"ImageLaterality": "R"}, "L", "R", True),
        ({"ImageLaterality": "R", "Laterality": "L"}, "", "R", True),
        ({"ImageLaterality": "U"}, "", "", False),
    ],
)
def test_laterality(attributes, table, expected, contradiction):
    mammogram = read(side=table, **attributes)
    assert mammogram.laterality == expected
    assert ("laterality_contradiction" in mammogram.flags) == contradiction


@pytest.mark.parametrize(
    ("attributes", "table", "expected", "contradiction"),
    [
        ({"ViewPosition": "MLO"}, "", "MLO", False),
        ({"ViewPosition": "", "ViewCodeSequence": item(CodeValue="R-10226")}, "", "MLO", False),
        ({"ViewPosition": None, "ViewCodeSequence": item(CodeMeaning="medio-lateral oblique")}, "",
         "MLO", False),
        ({"ViewPosition": None, "ViewCodeSequence": item(CodeMeaning="cranio-caudal")}, "CC", "CC",
         False),
        ({"ViewPosition": None}, "mlo", "MLO", False),
        # A person has looked at the table.
        ({"ViewPosition": "CC"}, "MLO", "MLO", True),
        ({"ViewPosition": "ML"}, "medio-lateral oblique", "MLO", True),
        ({"ViewPosition": "ML"}, "ML", "ML", False),
        ({"ViewPosition": "RCC"}, "", "CC", False),
        ({"ViewPosition": "LMLO"}, "", "MLO", False),
        ({"ViewPosition": "LML"}, "", "ML", False),
        # A view of its own, and no ML of the left breast.
        ({"ViewPosition": "LM"}, "", "LM", False),
        ({"ViewPosition": "RM"}, "CC", "CC RM", False),
        ({"ViewPosition": "ML"}, "", "ML", False),
        ({"ViewPosition": "CC", "ViewCodeSequence": item(CodeValue="399368009")}, "", "CC", True),
        # No code for modifiers says that a view has none.
        ({"ViewPosition": "CC"}, "CC ID", "CC ID", False),
        ({"ViewCodeSequence": MAGNIFIED, **TWICE}, "CC", "CC MAG", False),
        ({"ViewCodeSequence": MAGNIFIED, **TWICE}, "MLO", "MLO MAG", True),
        ({"ViewPosition": "SMCC", **TWICE}, "", "CC SPOT MAG", False),
        ({"ViewPosition": None}, "AT", "AT", False),
    ],
)  # fmt: skip
def test_view(attributes, table, expected, contradiction):
    mammogram = read(view=table, **attributes)
    assert mammogram.view == expected
    assert ("view_contradiction" in mammogram.flags) == contradiction
    assert "view_unknown" not in mammogram.flags


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "CC"),
        ({"EstimatedRadiographicMagnificationFactor": 1.07}, "CC"),
        ({"EstimatedRadiographicMagnificationFactor": 1.8}, "CC MAG"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 640}, "CC"),
        ({"DistanceSourceToDetector": 660, "DistanceSourceToPatient": 367}, "CC MAG"),
        # No mammograph magnifies as much; somebody has written a percentage.
        ({"EstimatedRadiographicMagnificationFactor": 180}, "CC"),
    ],
)
def test_a_breast_far_from_the_detector_is_magnified_whatever_its_view_says(attributes, expected):
    found = read(**attributes)
    assert found.view == expected
    assert ("magnification_view" in found.flags) == (expected == "CC MAG")


def test_a_magnification_that_the_table_alone_tells_of_needs_a_spacing_as_well():
    with pytest.raises(StudyError, match=r"magnification view .* spacing_mm"):
        read(view="MAG")
    assert read(0.06, view="MAG").spacing_mm == (0.06, 0.06)


@pytest.mark.parametrize(
    ("attributes", "table", "expected"),
    [
        ({"ViewPosition": "SPOT 3"}, "", "other"),
        ({"ViewPosition": None, "ViewCodeSequence": item(CodeValue="99", CodeMeaning="x")}, "",
         "other"),
        ({"ViewCodeSequence": item(
            CodeValue="R-10242", ViewModifierCodeSequence=item(CodeValue="99"))}, "", "CC"),
    ],
)  # fmt: skip
def test_what_a_file_says_in_words_that_nobody_knows_is_flagged(attributes, table, expected):
    found = read(view=table, **attributes)
    assert (found.view, "view_unknown" in found.flags) == (expected, True)


SIZES = {"spacing_mm": 0.1, "patch_mm": 3.2, "thumbnail_px": 32}


@pytest.mark.parametrize(
    ("laterality", "view", "orientation", "flips"),
    [
        ("L", "CC", ["A", "R"], (False, False)),
        ("R", "CC", ["P", "L"], (True, False)),
        ("L", "MLO", ["A", "FR"], (False, False)),
        ("R", "MLO", ["P", "FL"], (True, False)),
        ("R", "XCCL", ["P", "L"], (True, False)),
        ("L", "XCCL", ["A", "L"], (False, True)),
        ("L", "ML", ["A", "F"], (False, False)),
        ("R", "LM", ["P", "H"], (True, True)),
        ("L", "CC", ["A", "L"], (False, True)),
        ("R", "CC", ["P", "R"], (True, True)),
        ("L", "MLO", ["P", "H"], (True, True)),
    ],
)
def test_orientation_brings_every_image_into_one(laterality, view, orientation, flips):
    """The same breast, stored in any of four ways, gives the same patch."""
    upright = breast(120, 100)
    stored = upright[:: -1 if flips[1] else 1, :: -1 if flips[0] else 1]
    box = Roi(20, 50, 41, 60)
    x0, x1 = (100 - box.x1, 100 - box.x0) if flips[0] else (box.x0, box.x1)
    y0, y1 = (120 - box.y1, 120 - box.y0) if flips[1] else (box.y0, box.y1)
    expected = extract(decode(to_bytes(dataset(upright)), ImageEntry("a")), box, **SIZES)
    ds = dataset(
        stored, ImageLaterality=laterality, ViewPosition=view, PatientOrientation=orientation
    )
    found = extract(decode(to_bytes(ds), ImageEntry("a")), Roi(x0, y0, x1, y1), **SIZES)
    assert (found.flipped, found.upside_down) == flips
    np.testing.assert_allclose(found.pixels, expected.pixels, atol=1e-6)
    assert ("turned_upright" in found.qc["flags"]) == flips[1]
    # The last one is a left breast whose image leads to posterior: turned by half a circle.
    assert ("side_contradiction" in found.qc["flags"]) == (laterality == "L" and flips[0])


def tomosynthesis(frames):
    ds = dataset(frames[0], NumberOfFrames=len(frames), ImagerPixelSpacing=None)
    ds.PixelData = frames.tobytes()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.13.1.3"
    ds.ImageLaterality = None
    ds.SharedFunctionalGroupsSequence = item(
        PixelMeasuresSequence=item(PixelSpacing=[0.12, 0.12]),
        FrameAnatomySequence=item(FrameLaterality="R"),
    )
    per_frame = [
        item(FrameVOILUTSequence=item(WindowCenter=1000 * (i + 1), WindowWidth=2000))[0]
        for i in range(len(frames))
    ]
    ds.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    return to_bytes(ds)


def test_tomosynthesis_needs_a_frame_and_reads_its_functional_groups():
    frames = np.stack([breast(60, 50, seed=i) for i in range(3)])
    data = tomosynthesis(frames)
    with pytest.raises(StudyError, match=r"multi-frame object.*\(3 frames, Breast Tomosynthesis"):
        decode(data, ImageEntry("a"))
    with pytest.raises(StudyError, match=r"no such frame .*\(frame 4 of 3\)"):
        decode(data, ImageEntry("a", frame=4))
    first, second = (
        decode(data, ImageEntry("a", frame=i), voi=v) for i, v in [(1, "none"), (2, None)]
    )
    np.testing.assert_array_equal(first.pixels, frames[0])
    np.testing.assert_array_equal(second.stored, frames[1])
    assert second.laterality == "R"
    assert second.spacing_mm == (0.12, 0.12)
    # The window of the second frame is centered on 2000: half of the output range.
    at_center = second.grey.curve[[1000, 2000, 3000]] / 65535
    assert at_center == pytest.approx([0, 0.5, 1], abs=0.01)
