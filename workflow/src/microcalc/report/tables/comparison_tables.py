"""Tables that compare models: DeLong's and McNemar's tests, equivalence, reclassification."""

from typing import TYPE_CHECKING, Any

from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study
from microcalc.report.tables.result_rows import estimate_of, set_heading, sets, sizes_in

if TYPE_CHECKING:
    import pandas as pd


def delong(study: Study) -> Table:
    """Return DeLong's tests between models, set by set, by `delong.csv`.

    A pair on apparent predictions has its difference and is not tested.
    """
    table = study.tables["delong"]
    rows = []
    for split in study.splits:
        for kind in ("out_of_fold", "held_out", "apparent"):
            of_set = table[(table["split"] == split) & (table["kind"] == kind)]
            if of_set.empty:
                continue
            rows.append(Row((set_heading(study, split, kind, sizes_in(of_set)),), "group"))
            for _, line in of_set.iterrows():
                pair = f"{model_label(line['model_a'])} − {model_label(line['model_b']).lower()}"
                rows.append(
                    Row(
                        (
                            pair,
                            fmt.number(line["auc_a"]),
                            fmt.number(line["auc_b"]),
                            *_tested(line),
                        )
                    )
                )
    heads = ("First − second", "AUC, first", "AUC, second", f"Difference ({study.level} CI)")
    return Table((*heads, "z", "P", "P, Holm-adjusted"), tuple(rows))


def _tested(line: "pd.Series[Any]") -> tuple[str, str, str, str]:
    """Return difference, z and P values of a comparison, or in words why there are none."""
    if line["kind"] == "apparent":
        return fmt.number(line["delta"], 3), "", "not tested", "not tested"
    why = fmt.NOT_AVAILABLE if fmt.missing(line["delta"]) else "undetermined"
    return (
        fmt.estimate(line["delta"], line["delta_low"], line["delta_high"], digits=3),
        "" if fmt.missing(line["z"]) else fmt.number(line["z"]),
        fmt.p_value(line["p"], otherwise=why),
        fmt.p_value(line["p_holm"], otherwise=why),
    )


def finetuning(study: Study) -> Table:
    """Return DeLong's tests between the models that were chosen among, by `finetuning.csv`.

    They are of training, out-of-fold, and internal validation.
    """
    table = study.tables["finetuning"]
    rows = [
        Row(
            (
                {"train": "Training, out-of-fold", "internal": "Internal validation"}[
                    line["split"]
                ],
                f"{model_label(line['model_a'])} − {model_label(line['model_b']).lower()}",
                fmt.number(line["auc_a"]),
                fmt.number(line["auc_b"]),
                fmt.estimate(line["delta"], line["delta_low"], line["delta_high"], digits=3),
                fmt.p_value(line["p"], otherwise="undetermined"),
            )
        )
        for _, line in table.sort_values("split", kind="stable").iterrows()
    ]
    heads = ("Set", "First − second", "AUC, first", "AUC, second")
    return Table((*heads, f"Difference ({study.level} CI)", "P"), tuple(rows))


def mcnemar(study: Study) -> Table:
    """Return models' sensitivity, specificity and accuracy against each other, by `mcnemar.csv`.

    A line is a pair of models and a measure, with the difference of two paired proportions.
    """
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
    """Return whether one model is shown to be no worse than another, by the margin set before.

    The differences of AUCs are those of `equivalence.csv`, with intervals of 100 − 200 α percent.
    """
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
    """Return net reclassification and integrated discrimination, with their caution as the note.

    The lines are those of `reclassification.csv`: the new model over the old one, as a whole and
    within each class.
    """
    rows = []
    for heading, own in sets(study, "reclassification"):
        rows.append(Row((heading,), "group"))
        rows += [
            Row(
                (
                    f"{_pair(line, 'model_new', 'model_old', ' over ')}: {line['measure']}",
                    fmt.estimate(line["estimate"], line["low"], line["high"]),
                    estimate_of(line, "positives"),
                    estimate_of(line, "negatives"),
                    fmt.p_value(line["p"]),
                )
            )
            for line in own.to_dict("records")
        ]
    note = str(study.tables["reclassification"]["caution"].iloc[0])
    heads = ("New over old", f"Estimate ({study.level} CI)")
    of_class = (f"{name} ({study.level} CI)" for name in reversed(study.labels.names))
    return Table((*heads, *of_class, "P"), tuple(rows), note)


def _pair(line: Any, first: str, second: str, joint: str = " − ") -> str:
    return f"{model_label(line[first])}{joint}{model_label(line[second]).lower()}"
