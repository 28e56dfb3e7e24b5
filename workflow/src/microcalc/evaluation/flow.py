"""Participant flow: `flow.json`, from the user's table to the analysis, and why cases left."""

from typing import Any

import pandas as pd

from microcalc.config.cohort_settings import Labels
from microcalc.evaluation.table1 import SPLITS

COLUMNS = ("room", "case_id", "image_id", "reason", "detail")


def build(
    cohort_exclusions: pd.DataFrame,
    cases: pd.DataFrame,
    qc: pd.DataFrame,
    *,
    labels: Labels,
) -> dict[str, Any]:
    """Return the flow of cases and images through the rooms, as JSON-like values.

    Parameters
    ----------
    cohort_exclusions
        `cohort/exclusions.csv`: room, case_id, image_id (empty when the case itself left),
        reason.
    cases
        `images/included.csv`: every eligible case with split, y, `status` (included or
        excluded), `reason` and `detail`.
    qc
        `images/qc.csv`: every image with `status` (ok or excluded), `reason` and `detail`.
    labels
        The config's `labels`.

    Returns
    -------
    dict
        `steps`: assessed, eligible, included cases in that order, from eligible on with their
        images (those of a case that is not eligible are never read). `rooms`: per room the cases
        and images that left it, counted by reason. `exclusions`: each of them, with its detail.
        `splits`: per split n and n per class, of the included and of the eligible cases, and
        usable images.
    """
    gone = _exclusions(cohort_exclusions, cases, qc)
    in_cohort = gone[(gone["room"] == "cohort") & (gone["image_id"] == "")]["case_id"]
    left_before = set(in_cohort) - set(cases["case_id"])
    kept = cases[cases["status"] == "included"]
    return {
        "labels": labels.part("negative", "positive"),
        "steps": [
            {"step": "assessed", "cases": len(cases) + len(left_before)},
            {"step": "eligible", "cases": len(cases), "images": len(qc)},
            {"step": "included", "cases": len(kept), "images": _usable(qc, kept)},
        ],
        "rooms": [
            {"room": room, **_count(gone[gone["room"] == room])} for room in ("cohort", "images")
        ],
        "splits": {
            split: {
                "eligible": _classes(cases[cases["split"] == split]),
                "included": _classes(kept[kept["split"] == split]),
                "images": _usable(qc, kept[kept["split"] == split]),
            }
            for split in SPLITS
            if split in set(cases["split"])
        },
        "exclusions": gone.to_dict("records"),
    }


def _exclusions(
    cohort_exclusions: pd.DataFrame, cases: pd.DataFrame, qc: pd.DataFrame
) -> pd.DataFrame:
    images = qc[qc["status"] != "ok"].assign(room="images")
    of_cases = cases[cases["status"] != "included"].assign(room="images", image_id="")
    parts = [part.reindex(columns=COLUMNS) for part in (cohort_exclusions, of_cases, images)]
    gone = pd.concat([part for part in parts if len(part)] or parts[:1]).fillna("").astype(str)
    return gone.sort_values(["room", "case_id", "image_id", "reason"], ignore_index=True)


def _count(gone: pd.DataFrame) -> dict[str, Any]:
    of_case = gone["image_id"] == ""
    reasons = []
    for reason in sorted(set(gone["reason"])):
        same = gone["reason"] == reason
        reasons.append(
            {
                "reason": reason,
                "cases": int((same & of_case).sum()),
                "images": int((same & ~of_case).sum()),
            }
        )
    return {
        "cases": int(of_case.sum()),
        "images": int((~of_case).sum()),
        "reasons": reasons,
    }


def _usable(qc: pd.DataFrame, cases: pd.DataFrame) -> int:
    return int((qc["status"].eq("ok") & qc["case_id"].isin(cases["case_id"])).sum())


def _classes(cases: pd.DataFrame) -> dict[str, int]:
    positive = int((cases["y"] == 1).sum())
    return {"n": len(cases), "n_pos": positive, "n_neg": len(cases) - positive}
