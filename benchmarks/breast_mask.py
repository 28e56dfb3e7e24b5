"""How well the breast's mask fits outlines drawn by hand on films, and a phantom's true outline.

`python benchmarks/breast_mask.py FOLDER` takes the 322 PGM files of mini-MIAS, which are not part
of this repository, and prints the tables of docs/images.md; without a folder, phantoms alone.
The outlines stand in breast_outlines.json, which says how they were drawn.
"""

import csv
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from microcalc.images import breast, dicom, raster
from microcalc.images.breast import Breast
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Mammogram
from microcalc.simulate import phantom_dicom as simulation
from microcalc.simulate.attenuation import render
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import expose, scanner_of

DEMO = Path(__file__).parents[1] / "workflow" / "demo"
OUTLINES = Path(__file__).with_name("breast_outlines.json")
FILM_MM = 0.2
MOST = 0.05
EVERY = 7
SEED = 2025
Mask = npt.NDArray[np.bool_]


def opened(film: Path) -> Mammogram:
    """Return a film as the images room reads it."""
    return decoded(np.asarray(Image.open(film)))


def decoded(pixels: npt.NDArray[np.uint8]) -> Mammogram:
    """Return pixels of 0.2 mm as the images room reads them."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return raster.decode(data.getvalue(), ImageEntry("film", spacing_mm=FILM_MM))


def filled(corners: Sequence[Sequence[int]], shape: tuple[int, int]) -> Mask:
    """Return which pixels lie within a polygon of [x, y]."""
    picture = Image.new("1", shape[::-1])
    ImageDraw.Draw(picture).polygon([(x, y) for x, y in corners], fill=1)
    return np.asarray(picture)


def errors(found: Breast, inside: Mask, either: Mask) -> tuple[float, float]:
    """Return the part of the mask that is air, and the part of the breast that the mask lacks."""
    cells = np.s_[
        found.stride[0] // 2 :: found.stride[0],
        found.stride[1] // 2 :: found.stride[1],
    ]
    inside, either = inside[cells], either[cells]
    air = (found.mask & ~inside & ~either).sum() / max(found.mask.sum(), 1)
    lost = (inside & ~either & ~found.mask).sum() / (inside & ~either).sum()
    return float(air), float(lost)


def of_films(folder: Path, outlines: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return the errors of each film that was outlined."""
    results = {}
    for name, areas in outlines.items():
        film = opened(folder / f"{name}.pgm")
        either = np.zeros(film.shape, dtype=bool)
        for area in areas["either"]:
            either |= filled(area, film.shape)
        results[name] = errors(breast.find(film), filled(areas["breast"], film.shape), either)
    return results


def line(label: str, values: Sequence[tuple[float, float]]) -> str:
    """Return a row of the table: how many images keep within 5 %, the median and the largest."""
    cells = [label, str(len(values))]
    for column in np.array(values).T:
        within, middle, most = (column < MOST).sum(), np.median(column), column.max()
        cells.append(f"{within} ({100 * middle:.1f} %, {100 * most:.1f} %)")
    return f"| {' | '.join(cells)} |"


def of_phantoms() -> dict[str, tuple[float, float]]:
    """Return the errors of some of the demo's images, by center and image.

    Tissue of a thin rim that is stored at the air's own value cannot be seen, and does not count.
    """
    with open(DEMO / "phantoms.csv", encoding="utf-8") as file:
        phantoms = [Phantom.from_row(row) for row in list(csv.DictReader(file))[::EVERY]]
    results = {}
    for phantom in phantoms:
        scanner = scanner_of(phantom.center)
        exposure = expose(phantom, seed=SEED)
        data = io.BytesIO()
        simulation.build(phantom, exposure, seed=SEED).save_as(data)
        found = breast.find(dicom.decode(data.getvalue(), ImageEntry("phantom")))
        body = render(phantom, spacing_mm=scanner.spacing_mm, blur_mm=scanner.blur_mm, seed=SEED)
        inside = body.inside > 0.5
        inside = inside if phantom.laterality == "L" else inside[:, ::-1]
        floor = scanner.top - scanner.air if scanner.inverted else scanner.air
        unseen = inside & (exposure.pixels == floor)
        results[phantom.center + phantom.image_id] = errors(found, inside, unseen)
    return results


def flags(folder: Path) -> tuple[Counter[str], float]:
    """Return how many films carry each flag, and the seconds that finding a breast takes."""
    counts: Counter[str] = Counter()
    films = [opened(path) for path in sorted(folder.glob("mdb*.pgm"))]
    start = time.process_time()
    for film in films:
        counts.update(breast.find(film).flags)
    return counts, (time.process_time() - start) / len(films)


def main(folder: Path | None) -> None:
    """Print the tables, each film's errors too."""
    head = "| images | number | air under 5 % of the mask | under 5 % of the breast lost |"
    print(f"{head}\n|---|---|---|---|")
    phantoms = of_phantoms()
    for center in "AB":
        of_center = [both for name, both in phantoms.items() if name[0] == center]
        print(line(f"the demo's phantoms, center {center}", of_center))
    if folder is None:
        return
    outlines = json.loads(OUTLINES.read_text(encoding="utf-8"))
    halves = {half: of_films(folder, outlines[half]) for half in ("tune", "judge")}
    for half, results in halves.items():
        print(line(f"films, to {half}", list(results.values())))
    for half, results in halves.items():
        for name, (air, lost) in results.items():
            print(f"{half} {name}: {100 * air:.1f} % air, {100 * lost:.1f} % lost")
    counts, seconds = flags(folder)
    for flag, number in sorted(counts.items()):
        print(f"{flag}: {number} films")
    print(f"{1000 * seconds:.1f} ms a film")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
