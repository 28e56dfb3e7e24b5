"""Tables that judge: calibration, comparisons beyond the AUC, optimism, sample size."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from microcalc.figures.number_format import label as model_label
from microcalc.figures.number_format import split_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study

KINDS = {"out_of_fold": ", out-of-fold", "recalibrated": ", recalibrated"}


def sets(study: Study, name: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (heading, rows) of each set that a table holds, apparent training left out.

    Models stand in the config's order, and the heading has the cases of each class.
    """
    table = study.tables[name]
    order = {model: place for place, model in enumerate(study.config["models"])}
    if "model" in table:
        table = table.sort_values("model", key=lambda models: models.map(order), kind="stable")
    for split in study.splits:
        for kind in ("held_out", "recalibrated", "out_of_fold"):
            rows = table[(table["split"] == split) & (table["kind"] == kind)]
            if len(rows):
                sizes = fmt.counts(*study.sizes(split), study.labels)
                yield f"{split_label(split)}{KINDS.get(kind, '')} ({sizes})", rows


def calibration(study: Study) -> Table:
    """Return how well probabilities agree with what happened."""
    columns = {
        "citl": "Calibration in the large",
        "slope": "Slope",
        "oe": "Observed:expected",
        "ici": "ICI",
    }
    rows = []
    for heading, own in sets(study, "calibration"):
        rows.append(Row((heading,), "group"))
        rows += [
            Row(
                (
                    model_label(line["model"]),
                    *(_estimate(line, name) for name in columns),
                    fmt.p_value(line["ici_p"]),
                    _estimate(line, "brier_scaled"),
                )
            )
            for line in own.to_dict("records")
        ]
    note = f"Parentheses: {study.level} CI; that of the ICI tests nothing, its P does."
    return Table(("Model", *columns.values(), "P, ICI", "Scaled Brier score"), tuple(rows), note)


def mcnemar(study: Study) -> Table:
    """Return the models' sensitivity, specificity and accuracy against each other."""
    rows = []
    for heading, own in sets(study, "mcnemar"):
        rows.append(Row((heading,), "group"))
        rows += [
            Row(
                (
                    f"{_pair(line, 'model_a', 'model_b')}: {line['figure']}",
                    fmt.count(line["n"]),
                    fmt.number(line["a"]),
                    fmt.number(line["b"]),
                    fmt.estimate(line["difference"], line["low"], line["high"]),
                    fmt.p_value(line["p"], otherwise="undetermined"),
                    fmt.p_value(line["p_holm"], otherwise="undetermined"),
                )
            )
            for line in own.to_dict("records")
        ]
    heads = ("First − second", "n", "First", "Second", f"Difference ({study.level} CI)")
    return Table((*heads, "P", "P, Holm-adjusted"), tuple(rows))


def equivalence(study: Study) -> Table:
    """Return whether one model is shown to be no worse than another, by the margin set before."""
    rows = []
    for heading, own in sets(study, "equivalence"):
        rows.append(Row((heading,), "group"))
        rows += [
            Row(
                (
                    _pair(line, "model_a", "model_b"),
                    fmt.estimate(line["delta"], line["low"], line["high"], digits=3),
                    fmt.number(line["margin"]),
                    str(line["verdict"]),
                )
            )
            for line in own.to_dict("records")
        ]
    alpha = study.tables["equivalence"]["alpha"].iloc[0]
    heads = ("First − second", f"Difference ({100 - 200 * alpha:g}% CI)", "Margin", "Verdict")
    return Table(heads, tuple(rows))


def reclassification(study: Study) -> Table:
    """Return net reclassification and integrated discrimination, with their caution."""
    rows = []
    for heading, own in sets(study, "reclassification"):
        rows.append(Row((heading,), "group"))
        rows += [
            Row(
                (
                    f"{_pair(line, 'model_new', 'model_old', ' over ')}: {line['measure']}",
                    fmt.estimate(line["estimate"], line["low"], line["high"]),
                    _estimate(line, "positives"),
                    _estimate(line, "negatives"),
                    fmt.p_value(line["p"]),
                )
            )
            for line in own.to_dict("records")
        ]
    note = str(study.tables["reclassification"]["caution"].iloc[0])
    labels = study.labels
    heads = ("New over old", f"Estimate ({study.level} CI)")
    of_class = (f"{labels[key]} ({study.level} CI)" for key in ("positive", "negative"))
    return Table((*heads, *of_class, "P"), tuple(rows), note)


def optimism(study: Study) -> Table:
    """Return apparent performance and what is left of it when the chain is refitted."""
    names = {"auc": "AUC", "slope": "Calibration slope", "brier": "Brier score"}
    rows = [
        Row(
            (
                f"{model_label(line['model'])}, {names.get(line['measure'], line['measure'])}",
                fmt.number(line["apparent"]),
                fmt.number(line["optimism"], 3),
                _estimate(line, "corrected"),
                _estimate(line, "plus632"),
                fmt.count(line["replicates"]),
            )
        )
        for line in study.tables["optimism"].to_dict("records")
    ]
    heads = ("Model and measure", "Apparent", "Optimism", f"Corrected ({study.level} CI)")
    return Table((*heads, f"0.632+ ({study.level} CI)", "Refits"), tuple(rows))


def sample_size(study: Study) -> Table:
    """Return what the study's size allows."""
    rows = [
        Row((str(line["statement"]), "yes" if line["met"] == "yes" else "no"))
        for line in study.tables["sample_size"].to_dict("records")
    ]
    return Table(("Criterion", "Met"), tuple(rows))


def _estimate(line: Any, name: str) -> str:
    value, low, high = (line[f"{name}{bound}"] for bound in ("", "_low", "_high"))
    return fmt.number(value) if fmt.missing(low) else fmt.estimate(value, low, high)


def _pair(line: Any, first: str, second: str, joint: str = " − ") -> str:
    return f"{model_label(line[first])}{joint}{model_label(line[second]).lower()}"
