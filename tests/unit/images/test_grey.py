import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from tests.unit.images.making import breast, dataset, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def lut(entries, first, bits, explanation="", *, data=None):
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = data if data is not None else [int(v) for v in entries]
    item["LUTData"].VR = "OW" if data is not None else "US"
    if explanation:
        item.LUTExplanation = explanation
    return item


def read(image=RAMP, *, voi=None, for_processing="convert", **attributes):
    ds = dataset(image, **({"BitsStored": 12} | attributes))
    return decode(to_bytes(ds), ImageEntry("a"), voi=voi, for_processing=for_processing)


def curve_of(mammogram):
    return mammogram.pixels.ravel().astype(float)


def test_rescale():
    np.testing.assert_allclose(
        curve_of(read(RescaleSlope=2, RescaleIntercept=-100)), 2 * np.arange(4096) - 100
    )


def test_a_slope_of_zero_is_refused():
    with pytest.raises(StudyError, match="image a: has RescaleSlope 0"):
        read(RescaleSlope=0, RescaleIntercept=1)


def test_modality_lut_beats_rescale_and_agrees_with_pydicom():
    table = (np.sqrt(np.arange(4000)) * 500).astype(int)
    ds = dataset(RAMP, BitsStored=12, RescaleSlope=2, RescaleIntercept=0)
    ds.ModalityLUTSequence = Sequence([lut(table, 50, 16)])
    found = decode(to_bytes(ds), ImageEntry("a")).pixels
    np.testing.assert_array_equal(found, apply_modality_lut(RAMP.astype(np.int32), ds))
    assert found[0, 0] == table[0]
    assert found[-1, -1] == table[-1]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
def test_windows_agree_with_the_formulas_of_the_standard(function):
    center, width, top = 2000.0, 1000.0, 4095
    found = curve_of(read(WindowCenter=center, WindowWidth=width, VOILUTFunction=function))
    x = np.arange(4096)
    if function == "SIGMOID":
        expected = top / (1 + np.exp(-4 * (x - center) / width))
    elif function == "LINEAR_EXACT":
        expected = ((x - center) / width + 0.5).clip(0, 1) * top
    else:
        expected = ((x - (center - 0.5)) / (width - 1) + 0.5).clip(0, 1) * top
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_window_comes_after_the_rescale():
    found = curve_of(read(RescaleSlope=2, RescaleIntercept=0, WindowCenter=4000, WindowWidth=100))
    assert found[1990] < found[2000] < found[2010]
    assert found[1900] == found[0]


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_voi_lut_of_any_depth(bits):
    top = 2**bits - 1
    table = (np.linspace(0, 1, 4096) ** 2 * top).round().astype(int)
    found = curve_of(read(VOILUTSequence=Sequence([lut(table, 0, bits)])))
    # pydicom 3.0.2 itself gets tables of 8 bits with more than 256 entries wrong.
    np.testing.assert_array_equal(found, table)


def test_voi_lut_as_words_or_bytes_and_with_an_offset():
    table = np.arange(1000)[::-1] * 4
    words = table.astype("<u2").tobytes()
    found = curve_of(read(VOILUTSequence=Sequence([lut(table, 500, 12, data=words)])))
    assert found[0] == found[500] == 3996
    assert found[501] == 3992
    assert found[1499] == found[4095] == 0
    narrow = np.arange(256)[::-1].astype(np.uint8).tobytes()
    found = curve_of(read(VOILUTSequence=Sequence([lut(np.arange(256), 0, 8, data=narrow)])))
    assert (found[:256] == np.arange(256)[::-1]).all()


def test_a_lut_shorter_than_it_says_is_refused():
    with pytest.raises(
        StudyError, match=r"look-up table of another length .*\(5 entries, announced 1000\)"
    ):
        read(VOILUTSequence=Sequence([lut(np.zeros(1000), 0, 12, data=b"\0" * 10)]))


SEVERAL = {
    "VOILUTSequence": Sequence([lut(np.arange(4096)[::-1], 0, 12, "reversed")]),
    "WindowCenter": [500, 3000],
    "WindowWidth": [200, 300],
    "WindowCenterWidthExplanation": ["low", "High Contrast"],
}


@pytest.mark.parametrize(
    ("voi", "name"),
    [
        (None, "LUT 0 (other)"),
        (0, "LUT 0 (other)"),
        (1, "LINEAR window 0 (low)"),
        (2, "LINEAR window 1 (High Contrast)"),
        ("high contrast", "LINEAR window 1 (High Contrast)"),
        ("reversed", "LUT 0 (other)"),
        ("none", "none"),
    ],
)
def test_one_of_several_vois(voi, name):
    mammogram = read(voi=voi, **SEVERAL)
    assert mammogram.grey.voi == name
    middle = {"LUT": 2047, "low": 500, "High": 3000}
    for word, value in middle.items():
        if word in name:
            assert curve_of(mammogram)[value] == pytest.approx(2048, abs=20)


