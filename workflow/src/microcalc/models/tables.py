"""The tables a model is fitted on, read together."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from microcalc.files import read_csv, read_parquet
from microcalc.images import included as included_cases
from microcalc.models import provenance

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Tables:
    """What the rooms to the left say about the cases.

    Attributes
    ----------
    included
        The included cases of every split, one row each.
    features
        case_id and the deep features.
    selected
        `selection/selected.csv`: feature, mean, sd, coefficient.
    crossfit
        `selection/crossfit.csv`: case_id, fold, also_left_out, deep_score.
    crossfit_selected
        `selection/crossfit_selected.csv`: `selected` of the chain without each fold.
    weights
        Where the network's weights come from, with their digest.
    preprocessing
        How an image becomes features, see `provenance.preprocessing`.
    """

    included: pd.DataFrame
    features: pd.DataFrame
    selected: pd.DataFrame
    crossfit: pd.DataFrame
    crossfit_selected: pd.DataFrame
    weights: dict[str, Any]
    preprocessing: dict[str, Any]

    @classmethod
    def read(
        cls,
        *,
        included: Path,
        features: Path,
        selected: Path,
        crossfit: Path,
        crossfit_selected: Path,
        weights: Path,
        images: Mapping[str, Any],
        extraction: Mapping[str, Any],
        adapted: Sequence[Path] = (),
    ) -> "Tables":
        """Return the tables of these files.

        `images` and `extraction` are the config's sections `images` and `features`.
        """
        return cls(
            included_cases.read(included),
            read_parquet(features),
            read_csv(selected),
            read_csv(crossfit),
            read_csv(crossfit_selected),
            provenance.weights(weights, adapted),
            provenance.preprocessing(images, extraction),
        )
