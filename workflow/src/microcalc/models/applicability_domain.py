"""Applicability domain: what the training cases span, and in what later cases are unlike them."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.clinical_settings import ClinicalVariable, ClinicalVariables
from microcalc.core.errors import StudyError
from microcalc.core.files import FAST_DIGEST
from microcalc.features.columns import feature_names
from microcalc.images import shard_file
from microcalc.models.term import numeric, texts
from microcalc.selection.training import feature_matrix

Floats = NDArray[np.float64]

QUANTILE = 0.99
COLUMNS = ("case_id", "image_id", "aspect", "found", "seen")
NOT_STATED = "not stated"
# Spacings are written with a few digits.
SPACING_TOLERANCE = 0.01


class Range(TypedDict):
    """The least and the largest value met."""

    least: float
    largest: float


class Met(TypedDict, total=False):
    """The levels met, or the least and the largest number; of no number at all neither."""

    levels: list[str]
    least: float
    largest: float


class FeatureSpan(TypedDict):
    """The training cases' features, and the limit of the distance from their mean."""

    names: list[str]
    mean: list[float]
    variance: float
    limit: float


class Domain(TypedDict):
    """What `models/domain.json` holds, see `describe`."""

    n: int
    variables: dict[str, Met]
    spacing_mm: Range
    scanners: list[str]
    features: dict[str, FeatureSpan]
    images: list[str]


def pixel_digests(paths: Iterable[str | os.PathLike[str]]) -> pd.DataFrame:
    """Return which pixels the usable images of a study have.

    Parameters
    ----------
    paths
        The files of all image shards.

    Returns
    -------
    pandas.DataFrame
        image_id, case_id and pixel_digest, one row per image of status "ok".

    Raises
    ------
    StudyError
        When a file is no readable shard.
    """
    names = ["image_id", "case_id", "status", "pixel_digest"]
    read = [shard_file.read(path) for path in paths]
    table = pd.concat(
        [pd.DataFrame({name: getattr(shard, name) for name in names}) for shard in read],
        ignore_index=True,
    )
    return table[table["status"] == "ok"].drop(columns="status").reset_index(drop=True)


def describe(
    cases: pd.DataFrame,
    qc: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    digests: pd.DataFrame,
    clinical: ClinicalVariables,
) -> Domain:
    """Return what the training cases span, as JSON-like values.

    Parameters
    ----------
    cases
        The included cases: case_id, split and the clinical variables; those of other splits than
        train are not looked at.
    qc
        `images/qc.csv`.
    features
        case_id and features, by table of columns.
    digests
        From `pixel_digests`.
    clinical
        The config's `clinical`.

    Returns
    -------
    Domain
        n; variables: levels met, or least and largest value; spacing_mm: least and largest;
        scanners; features, by table of columns: their names and means, their total variance and
        the limit of the distance (see `distance`), which 99 % of training cases keep when they are
        left out of the mean; images: the digests of the training images' pixels, each with its
        kind.

    Raises
    ------
    StudyError
        When a training case has no features, or a continuous variable holds text.
    """
    train = cases[cases["split"] == "train"].sort_values("case_id").reset_index(drop=True)
    usable = qc[(qc["status"] == "ok") & qc["case_id"].isin(train["case_id"])]
    spacing = usable[["spacing_row_mm", "spacing_column_mm"]].to_numpy(dtype=float)
    trained_on = digests[digests["case_id"].isin(train["case_id"])]
    return {
        "n": len(train),
        "variables": {name: _span(train[name], clinical[name]) for name in clinical},
        "spacing_mm": {"least": float(spacing.min()), "largest": float(spacing.max())},
        "scanners": sorted(set(_scanners(usable))),
        "features": {
            name: _feature_span(train["case_id"], table) for name, table in features.items()
        },
        "images": sorted(set(trained_on["pixel_digest"]) - {""}),
    }


def _span(values: pd.Series, variable: ClinicalVariable) -> Met:
    if variable.categories:
        met = set(texts(values))
        return {"levels": [level for level in variable.categories if level in met]}
    numbers = numeric(values)
    known = numbers[~np.isnan(numbers)]
    return {"least": float(known.min()), "largest": float(known.max())} if known.size else {}


def _scanners(qc: pd.DataFrame) -> "pd.Series[str]":
    return qc["scanner"].fillna(NOT_STATED).astype(str)


def _feature_span(case_ids: "pd.Series[str]", features: pd.DataFrame) -> FeatureSpan:
    names = feature_names(features.columns)
    X = feature_matrix(features, case_ids, names)
    n, mean = len(X), X.mean(axis=0)
    variance = float(X.var(axis=0, ddof=1).sum())
    # The distance of a case from the mean of the others.
    left_out = distance(X, mean, variance) * n / (n - 1)
    limit = np.quantile(left_out, QUANTILE, method="higher")
    return {
        "names": list(names),
        "mean": mean.tolist(),
        "variance": variance,
        "limit": float(limit),
    }


