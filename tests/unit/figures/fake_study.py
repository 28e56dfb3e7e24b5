"""The tables of an invented study, written as the rooms to the left write them."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from microcalc.config import settings
from microcalc.core.files import read_csv, read_json, write_csv, write_json
from microcalc.evaluation import flow, sample_size_table, table1
from microcalc.evaluation import result_tables as evaluation
from microcalc.models import notes

NA = float("nan")
LEFT_OUT = (
    f"the deep {notes.LEFT_OUT}: beside the other predictors its coefficient would not be above 0 "
    "(-0.41), which is noise in a score trained toward the positive class"
)
MODELS = ["clinical", "deep", "combined"]
STRENGTH = {"clinical": 0.7, "deep": 1.3, "combined": 1.5}
SIZES = {"train": (45, 80), "internal": (20, 34), "external": (41, 74)}
TINY = {"train": (30, 40), "internal": (3, 4), "external": (0, 6)}

GIVEN = {
    "study": "demo",
    "seed": 2025,
    "labels": {"negative": "DCIS", "positive": "IDC"},
    "cohort": {
        "cases": "cases.csv",
        "images": "images.csv",
        "image_folder": "dicom",
        "development_centers": ["A"],
        "train_fraction": 0.7,
        "permute_labels": None,
    },
    "simulate": {"phantoms": "workflow/demo/phantoms.csv"},
    "images": {
        "shards": 4,
        "spacing_mm": 0.1,
        "patch_mm": 22.4,
        "crop": "fixed",
        "fit_margin_mm": 2,
        "normalization": "percentile",
        "voi": None,
        "on_error": "exclude",
        "max_excluded": 0.1,
    },
    "features": {
        "deep": {
            "kind": "network",
            "backbone": "resnet101",
            "weights": "random",
            "layers": ["penultimate"],
            "device": "auto",
            "precision": "float32",
            "pool_views": "mean",
            "stability": {"perturbations": 0, "readers": []},
            "harmonize": "none",
        },
    },
    "selection": {
        "folds": 5,
        "mrmr": {"engine": "native", "scheme": "MIQ", "n_features": 30, "discretize_sd": 0.5},
        "lasso": {"n_lambdas": 100, "folds": 10, "choose": "lambda_min"},
    },
    "clinical": {
        "age": {"kind": "continuous", "unit": "years", "label": "Age"},
        "palpable": {"kind": "categorical", "levels": ["no", "yes"]},
        "birads": {"kind": "categorical", "levels": ["4A", "4B", "4C", "5"]},
    },
    "models": {
        "clinical": {"clinical": "screened"},
        "deep": {"scores": ["deep"]},
        "combined": {"clinical": "screened", "scores": ["deep"]},
    },
    "screening": {"p_univariable": 0.05, "p_multivariable": 0.05, "missing": "impute"},
    "threshold": {"rule": "youden", "scores": "out_of_fold"},
    "evaluation": {
        "confidence": 0.95,
        "comparisons": [["deep", "clinical"], ["combined", "clinical"], ["combined", "deep"]],
        "auc_interval": "wilson",
        "resamples": 20,
        "calibration_resamples": 20,
        "prevalence": None,
        "equivalence": {"margin": 0.05, "alpha": 0.05},
        "subgroups": {"columns": {"palpable": None, "age": [50]}, "min_per_class": 10},
        "recalibrate": False,
        "net_benefit": {"low": 0.01, "high": 0.99, "step": 0.01},
        "reclassification": {"cuts": [0.3, 0.7]},
        "sample_size": {"expected_auc": 0.8},
        "bootstrap": 12,
        "split_lottery": 12,
        "permutation": 12,
    },
    "published": {
        "citation": "Academic Radiology 2025",
        "sets": {
            "external": {
                "clinical": {"auc": 0.67, "sensitivity": 0.53},
                "deep": {"auc": 0.97, "sensitivity": 0.94},
                "combined": {"auc": 0.97, "sensitivity": 0.96},
            }
        },
    },
}
CONFIG = settings.complete(GIVEN)
LABELS = CONFIG.labels

DENSENET = {"kind": "network", "backbone": "densenet121", "weights": "IMAGENET1K_V1"}
SEVERAL = settings.complete(
    GIVEN
    | {
        "features": GIVEN["features"] | {"densenet": DENSENET},
        "scores": {
            "deep": {"features": ["deep"]},
            "both": {
                "features": ["deep", "densenet"],
                "selection": {"lasso": {"choose": "lambda_1se"}},
            },
        },
        "models": GIVEN["models"]
        | {
            "both": {"scores": ["both"]},
            "two": {"clinical": "screened", "scores": ["deep", "both"]},
        },
    }
)
"""A study of two sets, of two scores, and of a model that takes both."""

INPUTS = {
    "digests": {"case table": "ab" * 32, "images with their regions, as read": "cd" * 32},
    "columns": {"case table": ["case_id", "patient_id"], "images table": ["image_id"]},
}


def make(folder, *, sizes=None, nothing_selected=False, score_left_out=False, seed=1):
    """Write every file of the study; return their paths by name, the models' as a list."""
    wanted = tuple((sizes or SIZES).items())
    made = _invent(wanted, nothing_selected, score_left_out, seed)
    tables, models, flow_document, features = made
    paths = {}
    for name, table in tables.items():
        write_csv(table, folder / name)
        paths[Path(name).stem] = folder / name
    paths["features"] = folder / "features.parquet"
    features.to_parquet(paths["features"])
    paths["flow"] = folder / "evaluation/flow.json"
    write_json(flow_document, paths["flow"])
    paths["inputs"] = folder / "report/inputs.json"
    write_json(INPUTS, paths["inputs"])
    paths["models"] = []
    for name, model in models.items():
        write_json(model, folder / f"models/{name}.json")
        paths["models"].append(folder / f"models/{name}.json")
    return paths


