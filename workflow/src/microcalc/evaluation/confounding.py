"""Confounding audit: `confounding.csv`, whether features tell the center or metadata the label."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.core import seeds
from microcalc.features.columns import feature_names
from microcalc.models.notes import feature_words
from microcalc.selection.training import feature_matrix
from microcalc.statistics import auc_interval
from microcalc.statistics.arrays import Floats
from microcalc.statistics.folds import assign_folds

COLUMNS = (
    "question", "outcome", "predictors", "cases", "n", "n_pos", "n_neg", "auc", "low", "high",
    "verdict", "statement", "method",
)  # fmt: skip
# What the machine and its export decide; the ROI and the breast have no part in it.
NUMERIC = ("rows", "columns", "spacing_row_mm", "spacing_column_mm", "bits_stored")
CATEGORICAL = (
    "view", "spacing_source", "voi", "inverted", "transfer_syntax", "sop_class",
    "photometric_interpretation",
)  # fmt: skip
CENTER, LABEL, METADATA = "which center?", "which label?", "acquisition metadata"
MEANING = {
    (CENTER, True): "The {predictors} tell the center: a model can learn it in place of "
    "the disease, so results within each center count more",
    (CENTER, False): "The {predictors} do not visibly tell the center",
    (LABEL, True): "Acquisition metadata alone tell the label: a model that sees the "
    "images may do so without seeing the lesion",
    (LABEL, False): "Acquisition metadata alone do not visibly tell the label",
}
NAMED = ("question", "outcome", "cases")
"""What a question's folds are dealt by."""
FOLDS = 5
FEWEST = 10
# Cases standardized at a time: of a large study's features no copy as a whole is made.
BLOCK = 8192
Places = npt.NDArray[np.intp]
Asked = tuple[dict[str, str], Places | slice, npt.NDArray[np.int64]]
"""A question, the cases it is asked of, and what is to be told of each case."""


def audit(
    cases: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    qc: pd.DataFrame,
    *,
    seed: int,
    confidence: float,
) -> pd.DataFrame:
    """Return the AUC of predicting center or label from what should not tell it, with `COLUMNS`.

    Parameters
    ----------
    cases
        The included cases of all splits: case_id, patient_id, center, y, n_images.
    features
        case_id and features, by set.
    qc
        `images/qc.csv`.
    seed
        The study's seed, for the folds.
    confidence
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        "Which center?" from the features of each set, each center against the others; "which
        label?" from acquisition metadata alone, over all cases and within each center. A question
        with fewer than 10 patients on a side has no AUC.

    Raises
    ------
    StudyError
        When a set of features lacks a case or holds it twice.
    """
    ordered = cases.sort_values("case_id").reset_index(drop=True)
    asked = list(_questions(ordered))
    of_center = [entry for entry in asked if entry[0]["question"] == CENTER]
    of_label = [entry for entry in asked if entry[0]["question"] == LABEL]
    found = []
    for name, table in features.items():
        X = feature_matrix(table, ordered["case_id"], feature_names(table.columns))
        words = feature_words([name])
        found += _answers(X, words, of_center, ordered, seed=seed, confidence=confidence)
    X = acquisition(ordered, qc)
    found += _answers(X, METADATA, of_label, ordered, seed=seed, confidence=confidence)
    return pd.DataFrame(found, columns=list(COLUMNS))