def distance(X: Floats, mean: Floats, variance: float) -> Floats:
    """Return each case's distance from the training mean in units of its spread, shape (n,).

    The root of the squared distance over the training cases' mean squared distance, so that 1 is
    a usual case. No feature is scaled by its own spread: one that hardly moved in training would
    else outweigh all others.

    Parameters
    ----------
    X
        The features of one table of columns, shape (n, p).
    mean, variance
        Of the training cases: per feature, shape (p,), and summed over features.

    Returns
    -------
    numpy.ndarray
        Without unit, 0 or more, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.models import applicability_domain
    >>> applicability_domain.distance(np.array([[3.0, 4.0]]), np.zeros(2), 25.0)
    array([1.])
    """
    return np.asarray(np.sqrt(((X - mean) ** 2).sum(axis=1) / variance), dtype=np.float64)


def trained_on(domain: Domain, digests: pd.DataFrame) -> list[str]:
    """Return the images whose pixels are those of a training image.

    Parameters
    ----------
    domain
        From `describe`.
    digests
        The cohort's, from `pixel_digests`.

    Returns
    -------
    list of str
        Their image_id, sorted.

    Raises
    ------
    StudyError
        When the training images have digests of another kind, as earlier versions made them, so
        that none would ever be known again.
    """
    if not all(digest.startswith(f"{FAST_DIGEST}:") for digest in domain["images"]):
        raise StudyError(
            "models/domain.json knows the training images by digests of another kind than this "
            f"MicroCalc's ({FAST_DIGEST}), so that a training image in the cohort would pass for a "
            "new one; apply the models with the version that froze them, or run their study again"
        )
    met = digests["pixel_digest"].isin(domain["images"])
    return sorted(digests.loc[met, "image_id"])


def outside(
    domain: Domain,
    cases: pd.DataFrame,
    qc: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    variables: Iterable[str],
) -> pd.DataFrame:
    """Return one row for everything in which a case is unlike the training cases, with `COLUMNS`.

    Parameters
    ----------
    domain
        From `describe`.
    cases
        case_id and the clinical variables.
    qc
        `images/qc.csv` of these cases.
    features
        case_id and features, by table of columns.
    variables
        The clinical variables that the models use.

    Returns
    -------
    pandas.DataFrame
        `aspect` is "missing value", "unknown level", "value out of range", "pixel spacing",
        "unknown scanner" or a table's, such as "deep features"; `found` is the case's, `seen` what
        training had.
        `image_id` is empty where the whole case is meant. Sorted by case, image and aspect.

    Raises
    ------
    StudyError
        When a case has no features, or not all that the training cases had, or `domain` is of an
        earlier version.
    """
    rows = [row for name in variables for row in _of_variable(name, domain, cases)]
    rows += _of_images(domain, qc[(qc["status"] == "ok") & qc["case_id"].isin(cases["case_id"])])
    for name, table in features.items():
        rows += _of_features(name, domain["features"][name], cases["case_id"], table)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["case_id", "image_id", "aspect", "found"], ignore_index=True)


def _of_variable(
    name: str, domain: Domain, cases: pd.DataFrame
) -> Iterator[tuple[str, str, str, str, str]]:
    span, values = domain["variables"][name], texts(cases[name])
    for case_id, text in zip(cases["case_id"], values, strict=True):
        if text is None:
            yield case_id, "", "missing value", name, "a typical training value stands in"
        elif "levels" in span:
            if text not in span["levels"]:
                yield case_id, "", "unknown level", f"{name} {text}", ", ".join(span["levels"])
        elif "least" in span and not span["least"] <= float(text) <= span["largest"]:
            seen = f"{span['least']:g} to {span['largest']:g}"
            yield case_id, "", "value out of range", f"{name} {float(text):g}", seen


def _of_images(domain: Domain, qc: pd.DataFrame) -> Iterator[tuple[str, str, str, str, str]]:
    least, largest = domain["spacing_mm"]["least"], domain["spacing_mm"]["largest"]
    low, high = least * (1 - SPACING_TOLERANCE), largest * (1 + SPACING_TOLERANCE)
    sides = qc[["spacing_row_mm", "spacing_column_mm"]].to_numpy(dtype=float)
    for (case_id, image_id, scanner), (row_mm, column_mm) in zip(
        zip(qc["case_id"], qc["image_id"], _scanners(qc), strict=True), sides, strict=True
    ):
        if scanner not in domain["scanners"]:
            yield case_id, image_id, "unknown scanner", scanner, "; ".join(domain["scanners"])
        if min(row_mm, column_mm) < low or max(row_mm, column_mm) > high:
            found = f"{row_mm:g} x {column_mm:g} mm"
            yield case_id, image_id, "pixel spacing", found, f"{least:g} to {largest:g} mm"


def _of_features(
    name: str, span: FeatureSpan, case_ids: "pd.Series[str]", features: pd.DataFrame
) -> Iterator[tuple[str, str, str, str, str]]:
    if "names" not in span:
        raise StudyError(
            "models/domain.json is of an earlier version, which did not name the features; run the "
            "study that froze the models again"
        )
    # A table of the cohort's own may have further columns, and all of them in another order.
    X = feature_matrix(features, case_ids, tuple(span["names"]))
    far = distance(X, np.array(span["mean"]), span["variance"])
    for case_id, value in zip(case_ids, far, strict=True):
        if value > span["limit"]:
            words = f"{re.sub('[/_]', ' ', name)} features"
            yield case_id, "", words, f"distance {value:.2f}", f"up to {span['limit']:.2f}"
