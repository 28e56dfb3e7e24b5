from microcalc.report.tables.baseline_table import baseline


def test_the_baseline_has_three_columns_per_set(whole_study):
    table = baseline(whole_study)
    assert table.columns[:4] == ("Characteristic", "DCIS", "IDC", "P")
    assert [text for text, _ in table.spans] == [
        "", "Training", "Internal validation", "External validation"
    ]  # fmt: skip
