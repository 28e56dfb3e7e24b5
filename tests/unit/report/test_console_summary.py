from microcalc.report import console_summary
from microcalc.report.grid import Row, Table


def test_columns_are_aligned_and_groups_bold() -> None:
    rows = (Row(("External (2 DCIS, 3 IDC)",), "group"), Row(("Deep", "0.80 (0.70–0.90)")))
    assert console_summary.markdown(Table(("Model", "AUC"), rows)).splitlines() == [
        "| Model                        | AUC              |",
        "|------------------------------|------------------|",
        "| **External (2 DCIS, 3 IDC)** |                  |",
        "| Deep                         | 0.80 (0.70–0.90) |",
    ]
