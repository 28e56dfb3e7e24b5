"""What the tables of `evaluation/` say that a reader must know before the first number.

One function per table that can hold a bad verdict turns its rows into findings; the page, the
console's last lines, the manuscript and the checklists all say what `of_tables` returns. Equal
findings of many models and sets are one finding.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from microcalc.figures.words import estimate, number, p_value, split_label
from microcalc.figures.words import label as model_label

Row = Mapping[str, Any]
Rows = Sequence[Row]

VALIDATION = ("held_out", "recalibrated")
# Judged at this level; where many groups or intervals are judged at once, so far beyond it that
# one in twenty studies without fault is told of one.
ALPHA = 0.05
# How many half-widths an interval's estimate is away from where it should be.
FAR = 1.5
MANY_FAILED = 0.05
CHANCE = 0.5
SHOWN = 6

NO_VERDICT = {
    "table1": "describes the cohort",
    "precision_recall": "a curve, drawn; its area is in metrics.csv",
    "calibration_curve": "a curve, drawn; calibration.csv judges it",
    "calibration_groups": "drawn beside the curve; calibration.csv judges it",
    "calibration_histogram": "drawn below the curve",
    "reclassification": "a result with a caution of its own; judged by AUC and net benefit",
    "selection_frequency": "how often each predictor is chosen: a description",
    "split_lottery_replicates": "replicates; split_lottery.csv judges them",
    "permutation_replicates": "replicates; permutation.csv judges them",
}
"""Tables of `evaluation/` that can hold no bad verdict, and why not."""


@dataclass(frozen=True)
class Finding:
    """One thing to know: a short name and one to three sentences."""

    kind: Literal["limit", "warning", "note"]
    title: str
    text: str


def of_tables(tables: Mapping[str, Rows]) -> list[Finding]:
    """Return what the tables say, warnings before notes.

    Parameters
    ----------
    tables
        Rows by name of the table; a table that is absent or has no row says nothing. A cell may
        be a number, text, empty or NaN; a column may be missing.
    """
    found = [
        finding for name, judge in VERDICTS.items() if tables.get(name)
        for finding in judge(tables[name])
    ]  # fmt: skip
    return sorted(found, key=lambda finding: finding.kind != "warning")


def told(findings: Iterable[Finding]) -> str:
    """Return the titles in a sentence's order: what a checklist has room for."""
    return "; ".join(finding.title for finding in findings)


def _leakage(rows: Rows) -> list[Finding]:
    bad = [row for row in rows if _text(row, "verdict") == "found"]
    found = []
    if bad:
        checks = " ".join(
            f"{_capital(_text(row, 'check'))}: {_text(row, 'statement')}." for row in bad
        )
        across = any("in two splits" in _text(row, "check") for row in bad)
        meaning = (
            "Training and validation share cases, so that the results below are too good."
            if across
            else "Two patients of one set look like one, who would then count twice."
        )
        title = "Training and validation share cases" if across else "Two patients look like one"
        found.append(Finding("warning", title, f"{meaning} {checks.replace('..', '.')}"))
    blind = sum(int(_number(row, "not_judged") or 0) for row in rows)
    if blind:
        text = (
            f"{blind:,} {_pairs(blind)} of images of two patients show too little tissue in "
            "common to tell whether one is a copy of the other (evaluation/leakage.csv)."
        )
        found.append(Finding("note", "Pairs not searched for copies", text))
    return found


def _confounding(rows: Rows) -> list[Finding]:
    found: list[Finding] = []
    meanings = {
        "which center?": (
            "The deep features tell the center",
            "A model can learn the center in place of the disease, so that results within each "
            "center count more.",
        ),
        "which label?": (
            "Acquisition metadata tell the label",
            "A model that sees the images may tell the label from how they were made, without "
            "seeing the lesion.",
        ),
    }
    for question, (title, meaning) in meanings.items():
        told = [
            row
            for row in rows
            if _text(row, "question") == question and _text(row, "verdict") == "told"
        ]
        found += _listing("warning", title, f"{meaning} AUC: {{}}.", told, _answer)
    small = [row for row in rows if _text(row, "verdict") == "too small"]
    text = "With too few patients on a side these questions have no answer: {}."
    return found + _listing(
        "note",
        "Confounding not examined",
        text,
        small,
        lambda row: f"{_text(row, 'question')} ({_asked_of(row)})",
    )


