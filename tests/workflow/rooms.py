"""The rooms from cohort to evaluation on a finished tiny study's features, without Snakemake."""

from pathlib import Path
from typing import Any

from microcalc.config import feature_sets
from microcalc.config.settings import complete
from microcalc.plan import rule_params
from tests.scripts import run_script
from tests.workflow.tiny import ROOT, Study

SCHEMAS = ROOT / "workflow" / "schemas"


def run(study: Study, config: dict[str, Any], folder: Path) -> None:
    """Write every table and model of those rooms into `folder`.

    Patches and features are the finished study's; its tables are read again.
    """
    study_config = complete(config)
    config = study_config.plain()
    shards = [str(path) for path in sorted((study.results / "images").glob("shard-*.npz"))]
    features = study.results / "features" / "deep" / "features.parquet"
    weights = study.results / "features" / "deep" / "weights" / "resnet18.safetensors"

    def made(*names: str) -> dict[str, str]:
        return {name: str(folder / f"{name}.csv") for name in names}

    def step(name: str, **given: Any) -> None:
        run_script(name, log=folder / f"{name}.log", **given)

    step(
        "build_cohort",
        input={
            "cases": str(study.folder / "cases.csv"),
            "images": str(study.folder / "images.csv"),
            "split": [],
            "case_schema": str(SCHEMAS / "cases.yaml"),
            "image_schema": str(SCHEMAS / "images.yaml"),
        },
        output=made("eligible", "images", "exclusions"),
        params={
            "clinical": config["clinical"],
            "labels": config["labels"],
            "settings": config["cohort"],
            "seed": config["seed"],
        },
    )
    step(
        "gather_images",
        input=made("eligible") | {"shards": shards},
        output=made("qc", "included"),
        params={"settings": config["images"]},
    )
    step(
        "select_features",
        input=made("included") | {"features": [str(features)], "redrawn": []},
        output=made(
            *("mrmr", "lasso_path", "lasso_cv", "selected", "funnel"),
            *("crossfit", "crossfit_selected"),
        ),
        params={"settings": config["selection"], "seed": config["seed"], "least_iccs": []},
    )
    frozen = {model: str(folder / f"{model}.json") for model in config["models"]}
    training = {model: str(folder / f"{model}.training.csv") for model in config["models"]}
    asked = ("models", "clinical", "screening", "threshold", "labels", "seed")
    sets = feature_sets.measured(study_config, lambda tuned, member: f"{tuned}/{member}")
    scores = rule_params.scores(study_config, ["deep"])
    step(
        "fit_models",
        input=made("included")
        | {name: [path] for name, path in made("selected", "crossfit", "crossfit_selected").items()}
        | {"features": [str(features)], "weights": [str(weights)], "adapted": []},
        output={"models": list(frozen.values()), "training": list(training.values())},
        params={key: config[key] for key in asked}
        | {
            "training_scores": config["selection"]["training_scores"],
            "scores": scores,
            "preprocessing": rule_params.preprocessing(study_config, ["deep"], sets),
            "weighted": ["deep"],
            "adapted": [],
        },
    )
    step(
        "predict",
        input=made("included")
        | {name: [path] for name, path in made("selected", "crossfit").items()}
        | {
            "features": [str(features)],
            "models": list(frozen.values()),
            "training": list(training.values()),
        },
        output=made("predictions", "scores"),
        params={"tables": ["deep"], "scores": scores, "harmonize": "none"},
    )
    step(
        "evaluate_models",
        input=made("predictions", "included")
        | {"funnels": list(made("funnel").values()), "models": list(frozen.values())}
        | {"choice": []},
        output=made(
            *("metrics", "delong", "equivalence", "mcnemar", "precision_recall", "subgroups"),
            *("sample_size", "published"),
        ),
        params={
            "settings": rule_params.discrimination(study_config) | {"resamples": 20},
            "sample_size": config["evaluation"]["sample_size"],
            "scores": ["deep"],
            "harmonize": "none",
        }
        | {key: config[key] for key in ("models", "clinical", "screening", "published", "seed")},
    )
