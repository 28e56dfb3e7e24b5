"""Verdicts on performance: AUC, comparisons, net benefit, subgroups, published values."""

import math
from collections.abc import Callable

from microcalc.figures.number_format import split_label
from microcalc.report.findings import Finding
from microcalc.report.verdicts.row_text import (
    CHANCE,
    Row,
    Rows,
    difference_in,
    estimate_in,
    known,
    listed,
    listing,
    model_in_set,
    number_in,
    p_in,
    pair_in_set,
    text_in,
    the_model,
    validation,
)

ALPHA = 0.05


def metrics(rows: Rows) -> list[Finding]:
    """Return the AUCs that are undefined or not shown to be better than chance, of `metrics.csv`.

    Not shown to be better than chance is an AUC in validation whose lower bound is not above 0.5.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> row = {"model": "deep", "split": "internal", "kind": "held_out"}
    >>> auc = {"auc": 0.58, "auc_low": 0.45, "auc_high": 0.7}
    >>> (found,) = performance_verdicts.metrics([row | auc])
    >>> found.title
    'Not shown to be better than chance'
    """
    judged = validation(rows)
    undefined = [row for row in judged if number_in(row, "auc") is None]
    defined = [row for row in judged if number_in(row, "auc") is not None]
    chance = [row for row in defined if not known(row, "auc_low") > CHANCE]
    return [
        *listing(
            "warning",
            "AUC undefined",
            "The AUC could not be estimated for {}.",
            undefined,
            model_in_set,
        ),
        *listing(
            "warning",
            "Not shown to be better than chance",
            "The interval of the AUC holds 0.50, which is chance, or lies below: {}.",
            chance,
            lambda row: (
                f"{model_in_set(row)}, AUC {estimate_in(row, 'auc', 'auc_low', 'auc_high')}"
            ),
        ),
    ]


def undefined_tests(test: str) -> Callable[[Rows], list[Finding]]:
    """Return a verdict on a table of tests: which comparisons in validation have no P value.

    Parameters
    ----------
    test
        What the finding calls the test.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> judge = performance_verdicts.undefined_tests("DeLong's test")
    >>> pair = {"model_a": "deep", "model_b": "clinical", "split": "internal", "kind": "held_out"}
    >>> [found.text for found in judge([pair | {"p": ""}])]
    ['No P value could be computed for deep against clinical in internal validation.']
    """

    def judge(rows: Rows) -> list[Finding]:
        bad = [row for row in validation(rows) if number_in(row, "p") is None]
        title = f"{test}: some comparisons are undefined"
        return listing("note", title, "No P value could be computed for {}.", bad, pair_in_set)

    return judge


def equivalence(rows: Rows) -> list[Finding]:
    """Return the models that are inferior beyond the margin, and those undetermined.

    The rows are those of `equivalence.csv`, with their `verdict` and `statement`.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> row = {"kind": "held_out", "verdict": "inferior", "statement": "Deep is inferior."}
    >>> [found.text for found in performance_verdicts.equivalence([row])]
    ['Deep is inferior.']
    """
    judged = validation(rows)
    found = []
    inferior = [row for row in judged if text_in(row, "verdict") == "inferior"]
    if inferior:
        listed = " ".join(text_in(row, "statement") for row in inferior)
        found.append(Finding("warning", "A model is inferior beyond the margin", listed))
    undefined = [row for row in judged if text_in(row, "verdict") == "undetermined"]
    text = "Nothing can be said of {}."
    return found + listing("note", "Equivalence undetermined", text, undefined, pair_in_set)


def net_benefit(rows: Rows) -> list[Finding]:
    """Return models that at no threshold do better than treating all or none, of `net_benefit.csv`.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> place = {"split": "internal", "kind": "held_out", "threshold": 0.2}
    >>> benefits = {"treat_all": 0.4, "treat_none": 0.0, "deep": 0.39}
    >>> rows = [place | {"model": name, "net_benefit": value} for name, value in benefits.items()]
    >>> [found.title for found in performance_verdicts.net_benefit(rows)]
    ['No net benefit']
    """
    strategies = ("treat_all", "treat_none")
    best: dict[tuple[str, str, str], float] = {}
    for row in validation(rows):
        if text_in(row, "model") in strategies:
            key = text_in(row, "split"), text_in(row, "kind"), text_in(row, "threshold")
            best[key] = max(best.get(key, -math.inf), number_in(row, "net_benefit") or 0.0)
    useful: dict[tuple[str, str, str], bool] = {}
    of_model: dict[tuple[str, str, str], Row] = {}
    for row in validation(rows):
        if text_in(row, "model") not in strategies:
            split, kind = text_in(row, "split"), text_in(row, "kind")
            benefit = number_in(row, "net_benefit")
            rival = best.get((split, kind, text_in(row, "threshold")), 0.0)
            name = (split, kind, text_in(row, "model"))
            of_model[name] = row
            useful[name] = useful.get(name, False) or (benefit or -math.inf) > rival + 1e-9
    useless = [of_model[name] for name, is_useful in useful.items() if not is_useful]
    text = (
        "At no threshold probability did acting on the model have more net benefit than treating "
        "all or none: {}."
    )
    return listing("warning", "No net benefit", text, useless, model_in_set)


