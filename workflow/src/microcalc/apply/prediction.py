"""Predicting a cohort: probabilities, what each term adds, and what is unlike the training."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from microcalc.apply.intake import variables
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_file, digest_value, read_csv, read_json, read_parquet
from microcalc.images import included
from microcalc.models import applicability_domain, contributions, frozen, predict

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Predicted:
    """What the models say about a cohort.

    Attributes
    ----------
    predictions
        case_id, model, probability, threshold, called (the class it is called), made_from.
    contributions
        See `contributions.table`.
    warnings
        See `applicability_domain.outside`.
    """

    predictions: pd.DataFrame
    contributions: pd.DataFrame
    warnings: pd.DataFrame


def run(
    models: Sequence[Path],
    *,
    included_cases: Path,
    features: Mapping[str, Path],
    qc: Path,
    shards: Sequence[Path],
    seen: Path,
) -> Predicted:
    """Predict every included case with every model; nothing is fitted and no label is looked at.

    Parameters
    ----------
    models
        Files of the frozen models.
    included_cases, qc
        `images/included.csv` and `images/qc.csv` of the cohort.
    features
        Files of its features, by table of columns.
    shards
        Files of its image shards.
    seen
        `models/domain.json` of the study that froze the models.

    Returns
    -------
    Predicted
        Its predictions in the order of the models, then of the cases in `images/included.csv`.

    Raises
    ------
    StudyError
        Listing the images that the models were trained on; or when a file is damaged, or a case
        has no features.
    """
    span = read_json(seen)
    again = applicability_domain.trained_on(span, applicability_domain.pixel_digests(shards))
    if again:
        raise StudyError.listing(
            "The models were trained on these very images, so that a prediction of them proves "
            "nothing; take their cases out of the cohort",
            [f"image {image_id}" for image_id in again],
        )
    read = [frozen.read(path) for path in models]
    digests = {model["name"]: digest_file(p) for model, p in zip(read, models, strict=True)}
    cases = included.read(included_cases)
    columns = {name: read_parquet(path) for name, path in features.items()}
    parts = contributions.table(read, cases, columns)
    predicted = predict.predict(read, cases, columns)
    return Predicted(
        _called(predicted, read, _made_from(parts, digests)),
        parts,
        applicability_domain.outside(span, cases, read_csv(qc), columns, variables(read)),
    )


def _made_from(parts: pd.DataFrame, digests: dict[str, str]) -> dict[tuple[str, str], str]:
    """Return per case and model the digest of the model and of every value it took."""
    return {
        (str(case_id), str(model)): digest_value(
            [digests[str(model)], *rows[["term", "case_value"]].to_numpy().tolist()]
        )
        for (case_id, model), rows in parts.groupby(["case_id", "model"], sort=False)
    }


def _called(
    predicted: pd.DataFrame, models: list[frozen.FrozenModel], made_from: dict[tuple[str, str], str]
) -> pd.DataFrame:
    by_name = {model["name"]: model for model in models}
    own = [by_name[name] for name in predicted["model"]]
    positive = predicted["probability"] >= [model["threshold"] for model in own]
    return predicted.assign(
        threshold=[model["threshold"] for model in own],
        called=[
            model["labels"]["positive" if yes else "negative"]
            for model, yes in zip(own, positive, strict=True)
        ],
        made_from=[
            made_from[case_id, name]
            for case_id, name in zip(predicted["case_id"], predicted["model"], strict=True)
        ],
    )
