"""What selection, models and evaluation gave before features, scores and models were tables.

Run by the code of commit 6ac9df8, from its root, whose functions it calls; today's do not take
these arguments. The cases are the demo's as its images room leaves them, the features are made up.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from microcalc.config.evaluation_settings import DiscriminationSettings
from microcalc.config.settings import complete
from microcalc.core.files import write_csv
from microcalc.evaluation import cohort_tables, predictions, result_tables
from microcalc.images import included as included_cases
from microcalc.models import predict, provenance
from microcalc.models.fit import fit_models
from microcalc.models.recipe import Recipe
from microcalc.models.training_tables import Tables
from microcalc.plan import rule_params
from microcalc.selection import select

WIDTHS = {"main": 200, "small": 50}


def features(cases: pd.DataFrame, width: int) -> pd.DataFrame:
    """Return made-up features, five of which tell the classes apart a little."""
    rng = np.random.default_rng(width)
    values = rng.normal(size=(len(cases), width))
    values[:, :5] += 0.5 * cases[["y"]].to_numpy()
    table = pd.DataFrame(values.astype(np.float32), columns=[f"deep_{j:04d}" for j in range(width)])
    table.insert(0, "case_id", cases["case_id"].to_numpy())
    return table


def main(included: str, config_path: str, folder: Path) -> None:
    config: dict[str, Any] = yaml.safe_load(Path(config_path).read_text())
    config["features"]["further_networks"] = {
        "small": {"backbone": "resnet18", "weights": "random"}
    }
    config["models"] |= {
        "as_in_the_paper": {"clinical": "screened", "deep": "features"},
        "small": {"clinical": "none", "deep": "score", "network": "small"},
        "small_combined": {"clinical": ["age", "birads"], "deep": "score", "network": "small"},
    }
    config["evaluation"]["resamples"] = 200
    study = complete(config)
    cases = included_cases.read(included)
    tables, chosen, found = {}, {}, {}
    for name, width in WIDTHS.items():
        found[name] = features(cases, width)
        chosen[name] = select.select(cases, found[name], settings=study.selection, seed=study.seed)
        write_csv(chosen[name].chain.selected, folder / f"selected-{name}.csv")
        tables[name] = Tables(
            included=cases,
            features=found[name],
            selected=chosen[name].chain.selected,
            crossfit=chosen[name].crossfit,
            crossfit_selected=chosen[name].crossfit_selected,
            weights={"backbone": "none", "source": "made up", "digest": "0"},
            preprocessing=provenance.preprocessing(
                **rule_params.preprocessing({"": study.features}, study.images)["main"]
            ),
        )
    recipes = Recipe.of_models(
        study.models,
        study.clinical,
        study.screening,
        training_scores=study.selection.training_scores,
        seed=study.seed,
    )
    models, training = fit_models(recipes, tables, threshold=study.threshold, labels=study.labels)
    held_out = cases[cases["split"] != "train"]
    rows = []
    for model, own in zip(models, training, strict=True):
        network = study.models[model["name"]].network
        rows.append(predict.predict([model], held_out, found[network]).assign(kind="held_out"))
        rows.append(own.assign(model=model["name"]))
    identity = cases[["case_id", "patient_id", "center", "split", "y"]]
    table = pd.concat(rows, ignore_index=True).merge(identity, on="case_id", validate="m:1")
    table = table[list(predict.COLUMNS)].sort_values(["case_id", "model", "kind"])
    table = table.reset_index(drop=True)
    made = result_tables.discrimination(
        predictions.check(table),
        {model["name"]: model for model in models},
        cohort_tables.included(included),
        settings=DiscriminationSettings.of(rule_params.discrimination(study)),
        paper=study.published,
        seed=study.seed,
    )
    write_csv(table[["case_id", "model", "kind", "probability"]], folder / "predictions.csv")
    for name in ("metrics", "delong", "mcnemar", "equivalence"):
        write_csv(made[name], folder / f"{name}.csv")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