def several(paths, folder):
    """Return the files of the study of `SEVERAL`, made of those of an ordinary one."""
    files = dict(paths)
    for name in ("predictions", "metrics"):
        table = read_csv(paths[name])
        own = [
            table[table["model"] == old].assign(model=new)
            for old, new in (("deep", "both"), ("combined", "two"))
        ]
        files[name] = folder / f"{name}.csv"
        write_csv(pd.concat([table, *own], ignore_index=True), files[name])
    scores = read_csv(paths["scores"])
    both = scores.assign(score="both", value=2 * scores["value"] - 1)
    files["scores"] = folder / "scores.csv"
    write_csv(pd.concat([scores, both], ignore_index=True), files["scores"])
    selected = pd.DataFrame(
        [("(intercept)", 0.0, 1.0, 0.4), ("deep_0003", 0.4, 0.2, 0.3), ("densenet_0001", 1, 2, -1)],
        columns=["feature", "mean", "sd", "coefficient"],
    )
    funnel = pd.DataFrame(
        [("extracted", 3072), ("not constant", 3070), ("mRMR", 30), ("LASSO", 2)],
        columns=["step", "n_features"],
    )
    place = folder / "selection/both"
    for name, table in (("selected", selected), ("funnel", funnel)):
        write_csv(table, place / f"{name}.csv")
    files["of_both"] = [place / "selected.csv", place / "funnel.csv"]
    found = {Path(path).stem: read_json(path) for path in paths["models"]}
    part = score_part("both", ["deep", "densenet"], selected)
    tables = {"deep": table_part(), "densenet": table_part("densenet121", "torchvision", "ef" * 32)}
    term = {"variable": "both_score", "kind": "score", "coefficient": 0.5}
    deep, combined = found["deep"], found["combined"]
    made = {
        "both": deep | {"name": "both", "terms": [term], "scores": [part], "tables": tables},
        "two": combined
        | {
            "name": "two",
            "terms": [*combined["terms"], term],
            "scores": [*combined["scores"], part],
            "tables": tables,
        },
    }
    for name, model in made.items():
        write_json(model, folder / f"models/{name}.json")
    files["models"] = [*paths["models"], *(folder / f"models/{name}.json" for name in made)]
    return files


