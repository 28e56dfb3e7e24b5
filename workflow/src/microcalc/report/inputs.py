"""Digests of a study's inputs, and the columns of its tables."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from microcalc.config import feature_sets
from microcalc.config.study_config import StudyConfig
from microcalc.core.files import digest_file, digest_value, read_json
from microcalc.core.table_reader import read_table
from microcalc.images.shard_file import read_keys
from microcalc.report import score_text

Name = str | os.PathLike[str]


def describe(
    *,
    tables: Mapping[str, Name],
    features: Sequence[Name],
    shards: Sequence[Name],
    models: Sequence[Name],
    config: StudyConfig,
    digest_of: Callable[[Name], str] = digest_file,
) -> dict[str, dict[str, Any]]:
    """Return `digests`, the SHA-256 of every input by its name for people, and `columns`.

    Parameters
    ----------
    tables
        The study's own tables by name, those aside that features come from; one that it has not
        got is empty.
    features
        Those tables, in the order of the config's `features`.
    shards
        `images/shard-K.npz`: each image's key digests its file, its row of the images table and
        how it was read.
    models
        The frozen models: they hold the digests of the networks' weights and the training rows.
    config
        The whole config, defaults filled in.
    digest_of
        Gives the SHA-256 of a table; of a job, as it was when the job began.

    Raises
    ------
    StudyError
        When a table, a shard or a model cannot be read.
    FileNotFoundError
        When one is not there.
    """
    given = {name: path for name, path in tables.items() if path}
    of_sets = zip(feature_sets.tables_given(config), features, strict=True)
    given |= {score_text.features([name]): path for name, path in of_sets}
    found = {name: digest_of(path) for name, path in given.items()}
    keys = sorted(key for shard in shards for key in read_keys(shard))
    found["images with their regions, as read"] = digest_value(keys)
    main = feature_sets.main_set(config)
    read = {Path(path).stem: read_json(path) for path in models}
    for model in read.values():
        for table, part in model["tables"].items():
            if weights := part.get("weights"):
                which = "" if table == main else f" ({table})"
                found[f"network weights, {weights['backbone']}{which}"] = weights["digest"]
    for name, model in read.items():
        found[f"training rows of the {name} model"] = model["training"]["digest"]
    found["config, defaults filled in"] = digest_value(config.plain())
    return {
        "digests": found,
        "columns": {name: read_table(path).columns for name, path in given.items()},
    }
