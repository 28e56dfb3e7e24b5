"""Which columns of a user's table are features, and what is wrong with their cells."""

from pathlib import Path
from typing import Any

import pytest

from microcalc.config.table_settings import TableSettings
from microcalc.core.errors import StudyError
from microcalc.plan.feature_table import Cases, FeatureTable

IDS = ("C1", "C2", "C3")
CASES = Cases(
    labels={"C1": "DCIS", "C2": "IDC", "C3": "IDC"},
    case_of={"I1": "C1", "I2": "C1", "I3": "C2", "I4": "C3"},
    shared=("case_id", "age", "view"),
    known={"case": (*IDS, "C9"), "image": ("I1", "I2", "I3", "I4")},
)

PYRADIOMICS = """case_id,Image,Mask,diagnostics_Versions_PyRadiomics,\
diagnostics_Image-original_Mean,original_shape_Sphericity,wavelet-HLL_glcm_Idn
C1,c1.nrrd,m1.nrrd,v3.1.0,12.5,0.61,0.93
C2,c2.nrrd,m2.nrrd,v3.1.0,13.5,0.52,0.91
C3,c3.nrrd,m3.nrrd,v3.1.0,14.5,0.72,0.95
"""
"""The columns that its command line writes, after those of its input table."""

MIRP = """sample_name,image_modality,image_voxel_size_x,image_noise_level,image_translation_x,\
image_mask_label,stat_mean,ngt_busyness_3d_fbn_n32
C1,mri,1.0,,0.0,region_1,100.2,0.33
C2,mri,1.0,,0.0,region_1,100.6,0.29
C3,mri,1.0,,0.0,region_1,99.1,0.31
"""
"""Some of the columns that MIRP 2.5.0 returns."""


def table(folder: Path, text: str, **settings: Any) -> FeatureTable:
    path = folder / "mri.csv"
    path.write_bytes(text.encode())
    return FeatureTable.read(TableSettings.of({"kind": "table", "path": str(path), **settings}))


def rows(*cells: str, header: str = "case_id,x") -> str:
    lines = [f"{name},{cell}" for name, cell in zip(IDS, cells, strict=True)]
    return "\n".join([header, *lines, ""])


def test_of_a_table_of_pyradiomics_the_numbers_are_taken(tmp_path: Path) -> None:
    read = table(tmp_path, PYRADIOMICS)
    assert read.names == ["original_shape_Sphericity", "wavelet-HLL_glcm_Idn"]
    assert read.left_out == [
        *("Image", "Mask", "diagnostics_Versions_PyRadiomics", "diagnostics_Image-original_Mean"),
    ]
    assert list(read.problems(CASES)) == []
    assert read.unknown(CASES) == []


def test_of_a_table_of_mirp_those_that_are_named(tmp_path: Path) -> None:
    asked = {"id_column": "sample_name", "columns": ["stat_*", "ngt_*"]}
    read = table(tmp_path, MIRP, **asked)
    assert read.names == ["stat_mean", "ngt_busyness_3d_fbn_n32"]
    assert list(read.problems(CASES)) == []
    others = table(tmp_path, MIRP, id_column="sample_name", without=["image_*"])
    assert others.names == read.names


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({}, ["a_x", "T2*", "T2w", "b"]),
        ({"columns": ["T2*"]}, ["T2*"]),
        ({"columns": ["T2**"]}, ["T2*", "T2w"]),
        ({"columns": ["*"]}, ["a_x", "T2*", "T2w", "text", "b"]),
        ({"columns": ["*"], "without": ["t*", "T2*"]}, ["a_x", "T2w", "b"]),
        ({"without": ["*_x", "b"]}, ["T2*", "T2w"]),
        # A dot is a dot.
        ({"columns": ["b", "a?x", "a_."]}, "no column is called 'a?x'"),
        ({"columns": ["label"]}, "column 'label' says who or which class a case is"),
        ({"columns": ["text"], "without": ["text"]}, "no column is left as a feature"),
        ({"columns": ["a_y"]}, r"no column is called 'a_y' (did you mean 'a_x'?)"),
        ({"id_column": "ID"}, "there is no column 'ID' for the cases' ids"),
        ({"per": "image"}, "no column 'image_id' for the images' ids (did you mean 'case_id'?)"),
    ],
)
def test_columns_are_taken_by_name(
    tmp_path: Path, asked: dict[str, Any], taken: list[str] | str
) -> None:
    text = "case_id,a_x,T2*,T2w,text,b,label,split\nC1,1,2,3,p,-4e-3,0,1\nC2,1,2,3,q,.5,1,1\n"
    if isinstance(taken, list):
        assert table(tmp_path, text, **asked).names == taken
    else:
        with pytest.raises(StudyError) as raised:
            table(tmp_path, text, **asked)
        assert taken in str(raised.value)