def acquisition(cases: pd.DataFrame, qc: pd.DataFrame) -> Floats:
    """Return the acquisition metadata of each case.

    Parameters
    ----------
    cases
        case_id and n_images, n rows.
    qc
        `images/qc.csv`, of which the usable images count. `NUMERIC` and `CATEGORICAL` columns that
        it lacks are left out.

    Returns
    -------
    numpy.ndarray
        Shape (n, k): the number of images; of each numeric column the mean over the case's images,
        in the column's own unit (pixels, mm, bits), and the share of images without a value; of
        each level of a categorical one the share of images with it. 0 where a case has no value.
    """
    images = qc[qc["status"] == "ok"]
    columns: list[Any] = [pd.to_numeric(cases["n_images"]).to_numpy(dtype=float)]
    for name in NUMERIC:
        if name in images:
            numbers = pd.to_numeric(images[name], errors="coerce")
            columns.append(_mean(numbers, images, cases))
            columns.append(_mean(numbers.isna(), images, cases))
    for name in CATEGORICAL:
        if name in images:
            text = images[name].astype(str)
            columns += [_mean(text == level, images, cases) for level in sorted(set(text))]
    return np.asarray(np.nan_to_num(np.column_stack(columns), nan=0.0), dtype=np.float64)


def cross_validated(
    X: Floats, y: npt.NDArray[np.int64], patients: npt.ArrayLike, *, seed: int
) -> Floats:
    """Return the cross-validated ridge score of each case, from a fit without its fold.

    Columns are standardized on the fitted cases; the penalty equals the mean squared length of
    a case, which needs no tuning and is as heavy as high-dimensional features ask for.

    Parameters
    ----------
    X
        Predictors, shape (n, p).
    y
        0 or 1, shape (n,).
    patients
        Patient of each case, shape (n,); those of one patient share a fold.
    seed
        Deals the `FOLDS` folds.

    Returns
    -------
    numpy.ndarray
        Shape (n,), about 0, larger meaning more likely 1; rounded to nine decimals.

    Raises
    ------
    StudyError
        When there are fewer patients than folds.
    """
    fold = assign_folds(y, patients, n_folds=FOLDS, seed=seed)
    scores = np.empty(len(y))
    middle = X.mean(axis=0)
    products = _products(X, middle, fold) if len(y) > X.shape[1] else None
    for k in range(FOLDS):
        rest, out = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        mean, sd = _moments(X, rest)
        standardized = partial(_standardized, X, mean, sd)
        outcome = y[rest] - y[rest].mean()
        if products is None:
            coefficients = _among_cases(standardized(rest), outcome)
        else:
            squares = np.delete(products, k, axis=0).sum(axis=0)
            squares -= len(rest) * np.outer(mean - middle, mean - middle)
            coefficients = _among_columns(squares, sd, standardized, rest, outcome)
        for rows in _blocks(out):
            # Rounded, so that cases that differ by nothing are tied.
            scores[rows] = np.round(standardized(rows) @ coefficients, 9)
    return scores


def _blocks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, len(values), BLOCK):
        yield values[start : start + BLOCK]


def _moments(X: Floats, rows: Places) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column over the named rows."""
    mean = np.asarray(sum(X[block].sum(axis=0) for block in _blocks(rows)) / len(rows))
    squares = sum(((X[block] - mean) ** 2).sum(axis=0) for block in _blocks(rows))
    return mean, np.sqrt(np.asarray(squares) / len(rows))


def _standardized(X: Floats, mean: Floats, sd: Floats, rows: Places) -> Floats:
    """Return the named rows of the columns that vary."""
    varies, scale = _scale(sd)
    return np.asarray((X[rows][:, varies] - mean[varies]) / scale)


def _scale(sd: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return which columns vary, and what these are divided by."""
    varies = sd > 1e-9
    return varies, sd[varies] * np.sqrt(max(1, int(varies.sum())))


def _products(X: Floats, middle: Floats, fold: Places) -> Floats:
    """Return the products of the columns, less their `middle`, over each fold: shape (K, p, p)."""
    products = np.zeros((FOLDS, X.shape[1], X.shape[1]))
    for k in range(FOLDS):
        for block in _blocks(np.flatnonzero(fold == k)):
            part = X[block] - middle
            products[k] += part.T @ part
    return products


def _among_cases(Z: Floats, y: Floats) -> Floats:
    """Return the coefficients of a ridge regression of penalty 1, solved among the cases."""
    return np.asarray(Z.T @ np.linalg.solve(Z @ Z.T + np.eye(len(Z)), y))


