"""The two centers' scanners: how attenuation becomes stored pixels."""

from dataclasses import dataclass

import numpy as np

from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.simulate.attenuation import FAT, GLAND, render
from microcalc.simulate.phantom import Phantom

REFERENCE_MM = 50.0
"""Thickness of the all-gland breast whose excess attenuation over fat is gray value 1."""


@dataclass(frozen=True)
class Scanner:
    """A mammography system, invented but with the settings that real ones differ in.

    Attributes
    ----------
    manufacturer, model, station
        What the DICOM file calls it.
    spacing_mm
        Size of a square pixel.
    bits
        Of a stored code.
    inverted
        Whether low codes are bright (MONOCHROME1).
    photons
        How many reach a pixel without a breast.
    blur_mm
        Standard deviation of the Gaussian point spread.
    black, white
        Stored codes, before any inversion, of fat and of the reference breast.
    air, air_noise
        Code of the background, and its SD.
    equalization
        Share of the missing thickness near the skin that processing puts back.
    window_function
        VOI LUT Function (0028,1056).
    compressed
        Whether pixels are stored as JPEG Lossless.
    """

    manufacturer: str
    model: str
    station: str
    spacing_mm: float
    bits: int
    inverted: bool
    photons: float
    blur_mm: float
    black: float
    white: float
    air: float
    air_noise: float
    equalization: float
    window_function: str
    compressed: bool

    @property
    def top(self) -> int:
        """The largest code."""
        return (1 << self.bits) - 1


SCANNERS = {
    "A": Scanner(
        manufacturer="Invented Imaging",
        model="Demo FFDM 12",
        station="MAMMO1",
        spacing_mm=0.085,
        bits=12,
        inverted=False,
        photons=1.3e5,
        blur_mm=0.07,
        black=520.0,
        white=2350.0,
        air=0.0,
        air_noise=0.0,
        equalization=0.92,
        window_function="LINEAR",
        compressed=True,
    ),
    "B": Scanner(
        manufacturer="Fictional Radiography",
        model="Sample Mammo CR 14",
        station="ROOM7",
        spacing_mm=0.1,
        bits=14,
        inverted=True,
        photons=1.1e5,
        blur_mm=0.09,
        black=2600.0,
        white=10200.0,
        air=420.0,
        air_noise=45.0,
        equalization=0.80,
        window_function="SIGMOID",
        compressed=False,
    ),
}


@dataclass(frozen=True)
class Exposure:
    """A stored image.

    Attributes
    ----------
    pixels
        As stored, uint16, shape (rows, columns).
    window_center, window_width
        The window to show them with, in stored codes.
    """

    pixels: np.ndarray
    window_center: float
    window_width: float


def scanner_of(center: str) -> Scanner:
    """Return a center's scanner.

    Raises
    ------
    StudyError
        When the demo has no such center.

    Examples
    --------
    >>> from microcalc.simulate import scanner
    >>> scanner.scanner_of("A").top
    4095
    """
    try:
        return SCANNERS[center]
    except KeyError:
        raise StudyError(
            f"phantoms.csv: center {center!r} has no scanner; expected one of {sorted(SCANNERS)}"
        ) from None


def expose(phantom: Phantom, *, seed: int) -> Exposure:
    """Return the stored image of a phantom: photon noise, processing, marker, orientation.

    Parameters
    ----------
    phantom
        Latent truth.
    seed
        The study's; the exposure has a stream of its own per image.

    Raises
    ------
    StudyError
        When the demo has no such center.
    """
    scanner = scanner_of(phantom.center)
    body = render(phantom, spacing_mm=scanner.spacing_mm, blur_mm=scanner.blur_mm, seed=seed)
    rng = stream(seed, "exposure", phantom.image_id)
    breast = body.inside > 0.5
    photons = np.float32(scanner.photons) * np.exp(-body.line_integral[breast])
    counts = np.maximum(rng.poisson(photons), 1).astype(np.float32)
    line = np.log(np.float32(scanner.photons)) - np.log(counts)
    line += np.float32(scanner.equalization) * body.fat_deficit[breast]
    line -= np.float32(FAT * phantom.thickness_mm)
    gray = line / np.float32(GLAND * REFERENCE_MM)
    codes = np.float32(scanner.black) + np.float32(scanner.white - scanner.black) * gray

    image = np.full(breast.shape, scanner.air, dtype=np.float32)
    if scanner.air_noise:
        noise = rng.standard_normal(breast.shape, dtype=np.float32)
        image += np.float32(scanner.air_noise) * noise
    image[breast] = np.maximum(codes, scanner.air)
    np.clip(np.rint(image, out=image), 0, scanner.top, out=image)
    low, high = np.percentile(image[breast][::7], [0.5, 99.7])
    center, width = (low + high) / 2, 1.25 * (high - low)

    if phantom.laterality == "R":
        image = image[:, ::-1]
    stored = image.astype(np.uint16)
    _mark(stored, phantom, scanner)
    if scanner.inverted:
        stored = scanner.top - stored
        center = scanner.top - center
    return Exposure(np.ascontiguousarray(stored), round(float(center)), round(float(width)))


_FONT = {
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "-": "00000 00000 00000 01110 00000 00000 00000",
}


def _mark(stored: np.ndarray, phantom: Phantom, scanner: Scanner) -> None:
    """Burn the side marker into the air of the upper corner away from the chest wall, in place."""
    letters = [
        np.array([[int(bit) for bit in line] for line in _FONT[letter].split()])
        for letter in f"{phantom.laterality}-{phantom.view}"
    ]
    spaced = np.hstack([np.pad(letter, ((0, 0), (0, 1))) for letter in letters])
    height_mm = 0.036 * phantom.field_height_mm
    dot = max(1, round(height_mm / 7 / scanner.spacing_mm))
    stamp = np.kron(spaced, np.ones((dot, dot), dtype=int)).astype(bool)
    gap = round(0.02 * phantom.field_height_mm / scanner.spacing_mm)
    left = gap if phantom.laterality == "R" else stored.shape[1] - gap - stamp.shape[1]
    corner = stored[gap : gap + stamp.shape[0], left : left + stamp.shape[1]]
    corner[stamp] = round(0.97 * scanner.top)
