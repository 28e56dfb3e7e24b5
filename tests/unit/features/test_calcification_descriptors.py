"""Descriptors of shapes and clusters with known values, of few calcifications too."""

import math

import numpy as np
import pytest

from microcalc.features import calcification_descriptors
from microcalc.features.calcification_descriptors import Shape, of_shapes


def polygon(width: float, height: float, turned: float = 0.0) -> np.ndarray:
    """Return a rectangle of row and column around (20, 30), turned from x towards y."""
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * [height / 2, width / 2]
    cosine, sine = math.cos(turned), math.sin(turned)
    return corners @ np.array([[cosine, -sine], [sine, cosine]]) + [20, 30]


def dot(y: float, x: float, *, area: float = 0.1, elongation: float = 1.0, direction: float = 0.0):
    side = math.sqrt(area)
    corners = np.array([[y + a * side, x + b * side] for a in (-0.5, 0.5) for b in (-0.5, 0.5)])
    return Shape(np.array([y, x]), area, elongation, direction, 1.0, corners)


@pytest.mark.parametrize("turned", [0.0, 0.4, 1.2, -0.9])
def test_a_rectangle_has_its_area_axes_and_direction(turned: float) -> None:
    found = calcification_descriptors.shape([polygon(12, 4, turned)], (0.1, 0.1))
    assert found.area_mm2 == pytest.approx(0.48)
    assert found.center == pytest.approx([2.0, 3.0])
    assert found.elongation == pytest.approx(3.0)
    assert found.direction == pytest.approx(turned)
    assert found.solidity == pytest.approx(1.0)


def test_pixels_that_are_not_square_make_a_square_of_a_rectangle() -> None:
    found = calcification_descriptors.shape([polygon(12, 4)], (0.3, 0.1))
    assert found.area_mm2 == pytest.approx(1.44)
    assert found.elongation == pytest.approx(1.0)


def test_a_disk_of_many_corners_has_the_area_of_a_disk() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    found = calcification_descriptors.shape(
        [np.column_stack([5 * np.sin(angle), 5 * np.cos(angle)])], (0.1, 0.1)
    )
    assert found.area_mm2 == pytest.approx(math.pi * 0.25, rel=1e-3)
    assert found.elongation == pytest.approx(1.0)


def test_a_hole_runs_the_other_way_and_is_taken_off() -> None:
    found = calcification_descriptors.shape([polygon(10, 10), polygon(4, 4)[::-1]], (1.0, 1.0))
    assert found.area_mm2 == pytest.approx(84)
    assert found.solidity == pytest.approx(0.84)
    # Two parts of one calcification: moments are those of both.
    parts = [polygon(4, 4) + np.array([0, step]) for step in (-8, 8)]
    both = calcification_descriptors.shape(parts, (1.0, 1.0))
    assert both.area_mm2 == pytest.approx(32)
    assert both.center == pytest.approx([20, 30])
    assert both.elongation == pytest.approx(math.sqrt((16 / 12 + 64) / (16 / 12)))
    assert both.solidity == pytest.approx(32 / 80)


def test_an_l_is_not_convex() -> None:
    corners = np.array([[0, 0], [0, 2], [1, 2], [1, 1], [2, 1], [2, 0]], dtype=float)
    found = calcification_descriptors.shape([corners], (1.0, 1.0))
    assert found.area_mm2 == pytest.approx(3.0)
    assert found.solidity == pytest.approx(3.0 / 3.5)


def test_of_none_amounts_are_zero_and_shapes_plain() -> None:
    diameter = 2 * math.sqrt(400 / math.pi)
    assert of_shapes([], 400.0) == {
        "count": 0,
        "per_cm2": 0,
        "area_total_mm2": 0,
        "area_median_mm2": 0,
        "area_variation": 0,
        "elongation_median": 1,
        "elongation_largest": 1,
        "linear_share": 0,
        "solidity_median": 1,
        "solidity_least": 1,
        "orientation_spread": 1,
        "hull_mm2": 0,
        "hull_filled": 0,
        "eccentricity": 0,
        "neighbor_median_mm": pytest.approx(diameter),
        "neighbor_iqr_mm": 0,
        "tree_mm": 0,
        "linearity": 0,
    }