def _among_columns(
    squares: Floats, sd: Floats, standardized: Callable[[Places], Floats], rows: Places, y: Floats
) -> Floats:
    """Return the same coefficients solved among the columns, from their products over `rows`.

    Products of a fold's rest are all products less the fold's, so that each case counts once.
    """
    varies, scale = _scale(sd)
    among = squares[np.ix_(varies, varies)] / np.outer(scale, scale)
    blocks = zip(_blocks(rows), _blocks(y), strict=True)
    with_outcome = sum(standardized(block).T @ outcome for block, outcome in blocks)
    return np.asarray(np.linalg.solve(among + np.eye(len(among)), with_outcome))


def _questions(
    cases: pd.DataFrame,
) -> Iterator[Asked]:
    center = cases["center"].to_numpy(dtype=str)
    everyone = slice(None)
    names = sorted(set(center))
    # With two centers, one against the other is the same question twice.
    for name in names[: len(names) - (len(names) == 2)] if len(names) > 1 else ():
        question = {"question": CENTER, "outcome": f"center {name}", "cases": "all"}
        yield question, everyone, (center == name).astype(np.int64)
    label = cases["y"].to_numpy(dtype=np.int64)
    for name in ("all", *names):
        question = {"question": LABEL, "outcome": "positive label",
                    "cases": "all" if name == "all" else f"center {name}"}  # fmt: skip
        rows = everyone if name == "all" else np.flatnonzero(center == name)
        yield question, rows, label


def _answers(
    X: Floats,
    predictors: str,
    asked: Sequence[Asked],
    cases: pd.DataFrame,
    *,
    seed: int,
    confidence: float,
) -> list[dict[str, Any]]:
    """Return a row for each question that is asked of X, the predictors of all cases."""
    found = []
    for question, rows, outcome in asked:
        row = question | {"predictors": predictors}
        found.append(row | _answer(X[rows], outcome[rows], cases.iloc[rows], row, seed, confidence))
    return found


def _answer(
    X: Floats,
    y: npt.NDArray[np.int64],
    cases: pd.DataFrame,
    question: dict[str, str],
    seed: int,
    confidence: float,
) -> dict[str, Any]:
    patients = cases["patient_id"].to_numpy(dtype=str)
    sizes = {"n": y.size, "n_pos": int(y.sum()), "n_neg": int((y == 0).sum())}
    if min(len(set(patients[y == side])) for side in (0, 1)) < FEWEST:
        return sizes | {
            "verdict": "too small",
            "statement": f"Fewer than {FEWEST} patients on a side: not asked.",
        }
    own = seeds.derive(seed, "evaluation.confounding", *map(question.__getitem__, NAMED))
    score = cross_validated(X, y, patients, seed=own)
    found, method = auc_interval.estimate(y, score, patients, confidence=confidence)
    method = f"ridge, {FOLDS}-fold cross-validated by patient; {method}"
    if math.isnan(found.low):
        return sizes | {
            "auc": found.auc,
            "verdict": "undetermined",
            "statement": f"{question['question']} Undetermined: the AUC, {found.auc:.2f}, has no "
            f"interval ({question['cases']}).",
            "method": method,
        }
    told = found.low > 0.5
    interval = (
        f"AUC {found.auc:.2f}, {100 * confidence:g} % interval {found.low:.2f} to {found.high:.2f}"
    )
    return sizes | {
        "auc": found.auc,
        "low": found.low,
        "high": found.high,
        "verdict": "told" if told else "not told",
        "statement": f"{_meaning(question, told)} ({interval}; {question['cases']}).",
        "method": method,
    }


def _meaning(question: Mapping[str, str], told: bool) -> str:
    return MEANING[question["question"], told].format(predictors=question["predictors"])


def _mean(values: Any, images: pd.DataFrame, cases: pd.DataFrame) -> Floats:
    by_case = values.astype(float).groupby(images["case_id"]).mean()
    return np.asarray(by_case.reindex(cases["case_id"]).to_numpy(dtype=float))
