"""The limit of `evaluation.leakage`: from which similarity on two patches are copies.

Patches are cut by `images.patches.extract` from phantoms, or from films where a folder of them is
named; their pairs of two patients are strangers, and each patch beside another cut from the same
image, changed and decoded anew, is a copy. `share` is the part of the patches whose window is
centered within 10 mm of the image's edge, so that it leaves the image.

On the films of mini-MIAS (not part of this repository), its 322 PGM files in a folder:

    python simulations/leakage_threshold.py <folder> [share ...]
"""

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from microcalc.core.errors import StudyError
from microcalc.images import breast, patches, raster
from microcalc.images.image_entry import ImageEntry
from microcalc.images.roi import Roi
from microcalc.simulate import cohort
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import expose, scanner_of
from microcalc.statistics import masked_correlation

CELLS = tuple({"share": share} for share in (0.0, 0.5, 1.0))
REPLICATES = 60
SAMPLE = 10
# Windows of a phantom, and of a film.
PER_PHANTOM, PER_FILM = 12, 4
# Patches compared at a time with all later ones.
ROWS = 256
LIMIT = 0.5
MOST_ALIKE, FEWEST_FOUND = 1e-5, 0.99
SPACING_MM, EDGE_MM, PATCH_MM = 0.2, 10.0, 22.4
Film = npt.NDArray[np.uint8]


def noisy(film: Film, rng: np.random.Generator) -> Film:
    """Return a film with noise of three grey levels."""
    return np.clip(film + rng.normal(0, 3, film.shape), 0, 255).astype(np.uint8)


def compressed(film: Film, rng: np.random.Generator) -> Film:
    """Return a film that was a JPEG file of moderate quality."""
    data = io.BytesIO()
    Image.fromarray(film).save(data, "JPEG", quality=60)
    return np.asarray(Image.open(data))


