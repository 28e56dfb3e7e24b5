from dataclasses import asdict, replace

import numpy as np
import pytest

from microcalc.core.errors import StudyError
from microcalc.simulate import anatomy, cohort
from microcalc.simulate.attenuation import render
from microcalc.simulate.lesion import cluster
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import expose


@pytest.fixture(scope="module")
def plain():
    """A tiny oblique view without a visible lesion."""
    rows = cohort.draw(2, n_negative=2, n_positive=2, field_mm=cohort.TINY_FIELD_MM).phantoms
    row = rows[(rows["view"] == "MLO")].iloc[0].to_dict()
    quiet = {"mass_mm": 0.0, "distortion": 0.0, "stroma": 0.0, "n_scattered": 0}
    return replace(Phantom.from_row(row), **quiet, calcification_mm=0.001, center="A")


def picture(phantom, **changes):
    changed = replace(phantom, **changes)
    return render(changed, spacing_mm=0.1, blur_mm=0.08, seed=1).line_integral


def around_lesion(phantom, image, radius_mm, spacing_mm=0.1):
    y, x = np.indices(image.shape) * spacing_mm
    distance = np.hypot(x - phantom.lesion_x_mm, y - phantom.lesion_y_mm)
    return image[distance < radius_mm].mean()


def test_text_rows_give_the_same_phantom(plain):
    row = asdict(plain)
    assert Phantom.from_row({key: str(value) for key, value in row.items()}) == plain


@pytest.mark.parametrize("value", ["wide", None])
def test_a_bad_cell_is_named(plain, value):
    row = {**asdict(plain), "thickness_mm": value}
    with pytest.raises(StudyError, match=r"thickness_mm.*expected float") as caught:
        Phantom.from_row(row)
    assert plain.image_id in str(caught.value)
    assert ".dcm" not in str(caught.value)


@pytest.mark.parametrize("beta", [2.0, 3.0, 4.0])
def test_texture_has_the_power_spectrum_that_is_asked_for(beta):
    rng = np.random.default_rng(0)
    fields = [anatomy.power_law((256, 256), 0.2, beta, 0.0, rng) for _ in range(6)]
    power = np.mean([np.abs(np.fft.fft2(field)) ** 2 for field in fields], axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256, 0.2), np.fft.fftfreq(256, 0.2)))
    band = (frequency > 0.1) & (frequency < 1.5)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-beta, abs=0.1)
    assert np.std(fields) == pytest.approx(1, abs=0.25)


def test_an_oblique_view_has_a_muscle_in_its_upper_corner(plain):
    with_muscle = picture(plain)
    without = picture(plain, pectoral_width_mm=0.0, pectoral_height_mm=0.0)
    corner = (slice(10, 60), slice(0, 40))
    assert with_muscle[corner].mean() > without[corner].mean() + 0.2
    np.testing.assert_allclose(with_muscle[-120:], without[-120:], atol=1e-3)


def test_breast_has_a_skin_line_and_air_beyond(plain):
    body = render(plain, spacing_mm=0.1, blur_mm=0.08, seed=1)
    row = round(0.58 * len(body.inside))
    edge = int(np.flatnonzero(body.inside[row - 60] > 0.5)[-1])
    assert edge * 0.1 < plain.field_width_mm - 2
    assert (body.line_integral[row - 60, edge + 5 :] == 0).all()
    assert (body.inside[:, 0] > 0.5).mean() > 0.8
    assert 0.35 < body.inside.mean() < 0.85


@pytest.mark.parametrize(
    ("changes", "radius"),
    [
        ({"stroma": 0.4}, 5),
        ({"mass_mm": 9.0, "mass_contrast": 0.4}, 4),
        ({"calcification_mm": 0.4}, 6),
    ],
    ids=["stroma", "mass", "calcifications"],
)
def test_lesion_attenuates_where_it_lies(plain, changes, radius):
    base, changed = picture(plain), picture(plain, **changes)
    gain = around_lesion(plain, changed - base, radius)
    assert gain > 0.005
    assert gain > 3 * abs(np.median(changed - base))


def test_distortion_moves_tissue_near_the_lesion_alone(plain):
    change = np.abs(picture(plain, distortion=0.9) - picture(plain))
    y, x = np.indices(change.shape) * 0.1
    distance = np.hypot(x - plain.lesion_x_mm, y - plain.lesion_y_mm)
    assert change[distance < 8].mean() > 0.01
    assert change[distance > 21].max() < 1e-4


def test_both_views_show_one_cluster_in_space(plain):
    cc = cluster(replace(plain, view="CC", lesion_x_mm=20.0), seed=1)
    mlo = cluster(replace(plain, view="MLO", lesion_x_mm=20.0), seed=1)
    np.testing.assert_array_equal(cc.sizes, mlo.sizes)
    np.testing.assert_array_equal(cc.centers[:, 0], mlo.centers[:, 0])
    assert not np.array_equal(cc.centers[:, 1], mlo.centers[:, 1])


def test_distributions_have_their_shapes(plain):
    many = replace(plain, n_calcifications=120, extent_mm=16.0, view="CC", lesion_x_mm=18.0)

    def elongation(distribution):
        ratios = []
        for case in range(12):
            one = replace(many, distribution=distribution, case_id=f"C{case}")
            spread = np.linalg.eigvalsh(np.cov(cluster(one, seed=1).centers.T))
            ratios.append((spread[1] / spread[0]) ** 0.5)
        return np.median(ratios)

    assert elongation("linear") > 4
    assert elongation("linear") > elongation("segmental") > elongation("grouped")


def test_a_right_breast_is_the_mirror_image(plain):
    left = expose(replace(plain, laterality="L"), seed=1).pixels
    right = expose(replace(plain, laterality="R"), seed=1).pixels
    # The marker reads L or R and is not mirrored: compare below it.
    np.testing.assert_array_equal(left[60:], right[60:, ::-1])
    assert not np.array_equal(left[:60], right[:60, ::-1])


def test_photon_noise_falls_with_dose(plain):
    exposure = expose(plain, seed=1)
    clean = render(plain, spacing_mm=0.085, blur_mm=0.07, seed=1)
    assert exposure.pixels.shape == clean.inside.shape
    codes = exposure.pixels.astype(float)
    # Neighbors along a row differ by noise, almost not by anatomy.
    inside = clean.inside > 0.99
    rough = np.diff(codes, axis=1)[inside[:, 1:] & inside[:, :-1]]
    counts = 1.3e5 * np.exp(-np.median(clean.line_integral[inside]))
    expected = (2 / counts) ** 0.5 / (0.030 * 50) * (2350 - 520)
    assert np.median(np.abs(rough)) / 0.6745 == pytest.approx(expected, rel=0.35)
