"""Replicates of the whole chain: bootstrap, split lottery, permutation.

A replicate depends on the study's seed and its own number alone, so it is the same in whatever
job and order it is made.
"""

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from microcalc.cohort import split
from microcalc.core import seeds
from microcalc.core.errors import StudyError
from microcalc.evaluation import predictions, refit
from microcalc.evaluation.refit import Cases, Indices, Plan, Refit
from microcalc.statistics import calibration, delong, resampling
from microcalc.statistics.arrays import Floats

MEASURES = ("auc", "slope", "brier")
COLUMNS = ("replicate", "model", "set", "n_pos", "n_neg", *MEASURES)
SELECTED_COLUMNS = ("replicate", "kind", "name")
# A resample without two patients of each class cannot be cross-validated; it is drawn again.
FEWEST = 2

logger = logging.getLogger(__name__)

Sets = dict[str, Cases]


def run(
    design: str, numbers: Iterable[int], cases: Cases, plan: Plan, *, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what replicates of one design measured, and what they selected.

    Parameters
    ----------
    design
        "bootstrap": training patients drawn with replacement; measured on the sample itself
        (apparent), on the training cases (original) and on those not drawn (out_of_bag).
        "split_lottery": the development patients' places drawn anew by hash, with the share that
        trains in the study; measured on the new internal set.
        "permutation": labels permuted among the patients of a center and split; measured on
        internal and external validation.
    numbers
        The replicates to make, from 0.
    cases
        The included cases of all splits.
    plan
        What is fitted.
    seed
        The study's seed.

    Returns
    -------
    measured
        With `COLUMNS`. A replicate that could not be fitted has one row, without a model.
    selected
        With `SELECTED_COLUMNS`: the features of scores and the clinical variables that each
        selected.

    Raises
    ------
    StudyError
        When the split lottery is asked of a study without an internal validation set.
    """
    measured: list[dict[str, Any]] = []
    selected: list[dict[str, Any]] = []
    for number in numbers:
        own = seeds.derive(seed, f"evaluation.{design}", number)
        training, sets = DESIGNS[design](cases, own)
        try:
            fitted = refit.fit(training, plan, seed=own)
        except StudyError as error:
            logger.warning("%s %d could not be fitted: %s", design, number, error)
            measured.append({"replicate": number})
            continue
        measured += [{"replicate": number, **row} for row in _measured(fitted, sets)]
        selected += [
            {"replicate": number, "kind": kind, "name": name} for kind, name in fitted.selected
        ]
        logger.info("%s %d is done", design, number)
    return (
        pd.DataFrame(measured, columns=list(COLUMNS)).astype({"n_pos": "Int64", "n_neg": "Int64"}),
        pd.DataFrame(selected, columns=list(SELECTED_COLUMNS)),
    )


def measure(y: Indices, probability: Floats) -> dict[str, float]:
    """Return AUC, calibration slope and Brier score of one set.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    probability
        Shape (n,).

    Returns
    -------
    dict of float
        By `MEASURES`. Of one class AUC and slope are NaN, without a case all three; so is the slope
        where the probabilities separate the classes or do not vary.

    Raises
    ------
    StudyError
        When there are both classes and a probability is missing or outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.evaluation import replicates
    >>> y, p = np.array([0, 0, 1, 0, 1, 1]), np.array([0.1, 0.3, 0.4, 0.6, 0.7, 0.9])
    >>> {name: round(value, 2) for name, value in replicates.measure(y, p).items()}
    {'auc': 0.89, 'slope': 1.5, 'brier': 0.15}
    """
    found = dict.fromkeys(MEASURES, math.nan)
    if y.size:
        found["brier"] = float(np.mean((probability - y) ** 2))
    if 0 < y.sum() < y.size:
        found["auc"] = delong.auc_ci(y, probability).auc
        found["slope"] = calibration.fit_recalibration(y, probability)[1]
    return found


def bootstrap_sample(cases: Cases, seed: int) -> tuple[Cases, Indices]:
    """Return a bootstrap sample of patients, and the positions of the cases not drawn.

    A patient drawn twice brings every case twice. Its copies share a fold, since one must not
    predict the other; to the regressions they are patients, as everyone in the study is, so
    that the sample is treated as the study was.

    Parameters
    ----------
    cases
        n cases, of at least `FEWEST` patients of each class: samples with fewer are drawn again.
    seed
        The replicate's own.

    Returns
    -------
    sample : Cases
        As many patients as there are, with `original_patient`.
    out : numpy.ndarray
        Positions in `cases` of those not drawn, rising.

    Raises
    ------
    StudyError
        When a class has too few patients.
    """
    for label in (0, 1):
        if len(set(cases.patients[cases.y == label])) < FEWEST:
            raise StudyError(
                f"evaluation.bootstrap: training has fewer than {FEWEST} patients of a class, so "
                "that no sample of it has as many; images/qc.csv says who left and why"
            )
    codes = resampling.patient_codes(cases.patients)
    rng = seeds.stream(seed, "sample")
    while True:
        weights = next(resampling.case_weights(codes, rng, resamples=1))[0]
        drawn = weights > 0
        if all(len(set(codes[drawn & (cases.y == label)])) >= FEWEST for label in (0, 1)):
            break
    sample = cases.take(np.repeat(np.arange(codes.size), weights))
    copy = np.concatenate([np.arange(times) for times in weights])
    own = sample.rows["patient_id"]
    rows = sample.rows.assign(
        original_patient=own,
        patient_id=[f"{name}#{number}" for name, number in zip(own, copy, strict=True)],
    )
    return replace(sample, rows=rows), np.flatnonzero(~drawn)


def permuted(cases: Cases, seed: int) -> Cases:
    """Return the cases with labels permuted within center and split.

    Patients of a center and split who have equally many cases exchange the labels of all of
    them, so that every set keeps its class balance and patients keep theirs.

    Parameters
    ----------
    cases
        n cases.
    seed
        The replicate's own.

    Returns
    -------
    Cases
        The same cases in the same order, `y` permuted.
    """
    rng = seeds.stream(seed, "labels")
    y = cases.y.copy()
    places = pd.Series(np.arange(y.size)).groupby(cases.patients, sort=True).agg(list)
    first = cases.rows.iloc[[own[0] for own in places]]
    strata: dict[tuple[str, str, int], list[list[int]]] = {}
    for own, center, name in zip(places, first["center"], first["split"], strict=True):
        strata.setdefault((str(center), str(name), len(own)), []).append(own)
    for _, patients in sorted(strata.items()):
        positions = np.array(patients)
        y[positions] = y[positions][rng.permutation(len(patients))]
    return replace(cases, rows=cases.rows.assign(y=y))


def _bootstrap(cases: Cases, seed: int) -> tuple[Cases, Sets]:
    original = cases.where("train")
    sample, out = bootstrap_sample(original, seed)
    return sample, {"apparent": sample, "original": original, "out_of_bag": original.take(out)}


def _split_lottery(cases: Cases, seed: int) -> tuple[Cases, Sets]:
    development = cases.where("train", "internal")
    own = development.rows.drop_duplicates("patient_id")["split"]
    if own.nunique() < 2:
        raise StudyError(
            "evaluation.split_lottery is on, but the study has no internal validation set to draw "
            "anew; set it to 0, or give the study one"
        )
    columns = development.rows[["case_id", "patient_id", "center"]]
    records: Any = columns.to_dict("records")
    places = split.assign_splits(
        records,
        development_centers=set(development.rows["center"]),
        train_fraction=float((own == "train").mean()),
        seed=seed,
    )
    drawn = development.rows["case_id"].map(places)
    again = replace(development, rows=development.rows.assign(split=drawn))
    return again.where("train"), {"internal": again.where("internal")}


def _permutation(cases: Cases, seed: int) -> tuple[Cases, Sets]:
    shuffled = permuted(cases, seed)
    return shuffled.where("train"), {
        name: shuffled.where(name)
        for name in ("internal", "external")
        if (shuffled.rows["split"] == name).any()
    }


DESIGNS: dict[str, Callable[[Cases, int], tuple[Cases, Sets]]] = {
    "bootstrap": _bootstrap,
    "split_lottery": _split_lottery,
    "permutation": _permutation,
}


def _measured(fitted: Refit, sets: Sets) -> Iterator[dict[str, Any]]:
    for name, cases in sets.items():
        y = cases.y
        sizes = {"set": name, "n_pos": int(y.sum()), "n_neg": int((y == 0).sum())}
        for model, probability in fitted.predict(cases).items():
            yield {"model": model, **sizes, **measure(y, probability)}


def by_model_and_set(
    rows: pd.DataFrame, measured: pd.DataFrame
) -> Iterator[tuple[str, str, pd.DataFrame, dict[str, Any]]]:
    """Yield the replicates' AUCs of each model and set, with the study's own.

    Parameters
    ----------
    rows
        `models/predictions.csv`, of which the held-out ones count.
    measured
        Replicates, `COLUMNS`.

    Yields
    ------
    model, split : str
        Of which there is an AUC.
    own : pandas.DataFrame
        Their rows of `measured` that have an AUC; at least one.
    observed : dict
        n_pos, n_neg and auc of the study's predictions of them; the AUC is NaN where one class is
        missing.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).
    """
    predictions.check(rows)
    defined = measured[measured["model"].notna() & measured["auc"].notna()]
    for (model, place), own in defined.groupby(["model", "set"], sort=False):
        part = rows[
            (rows["model"] == model) & (rows["split"] == place) & (rows["kind"] == "held_out")
        ]
        y = part["y"].to_numpy()
        sizes = {"n_pos": int(y.sum()), "n_neg": int((y == 0).sum())}
        auc = measure(y, part["probability"].to_numpy())["auc"]
        yield str(model), str(place), own, {**sizes, "auc": auc}


def failed(measured: pd.DataFrame) -> int:
    """Return how many replicates could not be fitted.

    Parameters
    ----------
    measured
        Replicates, `COLUMNS`.

    Returns
    -------
    int
        Rows without a model.
    """
    return int(measured["model"].isna().sum())


def sample_sd(values: Floats) -> float:
    """Return the standard deviation of a sample, divisor n - 1.

    Parameters
    ----------
    values
        Shape (n,).

    Returns
    -------
    float
        In the unit of the values; NaN of a single value.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.evaluation import replicates
    >>> round(replicates.sample_sd(np.array([1.0, 3.0])), 3)
    1.414
    """
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
