"""What a reader with simple tools finds in the demo: intensity measures, logistic models."""

import numpy as np
import pandas as pd
import pydicom
from pydicom.pixels import apply_voi
from scipy.ndimage import map_coordinates, uniform_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MEASURES = ["mean", "sd", "bright", "central"]


def displayed(path):
    """Return an image as a workstation shows it (larger = brighter, 0 to 1) and its spacing."""
    dataset = pydicom.dcmread(path)
    shown = apply_voi(dataset.pixel_array, dataset).astype(np.float32)
    shown /= (1 << dataset.BitsStored) - 1
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    return shown, float(dataset.ImagerPixelSpacing[0])


def patch(image, spacing_mm, roi, *, side_mm=22.4, target_mm=0.1):
    """Return the square around an ROI, 0 and 1 at the breast's 1st and 99th percentiles."""
    coarse = uniform_filter(image, 9)[4::9, 4::9]
    # Air is the darkest mode; the marker is too small to move a percentile.
    air = np.percentile(coarse, 2)
    breast = coarse[coarse > air + 0.05 * (np.percentile(coarse, 98) - air)]
    low, high = np.percentile(breast, [1, 99])
    x0, y0, x1, y1 = (float(v) for v in roi)
    n = round(side_mm / target_mm)
    offsets = (np.arange(n) - (n - 1) / 2) * target_mm / spacing_mm
    y, x = np.meshgrid((y0 + y1 - 1) / 2 + offsets, (x0 + x1 - 1) / 2 + offsets, indexing="ij")
    square = map_coordinates(image, [y, x], order=1, mode="nearest")
    return (square - low) / (high - low)


def measures(square):
    """Return mean, SD, share of pixels that stand out, and center minus surround."""
    n = len(square)
    y, x = np.indices(square.shape) - (n - 1) / 2
    distance = np.hypot(x, y) * 22.4 / n
    smooth = uniform_filter(square, 21)
    return {
        "mean": square.mean(),
        "sd": square.std(),
        "bright": (square - smooth > 0.2).mean(),
        "central": square[distance < 6].mean() - square[distance > 9].mean(),
    }


def measure(images, folder):
    """Return the mean of each measure over the views of a case, indexed by case_id."""
    rows = []
    for row in images.itertuples():
        shown, spacing = displayed(folder / row.path)
        square = patch(shown, spacing, (row.x0, row.y0, row.x1, row.y1))
        rows.append({"case_id": row.case_id, **measures(square)})
    table = pd.DataFrame(rows).groupby("case_id").mean()
    table["bright"] = np.log(table["bright"] + 1e-4)
    return table


def clinical_matrix(cases, columns):
    """Return columns coded for a logistic model: dummies, medians for missing numbers."""
    parts = []
    for column in columns:
        if column in {"age", "size_mm"}:
            values = pd.to_numeric(cases[column])
            parts.append(values.fillna(values.median()).to_frame())
        else:
            # The most frequent level is the reference and what a missing value becomes.
            filled = cases[column].fillna(cases[column].mode()[0])
            parts.append(pd.get_dummies(filled, prefix=column))
    return pd.concat(parts, axis=1).astype(float)


def validated_auc(X, y, train, *, C=1e4):
    """Return the AUC in cross-validation inside `train`, and on the rest after one fit."""
    X = X.to_numpy(dtype=float)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    inside = cross_val_predict(model, X[train], y[train], cv=folds, method="decision_function")
    outside = model.fit(X[train], y[train]).decision_function(X[~train])
    return roc_auc_score(y[train], inside), roc_auc_score(y[~train], outside)