def _sample_size(rows: Rows) -> list[Finding]:
    """Return the criterion that asks for most, of each model and each validation set."""
    worst: dict[tuple[str, str], Row] = {}
    for row in rows:
        if _text(row, "met") != "yes":
            key = _text(row, "set"), _text(row, "model")
            if key not in worst or _needed(row) > _needed(worst[key]):
                worst[key] = row
    if not worst:
        return []
    listed = " ".join(_text(row, "statement") for row in worst.values())
    return [Finding("warning", "Fewer cases than the criteria ask for", listed)]


def _metrics(rows: Rows) -> list[Finding]:
    judged = _validation(rows)
    undefined = [row for row in judged if _number(row, "auc") is None]
    known = [row for row in judged if _number(row, "auc") is not None]
    chance = [row for row in known if not _known(row, "auc_low") > CHANCE]
    return [
        *_listing(
            "warning", "AUC undefined", "The AUC could not be estimated for {}.", undefined, _model
        ),
        *_listing(
            "warning",
            "Not shown to be better than chance",
            "The interval of the AUC holds 0.50, which is chance, or lies below: {}.",
            chance,
            lambda row: f"{_model(row)}, AUC {_estimate(row, 'auc', 'auc_low', 'auc_high')}",
        ),
    ]


def _undefined_tests(test: str) -> Callable[[Rows], list[Finding]]:
    def judge(rows: Rows) -> list[Finding]:
        bad = [row for row in _validation(rows) if _number(row, "p") is None]
        title = f"{test}: some comparisons are undefined"
        return _listing("note", title, "No P value could be computed for {}.", bad, _pair)

    return judge


def _equivalence(rows: Rows) -> list[Finding]:
    judged = _validation(rows)
    found = []
    inferior = [row for row in judged if _text(row, "verdict") == "inferior"]
    if inferior:
        listed = " ".join(_text(row, "statement") for row in inferior)
        found.append(Finding("warning", "A model is inferior beyond the margin", listed))
    undefined = [row for row in judged if _text(row, "verdict") == "undetermined"]
    text = "Nothing can be said of {}."
    return found + _listing("note", "Equivalence undetermined", text, undefined, _pair)


def _calibration(rows: Rows) -> list[Finding]:
    """Return the slopes off 1 and the calibrations in the large off 0."""
    names = {"slope": (1.0, "slope"), "citl": (0.0, "calibration in the large")}
    undefined = [
        row
        for row in _validation(rows)
        if _number(row, "slope") is None and _number(row, "n_pos") and _number(row, "n_neg")
    ]
    text = "Intercept and slope could not be estimated for {}."
    found = _listing("note", "Calibration undetermined", text, undefined, _model)
    off: dict[bool, list[str]] = {True: [], False: []}
    for row in _validation(rows):
        for name, (right, what) in names.items():
            distance = _half_widths(row, name, right)
            if distance > 1:
                off[distance > FAR].append(
                    f"{what} of {_model(row)}, "
                    f"{_estimate(row, name, f'{name}_low', f'{name}_high')}"
                )
    if off[True]:
        text = (
            "Probabilities are not those of these cases; a slope below 1 means that they are too "
            f"extreme, a calibration in the large below 0 that they are too high: "
            f"{_listed(off[True])}."
        )
        found.append(Finding("warning", "Probabilities are off", text))
    elif off[False]:
        text = f"The interval leaves out what a calibrated model has: {_listed(off[False])}."
        found.append(Finding("note", "Probabilities may be off", text))
    return found


def _recalibration(rows: Rows) -> list[Finding]:
    text = (
        "On internal validation no rising recalibration was found for {}; its recalibrated "
        "probabilities mean nothing."
    )
    bad = [row for row in rows if not _known(row, "slope") > 0]
    return _listing("warning", "Recalibration failed", text, bad, _the_model)


