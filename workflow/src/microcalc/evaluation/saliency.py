"""Class activation maps of the cases that one model was surest of, rightly and wrongly."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_file
from microcalc.features import cam_cache
from microcalc.images import shard_file
from microcalc.models import provenance
from microcalc.models.frozen import FrozenModel

KINDS = (
    ("true positive", 1, True),
    ("false positive", 0, True),
    ("false negative", 1, False),
    ("true negative", 0, False),
)
"""What a case can be: its name, its y, whether it was called positive."""


@dataclass(frozen=True)
class Linear:
    """A model of one score as a linear function of features: intercept + coefficients @ features.

    Attributes
    ----------
    coefficients
        Log odds per unit of a feature, by the feature's place in the network's output.
    intercept
        Log odds of a case whose features are 0.
    """

    coefficients: Mapping[int, float]
    intercept: float


def choose(predictions: pd.DataFrame, model: FrozenModel) -> pd.DataFrame:
    """Return the most confident right and wrong case of either class, in each validation split.

    Parameters
    ----------
    predictions
        ``models/predictions.csv``.
    model
        The frozen model whose predictions are looked at.

    Returns
    -------
    DataFrame
        split, kind (see `KINDS`), case_id, y, probability; a kind that no case is of is left out.
        Of several cases with the same probability it is the first by case_id.
    """
    rows = predictions[
        (predictions["model"] == model["name"]) & (predictions["kind"] == "held_out")
    ].sort_values("case_id", kind="stable")
    positive = rows["probability"] >= model["threshold"]
    chosen = []
    for split in ("internal", "external"):
        for kind, y, called in KINDS:
            found = rows[(rows["split"] == split) & (rows["y"] == y) & (positive == called)]
            order = found["probability"].sort_values(ascending=not called, kind="stable")
            chosen.append(found.loc[order.index[:1]].assign(kind=kind))
    columns = ["split", "kind", "case_id", "y", "probability"]
    table: pd.DataFrame = pd.concat(chosen)[columns].reset_index(drop=True)
    return table


def of_case(register: pd.DataFrame, case_id: str, model: FrozenModel) -> pd.DataFrame:
    """Return what `choose` does for one case whose label is not asked for: y is -1.

    Parameters
    ----------
    register
        case_id, model and probability of a cohort's predictions.
    case_id
        The case.
    model
        The frozen model that is looked at.

    Returns
    -------
    pandas.DataFrame
        One row: case_id, probability, split "new", kind "prediction", y.

    Raises
    ------
    StudyError
        When the model has not predicted the case.
    """
    rows = register[(register["model"] == model["name"]) & (register["case_id"] == case_id)]
    if rows.empty:
        raise StudyError(
            f"case {case_id}: has no prediction of model {model['name']}; see whether it stands in "
            "the case table and whether its images can be used (images/qc.csv)"
        )
    table: pd.DataFrame = rows[["case_id", "probability"]]
    return table.assign(split="new", kind="prediction", y=-1)


def linear(model: FrozenModel) -> Linear:
    """Return a frozen model of one score of one set of features as a linear function of these.

    Parameters
    ----------
    model
        The frozen model; its set is a network's, whose columns are numbered.

    Returns
    -------
    Linear
        In log odds per unit of the features as extracted, their means and SDs worked in.

    Raises
    ------
    StudyError
        When it has other predictors, or its score is made of several sets.
    """
    terms = model["terms"]
    is_score = [term["kind"] for term in terms] == ["score"]
    if not is_score or len(model["scores"][0]["tables"]) > 1:
        raise StudyError(
            f"model {model['name']} is not the score of one set of features alone, so that a map "
            "of the image is no map of its prediction"
        )
    slope, score = terms[0]["coefficient"], model["scores"][0]
    prefix = f"{score['tables'][0]}_"
    per_unit = {
        int(feature["name"].removeprefix(prefix)): slope * feature["coefficient"] / feature["sd"]
        for feature in score["features"]
    }
    shift = sum(f["coefficient"] * f["mean"] / f["sd"] for f in score["features"])
    return Linear(per_unit, model["intercept"] + slope * (score["intercept"] - shift))


def compute(
    chosen: pd.DataFrame,
    model: FrozenModel,
    shard_paths: Sequence[str | os.PathLike[str]],
    weights_path: str | os.PathLike[str],
    *,
    device: str,
    kept: str | os.PathLike[str] | None,
    cache: bool,
) -> dict[str, npt.NDArray[Any]]:
    """Return the maps of the chosen cases' views, one entry per image.

    Parameters
    ----------
    chosen
        What `choose` returned.
    model
        See `linear`.
    shard_paths
        The study's shards of patches.
    weights_path
        The prepared weights.
    device, kept, cache
        See `cam_cache.of_cases`.

    Returns
    -------
    dict
        case_id, split, kind, y, probability, threshold, logit, constant, method, image_id, view
        (n,); picture (n, S, S), the patch for people; map (n, h, w). With method ``exact`` the
        maps of a case's views and its constant add up to its logit.

    Raises
    ------
    StudyError
        As `linear`; when a file is no readable shard, or no layer of the network has positions.

    References
    ----------
    Zhou and others, CVPR 2016: 2921; Selvaraju and others, ICCV 2017: 618, see `features.cam`.
    """
    function = linear(model)
    shards = [shard_file.read(path) for path in shard_paths]
    views = {case_id: _views(shards, case_id) for case_id in chosen["case_id"]}
    patches = {name: np.stack([shard.patch[i] for shard, i in own]) for name, own in views.items()}
    described = provenance.weights(weights_path)
    how: dict[str, Any] = {"device": device, "kept": kept, "cache": cache}
    maps = cam_cache.of_cases(patches, function.coefficients, weights_path, described, **how)
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for case in chosen.to_dict("records"):
        found = maps[case["case_id"]]
        for (shard, i), one in zip(views[case["case_id"]], found.maps, strict=True):
            row = case | {
                "threshold": model["threshold"],
                "logit": function.intercept + found.score,
                "constant": function.intercept,
                "method": found.method,
                "image_id": str(shard.image_id[i]),
                "view": str(shard.view[i]),
                "picture": shard.picture[i],
                "map": one.astype(np.float32),
            }
            for column, values in columns.items():
                values.append(row[column])
    return {name: np.array(values) for name, values in columns.items()}


_COLUMNS = (
    "case_id", "split", "kind", "y", "probability", "threshold", "logit", "constant", "method",
    "image_id", "view", "picture", "map",
)  # fmt: skip


def _views(shards: Sequence[shard_file.Shard], case_id: str) -> list[tuple[shard_file.Shard, int]]:
    """Return where a case's usable images lie, in the order of their views."""
    found = [
        (shard, int(i))
        for shard in shards
        for i in np.flatnonzero((shard.case_id == case_id) & (shard.status == "ok"))
    ]
    return sorted(found, key=lambda at: (str(at[0].view[at[1]]), str(at[0].image_id[at[1]])))


def write(arrays: Mapping[str, npt.NDArray[Any]], path: str | os.PathLike[str]) -> None:
    """Write the maps as an npz archive, the same bytes for the same maps.

    Parameters
    ----------
    arrays
        From `compute`.
    path
        The file.
    """
    with atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
