"""Recalibration: fitted on internal validation, reported on external data, nowhere else.

It is the one exception to "everything fitted sees train alone", so it has a file of its own.
"""

from typing import Any

import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.evaluation import predictions
from microcalc.statistics import calibration

COLUMNS = ("model", "intercept", "slope", "fitted_on", "n", "n_pos")
INTERVALS = ("intercept_low", "intercept_high", "slope_low", "slope_high", "method")


def fit(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return each model's recalibration, fitted on its internal validation predictions.

    Parameters
    ----------
    rows
        `models/predictions.csv`.

    Returns
    -------
    dict
        Per model: intercept, slope (on the logit scale), fitted_on, n, n_pos.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), there is no internal
        validation set, or a model's predictions of it are of one class, separate the classes or do
        not vary.

    References
    ----------
    Cox, Biometrika 1958; 45: 562.
    """
    predictions.check(rows)
    internal = rows[(rows["split"] == "internal") & (rows["kind"] == "held_out")]
    if internal.empty:
        raise StudyError(
            "evaluation.recalibrate is on, but no case is held out for internal validation; "
            "turn it off or give the study an internal split"
        )
    found = {}
    for model, part in internal.sort_values("case_id").groupby("model", sort=True):
        y = part["y"].to_numpy()
        intercept, slope = calibration.fit_recalibration(y, part["probability"].to_numpy())
        if intercept != intercept:
            raise StudyError(
                f"{model} separates the internal validation set; it cannot be recalibrated on it"
            )
        found[str(model)] = {
            "intercept": intercept,
            "slope": slope,
            "fitted_on": "internal",
            "n": int(y.size),
            "n_pos": int(y.sum()),
        }
    return found


def extend(rows: pd.DataFrame, *, wanted: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the predictions, with recalibrated ones where wanted, and the table of the fits.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    wanted
        The config's `evaluation.recalibrate`.

    Returns
    -------
    rows : pandas.DataFrame
        As from `apply`.
    fitted : pandas.DataFrame
        With `COLUMNS`, a row per model, or none where recalibration is off.

    Raises
    ------
    StudyError
        As `fit`, where wanted.
    """
    fitted = fit(rows) if wanted else {}
    lines = [{"model": model, **line} for model, line in fitted.items()]
    return apply(rows, fitted), pd.DataFrame(lines, columns=list(COLUMNS))


def with_intervals(fitted: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the fits with the columns `INTERVALS`.

    Parameters
    ----------
    fitted
        With `COLUMNS`.
    measured
        `calibration.csv`: intercept and slope of the internal predictions are these very fits.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS` and `INTERVALS`, the rows as they were.
    """
    own = measured[(measured["split"] == "internal") & (measured["kind"] == "held_out")]
    return fitted.merge(own[["model", *INTERVALS]], on="model", how="left", validate="1:1")


def apply(rows: pd.DataFrame, fitted: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the predictions with the external ones added once more, recalibrated.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    fitted
        From `fit`. Models that it lacks are not added.

    Returns
    -------
    pandas.DataFrame
        `rows`, then those of kind "recalibrated"; with an empty `fitted` the rows as they were.

    References
    ----------
    Cox, Biometrika 1958; 45: 562.
    """
    added = [rows]
    external = rows[(rows["split"] == "external") & (rows["kind"] == "held_out")]
    for model, line in fitted.items():
        part = external[external["model"] == model]
        probability = calibration.apply_recalibration(
            part["probability"].to_numpy(), line["intercept"], line["slope"]
        )
        added.append(part.assign(kind="recalibrated", probability=probability))
    return pd.concat(added, ignore_index=True)
