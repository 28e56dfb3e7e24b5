from dataclasses import replace

import pytest

from microcalc.report import tables
from microcalc.report.run_times import RunTime
from microcalc.report.study import Study


@pytest.fixture(scope="module")
def study(ordinary, cohort_files, fake):
    study = Study.read({**ordinary, **cohort_files}, config=fake["CONFIG"])
    now = study.tables["metrics"].to_dict("records")
    runs = [{"metrics": [{**row, "auc": 0.5} for row in now]}, {"metrics": now}]
    times = {"models": {"predict": RunTime(1, 2.0, 2.0, 300.0)}}
    return replace(study, documents={**study.documents, "runs": runs}, times=times)


# Of fine-tuned networks there is a study of its own: test_finetuning.py.
@pytest.mark.parametrize("name", sorted(tables.TABLES.keys() - {"finetuning"}))
def test_every_table_is_rectangular(study, name):
    table = tables.make(name, study)
    for row in table.rows:
        assert len(row.cells) == (1 if row.kind == "group" else len(table.columns))
    assert not table.spans or sum(n for _, n in table.spans) == len(table.columns)


def test_the_headline_shows_training_out_of_fold_and_never_apparent(study):
    groups = [row.cells[0] for row in tables.performance(study).rows if row.kind == "group"]
    assert groups == [
        "Internal validation (20 DCIS, 34 IDC)",
        "External validation (41 DCIS, 74 IDC)",
        "Training, out-of-fold (45 DCIS, 80 IDC)",
    ]


def test_numbers_are_those_of_the_file(study):
    row = study.metric_rows("internal").iloc[0]
    cells = tables.performance(study).rows[1].cells
    assert cells[0] == "Clinical"
    assert cells[1] == f"{row.auc:.2f} ({row.auc_low:.2f}–{row.auc_high:.2f})"


def test_a_comparison_without_a_test_says_why(study):
    delong = study.tables["delong"].copy()
    internal = (delong["split"] == "internal") & (delong["model_a"] == "deep")
    delong.loc[internal, ["delta_low", "delta_high", "z", "p", "p_holm"]] = float("nan")
    rows = tables.comparisons(replace(study, tables={**study.tables, "delong": delong})).rows
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


def test_models_stand_in_the_configs_order(study):
    names = [r.cells[0] for r in tables.performance(study).rows if r.kind == "body"]
    assert names[:3] == ["Clinical", "Deep", "Combined"]


def test_a_set_of_one_class_has_na_for_the_auc(tiny, fake):
    table = tables.performance(Study.read(tiny, config=fake["CONFIG"]))
    at = next(i for i, row in enumerate(table.rows) if "External" in row.cells[0])
    assert table.rows[at + 1].cells[1] == "NA"


def test_a_reference_level_is_named_as_such(study):
    cells = [row.cells for row in tables.univariable(study).rows]
    assert ("no", "77", "1 (reference)", "", "") in cells
    assert ("yes", "48", "3.00 (1.32–6.84)", ".009", "") in cells


def test_the_baseline_has_three_columns_per_set(study):
    table = tables.baseline(study)
    assert table.columns[:4] == ("Characteristic", "DCIS", "IDC", "P")
    assert [text for text, _ in table.spans] == [
        "", "Training", "Internal validation", "External validation"
    ]  # fmt: skip


def test_exclusions_name_case_image_and_reason(study):
    cells = [row.cells for row in tables.exclusions(study).rows]
    assert ("case-901", "whole case", "cohort", "label missing") in cells
    assert any(row[3] == "the region lies outside the image" for row in cells)


def test_a_table_without_its_file_is_left_out(fake, ordinary):
    files = {name: path for name, path in ordinary.items() if name != "published"}
    assert tables.make("published_table", Study.read(files, config=fake["CONFIG"])) is None
