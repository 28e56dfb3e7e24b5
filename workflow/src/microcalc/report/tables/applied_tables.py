"""Tables of frozen models on a new cohort: predictions, warnings, contributions."""

from collections.abc import Hashable, Mapping
from typing import Any

from microcalc.config.score_names import score_column
from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import INTERCEPT, Study
from microcalc.report.tables.result_rows import set_label

MOST_SHOWN = 5


def registered(study: Study) -> Table:
    """Return every registered prediction, a line per case: `register.csv`, with `warnings.csv`.

    Each frozen model has a column, with the probability and the class that it is called.
    """
    register = study.tables["register"]
    unlike = set(study.tables["warnings"]["case_id"])
    rows = []
    for case_id, own in register.groupby("case_id", sort=True):
        of_model = {line["model"]: line for line in own.to_dict("records")}
        cells = [_call(of_model.get(name)) for name in study.models]
        when = fmt.utc(own["predicted_at"].min())
        rows.append(Row((str(case_id), *cells, when, "yes" if case_id in unlike else "")))
    heads = [model_label(name) for name in study.models]
    return Table(("Case", *heads, "Predicted at", "Warnings"), tuple(rows))


def _call(line: Mapping[Hashable, Any] | None) -> str:
    """Return a probability and the class it is called: `0.81 IDC`."""
    if line is None:
        return fmt.NOT_AVAILABLE
    return f"{fmt.number(line['probability'])} {line['called']}"


def outside(study: Study) -> Table:
    """Return in what one case is unlike the training cases: a line per row of `warnings.csv`."""
    rows = [
        Row((line["image_id"] or "whole case", line["aspect"], line["found"], line["seen"]))
        for line in study.tables["warnings"].fillna("").to_dict("records")
    ]
    return Table(("Image", "What", "This case", "Training cases"), tuple(rows))


def unlike(study: Study) -> Table:
    """Return in what cases are unlike the training cases: how many, and what they have.

    A line is one aspect of `warnings.csv`; the first `MOST_SHOWN` values are named.
    """
    rows = []
    warnings = study.tables["warnings"].fillna("")
    for (aspect, seen), own in warnings.groupby(["aspect", "seen"], sort=True):
        found = sorted(set(own["found"]))
        shown = "; ".join(found[:MOST_SHOWN]) + ("; …" if len(found) > MOST_SHOWN else "")
        rows.append(Row((str(aspect), fmt.count(own["case_id"].nunique()), shown, str(seen))))
    return Table(("What", "Cases", "They have", "Training cases have"), tuple(rows))


def development(study: Study) -> Table:
    """Return each model's AUC here beside those of its development, by `development.csv`.

    A group row heads each model; the difference is here less there.
    """
    rows = []
    table = study.tables["development"]
    for model in study.models:
        own = table[table["model"] == model]
        rows += [Row((model_label(model),), "group")] if len(own) else []
        for line in own.to_dict("records"):
            difference = (line[key] for key in ("delta", "delta_low", "delta_high"))
            rows.append(
                Row(
                    (
                        set_label(line["split"], line["kind"]),
                        fmt.number(line["auc"]),
                        fmt.number(line["development_auc"]),
                        fmt.estimate(*difference),
                        fmt.p_value(line["p"], otherwise="undetermined"),
                    )
                )
            )
    heads = ("Set of the development", "AUC here", "AUC there", f"Difference ({study.level} CI)")
    return Table((*heads, "P"), tuple(rows))


def case_predictions(study: Study) -> Table:
    """Return what each model says of one case: probability, threshold, class; by `register.csv`."""
    rows = [
        Row(
            (
                model_label(line["model"]),
                fmt.number(line["probability"]),
                fmt.number(line["threshold"], 3),
                str(line["called"]),
                fmt.utc(line["predicted_at"]),
            )
        )
        for line in study.tables["register"].to_dict("records")
    ]
    positive = study.labels.positive
    heads = ("Model", f"Probability of {positive}", "Threshold", "Called", "Predicted at")
    return Table(heads, tuple(rows))


def contributions(study: Study) -> Table:
    """Return what each term adds to one case's log odds, and each feature to its score.

    The lines are those of `contributions.csv`; a group row heads each model and each score inside
    it, and a sum stands at its end. Models that share a score show it once.
    """
    rows, told = [], set()
    table = study.tables["contributions"].fillna({"case_value": "", "stands_in": ""})
    for (model, part_of), own in table.groupby(["model", "part_of"], sort=False):
        inside = part_of != "log odds"
        lines = [Row(_contribution(study, line)) for line in own.to_dict("records")]
        # Models share a score, unless each feature has a coefficient of the model's own.
        if inside and (part_of, *lines) in told:
            continue
        told.add((part_of, *lines))
        sum_of = model_label(str(part_of))
        heading = model_label(str(model)) + (f": inside the {sum_of.lower()}" if inside else "")
        total = fmt.number(float(own["contribution"].sum()), 3)
        rows += [Row((heading,), "group"), *lines, Row((sum_of, "", total))]
    return Table(("Term", "Value", "Adds"), tuple(rows))


def _contribution(study: Study, line: Mapping[Hashable, Any]) -> tuple[str, str, str]:
    term, value = str(line["term"]), str(line["case_value"])
    if term == INTERCEPT:
        term = "Intercept"
    elif value and term not in study.config.clinical:
        value = fmt.number(float(value), 3)
    if term in study.config.clinical or term in map(score_column, study.config.scores):
        term = study.variable_label(term)
    if line["stands_in"]:
        value = f"{value or 'missing'}; {line['stands_in']} stands in"
    return term, value, fmt.number(float(line["contribution"]), 3)
