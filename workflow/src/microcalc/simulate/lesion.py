"""The lesion: calcifications in space, their projections, mass, stroma and distortion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from microcalc.core.seeds import stream
from microcalc.simulate.phantom import Phantom

CALCIUM = 1.5
"""Attenuation of a calcification over tissue, 1/mm: below pure hydroxyapatite, as deposits are
porous and scatter dilutes contrast."""


@dataclass(frozen=True)
class Cluster:
    """Calcifications of one view.

    Attributes
    ----------
    centers
        x, y in mm from the field's upper left corner, shape (n, 2).
    sizes
        In mm, shape (n,).
    contrast
        Relative to `CALCIUM`, shape (n,).
    """

    centers: np.ndarray
    sizes: np.ndarray
    contrast: np.ndarray


@dataclass(frozen=True)
class Calcification:
    """One calcification of one view.

    Attributes
    ----------
    center
        x, y in mm.
    strokes
        Rounded strokes around the center, rows of x0, y0, x1, y1, radius in mm.
    attenuation
        Over tissue, 1/mm.
    """

    center: np.ndarray
    strokes: np.ndarray
    attenuation: float


def cluster(phantom: Phantom, *, seed: int) -> Cluster:
    """Return the projected calcifications of a view.

    They are placed in space once per case, so that both views show the same cluster:
    x runs from chest wall to nipple; a craniocaudal view sees (x, z), an oblique one
    (x, (y + z) / sqrt 2). Grouped calcifications fill a ball, linear ones follow a duct,
    segmental ones a wedge that narrows towards the nipple (BI-RADS atlas, 5th edition).

    Parameters
    ----------
    phantom
        Latent truth.
    seed
        The study's; the cluster has a stream of its own per case.
    """
    rng = stream(seed, "cluster", phantom.case_id)
    n, extent = phantom.n_calcifications, phantom.extent_mm
    ball = rng.standard_normal((n, 3))
    ball *= (rng.random(n) ** (1 / 2.2) / np.linalg.norm(ball, axis=1))[:, None]
    along = rng.uniform(-0.5, 0.5, n)
    tilt = rng.normal(0, 0.35, 2)
    if phantom.distribution == "grouped":
        points = ball * (extent / 2) * rng.uniform(0.75, 1.0, 3)
    elif phantom.distribution == "linear":
        bend = rng.normal(0, 0.25) * extent * (along**2 - 1 / 12)
        points = np.column_stack([along * extent, bend, bend]) + ball * 0.7
    else:
        opening = (0.5 - along)[:, None] * np.array([0.0, 0.55, 0.55]) * extent
        points = np.column_stack([along * extent, np.zeros(n), np.zeros(n)])
        points += ball * (opening + 1.0)
    points[:, 1:] += points[:, :1] * tilt
    vertical = points[:, 2] if phantom.view == "CC" else (points[:, 1] + points[:, 2]) / 2**0.5
    spread, level = {
        "amorphous": (0.15, 0.75),
        "coarse heterogeneous": (0.35, 0.8),
        "fine pleomorphic": (0.40, 1.0),
        "fine linear-branching": (0.25, 1.1),
    }[phantom.morphology]
    sizes = phantom.calcification_mm * np.exp(rng.normal(0, spread, n))
    contrast = level * np.exp(rng.normal(0, spread / 1.5, n))
    centers = np.column_stack([points[:, 0] + phantom.lesion_x_mm, vertical + phantom.lesion_y_mm])
    return Cluster(_inside_field(centers, phantom), sizes, contrast)


def _inside_field(centers: np.ndarray, phantom: Phantom) -> np.ndarray:
    margin = 1.5
    limits = [phantom.breast_width_mm - 3 * margin, phantom.field_height_mm - margin]
    return np.asarray(np.clip(centers, margin, limits))


def box(phantom: Phantom, *, seed: int) -> tuple[float, float, float, float]:
    """Return a radiologist's box around the cluster, mm: x0, y0, x1, y1 of a left breast.

    Each side stands 1 to 3 mm off the outermost calcification, by the hand of the person
    who drew it.

    Parameters
    ----------
    phantom
        Latent truth.
    seed
        The study's; the box has a stream of its own per image.
    """
    found = cluster(phantom, seed=seed)
    rng = stream(seed, "box", phantom.image_id)
    margin = rng.uniform(1.0, 3.0, 4)
    x0, y0 = found.centers.min(axis=0) - margin[:2]
    x1, y1 = found.centers.max(axis=0) + margin[2:]
    width, height = phantom.field_width_mm, phantom.field_height_mm
    return max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)


def calcifications(
    phantom: Phantom, height_mm: float, *, seed: int, rng: np.random.Generator
) -> tuple[Calcification, ...]:
    """Return what a view shows of calcium: the cluster, and a few scattered benign specks.

    Parameters
    ----------
    phantom
        Latent truth.
    height_mm
        The field's height as whole pixels give it.
    seed
        The study's seed, by which the cluster is placed.
    rng
        Draws the cluster's shapes, then the specks.
    """
    found = cluster(phantom, seed=seed)
    all_of_it = [
        Calcification(center, _strokes(phantom.morphology, size, rng), CALCIUM * contrast)
        for center, size, contrast in zip(found.centers, found.sizes, found.contrast, strict=True)
    ]
    for _ in range(phantom.n_scattered):
        x = phantom.breast_width_mm * rng.uniform(0.15, 0.85)
        y = height_mm * rng.uniform(0.3, 0.75)
        radius = rng.uniform(0.08, 0.22)
        speck = np.array([[0.0, 0.0, 0.0, 0.0, radius]])
        all_of_it.append(Calcification(np.array([x, y]), speck, CALCIUM))
    return tuple(all_of_it)


def add_calcifications(
    line: np.ndarray, found: Sequence[Calcification], spacing_mm: float, blur_mm: float
) -> None:
    """Add calcifications to a line integral in place."""
    for one in found:
        _stamp(line, one.center, one.strokes, one.attenuation, spacing_mm, blur_mm)


def _strokes(morphology: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Return one calcification as rounded strokes: rows of x0, y0, x1, y1, radius in mm.

    Amorphous: small and round, its low contrast makes it hazy. Coarse heterogeneous: lumps
    over half a millimeter. Fine pleomorphic: angular pieces under half a millimeter. Fine
    linear-branching: a thin bent line, often with a branch (BI-RADS atlas, 5th edition).
    """
    if morphology == "amorphous":
        shift = rng.normal(0, 0.25 * size, (2, 4))
        return np.column_stack([shift, np.full(2, 0.34 * size)])
    if morphology == "coarse heterogeneous":
        ends = rng.normal(0, 0.42 * size, (4, 4))
        return np.column_stack([ends, rng.uniform(0.22, 0.42, 4) * size])
    if morphology == "fine pleomorphic":
        ends = rng.normal(0, 0.38 * size, (3, 4))
        return np.column_stack([ends, rng.uniform(0.14, 0.30, 3) * size])
    heading = rng.normal(0, 0.5)
    length = size * rng.uniform(2.0, 4.2)
    radius = 0.20 * size
    rows, x, y = [], -length / 2, 0.0
    for _ in range(4):
        heading += rng.normal(0, 0.30)
        nx, ny = x + length / 4 * math.cos(heading), y + length / 4 * math.sin(heading)
        rows.append([x, y, nx, ny, radius * rng.uniform(0.8, 1.2)])
        x, y = nx, ny
    if rng.random() < 0.55:
        bx, by = rows[1][2], rows[1][3]
        turn = heading + rng.choice([-1, 1]) * rng.uniform(0.5, 0.9)
        reach = length * rng.uniform(0.25, 0.45)
        rows.append(
            [bx, by, bx + reach * math.cos(turn), by + reach * math.sin(turn), radius * 0.9]
        )
    return np.array(rows)


