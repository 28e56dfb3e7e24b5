"""Calcifications on windows whose truth is known: disks, lines, edges, gray scales."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from microcalc.features import calcification_descriptors, calcification_detection
from microcalc.images.region_image import RegionImage

SPACING = 0.07


def window(
    disks: list[tuple[float, float, float]],
    *,
    shape: tuple[int, int] = (240, 200),
    spacing: float = SPACING,
    noise: float = 3.0,
    height: float = 80.0,
) -> RegionImage:
    """Return disks of row, column and radius, mm, over noise, blurred like a detector does."""
    y, x = ((np.indices(shape) + 0.5) * spacing).astype(np.float64)
    pixels = np.zeros(shape)
    for row, column, radius in disks:
        # A pixel at the rim is covered in part.
        away = np.hypot(y - row, x - column)
        pixels += height * np.clip((radius - away) / spacing + 0.5, 0, 1)
    pixels = ndimage.gaussian_filter(pixels, 0.05 / spacing)
    pixels += np.random.default_rng(5).normal(400.0, noise, shape)
    whole = np.ones(shape, dtype=bool)
    return RegionImage(pixels.astype(np.float32), whole, whole, (spacing, spacing), 12)


def described(image: RegionImage) -> dict[str, float]:
    return calcification_descriptors.describe(image, calcification_detection.find(image))


@pytest.mark.parametrize("spacing", [0.05, 0.07, 0.1])
@pytest.mark.parametrize("radius", [0.2, 0.3, 0.5])
def test_a_disk_is_found_with_its_area_and_place(spacing: float, radius: float) -> None:
    image = window([(7.0, 6.0, radius)], spacing=spacing)
    (one,) = calcification_detection.find(image)
    found = calcification_descriptors.shape(one.outlines, image.spacing_mm)
    # Centers of pixels lie at whole numbers: half a pixel from the corner.
    assert found.center + spacing / 2 == pytest.approx([7.0, 6.0], abs=0.03)
    assert found.area_mm2 == pytest.approx(np.pi * radius**2, rel=0.3)
    assert found.elongation < 1.15
    assert found.solidity > 0.95


def test_two_disks_are_two_and_closer_than_two_pixels_they_are_one() -> None:
    apart = window([(7.0, 6.0, 0.25), (7.0, 7.2, 0.25)])
    assert [one.peak[0] for one in calcification_detection.find(apart)] == pytest.approx(
        [99, 99], abs=2
    )
    numbers = described(apart)
    assert numbers["count"] == 2
    assert numbers["neighbor_median_mm"] == pytest.approx(1.2, abs=0.05)
    assert numbers["tree_mm"] == pytest.approx(1.2, abs=0.05)
    close = window([(7.0, 6.0, 0.25), (7.0, 6.55, 0.25)])
    assert described(close)["count"] == 1


def test_noise_holds_no_calcification() -> None:
    for seed in range(5):
        image = window([])
        pixels = np.random.default_rng(seed).normal(400, 3, image.pixels.shape)
        assert calcification_detection.find(replace(image, pixels=pixels.astype(np.float32))) == ()


@pytest.mark.parametrize("gray", [0, 4095])
def test_an_image_of_one_gray_value_holds_none(gray: int) -> None:
    image = window([])
    constant = replace(image, pixels=np.full_like(image.pixels, gray))
    assert calcification_detection.find(constant) == ()
    assert all(np.isfinite(list(described(constant).values())))


def test_a_disk_on_a_saturated_image_without_noise_is_found() -> None:
    image = window([(7.0, 6.0, 0.3)], noise=0.0)
    assert described(image)["count"] == 1


def test_what_the_windows_edge_cuts_or_lies_outside_the_region_is_not_counted() -> None:
    height = 240 * SPACING
    disks = [(0.05, 4.0, 0.3), (height - 0.05, 4.0, 0.3), (4.0, 0.0, 0.3), (8.0, 7.0, 0.3)]
    assert len(calcification_detection.find(window(disks))) == 1
    near = window([(1.0, 4.0, 0.3)])
    assert len(calcification_detection.find(near)) == 1
    region = np.zeros_like(near.region)
    region[100:] = True
    assert calcification_detection.find(replace(near, region=region)) == ()


def test_the_skin_is_none_and_calcifications_behind_it_are() -> None:
    image = window([(8.0, 5.0, 0.3)])
    columns = np.arange(image.pixels.shape[1]) * SPACING
    pixels = np.where(columns < 10.0, image.pixels, 5.0)
    # The skin, and what lies in it.
    pixels += np.where((columns > 8.8) & (columns < 10.0), 60.0, 0.0)
    pixels[100:104, 130:134] += 80.0
    breast = np.broadcast_to(columns < 10.0, pixels.shape)
    skin = replace(image, pixels=pixels.astype(np.float32), breast=breast)
    (one,) = calcification_detection.find(skin)
    assert one.peak == pytest.approx((114, 71), abs=2)


def test_scratches_and_vessels_are_none_and_what_lies_between_them_is() -> None:
    image = window([(5.0, 5.0, 0.3)])
    y, x = (np.indices(image.pixels.shape) + 0.5) * SPACING
    scratch = 60.0 * (np.abs(x - 0.6 * y - 1.0) < 0.06)
    vessel = 50.0 * np.sqrt(np.clip(1 - ((y - 9.0 - 0.01 * x**2) / 0.3) ** 2, 0, None))
    pixels = image.pixels + scratch + ndimage.gaussian_filter(vessel, 1.0)
    found = calcification_detection.find(replace(image, pixels=pixels.astype(np.float32)))
    assert [one.peak for one in found] == [pytest.approx((71, 71), abs=2)]


def test_a_short_rod_is_a_calcification() -> None:
    image = window([(7.0, 5.0 + step, 0.12) for step in np.arange(0, 1.6, 0.05)], height=20.0)
    (one,) = calcification_detection.find(image)
    shape = calcification_descriptors.shape(one.outlines, image.spacing_mm)
    assert shape.elongation > 4
    assert shape.direction == pytest.approx(0.0, abs=0.05)


DISKS = [(4.0, 4.0, 0.2), (5.5, 6.0, 0.35), (9.0, 5.0, 0.3), (12.0, 9.0, 0.25), (6.0, 10.0, 0.2)]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_changes_no_descriptor(turns: int) -> None:
    image = window(DISKS)
    turned = replace(
        image,
        pixels=np.rot90(image.pixels, turns).copy(),
        region=np.rot90(image.region, turns),
        breast=np.rot90(image.breast, turns),
    )
    assert described(turned) == pytest.approx(described(image), rel=1e-3, abs=1e-3)
    assert described(image)["count"] == 5


@pytest.mark.parametrize(("factor", "offset"), [(0.05, 10.0), (1.0, -400.0), (16.0, 0.0)])
def test_a_linear_change_of_gray_changes_no_descriptor(factor: float, offset: float) -> None:
    image = window(DISKS)
    changed = replace(image, pixels=(image.pixels * factor + offset).astype(np.float32))
    assert described(changed) == pytest.approx(described(image), rel=2e-3, abs=2e-3)


def test_a_gamma_leaves_number_and_places() -> None:
    image = window(DISKS)
    for gamma in (0.6, 1.6):
        changed = replace(image, pixels=((image.pixels - 300) / 200).astype(np.float32) ** gamma)
        numbers, plain = described(changed), described(image)
        for name in ("count", "hull_mm2", "neighbor_median_mm", "tree_mm", "eccentricity"):
            assert numbers[name] == pytest.approx(plain[name], rel=0.05), name


def test_pixels_need_not_be_square() -> None:
    fine = window([(7.0, 6.0, 0.4), (9.0, 8.0, 0.4)], spacing=0.05, shape=(300, 300))
    tall = replace(
        fine,
        pixels=fine.pixels.reshape(150, 2, 300).mean(axis=1),
        region=fine.region[::2],
        breast=fine.breast[::2],
        spacing_mm=(0.1, 0.05),
    )
    numbers = described(tall)
    assert numbers["count"] == 2
    assert numbers["neighbor_median_mm"] == pytest.approx(8**0.5, abs=0.05)
    assert numbers["area_median_mm2"] == pytest.approx(np.pi * 0.4**2, rel=0.25)


def test_pixels_that_are_not_finite_are_outside() -> None:
    image = window(DISKS)
    pixels = image.pixels.copy()
    pixels[:, -20:] = np.nan
    numbers = described(replace(image, pixels=pixels))
    assert numbers["count"] == 5
    assert np.isfinite(list(numbers.values())).all()
    nothing = replace(image, pixels=np.full_like(pixels, np.nan))
    assert described(nothing)["count"] == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (8, 8), (31, 17)])
def test_a_small_window_is_no_error(shape: tuple[int, int]) -> None:
    image = window([(0.3, 0.3, 0.1)], shape=shape)
    assert np.isfinite(list(described(image).values())).all()


def test_the_same_image_gives_the_same_bytes() -> None:
    image = window(DISKS)
    first, second = (calcification_detection.find(image) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.score == other.score
        for line, again in zip(one.outlines, other.outlines, strict=True):
            assert line.tobytes() == again.tobytes()


def test_outlines_are_moved_to_a_picture() -> None:
    image = window([(7.0, 6.0, 0.4)])
    particles = calcification_detection.find(image)
    (line,) = calcification_detection.outlines(particles)
    assert (line[0] == line[-1]).all()
    (moved,) = calcification_detection.outlines(particles, corner=(50.0, 40.0), zoom=(0.5, 2.0))
    # The edge of the window's pixel 50 is that of the picture's first pixel.
    assert moved[:, 0] == pytest.approx((line[:, 0] + 0.5 - 50) * 0.5 - 0.5)
    assert moved[:, 1] == pytest.approx((line[:, 1] + 0.5 - 40) * 2 - 0.5)