def _net_benefit(rows: Rows) -> list[Finding]:
    """Return models that never do better than treating all or none."""
    strategies = ("treat_all", "treat_none")
    best: dict[tuple[str, str, str], float] = {}
    for row in _validation(rows):
        if _text(row, "model") in strategies:
            key = _text(row, "split"), _text(row, "kind"), _text(row, "threshold")
            best[key] = max(best.get(key, -math.inf), _number(row, "net_benefit") or 0.0)
    useful: dict[tuple[str, str, str], bool] = {}
    of_model: dict[tuple[str, str, str], Row] = {}
    for row in _validation(rows):
        if _text(row, "model") not in strategies:
            split, kind = _text(row, "split"), _text(row, "kind")
            benefit = _number(row, "net_benefit")
            rival = best.get((split, kind, _text(row, "threshold")), 0.0)
            name = (split, kind, _text(row, "model"))
            of_model[name] = row
            useful[name] = useful.get(name, False) or (benefit or -math.inf) > rival + 1e-9
    useless = [of_model[name] for name, is_useful in useful.items() if not is_useful]
    text = (
        "At no threshold probability did acting on the model have more net benefit than treating "
        "all or none: {}."
    )
    return _listing("warning", "No net benefit", text, useless, _model)


def _optimism(rows: Rows) -> list[Finding]:
    bad = [
        row for row in rows if _text(row, "measure") == "auc" and _known(row, "corrected") <= CHANCE
    ]
    return _failed("bootstrap samples", rows, "replicates") + _listing(
        "warning",
        "Nothing left after correction for optimism",
        "Corrected for optimism, the AUC is that of chance or below: {}.",
        bad,
        lambda row: (
            f"{_the_model(row)}, {number(_known(row, 'corrected'))} "
            f"(apparent {number(_known(row, 'apparent'))})"
        ),
    )


def _permutation(rows: Rows) -> list[Finding]:
    return _failed("permutations", rows, "permutations") + _listing(
        "warning",
        "No better than permuted labels",
        "Labels that mean nothing often gave as large an AUC: {}.",
        [row for row in rows if _known(row, "p") > ALPHA],
        lambda row: f"{_model(row)}, P {_p(row, 'p')}",
    )


def _split_lottery(rows: Rows) -> list[Finding]:
    return _failed("random splits", rows, "splits") + _listing(
        "warning",
        "A lucky split",
        "The study's own split did better than 97.5 % of random ones: {}.",
        [row for row in rows if _known(row, "study_auc") > _known(row, "p97_5")],
        lambda row: (
            f"{_model(row)}, AUC {number(_known(row, 'study_auc'))} against a median of "
            f"{number(_known(row, 'median'))}"
        ),
    )


def _subgroups(rows: Rows) -> list[Finding]:
    judged = _validation(rows)
    tests = [row for row in judged if _number(row, "p_interaction") is not None]
    found = _listing(
        "warning",
        "The AUC differs between groups",
        f"After Bonferroni's correction for {len(tests)} tests the AUC is not the same in all "
        "groups: {}.",
        [row for row in tests if _known(row, "p_interaction") * len(tests) < ALPHA],
        lambda row: (
            f"{_text(row, 'column').replace('_', ' ')}, {_model(row)} "
            f"(P {_p(row, 'p_interaction')})"
        ),
    )
    small = {
        (_text(row, "split"), _text(row, "column"), _text(row, "group")): None
        for row in judged
        if _text(row, "status") == "too small"
    }
    if small:
        columns = dict.fromkeys(column.replace("_", " ") for _, column, _ in small)
        groups = "1 group has" if len(small) == 1 else f"{len(small)} groups have"
        text = (
            f"{groups} too few cases of a class for an AUC, by {_listed(columns)}; how the models "
            "do there is not known (evaluation/subgroups.csv)."
        )
        found.append(Finding("note", "Groups too small to judge", text))
    return found


def _finetuning(rows: Rows) -> list[Finding]:
    return _listing(
        "warning",
        "Fine-tuning did harm",
        "The AUC of the fine-tuned network was lower: {}.",
        [row for row in rows if _known(row, "delta_high") < 0],
        lambda row: f"{_pair(row)}, difference {_difference(row)}",
    )


def _published(rows: Rows) -> list[Finding]:
    judged = [row for row in rows if _text(row, "kind") != "apparent"]
    outside = [row for row in judged if _text(row, "inside_interval") == "no"]
    known = [row for row in judged if _text(row, "inside_interval")]
    if not outside:
        return []
    text = f"{len(outside)} of {len(known)} published values lie outside this run's intervals."
    return [Finding("note", "Not as published", text)]


def _development(rows: Rows) -> list[Finding]:
    return _listing(
        "warning",
        "Worse than in development",
        "The AUC is lower than it was when the models were made: {}.",
        [row for row in rows if _known(row, "delta_high") < 0],
        lambda row: (
            f"{_the_model(row)} against {split_label(_text(row, 'split')).lower()}, "
            f"difference {_difference(row)}"
        ),
    )


