"""Leakage audit: `leakage.csv`, what splits share: patients, images and near-duplicates.

Near-duplicates are found on patches reduced to 32 × 32 and high-pass filtered: what is left of two
unrelated lesions hardly correlates, while a copy survives noise, another contrast, a small shift
and mirroring. Only places count where both show tissue, see `masked_correlation`. All pairs of a
million images would take days: large studies compare likely ones.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.images import shard_file
from microcalc.statistics import masked_correlation
from microcalc.statistics.masked_correlation import COMMON, GRID, Filtered, reduce, similarity

__all__ = ["audit", "near_duplicates", "read", "reduce", "similarity", "spectra"]

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
# Pairs below are no copies whatever the limit of the study, and are let go at once.
LOWEST = 0.2
COLUMNS = ("check", "compared", "not_judged", "found", "limit", "verdict", "statement")
Floats32 = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Pairs = tuple[Places, Places, Floats32, Floats32]
"""Places of the first and of the second image of each pair, their similarity, common places."""


@dataclass(frozen=True)
class Images:
    """The usable images: `table` has image_id, patient_id, split, pixel_digest.

    `reduced` holds their patches as block means, shape (n, 32, 32), NaN where there is no tissue.
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

    Returns
    -------
    Images
        The usable images of these cases, by image_id.

    Raises
    ------
    StudyError
        When a file is no readable shard.
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