@cache
def _invent(sizes, nothing_selected, score_left_out, seed):
    rng = np.random.default_rng(seed)
    cases = _cases(rng, dict(sizes))
    predictions = _predictions(rng, cases, nothing_selected=nothing_selected)
    if score_left_out:
        predictions = _of_clinical(predictions)
    path, cv, selected = _lasso(rng, nothing_selected=nothing_selected)
    models = _models(selected)
    if score_left_out:
        own = ("intercept", "terms", "threshold")
        models["combined"] |= {key: models["clinical"][key] for key in own}
        models["combined"]["notes"] = [LEFT_OUT]
    exclusions = pd.DataFrame(
        [("cohort", "case-901", "", "label missing")],
        columns=["room", "case_id", "image_id", "reason"],
    )
    included = cases.assign(n_images=2, status="included", reason="")
    features, funnel = _selection(rng, cases, selected, path)
    made = _evaluation(predictions, models, included, funnel) | _refits(rng)
    tables = {
        "cohort/eligible.csv": cases,
        "cohort/exclusions.csv": exclusions,
        "images/included.csv": included,
        "images/qc.csv": _qc(cases),
        "models/predictions.csv": predictions,
        "models/scores.csv": _scores(predictions, nothing_selected=nothing_selected),
        **{f"evaluation/{name}.csv": table for name, table in made.items()},
        "evaluation/table1.csv": table1.describe(cases, CONFIG.clinical, seed=CONFIG.seed),
        "selection/deep/lasso_path.csv": path,
        "selection/deep/lasso_cv.csv": cv,
        "selection/deep/selected.csv": selected,
        "selection/deep/funnel.csv": funnel,
        "selection/deep/mrmr.csv": _mrmr(rng, path),
        "models/univariable.csv": _odds(full=True),
        "models/multivariable.csv": _odds(full=False),
    }
    document = flow.build(exclusions, included, _qc(cases), labels=LABELS)
    return tables, models, document, features


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
                        "label": LABELS.names[y],
                        "y": y,
                        "age": round(float(rng.normal(52 + 3 * y, 9))),
                        "palpable": "yes" if rng.random() < 0.25 + 0.3 * y else "no",
                        "birads": rng.choice(["4A", "4B", "4C", "5"]),
                    }
                )
    return pd.DataFrame(rows)


def _evaluation(predictions, models, included, funnel):
    settings = CONFIG.evaluation
    made = evaluation.discrimination(
        *(predictions, models, included), settings=settings, paper=CONFIG.published, seed=1
    )
    made |= evaluation.probabilities(predictions, settings=settings, seed=1)
    plan = (CONFIG.models, CONFIG.clinical, CONFIG.screening)
    made["sample_size"] = sample_size_table.of_study(
        included, {"deep": funnel}, *plan, expected_auc=settings.sample_size.expected_auc
    )
    return made


def _refits(rng):
    """Return optimism.csv and the replicates that the figure of refits is drawn from."""
    rows = [
        (number, model, name, 20, 34, rng.normal(middle, 0.04))
        for model in MODELS
        for number in range(12)
        for name, middle in (
            *(("apparent", 0.9), ("original", 0.8), ("internal", 0.6), ("external", 0.5)),
        )
    ]
    columns = ["replicate", "model", "set", "n_pos", "n_neg", "auc"]
    replicates = pd.DataFrame(rows, columns=columns)
    optimism = pd.DataFrame(
        [
            (
                model,
                "auc",
                125,
                80,
                45,
                12,
                0,
                0.9,
                0.1,
                0.8,
                0.7,
                0.88,
                0.75,
                *(0.79, 0.69, 0.87),
                "refitted",
            )
            for model in MODELS
        ],
        columns=[
            *("model", "measure", "n", "n_pos", "n_neg", "replicates", "failed", "apparent"),
            *("optimism", "corrected", "corrected_low", "corrected_high", "out_of_bag"),
            *("plus632", "plus632_low", "plus632_high", "method"),
        ],
    )
    held_out = replicates[replicates["set"].isin(["internal", "external"])]
    return {
        "optimism": optimism,
        "bootstrap": replicates[~replicates["set"].isin(["internal", "external"])],
        "split_lottery_replicates": held_out[held_out["set"] == "internal"],
        "permutation_replicates": held_out,
    }


def _selection(rng, cases, selected, path):
    names = path["feature"].drop_duplicates().to_list()
    values = rng.normal(0.4, 0.2, (len(cases), len(names))) + 0.1 * cases[["y"]].to_numpy()
    features = pd.DataFrame(values, columns=names).assign(case_id=cases["case_id"])
    steps = ["extracted", "not constant", "mRMR", "LASSO"]
    counts = [2048, 2040, 30, len(selected) - 1]
    return features, pd.DataFrame({"step": steps, "n_features": counts})


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


def _of_clinical(predictions):
    """Return predictions in which the combined model says what the clinical one does."""
    clinical = predictions[predictions["model"] == "clinical"]
    others = predictions[predictions["model"] != "combined"]
    found = pd.concat([others, clinical.assign(model="combined")])
    return found.sort_values(["model", "kind", "case_id"], ignore_index=True)


