"""The tables a model is fitted on, read together."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from microcalc.core.files import read_csv, read_parquet
from microcalc.images import included as included_cases
from microcalc.models import provenance

if TYPE_CHECKING:
    from microcalc.models.frozen import Preprocessing

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Tables:
    """The included cases with their features, selections and out-of-fold scores.

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
    weights: dict[str, str]
    preprocessing: "Preprocessing"

    @classmethod
    def of_networks(
        cls,
        preprocessing: Mapping[str, Mapping[str, Any]],
        included: Path,
        *,
        features: Sequence[Path],
        selected: Sequence[Path],
        crossfit: Sequence[Path],
        crossfit_selected: Sequence[Path],
        weights: Sequence[Path],
        adapted: Sequence[Path] = (),
    ) -> dict[str, "Tables"]:
        """Return the tables of each network by its name.

        Parameters
        ----------
        preprocessing
            By network, `images` and `extraction` of `provenance.preprocessing`.
        included
            `images/included.csv`.
        features, selected, crossfit, crossfit_selected, weights
            Files of each network, in the same order.
        adapted
            What the rule adapt_weights made of each, if it did.
        """
        cases = included_cases.read(included)
        return {
            name: cls(
                included=cases,
                features=read_parquet(features[i]),
                selected=read_csv(selected[i]),
                crossfit=read_csv(crossfit[i]),
                crossfit_selected=read_csv(crossfit_selected[i]),
                weights=provenance.weights(weights[i], adapted[i : i + 1]),
                preprocessing=provenance.preprocessing(**made),
            )
            for i, (name, made) in enumerate(preprocessing.items())
        }