def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"'a\\nb' has a character that cannot be shown"):
        table(tmp_path, 'case_id,"a\nb"\nC1,1\n')


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("1", "2", "3"), None),
        (("1", "+2.5E-3", ".5"), None),
        (('"1\n2"', "2", "3"), [r"column 'x': '1\n2' is no finite number"]),
        (("1", "", "NA"), ["line 3: case C2 has no value of 'x'", "line 4: case C3 has no value"]),
        (("1", "2.5mm", "3"), ["line 3, column 'x': '2.5mm' is no finite number"]),
        (("1", "nan", "nan"), ["'nan' is no finite number; a missing value is an empty cell (and"]),
        (("1", "1e999", "3"), ["'1e999' is no finite number"]),
        (("1", "-inf", "3"), ["'-inf' is no finite number"]),
        (("1_0", "1", "3"), ["'1_0' is no finite number"]),
        (("1", "TRUE", "0"), ["'TRUE' is no finite number; write 1 and 0"]),
        # A whole column that a spreadsheet wrote with commas is not taken for text.
        (('"1,5"', '"2,5"', '"3,5"'), ["'1,5' is no finite number; write a decimal point, not a"]),
        (("inf", "inf", "inf"), ["'inf' is no finite number (and 2 further rows)"]),
    ],
)
def test_what_a_cell_says_must_be_a_finite_number(
    tmp_path: Path, cells: tuple[str, ...], told: list[str] | None
) -> None:
    found = list(table(tmp_path, rows(*cells)).problems(CASES))
    if told is None:
        assert found == []
    else:
        assert len(found) == len(told)
        assert all(part in line for part, line in zip(told, found, strict=True))


def test_a_spreadsheet_s_way_of_writing_is_read(tmp_path: Path) -> None:
    text = "\ufeffcase_id;Größe\r\nC1;1.5\r\nC2;2.5\r\nC3;3\r\n"
    assert table(tmp_path, text).names == ["Größe"]
    (line,) = table(tmp_path, text.replace("1.5", "1,5")).problems(CASES)
    assert "column 'Größe': '1,5' is no finite number; write a decimal point" in line


def test_a_case_with_many_missing_values_is_one_line(tmp_path: Path) -> None:
    names = ",".join(f"x{i}" for i in range(9))
    full = ",".join("1" * 9)
    text = f"case_id,{names}\nC1,{full}\nC2,{',' * 8}\nC3,{full}\n"
    (line,) = table(tmp_path, text).problems(CASES)
    assert line == "line 3: case C2 has no value of 'x0', 'x1', 'x2', 'x3', 'x4' and 4 more"


def test_who_is_missing_or_there_twice_is_named(tmp_path: Path) -> None:
    text = "case_id,x\nC1,1\nc2,2\nC1,1\nZ,?\nZ,\nC9,no\n"
    assert list(table(tmp_path, text).problems(CASES)) == [
        "line 4: case C1 stands on line 2 already; expected one row per case",
        "case C2 has no row (there is one of 'c2')",
        "case C3 has no row",
    ]
    assert table(tmp_path, text).unknown(CASES) == ["Z", "c2"]


def test_ids_of_another_study_are_told_once(tmp_path: Path) -> None:
    (line,) = table(tmp_path, "case_id,x\n1,1\n2,2\n").problems(CASES)
    assert line == (
        "column 'case_id' holds no case of the study: it has ids such as '1', the study such as "
        "'C1'"
    )


def test_a_column_of_the_study_s_own_tables_must_be_meant(tmp_path: Path) -> None:
    text = rows("1,40", "2,50", "3,60", header="case_id,x,age")
    (line,) = table(tmp_path, text).problems(CASES)
    assert line.startswith("the study's own tables have 'age' too; name such columns under `with")
    (line,) = table(tmp_path, text, columns=["*"]).problems(CASES)
    assert "'age'" in line
    for asked in ({"without": ["age"]}, {"columns": ["x", "age"]}):
        assert list(table(tmp_path, text, **asked).problems(CASES)) == []


def test_the_label_under_another_name_is_refused(tmp_path: Path) -> None:
    (line,) = table(tmp_path, rows("0", "1", "1.0")).problems(CASES)
    assert line == (
        "column 'x' is the label under another name: 0 = DCIS and 1 = IDC in every case"
    )
    assert list(table(tmp_path, rows("0", "1", "2")).problems(CASES)) == []
    assert list(table(tmp_path, rows("0", "1", "0")).problems(CASES)) == []
    # A cohort's labels are nobody's business.
    unlabelled = Cases(dict.fromkeys(IDS, ""), {}, known=CASES.known)
    assert list(table(tmp_path, rows("0", "1", "1")).problems(unlabelled)) == []


def test_of_images_a_case_needs_one_until_it_is_known_which_are_usable(tmp_path: Path) -> None:
    text = "image_id,x\nI1,1\nI3,1\n"
    read = table(tmp_path, text, per="image")
    assert list(read.problems(CASES)) == ["case C3 has no row of any of its images"]
    later = Cases(CASES.labels, CASES.case_of, ("I1", "I2", "I3", "I4"), known=CASES.known)
    assert list(read.problems(later)) == [
        "case C3 has no row of any of its images",
        "image I2 of case C1 has no row",
    ]
