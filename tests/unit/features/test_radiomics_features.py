import csv
import logging
import random
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from scipy.ndimage import gaussian_filter
from tests.unit.test_house import ROOT

from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.radiomics_settings import RadiomicsSettings
from microcalc.core.errors import StudyError
from microcalc.features import radiomics_features
from microcalc.features.radiomics_features import (
    ALWAYS_THE_SAME,
    EQUAL,
    refuse_pictures,
    region_features,
)
from microcalc.images.region_image import RegionImage

pytestmark = pytest.mark.radiomics

PHANTOM = ROOT / "tests" / "oracles" / "ibsi"
PLAIN = RadiomicsSettings(kind="radiomics")
FILTERED = RadiomicsSettings(kind="radiomics", log_sigma_mm=(0.2, 0.5), wavelets=("coif1",))
FILTERS = ("log_0.2mm_", "log_0.5mm_", *(f"wavelet_coif1_{b}_" for b in ("ll", "lh", "hl", "hh")))
OF_THE_WHOLE = ("stat_", "ih_", "ivh_")

# IBSI's are gray levels, ours are bins of 1000. The least level that at most a tenth of the phantom
# reaches is the first above 4, whose bin, 601, lies 0.6 of the way from 1 to 6; and at most nine
# tenths reach the first above 1, bin 1. That the second agrees with IBSI's is chance.
IN_BINS = {"ivh_i10": (5, 602), "ivh_i90": (2, 2), "ivh_diff_i10_i90": (3, 600)}


def image_of(pixels, region=None, *, spacing_mm=(0.1, 0.1), bits_stored=14) -> RegionImage:
    pixels = np.asarray(pixels, np.float32)
    region = np.ones(pixels.shape, bool) if region is None else np.asarray(region, bool)
    return RegionImage(pixels, region, np.ones(pixels.shape, bool), spacing_mm, bits_stored)


@pytest.fixture(scope="module")
def lesion() -> RegionImage:
    noise = np.random.default_rng(5).normal(size=(60, 64))
    y, x = np.mgrid[:60, :64]
    disc = (y - 30) ** 2 + (x - 30) ** 2 < 15**2
    return image_of(np.round(gaussian_filter(noise, 1.5) * 4000 + 9000), disc)


def phantom() -> tuple[np.ndarray, np.ndarray]:
    volume, mask = (
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(PHANTOM / f"{name}.nii.gz")))
        for name in ("phantom", "mask")
    )
    return volume, mask > 0


def consensus() -> dict[str, str]:
    with (PHANTOM / "digital_phantom_2d.csv").open(newline="") as file:
        return {row["feature"]: row["value"] for row in csv.DictReader(file)}


def measured_in_phantom() -> dict[str, float]:
    """Return the phantom's features as IBSI aggregates them in two dimensions.

    Six bins leave gray levels from 1 to 6 as they are, and every slice reaches from 1 to 6. Where
    its voxels lie does not matter to the families of the whole, which is therefore laid flat.
    """
    volume, mask = phantom()
    settings = RadiomicsSettings(kind="radiomics", bins=6)
    slices = [region_features(image_of(*s), settings) for s in zip(volume, mask, strict=True)]
    flat = region_features(image_of(volume.reshape(4, -1), mask.reshape(4, -1)), settings)
    return {
        name: flat[name] if name.startswith(OF_THE_WHOLE) else np.mean([s[name] for s in slices])
        for name in flat
    }


def test_ibsi_values_of_the_digital_phantom_are_met() -> None:
    measured, expected = measured_in_phantom(), consensus()
    assert len(expected) == 142
    left_out = {*ALWAYS_THE_SAME, *EQUAL}
    assert expected.keys() - measured.keys() == left_out
    assert {n: (float(expected[n]), measured[n]) for n in IN_BINS} == IN_BINS
    compared = expected.keys() - left_out - IN_BINS.keys()
    assert len(compared) == 125
    missed = {n for n in compared if f"{measured[n]:.3g}" != f"{float(expected[n]):.3g}"}
    assert missed == set()
    # What is left out for being equal to another is so in the consensus too, but for these two:
    # they are averages of slices there, and what they equal is of the whole.
    of_slices = {"ngl_glnu_norm", "ngl_gl_var"}
    equal = {name: other for name, other in EQUAL.items() if name not in of_slices}
    assert {n: expected[n] for n in equal} == {n: expected[other] for n, other in equal.items()}


