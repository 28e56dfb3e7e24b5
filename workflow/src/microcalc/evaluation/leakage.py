"""`leakage.csv`: whether anything of a validation case was there in training.

Near-duplicates are found on patches reduced to 32 × 32 and high-pass filtered: what is left of two
unrelated lesions hardly correlates, while a copy survives noise, another contrast, a small shift
and mirroring. All pairs of a million images would take days: large studies compare likely ones.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.errors import StudyError
from microcalc.images import shard_file

GRID = 32
MARGIN = 2
# High-passed patches lose a pixel on each side; their windows lie at 5 x 5 places.
WINDOW = GRID - 2 - 2 * MARGIN
SHIFTS = 2 * MARGIN + 1
# A shorter window holds rounding errors alone.
STRUCTURELESS = 1e-6
# Images compared at a time against all others.
BLOCK = 1024
# Up to so many images all pairs are compared; beyond, each image with its likeliest copies.
EXHAUSTIVE = 4096
LIKELIEST = 8
# They are chosen among so many that are nearest in the spectra's leading directions: a product of
# 128 numbers for every pair, and of all 480 for few. Of 150 made-up copies none lay behind the 64
# likeliest of 200,000 strangers; with half as many directions, one in twenty did.
SHORTLIST = 64
DIRECTIONS = 128
SPECTRA_BLOCK = 256
COLUMNS = ("check", "compared", "found", "limit", "verdict", "statement")
Floats32 = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Pairs = tuple[Places, Places, Floats32]
"""Places of the first and of the second image of each pair, and their similarity."""


@dataclass(frozen=True)
class Images:
    """The usable images: `table` has image_id, patient_id, split, pixel_digest.

    `reduced` holds their patches as block means, shape (n, 32, 32).
    """

    table: pd.DataFrame
    reduced: Floats32


def read(shard_paths: Iterable[str | os.PathLike[str]], cases: pd.DataFrame) -> Images:
    """Return the images of the included cases.

    Parameters
    ----------
    shard_paths
        All shards of the study.
    cases
        The included cases: case_id, patient_id, split.
    """
    known = {
        case: (patient, split)
        for case, patient, split in zip(
            cases["case_id"], cases["patient_id"], cases["split"], strict=True
        )
    }
    rows: list[dict[str, str]] = []
    patches = []
    for path in shard_paths:
        shard = shard_file.read(path)
        for i in np.flatnonzero(shard.status == "ok"):
            if str(shard.case_id[i]) not in known:
                continue
            patient, split = known[str(shard.case_id[i])]
            rows.append(
                {
                    "image_id": str(shard.image_id[i]),
                    "patient_id": str(patient),
                    "split": str(split),
                    "pixel_digest": str(shard.pixel_digest[i]),
                }
            )
            patches.append(reduce(shard.patch[i]))
    table = pd.DataFrame(rows, columns=["image_id", "patient_id", "split", "pixel_digest"])
    order = np.argsort(table["image_id"].to_numpy(dtype=str), kind="stable")
    stacked = np.array(patches, dtype=np.float32).reshape(-1, GRID, GRID)
    return Images(table.iloc[order].reset_index(drop=True), stacked[order])


def reduce(patch: npt.ArrayLike) -> Floats32:
    """Return a patch as block means, shape (32, 32); the last rows that fill no block are left."""
    values = np.asarray(patch, dtype=np.float32)
    if values.shape[0] < GRID:
        values = np.repeat(np.repeat(values, GRID, axis=0), GRID, axis=1)
    side = values.shape[0] // GRID
    kept = values[: side * GRID, : side * GRID]
    return np.asarray(kept.reshape(GRID, side, GRID, side).mean(axis=(1, 3)), dtype=np.float32)


def audit(images: Images, *, limit: float, on_found: Literal["fail", "report"]) -> pd.DataFrame:
    """Return one row per check, with `COLUMNS`.

    Parameters
    ----------
    images
        From `read`.
    limit
        Correlation from which two patches count as near-duplicates, in (0, 1).
    on_found
        "fail": stop the study when training and validation share anything.

    Raises
    ------
    StudyError
        Listing what is shared.
    """
    table = images.table
    patients = table.groupby("patient_id")["split"].nunique()
    straddling = [f"patient {name}: in {number} splits" for name, number in patients.items()
                  if number > 1]  # fmt: skip
    filled = table[table["pixel_digest"] != ""]
    equal = filled[filled.groupby("pixel_digest")["split"].transform("nunique") > 1]
    same = [f"image {row.image_id} ({row.split}): its pixels are in another split too"
            for row in equal.itertuples()]  # fmt: skip
    near = list(near_duplicates(images, limit))
    likely = f", each compared with the {LIKELIEST} likeliest"
    how = likely if len(table) > EXHAUSTIVE else ""
    across = [sentence for sentence, one_split in near if not one_split]
    within = [sentence for sentence, one_split in near if one_split]
    rows = [
        _row("patients in two splits", patients.size, straddling, ""),
        _row("equal pixels in two splits", len(table), same, ""),
        _row("near-duplicates in two splits", len(table), across, limit, how),
        _row("near-duplicates of two patients in one split", len(table), within, limit, how),
    ]
    problems = straddling + same + across
    if problems and on_found == "fail":
        raise StudyError.listing(
            "Training and validation share cases, so that the study would test on what it has "
            "learned; correct the tables or the splits (or, where two images only look alike, "
            "raise evaluation.leakage.limit or set evaluation.leakage.on_found to report)",
            problems,
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def near_duplicates(images: Images, limit: float) -> Iterator[tuple[str, bool]]:
    """Yield a sentence per pair of alike patches of two patients, and whether of one split.

    Up to `EXHAUSTIVE` images every pair is compared; of more, each image with the eight whose
    spectra are nearest to its own, see `spectra`.
    """
    table = images.table
    patient = np.unique(table["patient_id"].to_numpy(dtype=str), return_inverse=True)[1]
    split, name = table["split"].to_numpy(dtype=str), table["image_id"].to_numpy(dtype=str)
    compared = _every_pair if len(table) <= EXHAUSTIVE else _likely_pairs
    for a, b, alike in compared(images.reduced, patient):
        for i, j, value in zip(a, b, alike, strict=True):
            if value >= limit and patient[i] != patient[j]:
                yield (
                    f"images {name[i]} ({split[i]}) and {name[j]} ({split[j]}): "
                    f"correlation {value:.2f}",
                    bool(split[i] == split[j]),
                )


def _every_pair(reduced: Floats32, patient: Places) -> Iterator[Pairs]:
    for start in range(0, len(patient), BLOCK):
        alike = similarity(reduced[start : start + BLOCK], reduced[start:])
        a, b = np.triu_indices(len(alike), 1, alike.shape[1])
        yield start + a, start + b, alike[a, b]


def _likely_pairs(reduced: Floats32, patient: Places) -> Iterator[Pairs]:
    """Yield each image with those of the nearest spectra among later ones of other patients.

    Of several copies of one image each is then found with the next.
    """
    spectrum, length = spectra(reduced), _lengths(reduced)
    outline = _outlines(spectrum)
    for start in range(0, len(patient) - 1, SPECTRA_BLOCK):
        block = slice(start, start + SPECTRA_BLOCK)
        near = outline[block] @ outline[start:].T
        near[patient[block, None] == patient[None, start:]] = -np.inf
        near[:, : len(near)][np.tril_indices(len(near))] = -np.inf
        listed, near = _largest(near, SHORTLIST)
        # The last images have few later ones of another patient, or none.
        possible = np.isfinite(near)
        near = np.einsum("nd,nkd->nk", spectrum[block], spectrum[start + listed])
        near[~possible] = -np.inf
        places, near = _largest(near, LIKELIEST)
        a, b = np.nonzero(np.isfinite(near))
        left, b = _middle(reduced[block])[a], start + listed[a, places[a, b]]
        alike = _best(reduced[b], length[b], partial(np.einsum, "nij,nij->n", left))
        yield start + a, b, alike


def _outlines(spectrum: Floats32) -> Floats32:
    """Return the spectra along the directions in which they differ most, shape (n, 128)."""
    squares = np.zeros((spectrum.shape[1], spectrum.shape[1]))
    for start in range(0, len(spectrum), BLOCK):
        part = spectrum[start : start + BLOCK].astype(np.float64)
        squares += part.T @ part
    directions = np.linalg.eigh(squares)[1][:, -DIRECTIONS:]
    return np.asarray(spectrum @ directions.astype(np.float32))


def _largest(values: Floats32, count: int) -> tuple[Places, Floats32]:
    """Return the places of the largest values of each row, in no order, and these values."""
    count = min(count, values.shape[1])
    places = np.argpartition(-values, count - 1, axis=1)[:, :count]
    return places, np.take_along_axis(values, places, axis=1)


def similarity(a: Floats32, b: Floats32) -> Floats32:
    """Return the largest correlation of reduced patches over small shifts and mirroring.

    Parameters
    ----------
    a, b
        Shapes (n, 32, 32) and (m, 32, 32).

    Returns
    -------
    numpy.ndarray
        Shape (n, m); a patch without structure is like none.
    """
    left = _middle(a).reshape(len(a), -1)
    return _best(b, _lengths(b), lambda windows: left @ windows.reshape(len(b), -1).T)


def _best(b: Floats32, length: Floats32, product: Callable[[Floats32], Floats32]) -> Floats32:
    """Return the largest correlation over the windows of `b`, by their product with middles.

    `length` is from `_lengths`. A middle's mean is 0, so that a window's does not count.
    """
    best: Floats32 | None = None
    for other, long in ((b, length), (b[:, :, ::-1], length[:, :, ::-1])):
        patches = _high_pass(other)
        scale = np.divide(1, long, out=np.zeros_like(long), where=long > STRUCTURELESS)
        for dy in range(SHIFTS):
            for dx in range(SHIFTS):
                windows = patches[:, dy : dy + WINDOW, dx : dx + WINDOW]
                found = product(windows) * scale[:, dy, dx]
                best = found if best is None else np.maximum(best, found, out=best)
    return np.asarray(best)


def _middle(patches: Floats32) -> Floats32:
    """Return the middle window of each high-passed patch, its mean 0 and its length 1."""
    inside = slice(MARGIN, MARGIN + WINDOW)
    return _unit(_high_pass(patches)[:, inside, inside]).reshape(-1, WINDOW, WINDOW)


def _lengths(patches: Floats32) -> Floats32:
    """Return the length of each window less its mean, shape (n, 5, 5), from sums over boxes."""
    found = np.empty((len(patches), SHIFTS, SHIFTS), np.float32)
    for start in range(0, len(patches), BLOCK):
        values = _high_pass(patches[start : start + BLOCK]).astype(np.float64)
        sums, squares = _box_sums(values), _box_sums(values**2)
        found[start : start + BLOCK] = np.sqrt(np.maximum(squares - sums**2 / WINDOW**2, 0))
    return found


def _box_sums(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.pad(values, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    low, high = slice(0, SHIFTS), slice(WINDOW, WINDOW + SHIFTS)
    return np.asarray(
        total[:, high, high] - total[:, low, high] - total[:, high, low] + total[:, low, low]
    )


def spectra(reduced: Floats32) -> Floats32:
    """Return what a shift or a mirror hardly changes in patches, to find likely copies by.

    Parameters
    ----------
    reduced
        Shape (n, 32, 32).

    Returns
    -------
    numpy.ndarray
        Logarithms of the amplitude spectra of the high-passed patches, added to their mirror
        images', standardized over the n, each row of length 1: shape (n, 480). Of two unrelated
        patches the product is about 0.
    """
    taper = np.hanning(GRID)[1:-1].astype(np.float32)
    rows = []
    for start in range(0, len(reduced), BLOCK):
        windows = _high_pass(reduced[start : start + BLOCK]) * taper[:, None] * taper
        amplitude = np.abs(np.fft.rfft2(windows))
        amplitude += np.roll(amplitude[:, ::-1], 1, axis=1)
        rows.append(np.log(amplitude + 1e-6).reshape(len(windows), -1).astype(np.float32))
    logs = np.concatenate(rows)
    logs -= logs.mean(axis=0)
    logs /= np.maximum(logs.std(axis=0), 1e-6)
    return _unit(logs)


def _high_pass(patches: Floats32) -> Floats32:
    around = (
        patches[:, :-2, 1:-1] + patches[:, 2:, 1:-1] + patches[:, 1:-1, :-2] + patches[:, 1:-1, 2:]
    )
    return np.asarray(patches[:, 1:-1, 1:-1] - around / 4, dtype=np.float32)


def _unit(windows: Floats32) -> Floats32:
    flat = windows.reshape(len(windows), -1)
    centered = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    return np.asarray(
        np.divide(centered, length, out=np.zeros_like(centered), where=length > STRUCTURELESS),
        dtype=np.float32,
    )


def _row(
    check: str, compared: int, found: list[str], limit: float | str, how: str = ""
) -> dict[str, Any]:
    shown = "; ".join(found[:10]) + ("; …" if len(found) > 10 else "")
    return {
        "check": check,
        "compared": compared,
        "found": len(found),
        "limit": limit,
        "verdict": "found" if found else "clean",
        "statement": shown or f"None among {compared:,}{how}.",
    }
