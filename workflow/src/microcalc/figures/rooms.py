"""The figures of a room, drawn together: one start of Python for many figures."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from microcalc.figures import (
    calibration,
    choice,
    confusion,
    correlation,
    decision,
    embedding,
    flow,
    heatmap,
    lasso,
    mrmr,
    nomogram,
    odds,
    published,
    resampling,
    subgroups,
    waterfall,
)
from microcalc.files import read_csv, read_json, read_parquet
from microcalc.images import included

Path = str | os.PathLike[str]
Files = Mapping[str, Path]
Config = Mapping[str, Any]


def cohort(files: Files) -> dict[str, Figure]:
    """Return the figures of the cohort room by name, from the files by name."""
    return {"flow": flow.draw(read_json(files["flow"]))}


def selection(files: Files, config: Config) -> dict[str, Figure]:
    """Return the figures of the selection room by name, from the files by name."""
    cases, features = included.read(files["included"]), read_parquet(files["features"])
    selected, cv = read_csv(files["selected"]), read_csv(files["cv"])
    choose, labels = config["choose"], config["labels"]
    return {
        "mrmr": mrmr.draw(read_csv(files["mrmr"]), selected),
        "lasso_path": lasso.draw_path(read_csv(files["path"]), cv, choose=choose),
        "lasso_cv": lasso.draw_cv(cv, choose=choose),
        "feature_heatmap": heatmap.draw(cases, features, selected, labels=labels),
        "feature_correlation": correlation.draw(cases, features, selected, config["clinical"]),
        "embedding": embedding.draw(cases, features, labels=labels),
    }


def models(files: Files, frozen_models: Sequence[Path], config: Config) -> dict[str, Figure]:
    """Return the figures of the models room by name, from the files by name."""
    cases = included.read(files["included"]).merge(_deep_scores(files["deep_scores"]), on="case_id")
    read = [read_json(path) for path in frozen_models]
    clinical, labels = config["clinical"], config["labels"]
    return {
        "odds_ratios": odds.draw(
            read_csv(files["univariable"]),
            read_csv(files["multivariable"]),
            clinical,
            labels=labels,
            confidence=config["confidence"],
        ),
        "nomogram": nomogram.draw(
            choice.of_own_network({str(model["name"]): model for model in read}),
            *(cases, clinical),
            labels=labels,
        ),
    }


def _deep_scores(path: Path) -> pd.DataFrame:
    """Return each case's deep score by the frozen model, which has seen the training cases."""
    scores = read_csv(path)
    final = (scores["kind"] != "out_of_fold") & (scores["network"] == "main")
    return scores.loc[final, ["case_id", "deep_score"]]


def refits(files: Files, bootstrap: Sequence[Path], config: Config) -> dict[str, Figure]:
    """Return the figure of the refitted chain; `bootstrap` are its parts."""
    from microcalc.evaluation import parts, replicates

    return {
        "resampling": resampling.draw(
            parts.read(bootstrap, replicates.COLUMNS),
            read_csv(files["split_lottery"]),
            read_csv(files["permutation"]),
            read_csv(files["metrics"]),
            models=config["models"],
        )
    }


def evaluation(files: Files, frozen_models: Sequence[Path], config: Config) -> dict[str, Figure]:
    """Return the figures of the evaluation room by name, from the files by name."""
    names, labels = config["models"], config["labels"]
    read = [read_json(path) for path in frozen_models]
    deep = [model for model in read if {term["kind"] for term in model["terms"]} == {"deep"}]
    return {
        "confusion": confusion.draw(read_csv(files["metrics"]), models=names, labels=labels),
        "score_waterfall": waterfall.draw(
            read_csv(files["predictions"]),
            model=str(deep[0]["name"]) if deep else None,
            threshold=float(deep[0]["threshold"]) if deep else 0.5,
            labels=labels,
        ),
        "published": published.draw(
            read_csv(files["published"]),
            models=names,
            confidence=config["confidence"],
        ),
        "calibration": calibration.draw(
            read_csv(files["calibration"]),
            read_csv(files["calibration_curve"]),
            read_csv(files["calibration_groups"]),
            read_csv(files["calibration_histogram"]),
            models=names,
            labels=labels,
            confidence=config["confidence"],
        ),
        "net_benefit": decision.draw(read_csv(files["net_benefit"]), models=names, labels=labels),
        **{
            f"subgroups_{split}": subgroups.draw(
                read_csv(files["subgroups"]),
                split=split,
                models=names,
                clinical=config["clinical"],
                labels=labels,
                confidence=config["confidence"],
            )
            for split in ("internal", "external")
        },
    }
