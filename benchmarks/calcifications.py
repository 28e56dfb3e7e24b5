"""Calcifications of a region against ResNet101's forward pass over one patch.

Regions of 22.4 mm, a patch's size, are cut from phantoms; finding and describing them takes turns
with the bare pass over a patch of 224 pixels, in processor time on one thread. A region of 60 mm is
timed alone, with the memory that it takes.
"""

import itertools
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import timing
import torch
import torchvision

from microcalc.features import calcification_descriptors, calcification_detection
from microcalc.images.region_image import RegionImage
from microcalc.simulate import cohort
from microcalc.simulate.attenuation import FAT, render
from microcalc.simulate.phantom import Phantom

GOAL = 0.2
MOST_S, MOST_GIB = 2.0, 1.0
PATCH_MM, LARGE_MM = 22.4, 60.0
SPACINGS_MM = (0.05, 0.07, 0.1)
PHOTONS = 1.2e5 / 0.085**2
REGIONS = 4
BUDGET_S = 15.0


def rows() -> Iterator[dict[str, str]]:
    """Yield what `make bench` prints: parts of the forward pass, then a large region."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network = torchvision.models.resnet101().eval().to(memory_format=torch.channels_last)
    patch = torch.randn(1, 3, 224, 224).contiguous(memory_format=torch.channels_last)

    def forward() -> None:
        with torch.inference_mode():
            for _ in range(REGIONS):
                network(patch)

    try:
        for spacing in SPACINGS_MM:
            images = list(itertools.islice(_regions(spacing, PATCH_MM), REGIONS))
            sides = (lambda images=images: _measure(images), forward)
            turns = timing.turns_within(BUDGET_S, sides, most=9, clock=time.process_time)
            yield _row(spacing, turns)
    finally:
        torch.set_num_threads(threads)
    yield _large(next(_regions(0.05, LARGE_MM)))


def _measure(images: list[RegionImage]) -> None:
    for image in images:
        calcification_descriptors.describe(image, calcification_detection.find(image))


def _row(spacing: float, turns: list[tuple[float, ...]]) -> dict[str, str]:
    part = timing.ratio(turns, 0, 1)
    ours, forward = (1e3 * seconds / REGIONS for seconds in timing.medians(turns))
    return {
        "what": f"calcifications of a region of {PATCH_MM:g} mm at {spacing:g} mm",
        "against": "resnet101's forward pass, one patch, one thread",
        "goal": f"at most {GOAL:g} of the time",
        "met": timing.verdict(part <= GOAL),
        "ratio": f"{part:.2f}",
        "absolute": f"{ours:.0f} against {forward:.0f} ms",
    }


def _large(image: RegionImage) -> dict[str, str]:
    taken = timing.seconds(lambda: _measure([image]), time.process_time)
    tracemalloc.start()
    _measure([image])
    peak = tracemalloc.get_traced_memory()[1] / 2**30
    tracemalloc.stop()
    return {
        "what": f"calcifications of a region of {LARGE_MM:g} mm at 0.05 mm",
        "against": "",
        "goal": f"at most {MOST_S:g} s and {MOST_GIB:g} GiB",
        "met": timing.verdict(taken <= MOST_S and peak <= MOST_GIB),
        "ratio": "",
        "absolute": f"{taken:.2f} s, {peak:.2f} GiB",
    }


def _regions(spacing: float, side_mm: float) -> Iterator[RegionImage]:
    """Yield windows around the lesions of phantoms, all of them region."""
    rng = np.random.default_rng(4)
    tables = cohort.draw(4, n_negative=REGIONS, n_positive=REGIONS)
    for row in tables.phantoms.drop_duplicates("patient_id").to_dict("records"):
        phantom = Phantom.from_row({str(key): value for key, value in row.items()})
        body = render(phantom, spacing_mm=spacing, blur_mm=0.07, seed=4)
        side = min(round(side_mm / spacing), *body.inside.shape)
        middle = np.array([phantom.lesion_y_mm, phantom.lesion_x_mm]) / spacing
        low = np.clip(middle - side / 2, 0, np.array(body.inside.shape) - side).astype(int)
        window = tuple(slice(start, start + side) for start in low)
        line = body.line_integral[window].astype(np.float64)
        counts = np.maximum(rng.poisson(PHOTONS * spacing**2 * np.exp(-line)), 1)
        line = np.log(PHOTONS * spacing**2) - np.log(counts) + 0.9 * body.fat_deficit[window]
        inside = body.inside[window] > 0.5
        pixels = np.where(inside, 500 + 1000 * (line - FAT * phantom.thickness_mm), 0)
        yield RegionImage(
            np.rint(pixels).astype(np.float32),
            np.ones(inside.shape, dtype=bool),
            inside,
            (spacing, spacing),
            12,
        )


if __name__ == "__main__":
    for row in rows():
        print("; ".join(row.values()), flush=True)