def _scores(predictions, *, nothing_selected):
    of_deep = predictions[predictions["model"] == "deep"]
    score = np.log(of_deep["probability"] / (1 - of_deep["probability"]))
    columns = ["case_id", "patient_id", "split", "kind"]
    score = 0.575 if nothing_selected else score
    return of_deep[columns].assign(score="deep", value=score)


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


def score_part(name, sets, selected):
    """Return a score as the frozen models that take it hold it."""
    return {
        "name": name,
        "learner": "lasso",
        "tables": sets,
        "intercept": float(selected["coefficient"].iloc[0]),
        "features": [
            {"name": f, "mean": m, "sd": sd, "coefficient": c}
            for f, m, sd, c in selected.iloc[1:].itertuples(index=False)
        ],
    }


def table_part(backbone="resnet101", source="random", digest="ab" * 32):
    """Return how a network's features come about, as the frozen models hold it."""
    weights = {"backbone": backbone, "source": source, "digest": digest}
    return {"kind": "network", "weights": weights}


def _models(selected):
    score_of_deep = score_part("deep", ["deep"], selected)
    palpable = {
        "variable": "palpable",
        "kind": "categorical",
        "reference": "no",
        "coefficients": {"yes": 1.02},
        "if_missing": "no",
    }
    size = {"variable": "age", "kind": "continuous", "coefficient": 0.03, "if_missing": 52.0}
    score = {"variable": "deep_score", "kind": "score", "coefficient": 0.91}
    terms = {"clinical": [size, palpable], "deep": [score], "combined": [size, palpable, score]}
    return {
        name: {
            "schema": 2,
            "name": name,
            "labels": {"negative": LABELS.negative, "positive": LABELS.positive},
            "method": "the LASSO's score" if name == "deep" else "logistic regression",
            "intercept": -1.4,
            "terms": terms[name],
            "scores": [] if name == "clinical" else [score_of_deep],
            "tables": {} if name == "clinical" else {"deep": table_part()},
            "threshold": 0.6,
            "threshold_rule": {
                "rule": "youden",
                "scores": "out_of_fold",
                "sensitivity": 0.8,
                "specificity": 0.7,
            },
            "notes": [],
            "training": {"n": 125, "n_positive": 80, "digest": "cd" * 32},
            "settings_digest": "ef" * 32,
            "versions": {"microcalc": "0.1.0"},
        }
        for name in MODELS
    }


def _qc(cases):
    rows = [
        {
            "image_id": f"{case}_{view}",
            "case_id": case,
            "view": view,
            "status": "ok",
            "reason": "",
            "detail": "",
            "flags": "",
        }
        for case in cases["case_id"]
        for view in ("CC", "MLO")
    ]
    rows[3] |= {"status": "excluded", "reason": "the region lies outside the image"}
    return pd.DataFrame(rows)


def _mrmr(rng, path):
    relevance = np.sort(rng.uniform(0.01, 0.12, 30))[::-1]
    redundancy = np.append(0.0, rng.uniform(0.02, 0.2, 29))
    return pd.DataFrame(
        {
            "rank": np.arange(1, 31),
            "feature": path["feature"].drop_duplicates().to_list(),
            "score": relevance / (redundancy + 1e-4),
            "relevance": relevance,
            "redundancy": redundancy,
        }
    )


def _odds(*, full):
    rows = [
        ("age", "", 125, 0.03, 0.02, 1.03, 0.99, 1.07, 0.12, 0.118, False),
        ("palpable", "no", 77, 0, NA, 1, NA, NA, NA, 0.0081, True),
        ("palpable", "yes", 48, 1.10, 0.42, 3.0, 1.32, 6.84, 0.0087, 0.0081, True),
        ("birads", "4A", 42, 0, NA, 1, NA, NA, NA, 0.0003, True),
        ("birads", "4B", 30, 0.10, 0.5, 1.11, 0.41, 2.94, 0.84, 0.0003, True),
        ("birads", "4C", 33, 0.92, 0.5, 2.51, 0.94, 6.7, 0.066, 0.0003, True),
        ("birads", "5", 20, 1.9, 0.6, 6.69, 2.06, 21.7, 0.0002, 0.0003, True),
    ]
    columns = ["variable", "level", "n", "coefficient", "se", "odds_ratio", "or_low", "or_high"]
    columns += ["p", "p_variable", "kept"]
    table = pd.DataFrame(rows if full else rows[1:], columns=columns)
    return table.assign(method="maximum likelihood")
