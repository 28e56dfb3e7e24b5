"""Tables of how each model does on each set: AUC, sensitivity, specificity and the rest.

Examples
--------
>>> import pandas as pd
>>> from microcalc.config.study_config import StudyConfig
>>> from microcalc.report.study import Study
>>> from microcalc.report.tables import performance_tables
>>> config = StudyConfig.of({
...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
...     "features": {"deep": {"kind": "network", "weights": "random"}}, "clinical": {},
... })
>>> row = {"model": "deep", "split": "internal", "kind": "held_out", "n_neg": 42, "n_pos": 61}
>>> metrics = pd.DataFrame([row | {"auc": 0.81, "auc_low": 0.74, "auc_high": 0.88}])
>>> study = Study(config, tables={"metrics": metrics}, documents={}, models={}, figures={})
>>> table = performance_tables.performance(study)
>>> table.columns
('Model', 'AUC')
>>> [line.cells for line in table.rows]
[('Internal validation (42 DCIS, 61 IDC)',), ('Deep', '0.81 (0.74–0.88)')]
"""

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
    """Return the headline: how each model does on each set, training by out-of-fold scores.

    The numbers are those of `metrics.csv`, validation first; a measure that it lacks has no column.
    """
    measures = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv")
    order = ("internal", "external", "train")
    groups = [(split, JUDGED[split]) for split in order if split in study.splits]
    return _performance(study, groups, measures)


def performance_full(study: Study) -> Table:
    """Return the headline, with thresholds, for every set and kind of `metrics.csv`.

    Training stands there by apparent and by out-of-fold predictions.
    """
    measures = ("auc", "threshold", "sensitivity", "specificity", "accuracy", "ppv", "npv")
    return _performance(study, _all_sets(study), measures)


def performance_more(study: Study) -> Table:
    """Return the remaining measures of `metrics.csv`, see `performance_full`."""
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
