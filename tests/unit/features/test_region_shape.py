import numpy as np
import pytest

from microcalc.features.region_shape import shape

pytestmark = pytest.mark.radiomics

SQUARE = (1.0, 1.0)


def test_a_rectangle_has_the_values_of_its_outline() -> None:
    """Marching squares cut four corners with legs of half a pixel."""
    region = np.zeros((12, 20), bool)
    region[3:9, 5:15] = True
    found = shape(region, (0.5, 0.5))
    enclosed = 6 * 10 - 4 / 8
    perimeter = 2 * 5 + 2 * 9 + 4 * np.sqrt(0.5)
    assert found == pytest.approx(
        {
            "shape_area_mm2": 15.0,
            "shape_perimeter_mm": perimeter / 2,
            "shape_circularity": 2 * np.sqrt(np.pi * enclosed) / perimeter,
            # From the end of one cut corner to that of the opposite one.
            "shape_max_diameter_mm": max(np.hypot(5, 10), np.hypot(6, 9), np.hypot(5.5, 9.5)) / 2,
            "shape_major_axis_mm": 4 * np.sqrt((10**2 - 1) / 12) / 2,
            "shape_minor_axis_mm": 4 * np.sqrt((6**2 - 1) / 12) / 2,
            "shape_elongation": np.sqrt(35 / 99),
            "shape_solidity": 1.0,
            "shape_extent": enclosed / 60,
        }
    )


@pytest.mark.parametrize("degrees", [0, 20, 45, 70])
def test_an_ellipse_has_its_axes_however_it_lies(degrees) -> None:
    angle = np.deg2rad(degrees)
    y, x = np.mgrid[-80:81, -80:81]
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    found = shape((u / 60) ** 2 + (v / 30) ** 2 <= 1, (0.1, 0.1))
    assert found["shape_area_mm2"] == pytest.approx(np.pi * 6 * 3, rel=0.01)
    assert found["shape_major_axis_mm"] == pytest.approx(12, rel=0.01)
    assert found["shape_minor_axis_mm"] == pytest.approx(6, rel=0.01)
    assert found["shape_max_diameter_mm"] == pytest.approx(12, rel=0.02)
    assert found["shape_elongation"] == pytest.approx(0.5, rel=0.01)
    assert 0.98 < found["shape_solidity"] < 1  # the outline is ragged, its hull is not
    # Outlines on a grid are longer than the curve, by up to 8 %.
    assert found["shape_perimeter_mm"] == pytest.approx(29.07, rel=0.08)
    assert found["shape_perimeter_mm"] > 29.07


def test_holes_and_parts_count() -> None:
    block = np.zeros((20, 40), bool)
    block[4:16, 4:16] = True
    whole = shape(block, SQUARE)
    ring = block.copy()
    ring[8:12, 8:12] = False
    hollow = shape(ring, SQUARE)
    # Within a hole corners are cut to its advantage.
    hole, around = 16 - 0.5, 2 * 3 + 2 * 3 + 4 * np.sqrt(0.5)
    assert hollow["shape_area_mm2"] == whole["shape_area_mm2"] - 16
    assert hollow["shape_perimeter_mm"] == pytest.approx(whole["shape_perimeter_mm"] + around)
    enclosed = 144 - 0.5
    assert hollow["shape_solidity"] == pytest.approx((enclosed - hole) / enclosed)
    two = block.copy()
    two[4:16, 24:36] = True
    both = shape(two, SQUARE)
    assert both["shape_area_mm2"] == 2 * whole["shape_area_mm2"]
    assert both["shape_perimeter_mm"] == pytest.approx(2 * whole["shape_perimeter_mm"])
    assert both["shape_extent"] == pytest.approx(2 * enclosed / (12 * 32))


def test_a_pixel_and_a_line_have_finite_values() -> None:
    pixel, line = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    pixel[0, 0] = line[:, 8] = True
    assert shape(pixel, SQUARE) == pytest.approx(
        {
            "shape_area_mm2": 1,
            "shape_perimeter_mm": 4 * np.sqrt(0.5),
            "shape_circularity": np.sqrt(np.pi) / 2,
            "shape_max_diameter_mm": 1,
            "shape_major_axis_mm": 0,
            "shape_minor_axis_mm": 0,
            "shape_elongation": 1,
            "shape_solidity": 1,
            "shape_extent": 0.5,
        }
    )
    found = shape(line, SQUARE)
    assert found["shape_minor_axis_mm"] == found["shape_elongation"] == 0
    assert found["shape_major_axis_mm"] == pytest.approx(4 * np.sqrt(80 / 12))
    slanted = shape(np.eye(9, dtype=bool), (0.07, 0.07))
    assert slanted["shape_elongation"] == 0


def test_spacing_goes_with_its_direction() -> None:
    region = np.zeros((10, 10), bool)
    region[2:8, 2:8] = True
    found = shape(region, (1.0, 3.0))
    assert found["shape_area_mm2"] == 36 * 3
    assert found["shape_elongation"] == pytest.approx(1 / 3)
