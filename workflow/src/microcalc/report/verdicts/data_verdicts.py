"""Verdicts on the study's data: leakage, confounding, sample size."""

from microcalc.report import format as fmt
from microcalc.report.findings import Finding
from microcalc.report.verdicts.row_text import Row, Rows, estimate_in, listing, number_in, text_in


def leakage(rows: Rows) -> list[Finding]:
    """Return the checks that found shared cases, and pairs of images that were not judged.

    The rows are those of `leakage.csv`.

    Examples
    --------
    >>> from microcalc.report.verdicts import data_verdicts
    >>> check = {"check": "same image in two splits", "statement": "2 pairs", "verdict": "found"}
    >>> [found.title for found in data_verdicts.leakage([check])]
    ['Training and validation share cases']
    """
    bad = [row for row in rows if text_in(row, "verdict") == "found"]
    found = []
    if bad:
        checks = " ".join(
            f"{_capital(text_in(row, 'check'))}: {text_in(row, 'statement')}." for row in bad
        )
        across = any("in two splits" in text_in(row, "check") for row in bad)
        meaning = (
            "Training and validation share cases, so that the results below are too good."
            if across
            else "Two patients of one set look like one, who would then count twice."
        )
        title = "Training and validation share cases" if across else "Two patients look like one"
        found.append(Finding("warning", title, f"{meaning} {checks.replace('..', '.')}"))
    blind = sum(int(number_in(row, "not_judged") or 0) for row in rows)
    if blind:
        text = (
            f"{blind:,} {_pairs(blind)} of images of two patients show too little tissue in "
            "common to tell whether one is a copy of the other (evaluation/leakage.csv)."
        )
        found.append(Finding("note", "Pairs not searched for copies", text))
    return found


def confounding(rows: Rows) -> list[Finding]:
    """Return the questions whose answer tells center or label, and those not examined.

    The rows are those of `confounding.csv`; each question makes one warning for all its predictors.

    Examples
    --------
    >>> from microcalc.report.verdicts import data_verdicts
    >>> asked = {"question": "which center?", "predictors": "acquisition metadata", "cases": "all"}
    >>> answer = {"outcome": "A", "verdict": "told", "auc": 0.9, "low": 0.8, "high": 0.97}
    >>> (found,) = data_verdicts.confounding([asked | answer])
    >>> found.title
    'Acquisition metadata tell the center'
    """
    found: list[Finding] = []
    meanings = {
        "which center?": (
            "tell the center",
            "A model can learn the center in place of the disease, so that results within each "
            "center count more.",
        ),
        "which label?": (
            "tell the label",
            "A model that sees the images may tell the label from how they were made, without "
            "seeing the lesion.",
        ),
    }
    for question, (told_of, meaning) in meanings.items():
        told = [
            row
            for row in rows
            if text_in(row, "question") == question and text_in(row, "verdict") == "told"
        ]
        predictors = list(dict.fromkeys(text_in(row, "predictors") for row in told))
        title = f"{_named(predictors)} {told_of}"
        each = _answer_of_predictors if len(predictors) > 1 else _answer
        found += listing("warning", title, f"{meaning} AUC: {{}}.", told, each)
    small = [row for row in rows if text_in(row, "verdict") == "too small"]
    text = "With too few patients on a side these questions have no answer: {}."
    return found + listing(
        "note",
        "Confounding not examined",
        text,
        small,
        lambda row: f"{text_in(row, 'question')} ({_asked_of(row)})",
    )


def sample_size(rows: Rows) -> list[Finding]:
    """Return the criterion that asks for most, of each model and each set, of `sample_size.csv`.

    Examples
    --------
    >>> from microcalc.report.verdicts import data_verdicts
    >>> row = {"set": "train", "model": "deep", "met": "no", "n_required": 300}
    >>> (found,) = data_verdicts.sample_size([row | {"statement": "300 cases are needed."}])
    >>> found.text
    '300 cases are needed.'
    """
    worst: dict[tuple[str, str], Row] = {}
    for row in rows:
        if text_in(row, "met") != "yes":
            key = text_in(row, "set"), text_in(row, "model")
            if key not in worst or _needed(row) > _needed(worst[key]):
                worst[key] = row
    if not worst:
        return []
    listed = " ".join(text_in(row, "statement") for row in worst.values())
    return [Finding("warning", "Fewer cases than the criteria ask for", listed)]


def _needed(row: Row) -> float:
    return number_in(row, "n_required") or 0.0


def _answer(row: Row) -> str:
    return f"{_asked_of(row)}, {estimate_in(row, 'auc', 'low', 'high')}"


def _answer_of_predictors(row: Row) -> str:
    return f"{text_in(row, 'predictors')}, {_answer(row)}"


def _named(predictors: list[str]) -> str:
    """Return `Acquisition metadata`, `The deep features`."""
    text = fmt.joined(predictors)
    return f"The {text}" if text.endswith(" features") else _capital(text)


def _asked_of(row: Row) -> str:
    return f"{text_in(row, 'outcome')}, {text_in(row, 'cases')} cases"


def _pairs(count: int) -> str:
    return "pair" if count == 1 else "pairs"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
