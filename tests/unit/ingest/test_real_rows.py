"""Rows of the real tables of CBIS-DDSM and CMMD, taken as they are: see data/SOURCES.md."""

from collections import Counter
from pathlib import Path

import pandas as pd
from tests.unit.ingest.miniature import records
from tests.unit.ingest.whole_tables import lay_out_cbis_ddsm, lay_out_cmmd

DATA = Path(__file__).parent / "data"


def test_rows_of_cbis_ddsm(tmp_path: Path) -> None:
    lay_out_cbis_ddsm(tmp_path, DATA / "cbis_ddsm_excerpt.csv")
    found = records("cbis-ddsm", tmp_path)
    assert len(found) == 12
    cases = {record.case.case_id: record.case for record in found if record.case}
    assert {name: case.label for name, case in cases.items()} == {
        "P_00005_RIGHT_1": "malignant",
        "P_00008_LEFT_1": "benign",
        "P_00008_LEFT_2": "benign",
        "P_00008_LEFT_3": "benign",
        "P_00030_LEFT_1": "benign",
        "P_00182_LEFT_1": "benign",
        # One view says BENIGN, the other BENIGN_WITHOUT_CALLBACK.
        "P_00858_RIGHT_1": "benign",
    }
    assert cases["P_00858_RIGHT_1"].clinical["morphology"] == "pleomorphic"
    assert cases["P_00858_RIGHT_1"].clinical["birads"] == "4"
    assert cases["P_00008_LEFT_1"].clinical["morphology"] == ""
    assert cases["P_00030_LEFT_1"].clinical["distribution"] == ""
    assert cases["P_00182_LEFT_1"].clinical["birads"] == ""


def test_rows_of_cmmd(tmp_path: Path) -> None:
    workbook = tmp_path / "sheet.xlsx"
    sheet = pd.read_csv(DATA / "cmmd_excerpt.csv", dtype=str, keep_default_na=False)
    sheet.to_excel(workbook, index=False)
    (tmp_path / "source").mkdir()
    lay_out_cmmd(tmp_path / "source", workbook, DATA / "cmmd_series_excerpt.csv")
    found = records("cmmd", tmp_path / "source")
    rows = [record for record in found if record.place.source.endswith(".xlsx")]
    assert len(rows) == 13
    assert Counter(record.reason for record in rows) == {"": 10, "a mass without calcification": 3}
    images = [record.reason for record in found if record.place.source.endswith(".dcm")]
    assert Counter(images) == {
        "": 10,
        "a CC view; TOMPEI-CMMD draws on MLO alone": 10,
        "a mass without calcification": 6,
        "the other breast: no label, so never called benign": 4,
    }
