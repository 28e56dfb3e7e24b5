"""Inclusion and exclusion: which cases go on from the images room, which leave it and why."""

import json
import logging
import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from microcalc.core.errors import StudyError, with_detail
from microcalc.core.files import read_text_csv
from microcalc.images import duplicates, shard_file
from microcalc.images.shard_file import QC_COLUMNS

log = logging.getLogger(__name__)

_ROOM_COLUMNS = ("n_images", "status", "reason", "detail")


def gather(
    shard_paths: Sequence[str | os.PathLike[str]],
    eligible: pd.DataFrame,
    *,
    max_excluded: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the quality control of every image, and what became of every eligible case.

    Parameters
    ----------
    shard_paths
        All shards of the study.
    eligible
        `cohort/eligible.csv`, one row per case.
    max_excluded
        The largest part of the eligible cases that may leave here, between 0 and 1.

    Returns
    -------
    qc : DataFrame
        One row per image, sorted by image_id: image_id, case_id, view, status, reason, detail, then
        `microcalc.images.shard_file.QC_COLUMNS`, empty for an excluded image.
    included : DataFrame
        The columns of `eligible`, then n_images (usable ones), status ("included" or
        "excluded"), reason and detail: the images' own, joined.

    Raises
    ------
    StudyError
        Listing the cases that left, when they are more than `max_excluded` of all; or the images
        that stand under two patients or in two splits.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pandas as pd
    >>> from microcalc.images import included, shard_file
    >>> eligible = pd.DataFrame({"case_id": ["C001"], "patient_id": ["P001"], "split": ["train"]})
    >>> qc = '{"spacing_row_mm": 0.07}'
    >>> texts = {"image_id": "C001_CC", "case_id": "C001", "view": "CC", "status": "ok", "qc": qc}
    >>> texts = dict.fromkeys(shard_file.TEXTS, "") | texts
    >>> patch, thumbnail = np.zeros((8, 8), np.float32), np.zeros((4, 4), np.uint8)
    >>> rows = [shard_file.Row(texts, patch, thumbnail, patch.astype(np.uint8))]
    >>> sizes = {"count": 1, "patch_px": 8, "thumbnail_px": 4}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shard_file.write(f"{folder}/shard-0.npz", rows, **sizes, digest="1f3a", recipe=1)
    ...     table, cases = included.gather([f"{folder}/shard-0.npz"], eligible, max_excluded=0.1)
    >>> table["status"].tolist(), cases[["n_images", "status"]].values.tolist()
    (['ok'], [[1, 'included']])
    """
    qc, digests = _tables(shard_paths)
    _refuse_straddling(digests, eligible)
    for image_id, flags in duplicates.flags(digests).items():
        row = qc["image_id"] == image_id
        known = str(qc.loc[row, "flags"].iloc[0] or "").split(";")
        qc.loc[row, "flags"] = ";".join(sorted({*known, *flags} - {""}))
    usable = qc[qc["status"] == "ok"].groupby("case_id").size()
    gone = qc[qc["status"] != "ok"].groupby("case_id")
    reasons, details = gone["reason"].agg(_several), gone["detail"].agg(_several)
    included = eligible.sort_values("case_id", kind="stable").reset_index(drop=True)
    included["n_images"] = included["case_id"].map(usable).fillna(0).astype(int)
    lost = included["n_images"] == 0
    included["status"] = lost.map({True: "excluded", False: "included"})
    why = included["case_id"].map(reasons).fillna("no image reached the images room")
    included["reason"] = why.where(lost, "")
    included["detail"] = included["case_id"].map(details).fillna("").where(lost, "")
    _report(qc, included[lost], len(included), max_excluded)
    return qc, included


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the included cases with the columns of `eligible.csv`.

    All is text but `y`: a level "01" or "NA" is a level; only an empty cell is missing. A cohort
    that is predicted before its labels are known has no `y`.

    Parameters
    ----------
    path
        `images/included.csv`.

    Returns
    -------
    pandas.DataFrame
        One row per included case.

    Raises
    ------
    StudyError
        When the file is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from microcalc.images import included
    >>> cases = pd.DataFrame({"case_id": ["C001", "C002"], "y": [1, 0], "level": ["01", "02"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/included.csv"
    ...     cases.assign(status=["included", "excluded"]).to_csv(path, index=False)
    ...     included.read(path).to_dict("list")
    {'case_id': ['C001'], 'y': [1], 'level': ['01']}
    """
    table = read_text_csv(path)
    kept = table[table["status"] == "included"].drop(columns=list(_ROOM_COLUMNS), errors="ignore")
    numbers = {name: int for name in ("y",) if name in kept}
    return kept.astype(numbers).reset_index(drop=True)


def _tables(shard_paths: Sequence[str | os.PathLike[str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the quality control of all images, and the digests that tell equal ones."""
    leading = ["image_id", "case_id", "view", "status", "reason", "detail"]
    tracing = ["image_id", "case_id", "pixel_digest", "uid_digest"]
    rows: list[dict[str, Any]] = []
    digests: list[dict[str, str]] = []
    for path in shard_paths:
        shard = shard_file.read(path)
        for i in range(len(shard)):
            texts = {name: str(getattr(shard, name)[i]) for name in leading}
            rows.append(texts | json.loads(str(shard.qc[i])))
            digests.append({name: str(getattr(shard, name)[i]) for name in tracing})
    table = pd.DataFrame(rows, columns=[*leading, *QC_COLUMNS])
    # An excluded image has none, and its empty cell must not make the others' 640.0.
    table = table.astype(dict.fromkeys(("rows", "columns", "roi_specks"), "Int64"))
    ordered = table.sort_values("image_id", kind="stable").reset_index(drop=True)
    return ordered, pd.DataFrame(digests, columns=tracing)


def _refuse_straddling(digests: pd.DataFrame, eligible: pd.DataFrame) -> None:
    errors, warnings = duplicates.find(digests, eligible)
    for sentence in warnings:
        log.warning("%s", sentence)
    if errors:
        raise StudyError.listing(
            "The same mammogram stands under two patients or in two splits, so that the study "
            "would test on what it has learned; correct the images table or the splits",
            errors,
        )


def _several(reasons: "pd.Series[str]") -> str:
    return "; ".join(sorted(set(reasons) - {""}))


def _report(qc: pd.DataFrame, lost: pd.DataFrame, cases: int, max_excluded: float) -> None:
    """Say what left; stop when it is too much."""
    excluded = qc[qc["status"] != "ok"]
    for image in excluded.itertuples():
        told = with_detail(str(image.reason), str(image.detail))
        log.warning("image %s (case %s) excluded: %s", image.image_id, image.case_id, told)
    problems = [
        f"case {case.case_id}: {with_detail(str(case.reason), str(case.detail))}"
        for case in lost.itertuples()
    ]
    for problem in problems:
        log.warning("excluded %s", problem)
    log.info(
        "%d of %d images and %d of %d cases excluded", len(excluded), len(qc), len(lost), cases
    )
    if len(lost) > max_excluded * cases:
        raise StudyError.listing(
            f"{len(lost)} of {cases} cases have no usable image, more than images.max_excluded "
            f"({max_excluded:g}) allows; mend the images or raise that limit",
            problems,
        )