def audit(images: Images, *, limit: float, on_found: Literal["fail", "report"]) -> pd.DataFrame:
    """Return the leakage audit, one row per check: what splits share.

    Parameters
    ----------
    images
        From `read`.
    limit
        Correlation from which two patches count as near-duplicates, in (0, 1).
    on_found
        "fail": stop the study when two splits share a patient, equal pixels or near-duplicates.
        "report": say so in the table alone. Near-duplicates within a split never stop it.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; `verdict` is "found", "clean", or "not all judged" where patches show too
        little tissue in common.

    Raises
    ------
    StudyError
        Listing what is shared, when `on_found` is "fail".
    """
    table = images.table
    patients = table.groupby("patient_id")["split"].nunique()
    straddling = [f"patient {name}: in {number} splits" for name, number in patients.items()
                  if number > 1]  # fmt: skip
    filled = table[table["pixel_digest"] != ""]
    equal = filled[filled.groupby("pixel_digest")["split"].transform("nunique") > 1]
    same = [f"image {row.image_id} ({row.split}): its pixels are in another split too"
            for row in equal.itertuples()]  # fmt: skip
    near = near_duplicates(images, limit)
    likely = f", each compared with the {LIKELIEST} likeliest"
    how = likely if len(table) > EXHAUSTIVE else ""
    across, within = near.across, near.within
    rows = [
        _row("patients in two splits", patients.size, straddling),
        _row("equal pixels in two splits", len(table), same),
        _row("near-duplicates in two splits", len(table), across, limit, how, near.blind_across),
        _row("near-duplicates of two patients in one split", len(table), within, limit, how,
             near.blind_within),
    ]  # fmt: skip
    problems = straddling + same + across
    if problems and on_found == "fail":
        raise StudyError.listing(
            "Training and validation share cases, so that the study would test on what it has "
            "learned; correct the tables or the splits (or, where two images only look alike, "
            "raise evaluation.leakage.limit or set evaluation.leakage.on_found to report)",
            problems,
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class Near:
    """What the search among pairs of two patients found.

    Attributes
    ----------
    across, within
        A sentence per pair of alike patches in two splits, and in one.
    blind_across, blind_within
        How many pairs show too little tissue in common to be judged.
    """

    across: list[str]
    within: list[str]
    blind_across: int
    blind_within: int


def near_duplicates(images: Images, limit: float) -> Near:
    """Return the near-duplicates, alike patches of two patients, and how many pairs are not judged.

    Up to `EXHAUSTIVE` images every pair is compared; of more, each image with the eight later ones
    of other patients whose spectra are nearest to its own, see `spectra`.

    Parameters
    ----------
    images
        From `read`.
    limit
        Correlation from which two patches are alike, in (0, 1).

    Returns
    -------
    Near
        In the order of the images.

    References
    ----------
    Padfield, IEEE Trans Image Process 2012; 21: 2706 (masked correlation).
    """
    table = images.table
    patient = np.unique(table["patient_id"].to_numpy(dtype=str), return_inverse=True)[1]
    split, name = table["split"].to_numpy(dtype=str), table["image_id"].to_numpy(dtype=str)
    group = np.unique(split, return_inverse=True)[1]
    compared = _every_pair if len(table) <= EXHAUSTIVE else _likely_pairs
    found: list[tuple[int, int, float]] = []
    blind = [0, 0]
    for a, b, alike, common in compared(masked_correlation.high_pass(images.reduced), patient):
        strangers = patient[a] != patient[b]
        for place in np.flatnonzero((alike >= limit) & strangers):
            i, j = sorted((int(a[place]), int(b[place])))
            found.append((i, j, float(alike[place])))
        unseen = np.flatnonzero((common < COMMON) & strangers)
        one_split = int((group[a[unseen]] == group[b[unseen]]).sum())
        blind[0] += unseen.size - one_split
        blind[1] += one_split
    told: tuple[list[str], list[str]] = ([], [])
    for i, j, value in sorted(found):
        told[int(split[i] == split[j])].append(
            f"images {name[i]} ({split[i]}) and {name[j]} ({split[j]}): correlation {value:.2f}"
        )
    return Near(*told, *blind)


def _every_pair(patches: Filtered, patient: Places) -> Iterator[Pairs]:
    """Yield every pair once; those of patches that are tissue all over take a sixth of the time."""
    kinds = np.flatnonzero(patches.whole), np.flatnonzero(~patches.whole)
    for first, second in ((0, 0), (0, 1), (1, 1)):
        left, right = kinds[first], kinds[second]
        for start in range(0, len(left), BLOCK):
            rows, columns = left[start : start + BLOCK], right[start * (first == second) :]
            if not columns.size:
                continue
            alike, common = masked_correlation.of_all(patches[rows], patches[columns])
            later = np.triu(np.ones(alike.shape, bool), 1) if first == second else True
            a, b = np.nonzero(later & ((common < COMMON) | (alike > LOWEST)))
            yield rows[a], columns[b], alike[a, b], common[a, b]


def _likely_pairs(patches: Filtered, patient: Places) -> Iterator[Pairs]:
    """Yield each image with those of the nearest spectra among later ones of other patients.

    Of several copies of one image each is then found with the next.
    """
    spectrum, whole = spectra(patches), patches.whole
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
        first, second = start + a, start + listed[a, places[a, b]]
        both = whole[first] & whole[second]
        for kind in (np.flatnonzero(both), np.flatnonzero(~both)):
            if kind.size:
                i, j = first[kind], second[kind]
                yield i, j, *masked_correlation.of_pairs(patches[i], patches[j])


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


def spectra(patches: Filtered) -> Floats32:
    """Return what a shift or a mirror hardly changes in patches, to find likely copies by.

    Parameters
    ----------
    patches
        n high-passed patches.

    Returns
    -------
    numpy.ndarray
        Logarithms of the amplitude spectra of the patches, added to their mirror images',
        standardized over the n, each row of length 1: shape (n, 480). Of two unrelated patches
        the product is about 0.
    """
    taper = np.hanning(GRID)[1:-1].astype(np.float32)
    rows = []
    for start in range(0, len(patches), BLOCK):
        windows = patches.values[start : start + BLOCK] * taper[:, None] * taper
        amplitude = np.abs(np.fft.rfft2(windows))
        amplitude += np.roll(amplitude[:, ::-1], 1, axis=1)
        rows.append(np.log(amplitude + 1e-6).reshape(len(windows), -1).astype(np.float32))
    logs = np.concatenate(rows)
    logs -= logs.mean(axis=0)
    logs /= np.maximum(logs.std(axis=0), 1e-6)
    return _unit(logs)


def _unit(rows: Floats32) -> Floats32:
    centered = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    return np.asarray(
        np.divide(centered, length, out=np.zeros_like(centered), where=length > 1e-6),
        dtype=np.float32,
    )


def _row(
    check: str,
    compared: int,
    found: list[str],
    limit: float | str = "",
    how: str = "",
    not_judged: int = 0,
) -> dict[str, Any]:
    shown = "; ".join(found[:10]) + ("; …" if len(found) > 10 else "")
    statement = shown or f"None among {compared:,}{how}."
    if not_judged:
        pairs = "pair was" if not_judged == 1 else "pairs were"
        statement += f" {not_judged:,} {pairs} not judged: too little tissue in common."
    return {
        "check": check,
        "compared": compared,
        "not_judged": not_judged,
        "found": len(found),
        "limit": limit,
        "verdict": "found" if found else "not all judged" if not_judged else "clean",
        "statement": statement,
    }