@pytest.mark.parametrize("voi", [3, -1, "low contrast"])
def test_a_voi_that_is_not_there_is_an_error_that_lists_what_is(voi):
    with pytest.raises(StudyError, match=r"no VOI .* 2: window 'High Contrast'"):
        read(voi=voi, **SEVERAL)


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": 100, "WindowWidth": 0},
        {"WindowCenter": 100, "WindowWidth": 100, "VOILUTFunction": "MAGIC"},
    ],
)
def test_a_voi_that_says_nothing_is_left_out_and_flagged(attributes):
    mammogram = read(**attributes)
    np.testing.assert_array_equal(curve_of(mammogram), np.arange(4096))
    assert "voi_unusable" in mammogram.flags


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "contradiction"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "IDENTITY", True, True),
    ],
)
def test_monochrome1_and_inverse_shape_say_one_thing(photometric, shape, inverted, contradiction):
    mammogram = read(PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    expected = np.arange(4096)[:: -1 if inverted else 1]
    np.testing.assert_array_equal(curve_of(mammogram), expected)
    assert mammogram.grey.inverted == inverted
    assert ("polarity_contradiction" in mammogram.flags) == contradiction


def test_signed_pixels():
    image = RAMP.astype(np.int16) - 2048
    found = read(image, BitsStored=16, WindowCenter=0, WindowWidth=2001, VOILUTFunction="LINEAR")
    values = curve_of(found)
    assert values[0] == values[1000] < values[2048] < values[3100] == values[-1]
    plain = read(image, BitsStored=12)
    np.testing.assert_array_equal(plain.pixels, image)


def test_overlays_in_high_bits_and_low_bits_left_empty_are_masked():
    rng = np.random.default_rng(0)
    overlay = (rng.integers(0, 16, RAMP.shape) << 12).astype(np.uint16)
    np.testing.assert_array_equal(read(RAMP | overlay).pixels, RAMP)
    shifted = (RAMP << 4) | rng.integers(0, 16, RAMP.shape).astype(np.uint16)
    np.testing.assert_array_equal(read(shifted, HighBit=15).pixels, RAMP)
    signed = ((RAMP.astype(np.int16) - 2048) & 0x0FFF) | overlay.astype(np.int16)
    np.testing.assert_array_equal(read(signed.astype(np.int16)).pixels, RAMP - 2048.0)


@pytest.mark.parametrize(
    ("image", "attributes", "flagged"),
    [
        (RAMP, {}, False),
        (RAMP + 1, {}, True),
        (RAMP << 4, {"HighBit": 15}, False),
        (RAMP << 2, {"HighBit": 13}, False),
        (RAMP << 3, {"HighBit": 13}, True),
        (RAMP.astype(np.int16) - 2048, {}, False),
        (RAMP.astype(np.int16) & 0x7FF, {}, False),
        (RAMP.astype(np.int16) - 2000, {}, True),
        (RAMP.astype(np.int16) - 2100, {}, True),
        ((RAMP >> 4).astype(np.uint8), {"BitsStored": 8}, False),
        ((RAMP >> 4).astype(np.uint8), {"BitsStored": 7}, True),
    ],
)
def test_native_pixels_above_the_stored_bits_are_flagged(image, attributes, flagged):
    assert ("pixels_above_bits_stored" in read(image, **attributes).flags) == flagged


def test_an_unusable_window_gives_way_to_the_next():
    mammogram = read(WindowCenter=[100, 2000], WindowWidth=[0, 1000])
    assert mammogram.grey.voi == "LINEAR window 1"
    assert "voi_unusable" in mammogram.flags
    assert curve_of(mammogram)[2000] == pytest.approx(2048, abs=5)


def test_other_greys_follow_the_chosen_one_and_hold_no_name():
    mammogram = read(voi=1, **SEVERAL)
    names = [make().voi.partition(" (")[0] for make in mammogram.other_greys]
    assert names == ["LINEAR window 1", "LUT 0", "none"]
    assert read(voi="none", **SEVERAL).other_greys == ()
    assert read().other_greys == ()
    assert "Mustermann" not in str(mammogram.other_greys[0].func.__self__.__dict__)


@pytest.mark.parametrize("attributes", [{"BitsStored": 17}, {"HighBit": 5}, {"HighBit": 16}])
def test_bits_that_do_not_fit_are_refused(attributes):
    with pytest.raises(StudyError, match=r"do not fit together|could not be decoded"):
        read(**attributes)


@pytest.mark.parametrize(
    ("image", "value", "limit", "padded"),
    [
        (RAMP, 0, None, [0]),
        (RAMP, 0, 9, range(10)),
        (RAMP, 4095, 4000, range(4000, 4096)),
        (RAMP.astype(np.int16) - 2048, -2000, None, [48]),
    ],
)
def test_padding_value_and_range(image, value, limit, padded):
    signed = image.dtype.kind == "i"
    ds = dataset(image, BitsStored=16 if signed else 12)
    for keyword, number in [("PixelPaddingValue", value), ("PixelPaddingRangeLimit", limit)]:
        if number is not None:
            setattr(ds, keyword, number)
            ds[keyword].VR = "SS" if signed else "US"
    valid = decode(to_bytes(ds), ImageEntry("a")).valid.ravel()
    assert np.flatnonzero(~valid).tolist() == list(padded)


def test_padding_reaches_neither_levels_nor_patch():
    from microcalc.images.patches import extract
    from microcalc.images.roi import Roi

    image = breast()
    image[:, 190:] = 4095
    ds = dataset(image, BitsStored=12, PixelPaddingValue=4095)
    ds["PixelPaddingValue"].VR = "US"
    sizes = {"spacing_mm": 0.1, "patch_mm": 6.4, "thumbnail_px": 48}
    patch = extract(decode(to_bytes(ds), ImageEntry("a")), Roi(160, 190, 200, 210), **sizes)
    assert (patch.pixels[:, 43:] == 0).all()


def raw_and_shown(rng_seed=0):
    """Exposures under a breast, and what an ideal presentation of them would look like."""
    thickness = breast(seed=rng_seed) / 1000.0
    return np.round(12000 * np.exp(-thickness)).astype(np.uint16), thickness


@pytest.mark.parametrize("by", ["intent", "class"])
def test_for_processing_becomes_attenuation(by):
    raw, thickness = raw_and_shown()
    kind = {"PresentationIntentType": "FOR PROCESSING"}
    if by == "class":
        kind = {"PresentationIntentType": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}
    found = read(raw, BitsStored=14, **kind)
    difference = found.pixels - thickness
    assert difference.std() < 0.001
    assert found.grey.inverted
    assert "for_processing_converted" in found.flags


def test_for_processing_that_is_logarithmic_or_turned_over_already():
    raw, thickness = raw_and_shown()
    kind = {"PresentationIntentType": "FOR PROCESSING", "BitsStored": 14}
    turned = read(16383 - raw, PixelIntensityRelationshipSign=-1, **kind)
    assert (turned.pixels - thickness).std() < 0.001
    logged = np.round(1000 * np.log(raw)).astype(np.uint16)
    found = read(logged, PixelIntensityRelationship="LOG", **kind)
    assert (found.pixels / 1000 - thickness).std() < 0.001


def test_for_processing_can_be_refused():
    raw, _ = raw_and_shown()
    with pytest.raises(StudyError, match="image a: is a FOR PROCESSING image"):
        read(raw, PresentationIntentType="FOR PROCESSING", for_processing="refuse")


def test_the_whole_chain_agrees_with_pydicom_on_a_carried_file():
    path = pydicom.data.get_testdata_file("examples_overlay.dcm", download=False)
    ds = pydicom.dcmread(path)
    ds.pop("PixelSpacing", None)
    found = decode(to_bytes(ds), ImageEntry("a", spacing_mm=0.1)).pixels
    expected = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds)
    correlation = np.corrcoef(found.ravel(), expected.ravel().astype(float))[0, 1]
    assert correlation > 0.999999


def part(**elements):
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


EMPTY = {"LUTDescriptor": [4096, 0, 12], "LUTData": b""}


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(
    ("item", "is_flagged"),
    [
        (part(), False),
        (part(**EMPTY), True),
        (part(LUTDescriptor=[4096, 0, 12]), True),
        (part(LUTDescriptor=[4096, 0], LUTData=b"\0\0"), True),
        (part(LUTExplanation="none"), False),
    ],
)
def test_a_lut_item_that_holds_none_is_passed_over(keyword, item, is_flagged):
    flag = "modality_lut_unusable" if keyword.startswith("Modality") else "voi_unusable"
    whole = lut(np.arange(4096) // 2, 0, 12)
    for others, expected in (([], RAMP), ([whole], RAMP // 2)):
        found = read(**{keyword: Sequence([item, *others])})
        np.testing.assert_array_equal(curve_of(found), expected.ravel())
        assert (flag in found.flags) == is_flagged
    scaled = read(**{keyword: Sequence([item])}, RescaleSlope=2, RescaleIntercept=1)
    np.testing.assert_array_equal(curve_of(scaled), 2 * RAMP.ravel() + 1)
