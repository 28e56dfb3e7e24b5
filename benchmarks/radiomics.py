"""Radiomics of a region against a network's forward pass of a patch, side by side in one process.

`python benchmarks/run.py radiomics` prints the table of docs/radiomics.md. It is processor time on
one thread that is compared; the network is ResNet101 on a patch of 224 × 224 pixels, one at a time,
its weights random. Regions are discs of made-up tissue, and of others time goes with the area.
"""

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import timing
import torch
import torchvision
from scipy.ndimage import gaussian_filter

from microcalc.config.radiomics_settings import RadiomicsSettings
from microcalc.features.radiomics_features import region_features
from microcalc.images.region_image import RegionImage

GOAL = 1.5
PIXEL_MM = 0.07
AROUND_MM = 3
SIZE = 224
BUDGET_S = 20.0
PLAIN = RadiomicsSettings(kind="radiomics")
FILTERED = RadiomicsSettings(kind="radiomics", log_sigma_mm=(0.2, 0.5), wavelets=("coif1",))


def rows() -> Iterator[dict[str, str]]:
    """Yield regions of three sizes without filters, and one with six."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network = torchvision.models.resnet101(weights=None).eval()
    for diameter_mm in (10, 20, 40):
        yield _row(diameter_mm, PLAIN, network)
    yield _row(20, FILTERED, network)
    torch.set_num_threads(threads)


def _row(diameter_mm: int, settings: RadiomicsSettings, network: torch.nn.Module) -> dict[str, str]:
    image = _disc(diameter_mm)
    sides = (partial(region_features, image, settings), partial(_forward, network))
    turns = timing.turns_within(BUDGET_S, sides, most=9, clock=time.process_time)
    ours, theirs = timing.medians(turns)
    times = timing.ratio(turns, 0, 1)
    filters = len(settings.log_sigma_mm) + 4 * len(settings.wavelets)
    asked = settings is PLAIN
    return {
        "what": f"radiomics: {diameter_mm} mm, {np.count_nonzero(image.region)} pixels, "
        f"{filters} filters",
        "against": "ResNet101 pass of a patch, one thread",
        "goal": f"at most {GOAL} times as long" if asked else "none",
        "met": timing.verdict(times <= GOAL) if asked else "",
        "ratio": f"{1 / times:.2f}",
        "absolute": f"{ours * 1000:.0f} against {theirs * 1000:.0f} ms ({times:.2f} times as long)",
    }


def _disc(diameter_mm: int) -> RegionImage:
    side = round((diameter_mm + 2 * AROUND_MM) / PIXEL_MM)
    noise = np.random.default_rng(7).normal(size=(side, side))
    pixels = np.round(gaussian_filter(noise, 2) * 3000 + 8000).astype(np.float32)
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) * PIXEL_MM
    region = np.hypot(y, x) <= diameter_mm / 2
    return RegionImage(pixels, region, np.ones_like(region), (PIXEL_MM, PIXEL_MM), 14)


def _forward(network: torch.nn.Module) -> None:
    with torch.inference_mode():
        network(torch.zeros(1, 3, SIZE, SIZE))
