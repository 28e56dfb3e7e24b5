"""Tables of calibration, optimism and sample size."""

from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study
from microcalc.report.tables.result_rows import estimate_of, sets


def calibration(study: Study) -> Table:
    """Return how well probabilities agree with what happened, set by set, by `calibration.csv`."""
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
                    *(estimate_of(line, name) for name in columns),
                    fmt.p_value(line["ici_p"]),
                    estimate_of(line, "brier_scaled"),
                )
            )
            for line in own.to_dict("records")
        ]
    note = f"Parentheses: {study.level} CI; that of the ICI tests nothing, its P does."
    return Table(("Model", *columns.values(), "P, ICI", "Scaled Brier score"), tuple(rows), note)


def optimism(study: Study) -> Table:
    """Return apparent performance and what is left of it when the chain is refitted.

    A line is a model and a measure of `optimism.csv`.
    """
    names = {"auc": "AUC", "slope": "Calibration slope", "brier": "Brier score"}
    rows = [
        Row(
            (
                f"{model_label(line['model'])}, {names.get(line['measure'], line['measure'])}",
                fmt.number(line["apparent"]),
                fmt.number(line["optimism"], 3),
                estimate_of(line, "corrected"),
                estimate_of(line, "plus632"),
                fmt.count(line["replicates"]),
            )
        )
        for line in study.tables["optimism"].to_dict("records")
    ]
    heads = ("Model and measure", "Apparent", "Optimism", f"Corrected ({study.level} CI)")
    return Table((*heads, f"0.632+ ({study.level} CI)", "Refits"), tuple(rows))


def sample_size(study: Study) -> Table:
    """Return what the study's size allows: the criteria of `sample_size.csv`, met or not."""
    rows = [
        Row((str(line["statement"]), "yes" if line["met"] == "yes" else "no"))
        for line in study.tables["sample_size"].to_dict("records")
    ]
    return Table(("Criterion", "Met"), tuple(rows))
