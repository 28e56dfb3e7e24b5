"""The tables a model is fitted on, read together."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from microcalc.core.files import read_csv, read_parquet
from microcalc.images import included as included_cases
from microcalc.selection.training import joined

if TYPE_CHECKING:
    from microcalc.models.frozen import TablePart

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class ScoreTables:
    """What a score is made of, how it was selected, and the training cases' cross-fitted scores.

    Attributes
    ----------
    learner
        That of its row of the config's `scores`.
    parts
        How each of its tables of columns comes about, by the table's name.
    features
        case_id and the columns of all its tables.
    selected
        `selected.csv`: feature, mean, sd, coefficient.
    crossfit
        `crossfit.csv`: case_id, fold, also_left_out, score.
    crossfit_selected
        `crossfit_selected.csv`: `selected` of the chain without each fold.
    """

    learner: str
    parts: "Mapping[str, TablePart]"
    features: pd.DataFrame
    selected: pd.DataFrame
    crossfit: pd.DataFrame
    crossfit_selected: pd.DataFrame


@dataclass(frozen=True)
class Tables:
    """The included cases, and all that is known of their scores.

    Attributes
    ----------
    included
        The included cases of every split, one row each.
    scores
        By the score's name.
    """

    included: pd.DataFrame
    scores: Mapping[str, ScoreTables]

    @classmethod
    def read(
        cls,
        included: Path,
        scores: Mapping[str, Mapping[str, Any]],
        parts: "Mapping[str, TablePart]",
        *,
        features: Sequence[Path],
        selected: Sequence[Path],
        crossfit: Sequence[Path],
        crossfit_selected: Sequence[Path],
    ) -> "Tables":
        """Return the tables of a study.

        Parameters
        ----------
        included
            `images/included.csv`.
        scores
            By score, `tables` and `learner`, see `plan.rule_params.scores`.
        parts
            By table of columns, how it comes about, see `provenance.parts`.
        features
            Files of each table of columns, in the order of `parts`.
        selected, crossfit, crossfit_selected
            Files of each score, in the order of `scores`.

        Returns
        -------
        Tables
            The features of a score's tables side by side.

        Raises
        ------
        StudyError
            When a file is damaged, or two tables of a score have a column of the same name.
        """
        columns = dict(zip(parts, map(read_parquet, features), strict=True))
        found = {
            name: ScoreTables(
                learner=made["learner"],
                parts={table: parts[table] for table in made["tables"]},
                features=joined([columns[table] for table in made["tables"]]),
                selected=read_csv(selected[i]),
                crossfit=read_csv(crossfit[i]),
                crossfit_selected=read_csv(crossfit_selected[i]),
            )
            for i, (name, made) in enumerate(scores.items())
        }
        return cls(included_cases.read(included), found)
