"""What balance between the classes a hash of each patient's id costs a small study.

A hash of the patient's id, held against the training fraction, looks neither at labels nor at
other patients. `hash` is that draw (`microcalc.cohort.split`); `ranks` is the one before it, which
ranked the hashes within each class and cut there: balanced, and unstable, since one corrected label
moves somebody else across the cut.

Each study has `n` patients of one development center, one case each, the same number of positives
in every one; 70 % train. Columns: the mean share that trains and its 2.5 % and 97.5 % quantiles;
the same quantiles of the rarer class's number in internal validation; the chance that internal
validation, and training, has fewer than 10 of a class; that training has fewer than 3 patients of a
class, which stops the study; that internal validation lacks a class; and in how many studies one
corrected label, or one patient more, moves somebody else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from microcalc.cohort.eligible import FEWEST_PATIENTS
from microcalc.cohort.split import FEW_CASES, assign_splits
from microcalc.core import seeds

FRACTION = 0.7
REPLICATES = 4000
SAMPLE = 500
CELLS = [
    {"n": n, "positives": round(share * n), "scheme": scheme}
    for n in (60, 138, 294)
    for share in (0.64, 0.2)
    for scheme in ("hash", "ranks")
]

Draw = dict[str, bool]


def by_hash(y: Mapping[str, int], seed: int) -> Draw:
    """Return whether each patient trains, by the study's own way."""
    cases = [{"case_id": p, "patient_id": p, "center": "A"} for p in y]
    places = assign_splits(cases, development_centers=["A"], train_fraction=FRACTION, seed=seed)
    return {patient: split == "train" for patient, split in places.items()}


def by_ranks(y: Mapping[str, int], seed: int) -> Draw:
    """Return whether each patient trains where hashes are ranked within class, as they were."""
    drawn = {}
    for label in (0, 1):
        own = sorted(
            (p for p, its in y.items() if its == label),
            key=lambda p: seeds.derive(seed, "split", p),
        )
        first = round(FRACTION * len(own))
        drawn |= {patient: place < first for place, patient in enumerate(own)}
    return drawn


SCHEMES = {"hash": by_hash, "ranks": by_ranks}


def simulate(
    cell: Mapping[str, Any], replicates: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return the columns of a cell's row."""
    draw = SCHEMES[cell["scheme"]]
    y = {f"P{i}": int(i < cell["positives"]) for i in range(cell["n"])}
    patients = list(y)
    counts = np.empty((replicates, 2), dtype=int)  # of each class in training
    moved = np.zeros((replicates, 2), dtype=bool)
    for k in range(replicates):
        seed = int(rng.integers(2**31))
        trains = draw(y, seed)
        for label in (0, 1):
            counts[k, label] = sum(trains[p] for p in patients if y[p] == label)
        wrong = patients[int(rng.integers(len(patients)))]
        corrected = draw({**y, wrong: 1 - y[wrong]}, seed)
        grown = draw({**y, "new": int(rng.integers(2))}, seed)
        moved[k] = [
            any(corrected[p] != trains[p] for p in patients if p != wrong),
            any(grown[p] != trains[p] for p in patients),
        ]
    sizes = np.array([cell["n"] - cell["positives"], cell["positives"]])
    internal = sizes - counts
    share, rare = counts.sum(axis=1) / cell["n"], internal[:, int(np.argmin(sizes))]
    return {
        "share_mean": float(share.mean()),
        **_range("share", share),
        **_range("rare_internal", rare),
        "few_internal": float(np.mean(internal.min(axis=1) < FEW_CASES)),
        "few_train": float(np.mean(counts.min(axis=1) < FEW_CASES)),
        "stopped": float(np.mean(counts.min(axis=1) < FEWEST_PATIENTS)),
        "internal_lacks_a_class": float(np.mean(internal.min(axis=1) == 0)),
        "moved_by_a_label": float(moved[:, 0].mean()),
        "moved_by_a_patient": float(moved[:, 1].mean()),
    }


def _range(name: str, values: Sequence[float]) -> dict[str, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return {f"{name}_low": float(low), f"{name}_high": float(high)}


def faults(rows: pd.DataFrame) -> list[str]:
    """Say where a hash is not the binomial draw it should be, or moves anybody."""
    found = []
    for row in rows[rows["scheme"] == "hash"].to_dict("records"):
        where = f"n = {row['n']}, {row['positives']} positive"
        sizes = (row["n"] - row["positives"], row["positives"])
        enough = np.prod([stats.binom.sf(FEW_CASES - 1, m, 1 - FRACTION) for m in sizes])
        error = 4 * np.sqrt(max(enough * (1 - enough), 1e-4) / row["replicates"])
        if abs(row["few_internal"] - (1 - enough)) > error:
            found.append(f"{where}: few_internal {row['few_internal']}, binomial {1 - enough:.3f}")
        spread = 4 * np.sqrt(FRACTION * (1 - FRACTION) / row["n"] / row["replicates"])
        if abs(row["share_mean"] - FRACTION) > spread:
            found.append(f"{where}: {row['share_mean']} of the patients train")
        if row["moved_by_a_label"] or row["moved_by_a_patient"]:
            found.append(f"{where}: somebody moved because of another")
    ranks = rows[rows["scheme"] == "ranks"]
    if not (ranks["moved_by_a_label"] > 0.2).all():
        found.append("ranks: nobody moves, so that what the hash is for is not shown")
    return found
