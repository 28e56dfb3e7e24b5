from dataclasses import replace

from microcalc.report.tables.comparison_tables import delong


def test_a_comparison_without_a_test_says_why(whole_study):
    table = whole_study.tables["delong"].copy()
    internal = (table["split"] == "internal") & (table["model_a"] == "deep")
    table.loc[internal, ["delta_low", "delta_high", "z", "p", "p_holm"]] = float("nan")
    rows = delong(replace(whole_study, tables={**whole_study.tables, "delong": table})).rows
    groups, cells = "", {}
    for row in rows:
        groups = row.cells[0] if row.kind == "group" else groups
        if row.kind == "body":
            cells.setdefault(groups.partition(" (")[0], []).append(row.cells)
    assert {row[4:] for row in cells["Training, apparent"]} == {("", "not tested", "not tested")}
    undetermined = cells["Internal validation"][0]
    assert undetermined[3].endswith("(undetermined)")
    assert undetermined[4:] == ("", "undetermined", "undetermined")
    assert not any("nan" in cell.lower() for row in rows for cell in row.cells)
