"""The tables of an invented study, written as the rooms to the left write them."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score

from microcalc.files import write_csv, write_json

MODELS = ["clinical", "deep", "combined"]
LABELS = {"negative": "DCIS", "positive": "IDC"}
STRENGTH = {"clinical": 0.7, "deep": 1.3, "combined": 1.5}
SIZES = {"train": (45, 80), "internal": (20, 34), "external": (41, 74)}
TINY = {"train": (30, 40), "internal": (3, 4), "external": (0, 6)}

CONFIG = {
    "study": "demo",
    "seed": 2025,
    "labels": LABELS,
    "cohort": {"development_centers": ["A"], "train_fraction": 0.7, "permute_labels": None},
    "simulate": {"phantoms": "workflow/demo/phantoms.csv"},
    "images": {
        "shards": 4,
        "spacing_mm": 0.1,
        "patch_mm": 22.4,
        "on_error": "exclude",
        "max_excluded": 0.1,
    },
    "features": {"backbone": "resnet101", "weights": "random", "device": "auto"},
    "selection": {
        "folds": 5,
        "mrmr": {"engine": "native", "scheme": "MIQ", "n_features": 30, "discretize_sd": 0.5},
        "lasso": {"n_lambdas": 100, "folds": 10, "choose": "lambda_min"},
    },
    "clinical": {
        "age": {"kind": "continuous", "unit": "years"},
        "palpable": {"kind": "categorical", "levels": ["no", "yes"]},
        "birads": {"kind": "categorical", "levels": ["4A", "4B", "4C", "5"]},
    },
    "models": {
        "clinical": {"clinical": "screened", "deep": "none"},
        "deep": {"clinical": "none", "deep": "score"},
        "combined": {"clinical": "screened", "deep": "score"},
    },
    "screening": {"p_univariable": 0.05, "p_multivariable": 0.05, "missing": "impute"},
    "threshold": {"rule": "youden", "scores": "out_of_fold"},
    "evaluation": {
        "confidence": 0.95,
        "comparisons": [["deep", "clinical"], ["combined", "clinical"], ["combined", "deep"]],
    },
}


def make(folder: Path, *, sizes=None, nothing_selected=False, seed=1) -> dict[str, Path]:
    """Write every table of the study and return their paths by name."""
    rng = np.random.default_rng(seed)
    sizes = sizes or SIZES
    cases = _cases(rng, sizes)
    predictions = _predictions(rng, cases, nothing_selected=nothing_selected)
    path, cv, selected = _lasso(rng, nothing_selected=nothing_selected)
    tables = {
        "cohort/eligible.csv": cases,
        "cohort/exclusions.csv": pd.DataFrame(
            [("cohort", "case-007", "", "label missing")],
            columns=["room", "case_id", "image_id", "reason"],
        ),
        "models/predictions.csv": predictions,
        "evaluation/metrics.csv": metrics(predictions),
        "evaluation/delong.csv": _delong(predictions),
        "selection/lasso_path.csv": path,
        "selection/lasso_cv.csv": cv,
        "selection/selected.csv": selected,
        "selection/funnel.csv": pd.DataFrame(
            {
                "step": ["extracted", "not constant", "mrmr", "lasso"],
                "n_features": [2048, 2040, 30, len(selected) - 1],
            }
        ),
        "selection/mrmr.csv": _mrmr(rng),
        "models/univariable.csv": _odds(full=True),
        "models/multivariable.csv": _odds(full=False),
    }
    paths = {}
    for name, table in tables.items():
        write_csv(table, folder / name)
        paths[Path(name).stem] = folder / name
    return paths


def metrics(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (model, split, kind), rows_of in predictions.groupby(["model", "split", "kind"]):
        y, p = rows_of["y"].to_numpy(), rows_of["probability"].to_numpy()
        row = {"model": model, "split": split, "kind": kind, "n": len(y)}
        row |= {"n_pos": int(y.sum()), "n_neg": int(len(y) - y.sum())}
        auc = roc_auc_score(y, p) if 0 < y.sum() < len(y) else np.nan
        row |= {"auc": auc, "auc_low": auc - 0.06, "auc_high": min(auc + 0.06, 1.0)}
        row["threshold"] = 0.6
        called = p >= 0.6
        parts = {
            "sensitivity": (called & (y == 1), y == 1),
            "specificity": (~called & (y == 0), y == 0),
            "accuracy": (called == (y == 1), y >= 0),
            "ppv": (called & (y == 1), called),
            "npv": (~called & (y == 0), ~called),
        }
        for name, (hits, of) in parts.items():
            value = hits.sum() / of.sum() if of.sum() else np.nan
            row |= {name: value, f"{name}_low": value - 0.08, f"{name}_high": value + 0.08}
        row["brier"] = brier_score_loss(y, p, pos_label=1)
        rows.append(row)
    return pd.DataFrame(rows)


def _cases(rng, sizes):
    rows = []
    for split, (n_negative, n_positive) in sizes.items():
        for y, n in ((0, n_negative), (1, n_positive)):
            for _ in range(n):
                number = len(rows) + 1
                rows.append(
                    {
                        "case_id": f"case-{number:03d}",
                        "patient_id": f"patient-{number:03d}",
                        "center": "B" if split == "external" else "A",
                        "split": split,
                        "label": LABELS["positive" if y else "negative"],
                        "y": y,
                        "age": round(float(rng.normal(52 + 3 * y, 9))),
                        "palpable": "yes" if rng.random() < 0.25 + 0.3 * y else "no",
                        "birads": rng.choice(["4A", "4B", "4C", "5"]),
                    }
                )
    return pd.DataFrame(rows)


def _predictions(rng, cases, *, nothing_selected):
    rows = []
    base = cases[["case_id", "patient_id", "center", "split", "y"]]
    for model, strength in STRENGTH.items():
        for kind, bonus in (("apparent", 0.9), ("out_of_fold", 0.0), ("held_out", 0.0)):
            part = base[(base["split"] == "train") == (kind != "held_out")].copy()
            signal = (strength + bonus) * (part["y"] - 0.6) + rng.normal(0, 1, len(part))
            if nothing_selected and model == "deep":
                signal = 0.575 + 0 * signal
            part["model"], part["kind"] = model, kind
            part["probability"] = 1 / (1 + np.exp(-signal))
            rows.append(part)
    return pd.concat(rows).sort_values(["model", "kind", "case_id"], ignore_index=True)


def _delong(predictions):
    rows = []
    for split in ("train", "internal", "external"):
        for a, b in CONFIG["evaluation"]["comparisons"]:
            kind = "out_of_fold" if split == "train" else "held_out"
            own = predictions[(predictions["split"] == split) & (predictions["kind"] == kind)]
            y = own.loc[own["model"] == a, "y"]
            if not 0 < y.sum() < len(y):
                continue
            aucs = [roc_auc_score(y, own.loc[own["model"] == m, "probability"]) for m in (a, b)]
            delta = aucs[0] - aucs[1]
            rows.append(
                {
                    "split": split,
                    "model_a": a,
                    "model_b": b,
                    "n_pos": int(y.sum()),
                    "n_neg": int(len(y) - y.sum()),
                    "auc_a": aucs[0],
                    "auc_b": aucs[1],
                    "delta": delta,
                    "delta_low": delta - 0.07,
                    "delta_high": delta + 0.07,
                    "z": delta / 0.035,
                    "p": 0.0004 if delta > 0.1 else 0.21,
                    "p_holm": 0.0012 if delta > 0.1 else 0.42,
                }
            )
    return pd.DataFrame(rows)


def _lasso(rng, *, nothing_selected):
    lambdas = np.exp(np.linspace(np.log(0.15), np.log(0.0015), 100))
    weights = np.sort(rng.exponential(0.25, 30))[::-1] * rng.choice([-1, 1], 30)
    entry = np.exp(np.linspace(np.log(0.14), np.log(0.002), 30))
    features = [f"deep_{i:04d}" for i in rng.choice(2048, 30, replace=False)]
    if nothing_selected:
        weights = weights * 0
    path = pd.DataFrame(
        [
            {"lambda": value, "feature": feature, "coefficient": w * max(0.0, 1 - value / e)}
            for value in lambdas
            for feature, w, e in zip(features, weights, entry, strict=True)
        ]
    )
    x = np.log(lambdas)
    best = 0 if nothing_selected else 55
    deviance = 1.1 + 0.06 * (x - x[best]) ** 2 + 0.003 * rng.normal(size=100)
    best = 0 if nothing_selected else int(np.argmin(deviance))
    within = 0 if nothing_selected else int(np.argmax(deviance <= deviance[best] + 0.06))
    cv = pd.DataFrame(
        {
            "lambda": lambdas,
            "log_lambda": x,
            "deviance": deviance,
            "se": 0.06,
            "n_nonzero": [
                0 if nothing_selected else int((entry > value).sum()) for value in lambdas
            ],
            "is_min": np.arange(100) == best,
            "is_1se": np.arange(100) == within,
        }
    )
    at = path[(path["lambda"] == lambdas[best]) & (path["coefficient"] != 0)]
    selected = pd.DataFrame(
        [{"feature": "(intercept)", "mean": 0.0, "sd": 1.0, "coefficient": 0.57}]
        + [
            {"feature": f, "mean": 0.4, "sd": 0.2, "coefficient": c}
            for f, c in zip(at["feature"], at["coefficient"], strict=True)
        ]
    )
    return path, cv, selected


def _mrmr(rng):
    relevance = np.sort(rng.uniform(0.01, 0.12, 30))[::-1]
    redundancy = np.append(0.0, rng.uniform(0.02, 0.2, 29))
    return pd.DataFrame(
        {
            "rank": np.arange(1, 31),
            "feature": [f"deep_{i:04d}" for i in rng.choice(2048, 30, replace=False)],
            "score": relevance / (redundancy + 1e-4),
            "relevance": relevance,
            "redundancy": redundancy,
        }
    )


def _odds(*, full):
    rows = [
        ("age", "", 125, 0.03, 0.02, 1.03, 0.99, 1.07, 0.12, "wald"),
        ("palpable", "yes", 48, 1.10, 0.42, 3.0, 1.32, 6.84, 0.0087, "wald"),
        ("birads", "4B", 30, 0.10, 0.5, 1.11, 0.41, 2.94, 0.84, "wald"),
        ("birads", "4C", 33, 0.92, 0.5, 2.51, 0.94, 6.7, 0.066, "wald"),
        ("birads", "5", 20, 1.9, 0.6, 6.69, 2.06, 21.7, 0.0002, "wald"),
    ]
    columns = "variable level n coefficient se odds_ratio or_low or_high p method".split()
    return pd.DataFrame(rows if full else rows[1:], columns=columns)


def write_flow(folder: Path) -> Path:
    write_json({}, folder / "evaluation/flow.json")
    return folder / "evaluation/flow.json"
