"""Whether the gray levels of a patch still tell the center it comes from.

`python benchmarks/centers.py results/demo` prints, for the finished demo, the out-of-fold AUC of a
classifier of the *center*: on histograms of stored pixels ("before"), of the study's patches
("after"), and of patches made with `images.voi: none`. No label is read.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from microcalc.images import formats, patches
from microcalc.images.image_entry import ImageEntry
from microcalc.images.roi import Roi

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "workflow" / "demo"
BINS = np.linspace(0, 1, 33)
SIZES = {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 32}
GOAL = 0.65

Histograms = NDArray[np.float64]


def histograms(data: bytes, row: dict[str, str]) -> dict[str, Histograms]:
    """Return the gray-level histograms, 32 bins over [0, 1], of one image's region."""
    shown = formats.decode(data, ImageEntry(row["image_id"]))
    roi = Roi.from_row(row)
    x, y = (round(v) for v in roi.center)
    half = SIZES["patch_mm"] / 2 / shown.spacing_mm[0]
    low, high = (round(max(v - half, 0)) for v in (x, y))
    window = shown.stored[high : round(y + half), low : round(x + half)]
    plain = formats.decode(data, ImageEntry(row["image_id"]), voi="none")
    return {
        "before: stored pixels": _histogram(window / 2 ** int(shown.provenance["bits_stored"])),
        "after: patches": _histogram(patches.extract(shown, roi, **SIZES).pixels),
        "after, images.voi none": _histogram(patches.extract(plain, roi, **SIZES).pixels),
    }


def _histogram(values: NDArray[np.floating]) -> Histograms:
    return np.histogram(values, BINS)[0] / values.size


def auc(found: Histograms, center: NDArray[np.bool_], patients: Sequence[str]) -> dict[str, float]:
    """Return the out-of-fold AUC of each classifier, five folds by patient."""
    classifiers: dict[str, ClassifierMixin] = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000)),
        "random forest": RandomForestClassifier(300, min_samples_leaf=3, random_state=0),
    }
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    return {
        name: float(
            roc_auc_score(
                center,
                cross_val_predict(
                    classifier, found, center, groups=patients, cv=folds, method="predict_proba"
                )[:, 1],
            )
        )
        for name, classifier in classifiers.items()
    }


def run(study: str) -> dict[str, dict[str, float]]:
    """Print and return the AUC of every kind of histogram and classifier."""
    with open(DEMO / "cases.csv", encoding="utf-8") as file:
        cases = {row["case_id"]: row for row in csv.DictReader(file)}
    with open(DEMO / "images.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folder = Path(study, "simulate", "dicom")
    found = [histograms((folder / row["path"]).read_bytes(), row) for row in rows]
    center = np.array([cases[row["case_id"]]["center"] == "B" for row in rows])
    patients = [cases[row["case_id"]]["patient_id"] for row in rows]
    results = {name: auc(np.array([h[name] for h in found]), center, patients) for name in found[0]}
    lines = ["| gray levels | logistic | random forest |", "|---|---|---|"]
    lines += [
        f"| {name} | {r['logistic']:.2f} | {r['random forest']:.2f} |"
        for name, r in results.items()
    ]
    sys.stdout.write("\n".join([*lines, "", f"Goal after: at most {GOAL}."]) + "\n")
    return results


if __name__ == "__main__":
    run(sys.argv[1])
