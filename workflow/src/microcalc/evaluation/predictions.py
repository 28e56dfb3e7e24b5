"""Reading and checking the predictions that every table of this room is made from."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.core.files import read_csv, read_json
from microcalc.models.frozen import FrozenModel

COLUMNS = ("case_id", "patient_id", "center", "split", "y", "model", "kind", "probability")

# The order a reader expects: where the model was made first, then ever farther from it.
SETS = (
    ("train", "apparent"),
    ("train", "out_of_fold"),
    ("internal", "held_out"),
    ("external", "held_out"),
    ("external", "recalibrated"),
)


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the predictions of a file, checked.

    Parameters
    ----------
    path
        `models/predictions.csv`.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS` at least.

    Raises
    ------
    StudyError
        When the file is damaged, or as `check`.
    """
    return check(read_csv(path), name=Path(path).name)


def check(predictions: pd.DataFrame, *, name: str = "predictions") -> pd.DataFrame:
    """Return `predictions` as they are, once nothing is wrong with them.

    Parameters
    ----------
    predictions
        With `COLUMNS`, one row per case, model and kind.
    name
        What an error calls them.

    Returns
    -------
    pandas.DataFrame
        The same.

    Raises
    ------
    StudyError
        Listing every problem: a missing column, an unknown split and kind, a case that stands
        twice for one model and kind, y that is not 0 or 1, a probability that is missing or
        outside [0, 1].
    """
    absent = [column for column in COLUMNS if column not in predictions.columns]
    if absent:
        raise StudyError.listing(
            f"{name}: not a table of predictions", [f"no column {column!r}" for column in absent]
        )
    rows = predictions
    key = ["model", "kind", "case_id"]
    known = pd.Series(list(zip(rows["split"], rows["kind"], strict=True))).isin(SETS).to_numpy()
    problems = [
        *_each(rows[~known], "split and kind are none of train/apparent, train/out_of_fold, "
               "internal/held_out, external/held_out"),
        *_each(rows[rows.duplicated(key, keep="first")], "the case stands twice"),
        *_each(rows[~rows["y"].isin((0, 1))], "y is neither 0 nor 1"),
        *_each(
            rows[~rows["probability"].between(0, 1)], "the probability is missing or not in [0, 1]"
        ),
    ]  # fmt: skip
    if problems:
        raise StudyError.listing(f"{name}: predictions cannot be evaluated", problems)
    return predictions


def sets(predictions: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the predictions of each set there is, in the order of `SETS`.

    Parameters
    ----------
    predictions
        From `check`.

    Yields
    ------
    split, kind : str
        One of `SETS`.
    rows : pandas.DataFrame
        Its predictions, by model and case_id; at least one.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.evaluation import predictions
    >>> row = {"split": "internal", "kind": "held_out", "model": "deep", "case_id": "C001"}
    >>> [(split, kind, len(rows)) for split, kind, rows in predictions.sets(pd.DataFrame([row]))]
    [('internal', 'held_out', 1)]
    """
    for split, kind in SETS:
        rows = predictions[(predictions["split"] == split) & (predictions["kind"] == kind)]
        if len(rows):
            yield split, kind, rows.sort_values(["model", "case_id"], kind="stable")


def read_models(paths: Iterable[str | os.PathLike[str]]) -> dict[str, FrozenModel]:
    """Return the frozen models by name.

    Parameters
    ----------
    paths
        Their files, `models/<name>.json`.

    Returns
    -------
    dict of FrozenModel
        In the order of `paths`.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    models: list[FrozenModel] = [read_json(path) for path in paths]
    return {model["name"]: model for model in models}


def _each(rows: pd.DataFrame, problem: str) -> list[str]:
    named = zip(rows["case_id"], rows["model"], rows["split"], rows["kind"], strict=True)
    return [f"case {case}, model {model}, {split}/{kind}: {problem}"
            for case, model, split, kind in named]  # fmt: skip
