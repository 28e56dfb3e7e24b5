import pytest

from microcalc.core.errors import StudyError
from microcalc.features import table_features


def test_the_columns_that_are_features_are_read_as_text(tmp_path, caplog):
    caplog.set_level("INFO", logger="microcalc")
    path = tmp_path / "mri.csv"
    path.write_text("ID;who;x;case_id\n01;p;1.50;7\n02;q;NA;8\n", encoding="utf-16")
    settings = {"kind": "table", "path": str(path), "id_column": "ID"}
    table = table_features.of_table(settings)
    assert table.to_dict("list") == {"case_id": ["01", "02"], "x": ["1.50", "NA"]}
    assert caplog.messages == ["1 columns are features; left out: who, case_id"]


def test_a_row_may_be_of_an_image(tmp_path):
    path = tmp_path / "us.csv"
    path.write_text("image_id,x\nI1,1\n")
    settings = {"kind": "table", "path": str(path), "per": "image"}
    assert table_features.of_table(settings).columns.tolist() == ["image_id", "x"]
    with pytest.raises(StudyError, match="no column 'case_id' for the cases' ids"):
        table_features.of_table({**settings, "per": "case"})
