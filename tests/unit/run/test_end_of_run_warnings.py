from microcalc.run import end_of_run_warnings

HEADER = "image_id,case_id,view,status,reason,detail,flags\n"


def test_every_excluded_image_is_named_with_its_reason(tmp_path):
    table = tmp_path / "qc.csv"
    table.write_text(
        HEADER + 'a1,a,CC,ok,,,\na2,a,MLO,excluded,"its mask, sadly, is empty",label 3,\n'
    )
    assert end_of_run_warnings.lines(table) == [
        "1 of 2 images were excluded (images/qc.csv):",
        "  - image a2 (case a): its mask, sadly, is empty (label 3)",
    ]


def test_nothing_is_said_of_nothing(tmp_path):
    table = tmp_path / "qc.csv"
    assert end_of_run_warnings.lines(table) == []
    table.write_text(HEADER + "a1,a,CC,ok,,,side_unknown\n")
    assert end_of_run_warnings.lines(table) == []


def test_names_that_identify_a_patient_are_a_warning(tmp_path):
    table = tmp_path / "qc.csv"
    flags = "burned_in_annotation;pseudonym_is_patient_id"
    table.write_text(HEADER + f"a1,a,CC,ok,,,{flags}\na2,a,MLO,excluded,no spacing,,\n")
    warning, *rest = end_of_run_warnings.lines(table)
    assert warning.startswith("WARNING: the case_id or patient_id of 1 images is the PatientID")
    assert len(rest) == 2


def test_equal_reasons_are_one_line(tmp_path):
    table = tmp_path / "qc.csv"
    rows = [f"i{n},c{n},CC,excluded,its ROI is empty,x {n} to 3,\n" for n in range(28)]
    table.write_text(HEADER + "".join(rows) + "z,z,CC,excluded,no spacing,,\n")
    assert end_of_run_warnings.lines(table) == [
        "29 of 29 images were excluded (images/qc.csv):",
        "  - 28 images (i0, i1, i2, ...): its ROI is empty",
        "  - image z (case z): no spacing",
    ]
