"""Tables of how each model does on each set: AUC, sensitivity, specificity and the rest."""

from typing import TYPE_CHECKING, Any

from microcalc.figures.number_format import MEASURES
from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import JUDGED, Study
from microcalc.report.tables.result_rows import set_heading, sizes_in

if TYPE_CHECKING:
    import pandas as pd

SELECTED_ON = "selected on"
"""What stands beside an AUC by which a model was chosen."""


def performance(study: Study) -> Table:
    """Return the headline: how each model does on each set, training by out-of-fold scores."""
    measures = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv")
    order = ("internal", "external", "train")
    groups = [(split, JUDGED[split]) for split in order if split in study.splits]
    return _performance(study, groups, measures)


def performance_full(study: Study) -> Table:
    """Return the headline for every set and kind, apparent and out-of-fold training both."""
    measures = ("auc", "threshold", "sensitivity", "specificity", "accuracy", "ppv", "npv")
    return _performance(study, _all_sets(study), measures)


def performance_more(study: Study) -> Table:
    """Return the remaining measures for every set and kind."""
    measures = ("average_precision", "balanced_accuracy", "f1", "lr_pos", "lr_neg", "brier")
    return _performance(study, _all_sets(study), measures)


def _all_sets(study: Study) -> list[tuple[str, str]]:
    training = [("train", "apparent"), ("train", "out_of_fold")] if "train" in study.splits else []
    return training + [(split, "held_out") for split in study.splits if split != "train"]


def _performance(study: Study, groups: list[tuple[str, str]], measures: tuple[str, ...]) -> Table:
    there = [name for name in measures if name in study.tables["metrics"]]
    rows = []
    for split, kind in groups:
        of_set = study.metric_rows(split, kind)
        if of_set.empty:
            continue
        rows.append(Row((set_heading(study, split, kind, sizes_in(of_set)),), "group"))
        for _, line in of_set.iterrows():
            cells = [model_label(str(line["model"])), *(_measure(line, name) for name in there)]
            rows.append(Row(tuple(cells)))
    heads = [MEASURES[name] for name in there]
    note = f"Parentheses: {study.level} CI"
    if "sensitivity" in there:
        note += ", of proportions Wilson's"
        note += ", at the effective sample size: patients have more than one case" * study.clustered
    return Table(("Model", *heads), tuple(rows), f"{note}.")


def _measure(line: "pd.Series[Any]", name: str) -> str:
    value, low, high = (line.get(f"{name}{bound}") for bound in ("", "_low", "_high"))
    if fmt.missing(value):
        return fmt.NOT_AVAILABLE
    if low is None or high is None:
        return fmt.number(line[name], 3)
    text = fmt.estimate(line[name], float(low), float(high))
    chosen = name == "auc" and line.get("selected_on") == "yes"
    return f"{text}, {SELECTED_ON}" if chosen else text