def test_names_are_stable_and_those_of_every_filter_alike(lesion) -> None:
    plain, filtered = region_features(lesion, PLAIN), region_features(lesion, FILTERED)
    assert len(plain) == 145
    assert list(filtered)[:145] == list(plain)
    assert {name: filtered[name] for name in plain} == plain
    names = [name for name in plain if not name.startswith("shape_")]
    expected = [n for n in names if n not in ("stat_cov", "stat_qcod")]
    for prefix in FILTERS:
        own = [n.removeprefix(prefix) for n in filtered if n.startswith(prefix)]
        assert own == expected
    assert len(filtered) == 145 + len(FILTERS) * len(expected)
    assert {"shape_area_mm2", "stat_mean", "ivh_v10", "ih_entropy", "cm_contrast"} <= plain.keys()
    assert {"rlm_sre", "szm_sze", "dzm_sde", "ngt_coarseness", "ngl_lde"} <= plain.keys()
    assert all(type(value) is float and np.isfinite(value) for value in filtered.values())


def test_what_is_left_out_says_nothing_of_any_region(lesion, monkeypatch) -> None:
    monkeypatch.setattr(radiomics_features, "ALWAYS_THE_SAME", ())
    monkeypatch.setattr(radiomics_features, "EQUAL", {})
    ragged = np.random.default_rng(2).random(lesion.region.shape) < 0.7
    for image in (lesion, replace(lesion, region=lesion.region & ragged)):
        found = region_features(image, PLAIN)
        assert [found[name] for name in ALWAYS_THE_SAME] == [1, 32, 31, 1]
        for name, other in EQUAL.items():
            assert found[name] == pytest.approx(found[other], rel=1e-9), name


def test_only_the_region_is_measured_and_filters_see_around_it(lesion) -> None:
    outside = np.where(lesion.region, lesion.pixels, 3).astype(np.float32)
    changed = replace(lesion, pixels=outside)
    assert region_features(changed, PLAIN) == region_features(lesion, PLAIN)
    before, after = (region_features(image, FILTERED) for image in (lesion, changed))
    assert before["log_0.5mm_stat_mean"] != after["log_0.5mm_stat_mean"]


