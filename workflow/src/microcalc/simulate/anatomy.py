"""The breast around a lesion: outline, skin, thickness, muscle and power-law texture."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from microcalc.simulate.phantom import Phantom

COARSE_MM = 0.5
"""Grid of everything smooth, interpolated to pixels afterwards: distances cost too much there."""
SKIN_MM = 1.6
"""Skin's thickness (mean 1.45 mm in Huang, Boone et al. 2008, Med Phys)."""


@dataclass(frozen=True)
class Body:
    """Smooth maps of one view on the detector's pixels: float32, shape (rows, columns).

    Attributes
    ----------
    inside
        Share of a pixel that lies within the breast, 0 to 1.
    thickness
        Of the compressed breast, mm.
    skin, strands
        What skin adds to the line integral, and ligaments and vessels to the share of gland.
    muscle
        Share of pectoral muscle, 0 to 1.
    tendency
        Log odds of gland.
    """

    inside: np.ndarray
    thickness: np.ndarray
    skin: np.ndarray
    muscle: np.ndarray
    tendency: np.ndarray
    strands: np.ndarray


def build(
    phantom: Phantom, shape: tuple[int, int], spacing_mm: float, rng: np.random.Generator
) -> Body:
    """Return the anatomy of one view.

    Parameters
    ----------
    phantom
        Latent truth.
    shape
        Rows and columns of the detector.
    spacing_mm
        Size of a square pixel.
    rng
        The image's stream.
    """
    # Odd numbers, so that every second node makes the grid on which distances are searched.
    rows = 2 * (int(phantom.field_height_mm / COARSE_MM) // 2) + 3
    columns = 2 * (int(phantom.field_width_mm / COARSE_MM) // 2) + 3
    y, x = np.meshgrid(np.arange(rows) * COARSE_MM, np.arange(columns) * COARSE_MM, indexing="ij")
    curve, nipple = outline(phantom, rng)
    depth = _between(_depth(x[::2, ::2], y[::2, ::2], curve))
    depth = np.maximum(depth, 3.6 - np.hypot(x - nipple[0] + 0.8, y - nipple[1]))
    muscle = _pectoral(phantom, x, y)

    half = phantom.thickness_mm / 2
    roll = np.clip(depth / half, 0, 1)
    thickness = phantom.thickness_mm * np.sqrt(np.clip(1 - (1 - roll) ** 2, 0.02, 1))
    skin = 0.085 * np.exp(-(((depth - 0.5 * SKIN_MM) / (0.6 * SKIN_MM)) ** 2))
    tendency = _tendency(phantom, x, y, depth, nipple)
    strands = _strands((rows, columns), depth, phantom, rng)

    def pixels(coarse: np.ndarray) -> np.ndarray:
        return _interpolate(coarse, shape, spacing_mm)

    inside = pixels(np.clip(depth / 0.25 + 0.5, -8, 9))
    return Body(
        inside=np.clip(inside, 0, 1, out=inside),
        thickness=pixels(thickness),
        skin=pixels(skin),
        muscle=pixels(muscle),
        tendency=pixels(tendency),
        strands=pixels(strands),
    )


def outline(phantom: Phantom, rng: np.random.Generator) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the skin line of a left breast, and the nipple.

    A craniocaudal breast is a half oval; a mediolateral oblique one hangs from the axilla.

    Parameters
    ----------
    phantom
        Latent truth.
    rng
        The image's stream.

    Returns
    -------
    curve : numpy.ndarray
        Points x, y in mm from the field's upper left corner, top to bottom, shape (n, 2).
    nipple : tuple of float
        x, y in mm.
    """
    height, width = phantom.field_height_mm, phantom.breast_width_mm
    if phantom.view == "CC":
        angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
        x = width * np.cos(angles) ** rng.uniform(0.72, 0.9)
        y = height * (0.5 + rng.uniform(0.41, 0.46) * np.sin(angles))
        nipple = 4
        x[0] = x[-1] = -6.0
    else:
        x = width * np.array([0.36, 0.62, 0.83, 0.96, 1.0, 0.93, 0.71, 0.36, 0.10, -0.10])
        y = height * np.array([-0.06, 0.13, 0.29, 0.45, 0.58, 0.71, 0.83, 0.91, 0.945, 0.96])
        nipple = 4
    x[1:-1] += rng.normal(0, 0.012 * width, len(x) - 2)
    x[nipple] = width
    steps = np.linspace(0, 1, len(x))
    fine = np.linspace(0, 1, 1500)
    curve = np.column_stack([CubicSpline(steps, x)(fine), CubicSpline(steps, y)(fine)])
    return curve, (float(x[nipple]), float(y[nipple]))


def _depth(x: np.ndarray, y: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Return the signed distance to the skin, mm, positive inside."""
    distance, _ = cKDTree(curve).query(np.column_stack([x.ravel(), y.ravel()]))
    # The curve may fold back in y near the inframammary fold: its outermost x counts there.
    order = np.argsort(curve[:, 1], kind="stable")
    edge = np.interp(y[:, 0], curve[order, 1], curve[order, 0], left=curve[0, 0], right=-10.0)
    sign = np.where(x <= edge[:, None], 1.0, -1.0)
    return np.asarray(sign * np.asarray(distance).reshape(x.shape))


def _between(values: np.ndarray) -> np.ndarray:
    """Return a map at twice the nodes less one, linear in each direction."""
    for _ in range(2):
        fine = np.empty((2 * len(values) - 1, values.shape[1]))
        fine[::2] = values
        fine[1::2] = (values[1:] + values[:-1]) / 2
        values = fine.T
    return values


def _pectoral(phantom: Phantom, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if phantom.pectoral_width_mm <= 0:
        return np.zeros_like(x)
    across = x / phantom.pectoral_width_mm
    down = y / phantom.pectoral_height_mm
    # Exponent above 1: the muscle's front border is slightly convex.
    gap = 1 - (across**1.15 + down**1.15)
    scale = min(phantom.pectoral_width_mm, phantom.pectoral_height_mm)
    return np.asarray(1 / (1 + np.exp(np.clip(-gap * scale / 0.9, -60, 60))))


def _tendency(
    phantom: Phantom, x: np.ndarray, y: np.ndarray, depth: np.ndarray, nipple: tuple[float, float]
) -> np.ndarray:
    """Return the log odds of gland: a cone behind the nipple, fat under the skin and behind."""
    width = phantom.breast_width_mm
    along = (x - 0.52 * width) / (0.42 * width)
    across = (y - nipple[1]) / (0.30 * phantom.field_height_mm)
    middle = np.exp(-0.5 * (along**2 + across**2) ** 1.3)
    fat_layer = np.exp(-np.clip(depth, 0, None) / 5.0)
    base = np.log(phantom.glandularity / (1 - phantom.glandularity))
    return np.asarray(base - 0.9 + 1.9 * middle - 2.2 * fat_layer)


def _strands(
    shape: tuple[int, int], depth: np.ndarray, phantom: Phantom, rng: np.random.Generator
) -> np.ndarray:
    """Return thin bright curves, the zero lines of a smooth field: ligaments and vessels."""
    strands = np.zeros(shape)
    for length, strength, width in ((9.0, 0.10, 0.10), (22.0, 0.13, 0.045)):
        field = power_law(shape, COARSE_MM, 4.0, length / 6, rng)
        strength *= rng.uniform(0.6, 1.3)
        strands += strength * np.exp(-((field / width) ** 2))
    return strands * np.clip(depth / 6, 0, 1)


def power_law(
    shape: tuple[int, int],
    spacing_mm: float,
    beta: float,
    blur_mm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a Gaussian random field of power spectrum 1/f^beta, mean about 0 and SD 1.

    Structure larger than about 60 mm is flattened, as it belongs to the anatomy, not the
    texture (Burgess, Jacobson and Judy 2001, Med Phys: beta about 3).

    Parameters
    ----------
    shape
        Rows and columns.
    spacing_mm
        Size of a square pixel.
    beta
        Exponent of the power spectrum.
    blur_mm
        SD of a Gaussian blur that is applied on the way.
    rng
        The image's stream.

    Returns
    -------
    numpy.ndarray
        float32 of that shape.
    """
    grid = (scipy.fft.next_fast_len(shape[0], True), scipy.fft.next_fast_len(shape[1], True))
    amplitude = _amplitude(grid, spacing_mm, beta, blur_mm)
    noise = rng.standard_normal((*amplitude.shape, 2), dtype=np.float32)
    spectrum = noise.view(np.complex64)[..., 0]
    spectrum *= amplitude
    field = scipy.fft.irfft2(spectrum, s=grid, workers=1, overwrite_x=True)
    return np.ascontiguousarray(field[: shape[0], : shape[1]], dtype=np.float32)


@lru_cache(maxsize=6)
def _amplitude(grid: tuple[int, int], spacing_mm: float, beta: float, blur_mm: float) -> np.ndarray:
    fy = np.fft.fftfreq(grid[0], spacing_mm)[:, None]
    fx = np.fft.rfftfreq(grid[1], spacing_mm)[None, :]
    square = fy**2 + fx**2
    amplitude = (square + (1 / 60.0) ** 2) ** (-beta / 4)
    amplitude *= np.exp(-2 * (np.pi * blur_mm) ** 2 * square)
    amplitude[0, 0] = 0
    # irfft2 of independent normal coefficients: the variance is the sum over the full plane.
    twice = np.full(fx.shape, 2.0)
    twice[0, 0] = 1.0
    variance = 2 * (twice * amplitude**2).sum() / (grid[0] * grid[1]) ** 2
    return np.asarray(amplitude / np.sqrt(variance), dtype=np.float32)


def _interpolate(coarse: np.ndarray, shape: tuple[int, int], spacing_mm: float) -> np.ndarray:
    """Return a coarse map at the pixels' centers, linear in each direction, float32."""
    values = np.asarray(coarse, dtype=np.float32)
    for axis in (0, 1):
        at = (np.arange(shape[axis]) + 0.5) * (spacing_mm / COARSE_MM)
        low = np.minimum(at.astype(int), values.shape[axis] - 2)
        part = (at - low).astype(np.float32)
        part = part[:, None] if axis == 0 else part[None, :]
        lower = values.take(low, axis=axis)
        values = lower + part * (values.take(low + 1, axis=axis) - lower)
    return values
