"""Digests of all that a study was made from."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from microcalc.files import digest_file, digest_value, read_json
from microcalc.images.shard_file import read_keys

Name = str | os.PathLike[str]


def digests(
    *,
    tables: Mapping[str, Name],
    shards: Sequence[Name],
    models: Sequence[Name],
    config: Mapping[str, Any],
) -> dict[str, str]:
    """Return the SHA-256 of every input by its name for people.

    Parameters
    ----------
    tables
        The study's own tables by name.
    shards
        `images/shard-K.npz`: each image's key digests its file, its row of the images table and
        how it was read.
    models
        The frozen models: they hold the digests of the network's weights and the training rows.
    config
        The whole config, defaults filled in.
    """
    found = {name: digest_file(path) for name, path in tables.items()}
    keys = sorted(key for shard in shards for key in read_keys(shard))
    found[f"{len(keys):,} images with their regions, as read"] = digest_value(keys)
    read = {Path(path).stem: read_json(path) for path in models}
    for model in read.values():
        if model["deep"]:
            weights = model["deep"]["weights"]
            found[f"network weights, {weights['backbone']}"] = weights["digest"]
    for name, model in read.items():
        found[f"training rows of the {name} model"] = model["training"]["digest"]
    found["config, defaults filled in"] = digest_value(config)
    return found