def _stamp(
    line: np.ndarray,
    center: np.ndarray,
    strokes: np.ndarray,
    contrast: float,
    spacing_mm: float,
    blur_mm: float,
) -> None:
    """Add attenuation × thickness of rounded strokes around `center`, blurred, in place."""
    reach = float(np.abs(strokes[:, :4]).max() + strokes[:, 4].max()) + 3 * blur_mm + spacing_mm
    window = _window(line, center, reach, spacing_mm)
    if window is None:
        return
    rows, columns, x, y = window
    x, y = x - center[0], y - center[1]
    depth = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for x0, y0, x1, y1, radius in strokes:
        dx, dy = x1 - x0, y1 - y0
        share = ((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9)
        share = np.clip(share, 0, 1)
        square = (x - x0 - share * dx) ** 2 + (y - y0 - share * dy) ** 2
        # A round rod is thickest in its middle: 2 sqrt(r² - d²).
        np.maximum(depth, 2 * np.sqrt(np.clip(radius**2 - square, 0, None)), out=depth)
    line[rows, columns] += gaussian_filter(contrast * depth, blur_mm / spacing_mm, truncate=3.0)


def _window(
    image: np.ndarray, center: np.ndarray, reach: float, spacing_mm: float
) -> tuple[slice, slice, np.ndarray, np.ndarray] | None:
    """Return row and column slices within `reach`, and their pixels' x (1, n) and y (m, 1), mm."""
    height, width = image.shape
    left = max(0, math.floor((center[0] - reach) / spacing_mm))
    right = min(width, math.ceil((center[0] + reach) / spacing_mm))
    top = max(0, math.floor((center[1] - reach) / spacing_mm))
    bottom = min(height, math.ceil((center[1] + reach) / spacing_mm))
    if left >= right or top >= bottom:
        return None
    x = ((np.arange(left, right) + 0.5) * spacing_mm)[None, :]
    y = ((np.arange(top, bottom) + 0.5) * spacing_mm)[:, None]
    return slice(top, bottom), slice(left, right), x, y


def add_tissue(
    gland: np.ndarray, phantom: Phantom, spacing_mm: float, rng: np.random.Generator
) -> None:
    """Add stroma, mass and the spicules of mass or distortion to the gland share, in place.

    Parameters
    ----------
    gland
        Share of gland, shape (rows, columns), chest wall on the left.
    phantom
        Latent truth.
    spacing_mm
        Size of a square pixel.
    rng
        The image's stream.
    """
    middle = np.array([phantom.lesion_x_mm, phantom.lesion_y_mm])
    reach = 1.1 * max(phantom.stroma_mm, 2.6 * phantom.mass_mm / 2, 16.0 * phantom.distortion)
    window = _window(gland, middle, reach, spacing_mm)
    waves = rng.normal(0, 1, (2, 6)) / np.arange(2, 8)
    starts = rng.uniform(0, 2 * np.pi, 6)
    if window is None:
        return
    rows, columns, x, y = window
    x = (x - middle[0]).astype(np.float32)
    y = (y - middle[1]).astype(np.float32)
    distance = np.hypot(x, y)
    angle = np.arctan2(y, x)
    extra = np.float32(phantom.stroma) * np.exp(
        -0.5 * (distance / np.float32(0.5 * phantom.stroma_mm)) ** 2
    )
    if phantom.mass_mm > 0:
        radius = np.full_like(distance, phantom.mass_mm / 2)
        for k in range(6):
            radius *= 1 + np.float32(0.13 * waves[0, k]) * np.cos((k + 2) * angle + starts[k])
        edge = np.float32(1.4 - 0.6 * phantom.spiculation)
        body = 1 / (1 + np.exp(np.clip((distance - radius) / edge, -30, 30)))
        extra += np.float32(phantom.mass_contrast) * body
    strength = 0.10 * phantom.spiculation * (phantom.mass_mm > 0) + 0.11 * phantom.distortion
    if strength > 0:
        length = max(1.0 * phantom.mass_mm, 13.0 * phantom.distortion)
        extra += _spicules(distance, angle, length, strength, rng)
    gland[rows, columns] += extra


def _spicules(
    distance: np.ndarray,
    angle: np.ndarray,
    length: float,
    strength: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return bright rays that fan out from the lesion, curved a little, faint where they meet."""
    total = np.zeros_like(distance)
    # Rays meet in one point on paper, not in a breast: there they would add up to a star.
    middle = 1 - np.exp(-((distance / np.float32(0.3 * length)) ** 2))
    for _ in range(int(rng.integers(9, 16))):
        bend = np.float32(rng.normal(0, 0.02)) * distance
        away = angle + bend - np.float32(rng.uniform(-np.pi, np.pi))
        away = np.abs((away + np.pi) % (2 * np.pi) - np.pi)
        width = np.float32(rng.uniform(0.2, 0.5))
        reach = np.float32(length * rng.uniform(0.6, 1.15))
        ray = np.exp(-((np.minimum(away, 1.5) * distance / width) ** 2) - (distance / reach) ** 4)
        total += np.float32(strength * rng.uniform(0.5, 1.0)) * ray * (away < 1.2)
    return np.asarray(total * middle)


def pull(field: np.ndarray, phantom: Phantom, spacing_mm: float) -> None:
    """Draw the texture towards the lesion, in place: architectural distortion.

    Parameters
    ----------
    field
        Texture, shape (rows, columns), chest wall on the left.
    phantom
        Latent truth.
    spacing_mm
        Size of a square pixel.
    """
    middle = np.array([phantom.lesion_x_mm, phantom.lesion_y_mm])
    window = _window(field, middle, 16.0, spacing_mm)
    if window is None:
        return
    rows, columns, x, y = window
    dx, dy = x - middle[0], y - middle[1]
    away = np.hypot(dx, dy) / 16.0
    stretch = 1 + 0.8 * phantom.distortion * np.clip(1 - away, 0, None) ** 2
    at_x = (middle[0] + dx * stretch) / spacing_mm - 0.5
    at_y = (middle[1] + dy * stretch) / spacing_mm - 0.5
    field[rows, columns] = map_coordinates(field, [at_y, at_x], order=1, mode="nearest")
