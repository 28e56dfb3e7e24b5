from microcalc.report.tables.regression_tables import univariable


def test_a_reference_level_is_named_as_such(whole_study):
    cells = [row.cells for row in univariable(whole_study).rows]
    assert ("no", "77", "1 (reference)", "", "") in cells
    assert ("yes", "48", "3.00 (1.32–6.84)", ".009", "") in cells