def subgroups(rows: Rows) -> list[Finding]:
    """Return the groups between which the AUC differs, and those too small to judge.

    The rows are those of `subgroups.csv`; the AUC differs where the P value of the interaction,
    times the number of tests (Bonferroni), is below `ALPHA`.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> row = {"model": "deep", "split": "external", "kind": "held_out", "column": "vendor"}
    >>> (found,) = performance_verdicts.subgroups([row | {"p_interaction": 0.004}])
    >>> found.text[-57:]
    'vendor, the deep model in external validation (P = .004).'
    """
    judged = validation(rows)
    tests = [row for row in judged if number_in(row, "p_interaction") is not None]
    found = listing(
        "warning",
        "The AUC differs between groups",
        f"After Bonferroni's correction for {len(tests)} tests the AUC is not the same in all "
        "groups: {}.",
        [row for row in tests if known(row, "p_interaction") * len(tests) < ALPHA],
        lambda row: (
            f"{text_in(row, 'column').replace('_', ' ')}, {model_in_set(row)} "
            f"(P {p_in(row, 'p_interaction')})"
        ),
    )
    small = {
        (text_in(row, "split"), text_in(row, "column"), text_in(row, "group")): None
        for row in judged
        if text_in(row, "status") == "too small"
    }
    if small:
        columns = dict.fromkeys(column.replace("_", " ") for _, column, _ in small)
        groups = "1 group has" if len(small) == 1 else f"{len(small)} groups have"
        text = (
            f"{groups} too few cases of a class for an AUC, by {listed(columns)}; how the models "
            "do there is not known (evaluation/subgroups.csv)."
        )
        found.append(Finding("note", "Groups too small to judge", text))
    return found


def finetuning(rows: Rows) -> list[Finding]:
    """Return the fine-tuned networks that did worse than the frozen one, of `finetuning.csv`.

    Worse is a difference of AUCs whose interval lies below 0.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> pair = {"model_a": "tuned", "model_b": "deep", "split": "internal"}
    >>> delta = {"delta": -0.1, "delta_low": -0.18, "delta_high": -0.02}
    >>> [found.title for found in performance_verdicts.finetuning([pair | delta])]
    ['Fine-tuning did harm']
    """
    return listing(
        "warning",
        "Fine-tuning did harm",
        "The AUC of the fine-tuned network was lower: {}.",
        [row for row in rows if known(row, "delta_high") < 0],
        lambda row: f"{pair_in_set(row)}, difference {difference_in(row)}",
    )


def published(rows: Rows) -> list[Finding]:
    """Return how many published values lie outside this run's intervals, of `published.csv`.

    A value beside apparent figures is not counted: it stands beside the out-of-fold ones too.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> rows = [{"kind": "held_out", "inside_interval": inside} for inside in ("yes", "no", "")]
    >>> [found.text for found in performance_verdicts.published(rows)]
    ["1 of 2 published values lie outside this run's intervals."]
    """
    judged = [row for row in rows if text_in(row, "kind") != "apparent"]
    outside = [row for row in judged if text_in(row, "inside_interval") == "no"]
    compared = [row for row in judged if text_in(row, "inside_interval")]
    if not outside:
        return []
    text = f"{len(outside)} of {len(compared)} published values lie outside this run's intervals."
    return [Finding("note", "Not as published", text)]


def development(rows: Rows) -> list[Finding]:
    """Return the models that do worse than when they were made, of `development.csv`.

    Worse is a difference of AUCs, here less there, whose interval lies below 0.

    Examples
    --------
    >>> from microcalc.report.verdicts import performance_verdicts
    >>> delta = {"delta": -0.1, "delta_low": -0.18, "delta_high": -0.02}
    >>> row = {"model": "deep", "split": "internal"} | delta
    >>> [found.title for found in performance_verdicts.development([row])]
    ['Worse than in development']
    """
    return listing(
        "warning",
        "Worse than in development",
        "The AUC is lower than it was when the models were made: {}.",
        [row for row in rows if known(row, "delta_high") < 0],
        lambda row: (
            f"{the_model(row)} against {split_label(text_in(row, 'split')).lower()}, "
            f"difference {difference_in(row)}"
        ),
    )
