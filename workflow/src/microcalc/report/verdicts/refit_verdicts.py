"""Verdicts on refits of the whole chain: optimism, permutation test, random splits."""

from typing import Literal

from microcalc.figures.number_format import number
from microcalc.report.findings import Finding
from microcalc.report.verdicts.row_text import (
    CHANCE,
    Rows,
    known,
    listing,
    model_in_set,
    number_in,
    p_in,
    text_in,
    the_model,
)

ALPHA = 0.05
MANY_FAILED = 0.05


def optimism(rows: Rows) -> list[Finding]:
    """Return the AUCs of which correction for optimism leaves nothing, and failed refits.

    The rows are those of `optimism.csv`; nothing is left where the corrected AUC is 0.5 or below.

    Examples
    --------
    >>> from microcalc.report.verdicts import refit_verdicts
    >>> row = {"model": "deep", "measure": "auc", "apparent": 0.8, "corrected": 0.49}
    >>> [found.title for found in refit_verdicts.optimism([row])]
    ['Nothing left after correction for optimism']
    """
    bad = [
        row
        for row in rows
        if text_in(row, "measure") == "auc" and known(row, "corrected") <= CHANCE
    ]
    return _failed("bootstrap samples", rows, "replicates") + listing(
        "warning",
        "Nothing left after correction for optimism",
        "Corrected for optimism, the AUC is that of chance or below: {}.",
        bad,
        lambda row: (
            f"{the_model(row)}, {number(known(row, 'corrected'))} "
            f"(apparent {number(known(row, 'apparent'))})"
        ),
    )


def permutation(rows: Rows) -> list[Finding]:
    """Return the models that permuted labels often reach, and failed permutations.

    The rows are those of `permutation.csv`; often is a P value above `ALPHA`.

    Examples
    --------
    >>> from microcalc.report.verdicts import refit_verdicts
    >>> row = {"model": "deep", "split": "internal", "kind": "held_out", "p": 0.3}
    >>> [found.title for found in refit_verdicts.permutation([row])]
    ['No better than permuted labels']
    """
    return _failed("permutations", rows, "permutations") + listing(
        "warning",
        "No better than permuted labels",
        "Labels that mean nothing often gave as large an AUC: {}.",
        [row for row in rows if known(row, "p") > ALPHA],
        lambda row: f"{model_in_set(row)}, P {p_in(row, 'p')}",
    )


def split_lottery(rows: Rows) -> list[Finding]:
    """Return the models whose own split did better than 97.5 % of random ones, and failed splits.

    The rows are those of `split_lottery.csv`.

    Examples
    --------
    >>> from microcalc.report.verdicts import refit_verdicts
    >>> aucs = {"study_auc": 0.9, "median": 0.8, "p97_5": 0.88}
    >>> row = {"model": "deep", "split": "internal", "kind": "held_out"} | aucs
    >>> [found.title for found in refit_verdicts.split_lottery([row])]
    ['A lucky split']
    """
    return _failed("random splits", rows, "splits") + listing(
        "warning",
        "A lucky split",
        "The study's own split did better than 97.5 % of random ones: {}.",
        [row for row in rows if known(row, "study_auc") > known(row, "p97_5")],
        lambda row: (
            f"{model_in_set(row)}, AUC {number(known(row, 'study_auc'))} against a median of "
            f"{number(known(row, 'median'))}"
        ),
    )


def _failed(what: str, rows: Rows, done: str) -> list[Finding]:
    """Return how many replicates could not be fitted, by the model that most are lacking of."""
    counts = [(number_in(row, "failed") or 0.0, number_in(row, done) or 0.0) for row in rows]
    failed, fitted = max(counts, default=(0.0, 0.0))
    if not failed:
        return []
    share = failed / (failed + fitted)
    text = f"Of {failed + fitted:,.0f} {what}, {failed:,.0f} could not be fitted and count nowhere."
    kind: Literal["warning", "note"] = "warning" if share > MANY_FAILED else "note"
    return [Finding(kind, f"Some {what} failed", text)]
