"""What `snakemake apply` works with: a frozen study's settings over a new cohort's tables.

Every job on a cluster reads this module again, so it imports nothing heavy.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microcalc.config import feature_kinds
from microcalc.config.cohort_settings import Labels
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.core.errors import StudyError, did_you_mean
from microcalc.core.table_reader import read_table
from microcalc.models import deployment_settings

KEYS = ("models", "cohort", "study", "image_folder", "reader", "shards", "case")
FEWEST = 2
"""A class with fewer labelled cases has no AUC of known variance."""


@dataclass(frozen=True)
class Applied:
    """What was asked for.

    Attributes
    ----------
    frozen
        The results folder of the study that froze the models.
    simulated
        Whether they were fitted on phantoms.
    case
        The case to explain, or "".
    config
        The config of the study that the cohort becomes.
    """

    frozen: Path
    simulated: bool
    case: str
    config: dict[str, Any]

    def file(self, path: str) -> str:
        """Return where a result of the study that froze the models lies.

        Parameters
        ----------
        path
            Relative to its results folder.

        Returns
        -------
        str
            Whether it is there or not.
        """
        return str(self.frozen / path)

    def kept(self, *paths: str) -> list[str]:
        """Return those of its files that are still there.

        Parameters
        ----------
        *paths
            Relative to its results folder.

        Returns
        -------
        list of str
            In the order given.
        """
        return [file for file in map(self.file, paths) if Path(file).exists()]


def is_asked(config: Mapping[str, Any]) -> bool:
    """Return whether a config asks to apply frozen models.

    Parameters
    ----------
    config
        As the user gave it.

    Returns
    -------
    bool
        True where `models` is the name of a folder, and describes none.

    Examples
    --------
    >>> from microcalc.apply import apply_request
    >>> apply_request.is_asked({"models": "results/demo", "cohort": "clinic"})
    True
    >>> apply_request.is_asked({"study": "demo", "models": {"deep": {"scores": ["deep"]}}})
    False
    """
    return isinstance(config.get("models"), str)


def of(asked: Mapping[str, Any]) -> Applied:
    """Return what `asked` comes to.

    Parameters
    ----------
    asked
        models, the results folder of a finished study; cohort, a folder with cases.csv and
        images.csv. Further, where the defaults do not do: study (its name and the cohort's),
        image_folder (the cohort's), reader (whose regions), shards (1), case (a case to explain).

    Returns
    -------
    Applied
        Its config is the frozen study's, with the cohort's tables and results folder in it.

    Raises
    ------
    StudyError
        When a key is unknown or missing, there are no frozen models, they cannot be applied to
        single cases, or the results would lie among those of the study itself.
    """
    problems = [f"{key}: no such key{did_you_mean(key, KEYS)}" for key in asked if key not in KEYS]
    problems += ["cohort: is missing"] * ("cohort" not in asked)
    if problems:
        raise StudyError.listing(
            "apply takes --config models=<results folder of a study> cohort=<folder with cases.csv "
            "and images.csv>, and may take study, image_folder, reader, shards and case",
            problems,
        )
    frozen, cohort = Path(asked["models"]), Path(str(asked["cohort"]))
    handed = deployment_settings.read(frozen)
    config = handed["config"]
    sets = feature_kinds.each_of(config["features"])
    for set_name in _sets_taken(config):
        row = sets[set_name]
        if isinstance(row, FeatureSetSettings) and row.harmonize != "none":
            raise StudyError(
                f"models={frozen}: the features of {set_name} were harmonized between centers "
                f"({row.harmonize}), which needs the other cases of a center; such models cannot "
                f"be applied to new ones. Fit them with features.{set_name}.harmonize: none"
            )
    name = str(asked.get("study", f"{config['study']}-on-{cohort.resolve().name}"))
    if Path("results", name).resolve() == frozen.resolve():
        raise StudyError(f"study={name}: are the results of the models themselves; name another")
    return Applied(
        frozen=frozen,
        simulated=handed["simulated"],
        case=str(asked.get("case", "")),
        config=config
        | {
            "study": name,
            "cohort": {
                "cases": str(cohort / "cases.csv"),
                "images": str(cohort / "images.csv"),
                "image_folder": str(asked.get("image_folder", cohort)),
            },
            # Every case is listed with what became of it; none stops the others.
            "images": config["images"]
            | {
                "reader": asked.get("reader"),
                "shards": asked.get("shards", 1),
                "max_excluded": 1,
                "on_error": "exclude",
            },
            "features": {
                set_name: row.applied(frozen / "features" / set_name, cohort).plain()
                for set_name, row in sets.items()
            },
            # That would be fitted on the study's internal validation.
            "evaluation": config["evaluation"] | {"recalibrate": False},
        },
    )


def labelled(cases: str | os.PathLike[str], labels: Labels) -> bool:
    """Return whether enough cases have a label to evaluate anything.

    Parameters
    ----------
    cases
        Path of the cohort's case table.
    labels
        The study's classes.

    Returns
    -------
    bool
        True where either class has `FEWEST` cases or more.

    Raises
    ------
    StudyError
        When the table cannot be read.
    """
    given = [row.get("label", "") for row in read_table(cases).rows]
    return all(given.count(label) >= FEWEST for label in (labels.negative, labels.positive))


def _sets_taken(config: Mapping[str, Any]) -> list[str]:
    """Return the sets of features behind the scores that models take."""
    models = ModelSettings.each_of(config["models"]).values()
    scores = dict.fromkeys(name for model in models for name in model.taken)
    return [name for score in scores for name in config["scores"][score]["features"]]