def rescaled(film: Film, rng: np.random.Generator) -> Film:
    """Return a film enlarged by two per cent, cut to its size."""
    size = [round(side * 1.02) for side in reversed(film.shape)]
    small = np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BILINEAR))
    top, left = ((a - b) // 2 for a, b in zip(small.shape, film.shape, strict=True))
    return small[top : top + film.shape[0], left : left + film.shape[1]]


CHANGES: Mapping[str, Callable[[Film, np.random.Generator], Film]] = {
    "noise": noisy,
    "contrast": lambda film, rng: (255 * (film / 255) ** 1.3).astype(np.uint8),
    "shift": lambda film, rng: film,
    "compressed": compressed,
    "mirrored": lambda film, rng: film[:, ::-1],
    "rescaled": rescaled,
}


def centers(film: Film, share: float, number: int, rng: np.random.Generator) -> list[Any]:
    """Return centers of windows in the breast (x, y), a share of them near the image's edge."""
    found = breast.find(_decoded(film))
    rows, columns = np.nonzero(found.mask)
    y, x = (
        place * step + step / 2 for place, step in zip((rows, columns), found.stride, strict=True)
    )
    to_edge = np.minimum.reduce([x, film.shape[1] - x, y, film.shape[0] - y]) * SPACING_MM
    near = to_edge < EDGE_MM
    chosen = []
    for wanted in rng.random(number) < share:
        there = np.flatnonzero(near == wanted)
        if there.size:
            place = rng.choice(there)
            chosen.append((float(x[place]), float(y[place])))
    return chosen


def patch(film: Film, x: float, y: float) -> npt.NDArray[np.float32] | None:
    """Return the reduced patch around a place, as a study's would be; None outside the breast."""
    roi = Roi(max(x - 5, 0), max(y - 5, 0), min(x + 5, film.shape[1]), min(y + 5, film.shape[0]))
    try:
        cut = patches.extract(
            _decoded(film), roi, spacing_mm=0.1, patch_mm=PATCH_MM, thumbnail_px=32
        )
    except StudyError:
        return None
    return masked_correlation.reduce(cut.pixels)


def copies(
    film: Film, x: float, y: float, rng: np.random.Generator
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield what each change makes of the patch around a place."""
    middle = [side / 2 for side in reversed(film.shape)]
    for name, change in CHANGES.items():
        at = [x, y]
        if name == "mirrored":
            at[0] = film.shape[1] - x
        elif name == "rescaled":
            at = [m + (v - m) * 1.02 for v, m in zip(at, middle, strict=True)]
        elif name == "shift":
            # Up to half a millimeter each way: the ROI drawn again.
            at = list(np.array(at) + rng.uniform(-2.5, 2.5, 2))
        made = patch(np.ascontiguousarray(change(film, rng)), *at)
        if made is not None:
            yield name, made


def measured(
    films: Sequence[tuple[str, Film]], share: float, per_film: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return how alike strangers and copies are among windows of films, (patient, film) each."""
    reduced, patients = [], []
    alike: dict[str, list[float]] = {name: [] for name in CHANGES}
    blind_copies = 0
    for patient, film in films:
        for number, (x, y) in enumerate(centers(film, share, per_film, rng)):
            made = patch(film, x, y)
            if made is None:
                continue
            reduced.append(made)
            patients.append(patient)
            for name, copy in copies(film, x, y, rng) if number == 0 else ():
                one, other = (masked_correlation.high_pass(part[None]) for part in (made, copy))
                value, common = masked_correlation.of_pairs(one, other)
                if common[0] >= masked_correlation.COMMON:
                    alike[name].append(float(value[0]))
                else:
                    blind_copies += 1
    return (
        {"patches": len(reduced)}
        | _strangers(np.array(reduced), np.array(patients))
        | {"copies": sum(map(len, alike.values())), "copies_not_judged": blind_copies}
        | {f"found_{name}": float(np.mean(np.array(of) >= LIMIT)) for name, of in alike.items()}
        | {"lowest_copy_1_percent": float(np.quantile(np.concatenate(list(alike.values())), 0.01))}
    )


def _strangers(reduced: npt.NDArray[np.float32], patients: npt.NDArray[Any]) -> dict[str, Any]:
    filtered = masked_correlation.high_pass(reduced)
    values, blind = [], 0
    for start in range(0, len(reduced), ROWS):
        later = np.arange(start, len(reduced))
        rows = later[:ROWS]
        value, common = masked_correlation.of_all(filtered[rows], filtered[later])
        pairs = np.triu(patients[rows][:, None] != patients[later], 1)
        judged = common >= masked_correlation.COMMON
        values.append(value[pairs & judged])
        blind += int((pairs & ~judged).sum())
    every = np.concatenate(values)
    return {
        "pairs": every.size,
        "not_judged": blind,
        "alike_at_0.4": int((every >= 0.4).sum()),
        "alike_at_0.5": int((every >= 0.5).sum()),
        "alike_at_0.6": int((every >= 0.6).sum()),
        "largest": float(every.max()),
    }


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return what windows of so many patients' phantoms show."""
    tables = cohort.draw(int(rng.integers(2**31)), n_negative=replicates // 2,
                         n_positive=replicates - replicates // 2)  # fmt: skip
    first = tables.phantoms.drop_duplicates("patient_id").to_dict("records")
    films = [(row["patient_id"], _phantom(row, rng)) for row in first]
    return measured(films, cell["share"], PER_PHANTOM, rng)


def faults(rows: pd.DataFrame) -> list[str]:
    """Return strangers that are alike, copies that are missed, and too many pairs not judged."""
    return [fault for row in rows.to_dict("records") for fault in _faults(row)]


def _faults(row: Mapping[Any, Any]) -> Iterator[str]:
    # As many as a rate at the limit gives in at most one study of a hundred.
    most = MOST_ALIKE * row["pairs"] + 2.33 * np.sqrt(MOST_ALIKE * row["pairs"]) + 1
    if row["alike_at_0.5"] > most:
        yield f"share {row['share']}: {row['alike_at_0.5']} of {row['pairs']} strangers alike"
    if row["not_judged"] > 0.25 * (row["pairs"] + row["not_judged"]):
        yield f"share {row['share']}: {row['not_judged']} pairs not judged"
    found = np.mean([row[f"found_{name}"] for name in CHANGES])
    # Copies of one window share its fate: a window of little but air is missed by all of them.
    windows = max(row["copies"] / len(CHANGES), 1)
    error = np.sqrt(FEWEST_FOUND * (1 - FEWEST_FOUND) / windows)
    if found < FEWEST_FOUND - 2.33 * error:
        yield f"share {row['share']}: {found:.3f} of the copies found"


def _phantom(row: Mapping[str, Any], rng: np.random.Generator) -> Film:
    """Return a phantom's presentation image in 8 bits, at the films' spacing."""
    phantom = Phantom.from_row(row)
    exposed = expose(phantom, seed=int(rng.integers(2**31)))
    low = exposed.window_center - exposed.window_width / 2
    shown = np.clip((exposed.pixels - low) / exposed.window_width, 0, 1)
    if scanner_of(phantom.center).inverted:
        shown = 1 - shown
    side = scanner_of(phantom.center).spacing_mm / SPACING_MM
    size = [round(length * side) for length in reversed(shown.shape)]
    small = Image.fromarray(shown.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.rint(np.asarray(small) * 255).astype(np.uint8)


def _decoded(film: Film) -> Any:
    data = io.BytesIO()
    Image.fromarray(film).save(data, "PNG", compress_level=1)
    return raster.decode(data.getvalue(), ImageEntry("film", spacing_mm=SPACING_MM))


def films_of(folder: Path) -> list[tuple[str, Film]]:
    """Return the films of mini-MIAS; two numbers that follow each other are one patient's."""
    return [
        (f"patient {(int(path.stem[3:]) - 1) // 2}", np.asarray(Image.open(path)))
        for path in sorted(folder.glob("mdb*.pgm"))
    ]


if __name__ == "__main__":
    films = films_of(Path(sys.argv[1]))
    shares = [float(share) for share in sys.argv[2:]] or [cell["share"] for cell in CELLS]
    table = pd.DataFrame(
        [
            {"share": share} | measured(films, share, PER_FILM, np.random.default_rng(21))
            for share in shares
        ]
    )
    print(table.T.to_string())
    print(*faults(table), sep="\n")
