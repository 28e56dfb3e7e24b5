"""Provenance of a model: digests of training rows, weights and settings, and versions."""

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pandas as pd

import microcalc
from microcalc.config.patch_recipe import RECIPE
from microcalc.config.published_weights import RANDOM, is_published
from microcalc.core import safetensors_header
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes, digest_value
from microcalc.features import kinds
from microcalc.features.columns import feature_names
from microcalc.features.domains import TRAINING
from microcalc.models.design import texts
from microcalc.selection.training import feature_matrix

if TYPE_CHECKING:
    from microcalc.models.frozen import Preprocessing, TablePart

LIBRARIES = ("firthmodels", "numba", "numpy", "pandas", "scipy")


def versions() -> dict[str, str]:
    """Return the versions of microcalc and of the libraries a fit depends on.

    Returns
    -------
    dict
        Version by distribution: microcalc first, then `LIBRARIES`.
    """
    return {"microcalc": microcalc.__version__} | {name: version(name) for name in LIBRARIES}


def weights(
    path: str | os.PathLike[str], adapted_paths: Sequence[str | os.PathLike[str]] = ()
) -> dict[str, str]:
    """Return backbone, source and digest of a network's weights, read without torch.

    Where batch-norm statistics were adapted, `adapted` is the digest of the weights with those of
    the training cases, which is the network that the model's features come from. Other centers'
    digests would put their images into the model.

    Parameters
    ----------
    path
        What the rule prepare_weights made.
    adapted_paths
        What the rule adapt_weights made, if it did.

    Returns
    -------
    dict
        backbone, source, digest; adapted where statistics were; preprocessing, as JSON, of weights
        that no name of torchvision's tells it of.

    Raises
    ------
    StudyError
        When a file is no safetensors file, or its metadata lack one of these.
    """
    found = _described(path, ("backbone", "source", "digest"), rule="prepare_weights")
    if not _is_known_by_name(found["source"]):
        found |= _described(path, ("preprocessing",), rule="prepare_weights")
    for adapted in adapted_paths:
        digests = json.loads(_described(adapted, ("digest",), rule="adapt_weights")["digest"])
        found["adapted"] = digests[TRAINING]
    return found


def _is_known_by_name(source: str) -> bool:
    """Return whether weights are random, torchvision's, or trained here from those of a set."""
    name = source.partition(" ")[0]
    return name in (RANDOM, "fine-tuned") or is_published(name)


def _described(path: str | os.PathLike[str], keys: Sequence[str], *, rule: str) -> dict[str, str]:
    """Return entries of a safetensors file's metadata."""
    try:
        metadata = safetensors_header.metadata(path)
        return {key: metadata[key] for key in keys}
    except (StudyError, KeyError) as error:
        raise StudyError(
            f"{os.path.basename(path)}: not a weights file that MicroCalc prepared ({error}); "
            f"remove it, so that the rule {rule} makes it again"
        ) from None


def parts(
    made: Mapping[str, Mapping[str, Any]],
    weights_paths: Mapping[str, str | os.PathLike[str]],
    adapted_paths: Mapping[str, str | os.PathLike[str]],
) -> "dict[str, TablePart]":
    """Return how each table of columns comes about, as a frozen model holds it.

    Parameters
    ----------
    made
        By table `kind`, and `images`, `measured_in` and `features` of `preprocessing`.
    weights_paths, adapted_paths
        Files of `weights` of the tables that have them.

    Returns
    -------
    dict
        kind, preprocessing, and weights where it has some, by table.

    Raises
    ------
    StudyError
        When a file is no weights file that MicroCalc prepared.
    """
    found: dict[str, TablePart] = {}
    for table, how in made.items():
        keys = ("images", "measured_in", "features")
        found[table] = {
            "kind": how["kind"],
            "preprocessing": preprocessing(**{key: how[key] for key in keys}),
        }
        if table in weights_paths:
            adapted = [adapted_paths[table]] if table in adapted_paths else []
            found[table]["weights"] = weights(weights_paths[table], adapted)
    return found


def preprocessing(
    images: Mapping[str, Any], measured_in: str, features: Mapping[str, Any]
) -> "Preprocessing":
    """Return how an image becomes features, the weights aside, and a digest of it.

    Parameters
    ----------
    images
        The settings that a patch depends on, see `Recipe.as_key`.
    measured_in
        The module that measures the set, whose version is part of it.
    features
        The settings that the set's columns depend on, see `FeatureSetSettings.deployed_by`.

    Returns
    -------
    dict
        images and features, each with the version of its code and the settings that its output
        depends on; digest, the SHA-256 of both.
    """
    no_feature = ("thumbnail_px", "surround")
    patch = {name: value for name, value in images.items() if name not in no_feature}
    of_images = {"recipe": RECIPE, **patch}
    of_features = {"recipe": kinds.recipe(measured_in), **features}
    digest = digest_value({"images": of_images, "features": of_features})
    return {"images": of_images, "features": of_features, "digest": digest}


def digest_cases(
    rows: pd.DataFrame, clinical: Sequence[str], features: Sequence[pd.DataFrame]
) -> str:
    """Return the digest of training cases: who they are, their class, predictors and features.

    Parameters
    ----------
    rows
        Training cases, sorted.
    clinical
        Clinical columns that the model could have used.
    features
        case_id and the features of each of the model's scores.

    Returns
    -------
    str
        SHA-256; the cases' columns count as text, their features as little-endian float32.

    Raises
    ------
    StudyError
        When a case lacks features.
    """
    columns = ["case_id", "patient_id", "y", *clinical]
    content = [digest_value({name: texts(rows[name]) for name in columns})]
    for own in features:
        names = feature_names(own.columns)
        numbers = feature_matrix(own, rows["case_id"], names).astype("<f4")
        content += [*names, digest_bytes(numbers.tobytes())]
    return digest_value(content)
