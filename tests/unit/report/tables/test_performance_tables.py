from microcalc.report.study import Study
from microcalc.report.tables.performance_tables import performance


def test_the_headline_shows_training_out_of_fold_and_never_apparent(whole_study):
    groups = [row.cells[0] for row in performance(whole_study).rows if row.kind == "group"]
    assert groups == [
        "Internal validation (20 DCIS, 34 IDC)",
        "External validation (41 DCIS, 74 IDC)",
        "Training, out-of-fold (45 DCIS, 80 IDC)",
    ]


def test_numbers_are_those_of_the_file(whole_study):
    row = whole_study.metric_rows("internal").iloc[0]
    cells = performance(whole_study).rows[1].cells
    assert cells[0] == "Clinical"
    assert cells[1] == f"{row.auc:.2f} ({row.auc_low:.2f}–{row.auc_high:.2f})"


def test_models_stand_in_the_configs_order(whole_study):
    names = [r.cells[0] for r in performance(whole_study).rows if r.kind == "body"]
    assert names[:3] == ["Clinical", "Deep", "Combined"]


def test_a_set_of_one_class_has_na_for_the_auc(tiny, fake):
    table = performance(Study.read(tiny, config=fake["CONFIG"]))
    at = next(i for i, row in enumerate(table.rows) if "External" in row.cells[0])
    assert table.rows[at + 1].cells[1] == "NA"
