from microcalc.report.tables.flow_tables import exclusions


def test_exclusions_name_case_image_and_reason(whole_study):
    cells = [row.cells for row in exclusions(whole_study).rows]
    assert ("case-901", "whole case", "cohort", "label missing") in cells
    assert any(row[3] == "the region lies outside the image" for row in cells)
