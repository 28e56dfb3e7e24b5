"""Table 1: the baseline characteristics of each set, by class."""

from typing import TYPE_CHECKING

from microcalc.figures.number_format import split_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study

if TYPE_CHECKING:
    import pandas as pd


def baseline(study: Study) -> Table:
    """Return Table 1, `table1.csv`: every variable, the classes side by side, per set.

    Each set spans three columns, both classes and P; levels and missing values are indented.
    """
    table = study.tables["table1"]
    negative, positive = study.labels.names
    splits = [split for split in study.splits if split in set(table["split"])]
    heads = ["Characteristic"] + [negative, positive, "P"] * len(splits)
    spans = (("", 1), *((split_label(split), 3) for split in splits))
    rows = []
    first = table[table["split"] == splits[0]]
    keys = table[["variable", "level"]].fillna("").drop_duplicates()
    for variable in dict.fromkeys(first["variable"]):
        levels = keys.loc[keys["variable"] == variable, "level"]
        blocks = [_baseline_block(table, split, variable) for split in splits]
        head = _baseline_name(study, table, variable)
        if list(levels) in ([""], ["", "missing"]):
            rows.append(Row((head, *_baseline_cells(blocks, "", with_p=True))))
            if "missing" in set(levels):
                rows.append(_baseline_missing(blocks))
            continue
        none = [("", "", _p(block)) for block in blocks]
        rows.append(Row((head, *(cell for cells in none for cell in cells))))
        for level in levels:
            if level == "missing":
                rows.append(_baseline_missing(blocks))
            else:
                cells = _baseline_cells(blocks, level, with_p=False)
                rows.append(Row((level, *cells), "level"))
    note = "P values compare the classes within a set: " + "; ".join(_tests(table)) + "."
    if "permutations of patients" in note:
        note += (
            " Patients are permuted where one has more than one case: those with equally many "
            "cases exchange the classes of all of them."
        )
    return Table(tuple(heads), tuple(rows), note, spans)


def _baseline_name(study: Study, table: "pd.DataFrame", variable: str) -> str:
    statistics = table.loc[table["variable"] == variable, "statistic"]
    if variable == "cases":
        return "Cases, n"
    return f"{study.variable_label(variable)}, {statistics.iloc[0]}"


def _baseline_block(table: "pd.DataFrame", split: str, variable: str) -> "pd.DataFrame":
    own = table[(table["split"] == split) & (table["variable"] == variable)].fillna(
        {"level": "", "negative": "", "positive": ""}
    )
    return own.set_index("level")


def _baseline_cells(blocks: "list[pd.DataFrame]", level: str, *, with_p: bool) -> list[str]:
    cells = []
    for block in blocks:
        there = level in block.index
        cells.append(str(block.loc[level, "negative"]) if there else "0")
        cells.append(str(block.loc[level, "positive"]) if there else "0")
        cells.append(_p(block) if with_p else "")
    return cells


def _baseline_missing(blocks: "list[pd.DataFrame]") -> Row:
    return Row(("missing", *_baseline_cells(blocks, "missing", with_p=False)), "level")


def _p(block: "pd.DataFrame") -> str:
    value = block["p"].iloc[0] if len(block) else float("nan")
    return "" if fmt.missing(value) else fmt.p_value(float(value))


def _tests(table: "pd.DataFrame") -> list[str]:
    there = table[table["test"].notna() & (table["test"] != "")]
    return sorted({str(test) for test in there["test"]}) or ["not tested"]