def test_how_much_surrounds_it_matters_to_filters_alone(lesion) -> None:
    rows, columns = (np.flatnonzero(lesion.region.any(axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    tight = replace(lesion, pixels=lesion.pixels[box], region=lesion.region[box])
    assert region_features(tight, PLAIN) == region_features(lesion, PLAIN)


def test_gain_and_offset_leave_texture(lesion) -> None:
    plain = region_features(lesion, PLAIN)
    brighter = region_features(replace(lesion, pixels=lesion.pixels * 2 + 64), PLAIN)
    texture = [n for n in plain if n.startswith(("ih", "ivh", "cm", "rlm", "szm", "dzm", "ng"))]
    assert [brighter[n] for n in texture] == [plain[n] for n in texture]
    assert brighter["stat_mean"] == pytest.approx(2 * plain["stat_mean"] + 64)


def test_a_filter_is_as_wide_as_its_mm_at_any_spacing() -> None:
    """A Gaussian blob answers in its center as the formula says, whatever the pixels.

    LoG of sigma s on a Gaussian of width b: -2 b² / (s² + b²)², times b² for the blob's scale.
    """
    for step in (0.05, 0.1):
        y, x = np.mgrid[-3 : 3 + step / 2 : step, -3 : 3 + step / 2 : step]
        blob = np.exp(-(y**2 + x**2) / (2 * 0.6**2)) * 1000
        near = np.hypot(y, x) < 0.41
        settings = RadiomicsSettings(kind="radiomics", log_sigma_mm=(0.3,))
        found = region_features(image_of(blob, near, spacing_mm=(step, step)), settings)
        per_mm2 = found["log_0.3mm_stat_min"] / step**2
        assert per_mm2 == pytest.approx(-2 * 1000 * 0.6**2 / (0.3**2 + 0.6**2) ** 2, rel=0.01)


def test_a_wavelet_tells_rows_from_columns() -> None:
    """Of hl the first letter, high-pass, is along x, and the second along y."""
    stripes = np.tile(np.where(np.arange(40) % 4 < 2, 100.0, 200.0), (40, 1))
    stripes += np.random.default_rng(1).normal(size=(40, 40))
    settings = RadiomicsSettings(kind="radiomics", wavelets=("haar",))
    for pixels, strong, weak in ((stripes, "hl", "lh"), (stripes.T, "lh", "hl")):
        found = region_features(image_of(pixels), settings)
        weaker = found[f"wavelet_haar_{weak}_stat_var"]
        assert found[f"wavelet_haar_{strong}_stat_var"] > 100 * weaker


def test_the_same_bytes_twice_and_nothing_beside_them(lesion, capfd, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    # pytest's own handlers on the root logger would hide mirp's.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002 - what a library could draw from
    states = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    first, second = (region_features(lesion, FILTERED) for _ in range(2))
    assert list(first) == list(second)
    assert np.array(list(first.values())).tobytes() == np.array(list(second.values())).tobytes()
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == states  # noqa: NPY002
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert logging.getLogger().handlers == []


def test_pictures_are_refused(lesion) -> None:
    picture = replace(lesion, bits_stored=8)
    with pytest.raises(
        StudyError, match=r"pictures of 8 bits: .*give the DICOM file.*8 bits of gr"
    ):
        refuse_pictures(picture)
    with pytest.raises(StudyError, match="pictures of 8 bits"):
        region_features(picture, PLAIN)
    refuse_pictures(replace(lesion, bits_stored=10))


def one_at(shape, *places) -> np.ndarray:
    region = np.zeros(shape, bool)
    region[places] = True
    return region


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: {"region": i.region & False}, r"fewer pixels .*\(0 pixels, 32 bins\)"),
        (lambda i: {"region": one_at(i.region.shape, 30, 30)}, r"\(1 pixels, 32 bins\)"),
        (lambda i: {"region": one_at(i.region.shape, 30, slice(31))}, r"\(31 pixels, 32 bins\)"),
        (
            lambda i: {"pixels": i.pixels * 0 + 4095},
            "same gray value, .*706 pixels of 4095|of 4095",
        ),
        (
            lambda i: {"pixels": np.where(i.pixels > 9000, np.nan, i.pixels)},
            "some pixels hold none",
        ),
        (
            lambda i: {"region": one_at(i.region.shape, slice(0, 60, 3), slice(0, 60, 3))},
            "scattered",
        ),
        (lambda i: {"spacing_mm": (0.1, 0.12)}, "square ones, .*0.1 mm high and 0.12 mm wide"),
        (lambda i: {"spacing_mm": (0.0, 0.0)}, "square ones"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(lesion, change, message) -> None:
    with pytest.raises(StudyError, match=message):
        region_features(replace(lesion, **change(lesion)), PLAIN)


def test_the_smallest_region_that_is_measured(lesion) -> None:
    line = replace(lesion, region=one_at(lesion.region.shape, 30, slice(32)))
    found = region_features(line, FILTERED)
    assert all(np.isfinite(list(found.values())))
    assert found["shape_elongation"] == 0
    almost = np.zeros((40, 40))
    almost[20, 20] = 1
    assert all(np.isfinite(list(region_features(image_of(almost), PLAIN).values())))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"log_sigma_mm": (0.05,)}, r"narrower than a pixel.*\(0.05 mm, and pixels of 0.1 mm\)"),
        (
            {"log_sigma_mm": (1.0,)},
            r"wider than the image .*log 1 mm takes 81 pixels, there are 60",
        ),
        ({"wavelets": ("coif1",)}, r"wavelet coif1 takes 6 pixels, there are 5"),
    ],
)
def test_filters_that_do_not_fit_are_refused(lesion, asked, message) -> None:
    settings = RadiomicsSettings(kind="radiomics", **asked)
    image = lesion
    if settings.wavelets:
        image = image_of(lesion.pixels[28:33], lesion.region[28:33])
    with pytest.raises(StudyError, match=message):
        region_features(image, settings)


def test_a_filter_that_answers_alike_everywhere_is_refused() -> None:
    ramp = np.add.outer(np.zeros(60), np.arange(60.0)) + 1000
    inside = one_at((60, 60), slice(25, 35), slice(25, 35))
    settings = RadiomicsSettings(kind="radiomics", bins=8, wavelets=("haar",))
    with pytest.raises(StudyError, match=r"answers alike in all pixels .*\(wavelet_haar_lh\)"):
        region_features(image_of(ramp, inside), settings)


def test_without_the_extra_the_command_that_brings_it_is_told(lesion, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mirp", None)
    with pytest.raises(StudyError, match=r"pip install 'microcalc\[radiomics\]'"):
        region_features(lesion, PLAIN)


def test_its_settings_are_those_of_a_set() -> None:
    assert issubclass(RadiomicsSettings, FeatureSetSettings)
    assert PLAIN.measured_by == {
        "kind": "radiomics", "bins": 32, "log_sigma_mm": [], "wavelets": [],
    }  # fmt: skip
    for wrong in ({"bins": 1}, {"log_sigma_mm": [0]}, {"wavelets": ["haar", "haar"]}, {"x": 1}):
        with pytest.raises(ValueError, match="1 validation error"):
            RadiomicsSettings.of({"kind": "radiomics", **wrong})