VERDICTS: Mapping[str, Callable[[Rows], list[Finding]]] = {
    "leakage": _leakage,
    "confounding": _confounding,
    "metrics": _metrics,
    "permutation": _permutation,
    "optimism": _optimism,
    "split_lottery": _split_lottery,
    "development": _development,
    "sample_size": _sample_size,
    "calibration": _calibration,
    "recalibration": _recalibration,
    "net_benefit": _net_benefit,
    "equivalence": _equivalence,
    "finetuning": _finetuning,
    "subgroups": _subgroups,
    "delong": _undefined_tests("DeLong's test"),
    "mcnemar": _undefined_tests("McNemar's test"),
    "published": _published,
}
"""What to ask of each table that can hold a bad verdict, the gravest first."""

ONLY_SOME = ("finetuning", "development")
"""Tables that not every study has."""

AUDITED = tuple(name for name in VERDICTS if name not in ONLY_SOME)
"""Tables that every study has, and that its report reads for their verdicts."""


def _failed(what: str, rows: Rows, done: str) -> list[Finding]:
    """Return how many replicates could not be fitted, by the model that most are lacking of."""
    counts = [(_number(row, "failed") or 0.0, _number(row, done) or 0.0) for row in rows]
    failed, fitted = max(counts, default=(0.0, 0.0))
    if not failed:
        return []
    share = failed / (failed + fitted)
    text = f"Of {failed + fitted:,.0f} {what}, {failed:,.0f} could not be fitted and count nowhere."
    kind: Literal["warning", "note"] = "warning" if share > MANY_FAILED else "note"
    return [Finding(kind, f"Some {what} failed", text)]


def _listing(
    kind: Literal["warning", "note"],
    title: str,
    text: str,
    rows: Rows,
    each: Callable[[Row], str],
) -> list[Finding]:
    """Return one finding, `text` with `each` row where it says {}; none where there is no row."""
    if not rows:
        return []
    return [Finding(kind, title, text.format(_listed(dict.fromkeys(map(each, rows)))))]


def _validation(rows: Rows) -> list[Row]:
    return [row for row in rows if _text(row, "kind") in VALIDATION]


def _number(row: Row, name: str) -> float | None:
    try:
        value = float(row[name])
    except (KeyError, TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def _known(row: Row, name: str) -> float:
    value = _number(row, name)
    return math.nan if value is None else value


def _text(row: Row, name: str) -> str:
    value = row.get(name, "")
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def _needed(row: Row) -> float:
    return _number(row, "n_required") or 0.0


def _half_widths(row: Row, name: str, right: float) -> float:
    """Return how many half-widths of its interval an estimate is away from where it should be."""
    value, low, high = (_known(row, f"{name}{end}") for end in ("", "_low", "_high"))
    width = value - low if value > right else high - value
    distance = abs(value - right)
    return distance / width if width > 0 else 0.0


def _estimate(row: Row, *names: str) -> str:
    value, low, high = (_known(row, name) for name in names)
    return estimate(value, low, high)


def _difference(row: Row) -> str:
    return _estimate(row, "delta", "delta_low", "delta_high")


def _answer(row: Row) -> str:
    return f"{_asked_of(row)}, {_estimate(row, 'auc', 'low', 'high')}"


def _asked_of(row: Row) -> str:
    return f"{_text(row, 'outcome')}, {_text(row, 'cases')} cases"


def _p(row: Row, name: str) -> str:
    return p_value(_known(row, name), equals=True)


def _the_model(row: Row) -> str:
    return f"the {model_label(_text(row, 'model')).lower()} model"


def _model(row: Row) -> str:
    recalibrated = ", recalibrated" if _text(row, "kind") == "recalibrated" else ""
    return f"{_the_model(row)}{recalibrated} in {split_label(_text(row, 'split')).lower()}"


def _pair(row: Row) -> str:
    a, b = (model_label(_text(row, name)).lower() for name in ("model_a", "model_b"))
    figure = f" ({_text(row, 'figure')})" if _text(row, "figure") else ""
    return f"{a} against {b}{figure} in {split_label(_text(row, 'split')).lower()}"


def _listed(parts: Iterable[str]) -> str:
    """Return the first few, and how many more there are."""
    every = list(parts)
    more = f"; and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more


def _pairs(count: int) -> str:
    return "pair" if count == 1 else "pairs"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
