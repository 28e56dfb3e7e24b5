"""Short texts inside figures: counts, estimates and intervals as journals print them."""

import math
from collections.abc import Mapping
from typing import Any


def number(value: float, digits: int = 2) -> str:
    """Return `value` with a fixed number of decimals, a real minus sign and no negative zero."""
    if not math.isfinite(value):
        return "NA"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def interval(low: float, high: float, digits: int = 2) -> str:
    """Return `low–high`, or `low to high` when a minus sign would stand beside the dash."""
    if not (math.isfinite(low) or math.isfinite(high)):
        return "NA"
    join = " to " if low < 0 or high < 0 else "–"
    return f"{number(low, digits)}{join}{number(high, digits)}"


def estimate(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return `value (low–high)`, or NA when there is no value."""
    if not math.isfinite(value):
        return "NA"
    return f"{number(value, digits)} ({interval(low, high, digits)})"


def counts(n_negative: int, n_positive: int, labels: dict[str, str]) -> str:
    """Return both classes with their numbers: `42 DCIS, 61 IDC`."""
    return f"{n_negative} {labels['negative']}, {n_positive} {labels['positive']}"


def label(name: str) -> str:
    """Return a model's or a column's name as a reader expects it: `clinical_only` → Clinical only.

    A name that has capitals of its own is left as it is.
    """
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:] if text == text.lower() else text


MEASURES = {
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "brier": "Brier score",
    "threshold": "Threshold",
    "average_precision": "Average precision",
    "balanced_accuracy": "Balanced accuracy",
    "lr_pos": "LR+",
    "lr_neg": "LR−",
}
SPLITS = {
    "train": "Training",
    "internal": "Internal validation",
    "external": "External validation",
}


def split_label(split: str) -> str:
    """Return the words a reader knows a split by."""
    return SPLITS.get(split, label(split))


def variable(name: str, entry: Mapping[str, Any]) -> str:
    """Return a clinical variable's name for people: its label in the config, or its column's."""
    return str(entry.get("label") or label(name))