def test_of_one_there_is_a_hull_and_no_neighbor() -> None:
    found = of_shapes([dot(3, 3, area=0.25, elongation=2.5)], 400.0)
    assert (found["count"], found["per_cm2"]) == (1, 0.25)
    assert found["hull_mm2"] == pytest.approx(0.25)
    assert found["hull_filled"] == pytest.approx(1.0)
    assert found["elongation_median"] == 2.5
    assert found["linear_share"] == 1
    assert found["orientation_spread"] == 1
    assert found["neighbor_median_mm"] == pytest.approx(2 * math.sqrt(400 / math.pi))
    assert (found["tree_mm"], found["eccentricity"], found["linearity"]) == (0, 0, 0)


def test_of_two_there_is_a_distance_and_no_form() -> None:
    found = of_shapes([dot(0, 0), dot(3, 4)], 100.0)
    assert found["neighbor_median_mm"] == pytest.approx(5)
    assert found["neighbor_iqr_mm"] == 0
    assert found["tree_mm"] == pytest.approx(5)
    assert (found["eccentricity"], found["linearity"]) == (0, 0)
    assert found["hull_mm2"] > 0


def test_of_three_there_is_a_form_and_of_four_a_line() -> None:
    three = of_shapes([dot(0, 0), dot(0, 1), dot(0, 3)], 100.0)
    assert three["eccentricity"] == pytest.approx(1, abs=1e-5)
    assert three["tree_mm"] == pytest.approx(3)
    assert three["linearity"] == 0
    four = of_shapes([dot(0, 0), dot(0, 1), dot(0, 3), dot(0, 4)], 100.0)
    assert four["linearity"] == pytest.approx(1)
    assert four["neighbor_median_mm"] == pytest.approx(1)


def test_a_bent_row_is_as_linear_as_a_straight_one_and_a_cross_is_not() -> None:
    angles = np.linspace(0, np.pi / 2, 8)
    arc = of_shapes([dot(10 * math.sin(a), 10 * math.cos(a)) for a in angles], 400.0)
    assert arc["linearity"] == pytest.approx(1)
    places = [(0, 0), *((k, 0) for k in (-2, -1, 1, 2)), *((0, k) for k in (-2, -1, 1, 2))]
    cross = of_shapes([dot(*place) for place in places], 400.0)
    assert cross["tree_mm"] == pytest.approx(8)
    assert cross["linearity"] == pytest.approx(0.5)
    assert cross["eccentricity"] == pytest.approx(0, abs=1e-6)


def test_directions_that_agree_have_no_spread() -> None:
    def of(*directions: float) -> float:
        rods = [dot(k, k, area=0.3, elongation=3, direction=d) for k, d in enumerate(directions)]
        return of_shapes(rods, 100.0)["orientation_spread"]

    assert of(0.3, 0.3, 0.3 - math.pi) == pytest.approx(0)
    assert of(0.0, math.pi / 2) == pytest.approx(1)
    assert of(0.0, math.pi / 4) == pytest.approx(1 - math.sqrt(0.5))


def test_shapes_of_small_ones_do_not_count() -> None:
    small = dot(0, 0, area=0.19, elongation=5)
    large = dot(3, 3, area=0.2, elongation=2)
    assert of_shapes([small, large], 100.0)["elongation_largest"] == 2
    assert of_shapes([small], 100.0)["elongation_median"] == 1


def test_calcifications_of_one_place_are_no_error() -> None:
    found = of_shapes([dot(1, 1)] * 5, 100.0)
    assert np.isfinite(list(found.values())).all()
    assert found["tree_mm"] == pytest.approx(0, abs=1e-5)
    assert found["eccentricity"] == 0
