"""Tables as hospitals hand them over: each is refused by name, or read as what it means."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.unit.configs import SMALLEST

from microcalc.cohort.eligible import build_eligible
from microcalc.cohort.study_tables import read_cohort
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import CohortSettings, Labels
from microcalc.core.errors import StudyError

SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"
CLINICAL: dict[str, Any] = {
    "age": {"kind": "continuous", "minimum": 18, "maximum": 110},
    "birads": {"kind": "categorical", "levels": ["4A", "4B", "5"]},
}
LABELS = {"negative": "DCIS", "positive": "IDC", "excluded": ["LCIS"]}
SETTINGS = {"development_centers": ["A"], "train_fraction": 0.5, "permute_labels": None}
HEADER = "case_id,patient_id,center,label,age,birads,note"


def case(number: int) -> str:
    center, label = "AB"[number % 4 == 3], ["DCIS", "IDC"][number % 2]
    if center == "B":
        label = ["DCIS", "IDC"][number % 8 == 7]
    return f"C{number},P{number},{center},{label},{40 + number},{['4A', '4B', '5'][number % 3]},ok"


CASES = "\n".join([HEADER, *map(case, range(1, 25)), ""])
IMAGES = "\n".join(
    [
        "image_id,case_id,path,view,laterality,x0,y0,x1,y1,spacing_mm",
        *(f"I{n},C{n},site a/{n}.dcm,CC,L,10,20,110.5,120,0.1" for n in range(1, 25)),
        "",
    ]
)


def eligible(folder: Path, cases: bytes | None, images: bytes | None) -> pd.DataFrame:
    for name, content in (("cases.csv", cases), ("images.csv", images)):
        if content is not None:
            (folder / name).write_bytes(content)
    cohort = read_cohort(
        folder / "cases.csv",
        folder / "images.csv",
        schemas=(str(SCHEMAS / "cases.yaml"), str(SCHEMAS / "images.yaml")),
        clinical=ClinicalVariable.each_of(CLINICAL),
        labels=Labels.of(LABELS),
        other_columns=["note"],
    )
    settings = CohortSettings.of(SMALLEST["cohort"] | SETTINGS)
    return build_eligible(cohort, labels=Labels.of(LABELS), settings=settings, seed=1)[0]


def rows(text: str, change: Callable[[list[str]], list[str]]) -> str:
    """Return the table with its rows changed; the header stays."""
    header, *lines = text.splitlines()
    return "\n".join([header, *change(lines), ""])


def columns(text: str, change: Callable[[list[str]], list[str]]) -> str:
    """Return the table with the cells of each line, the header's too, changed."""
    return "\n".join(",".join(change(line.split(","))) for line in text.splitlines()) + "\n"


def semicolons(text: str) -> str:
    return text.replace(",", ";")


MEANT_THE_SAME: dict[str, bytes] = {
    "byte order mark": CASES.encode("utf-8-sig"),
    "UTF-16 as Excel saves Unicode text": CASES.replace(",", "\t").encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + CASES.encode("utf-16-be"),
    "Windows-1252 remark": CASES.replace(",ok", ",tastbar über 2 cm").encode("cp1252"),
    "UTF-8 remark": CASES.replace(",ok", ",乳房").encode(),
    "semicolons": semicolons(CASES).encode(),
    "tabs": CASES.replace(",", "\t").encode(),
    "Windows line ends": CASES.replace("\n", "\r\n").encode(),
    "old Macintosh line ends": CASES.replace("\n", "\r").encode(),
    "all cells quoted": columns(CASES, lambda cells: [f'"{cell}"' for cell in cells]).encode(),
    "no line end at the end": CASES.rstrip("\n").encode(),
    "blank lines": CASES.replace("\n", "\n\n").encode(),
    "rows of separators alone": (CASES + ",,,,,,\n" * 5).encode(),
    "spaces around cells": columns(CASES, lambda cells: [f" {cell} " for cell in cells]).encode(),
    "no-break spaces around cells": CASES.replace(",", "\u00a0,").encode(),
    "rows in another order": rows(CASES, lambda lines: lines[::-1]).encode(),
    "columns in another order": columns(CASES, lambda cells: cells[::-1]).encode(),
    "a line break inside a quoted remark": CASES.replace(",ok", ',"two\nlines"').encode(),
    "a formula in a column that is left out": CASES.replace(",ok", ",=1+1").encode(),
    "a remark of 100,000 characters": CASES.replace(",ok", "," + "x" * 100_000, 1).encode(),
    "a remark in quotes with quotes": CASES.replace(",ok", ',"so-called ""mass"", soft"').encode(),
    "a formula that would run a program": CASES.replace(",ok", ",\"=cmd|' /C calc'!A0\"").encode(),
    "markup in a remark": CASES.replace(",ok", ",<script>alert(1)</script>").encode(),
    "ages with a plus sign": CASES.replace(",41,", ",+41,").encode(),
    "ages written with decimals": CASES.replace(",41,", ",41.0,").encode(),
}


@pytest.mark.parametrize("what", MEANT_THE_SAME)
def test_it_is_read_as_what_it_means(what: str, tmp_path: Path) -> None:
    expected = eligible(tmp_path, CASES.encode(), IMAGES.encode())
    found = eligible(tmp_path, MEANT_THE_SAME[what], IMAGES.encode())
    pd.testing.assert_frame_equal(found, expected, check_like=True)


def edit(text: str, old: str, new: str) -> bytes:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1).encode()


THIRD = "C3,P3,B,DCIS,43,4A"
REFUSED_CASES: dict[str, tuple[bytes | None, str]] = {
    "no file": (None, r"cases\.csv: there is no such table; check its path in the config"),
    "empty file": (b"", "the table is empty; expected a header"),
    "white space alone": (b" \n\n ", "the table is empty; expected a header"),
    "byte order mark alone": (b"\xef\xbb\xbf", "the table is empty; expected a header"),
    "header alone": (HEADER.encode(), r"cases\.csv: the table has a header and no row"),
    "an Excel workbook": (b"PK\x03\x04\x14\x00\x06\x00", "not a text table; save it as CSV"),
    "UTF-16 without its mark": (CASES.encode("utf-16-le"), "not a text table; save it as CSV"),
    "Excel's separator line": (b"sep=,\n" + CASES.encode(), "line"),
    "a row too short": (edit(CASES, ",43,4A,ok", ",43"), "line 4 has 5 cells, the header has 7"),
    "a row too long": (edit(CASES, ",43,", ",43,0,"), "line 4 has 8 cells, the header has 7"),
    "a quote that never ends": (edit(CASES, ",43,", ',"43,'), "line"),
    "a cell of 200,000 characters": (edit(CASES, ",ok", "," + "x" * 200_000), "line"),
    "a column twice": (edit(CASES, "note", "age"), "column 'age' stands twice in the header"),
    "a column without a name": (edit(CASES, "note", ""), "column 7 has no name"),
    "a misspelt column": (edit(CASES, "birads", "bi_rads"), "did you mean 'birads'"),
    "a column nobody declared": (edit(CASES, "note", "mrn"), "column 'mrn' is not known"),
    "no label column": (edit(CASES, "label", "lesion"), "column 'label' is missing"),
    "decimal commas": (
        edit(semicolons(CASES), ";43;", ";43,5;"),
        r"line 4, column 'age': '43,5' is not a number \(write a decimal point, not a comma\)",
    ),
    "an Excel date for an age": (edit(CASES, ",43,", ",1943-05-01,"), "'1943-05-01' is not a num"),
    "BI-RADS 4A made a date": (edit(CASES, "43,4A", "43,4-Apr"), "'4-Apr' is not one of 4A, 4B, 5"),
    "BI-RADS in lower case": (edit(CASES, "43,4A", "43,4a"), r"'4a' is not one of .*mean '4A'"),
    "an age with its unit": (edit(CASES, ",43,", ",43 y,"), "'43 y' is not a number"),
    "an age in other digits": (edit(CASES, ",43,", ",४३,"), "'४३' is not a number"),
    "an age with an underscore": (edit(CASES, ",43,", ",4_3,"), "'4_3' is not a number"),
    "an age too large for a number": (edit(CASES, ",43,", ",1e999,"), "'1e999' is not a number"),
    "an age below zero": (edit(CASES, ",43,", ",-43,"), "'-43' is too small; expected at least 18"),
    "an age of 430": (edit(CASES, ",43,", ",430,"), "'430' is too large; expected at most 110"),
    "an infinite age": (edit(CASES, ",43,", ",inf,"), "'inf' is not a number"),
    "an unknown word for missing": (edit(CASES, ",43,", ",n/a,"), "'n/a' is not a number"),
    "a misspelt label": (edit(CASES, ",DCIS,43", ",DICS,43"), r"'DICS' is not .*mean 'DCIS'"),
    "a label in lower case": (edit(CASES, ",DCIS,43", ",dcis,43"), r"'dcis' is not .*mean 'DCIS'"),
    "a third class": (edit(CASES, ",DCIS,43", ",benign,43"), "'benign' is not one of DCIS, IDC"),
    "a formula for a label": (edit(CASES, ",DCIS,43", ",=A1,43"), "'=A1' is not one of DCIS"),
    "a formula for a center": (edit(CASES, ",B,DCIS,43", ",=A1,DCIS,43"), "'=A1' is not allowed"),
    "no center": (edit(CASES, ",B,DCIS,43", ",,DCIS,43"), "column 'center': is empty"),
    "no case id": (edit(CASES, "C3,P3", ",P3"), "column 'case_id': is empty"),
    "no patient id": (edit(CASES, "C3,P3", "C3,"), "column 'patient_id': is empty"),
    "a case twice": (edit(CASES, "C3,P3", "C1,P3"), "'C1' stands on line 2 already"),
    "a case twice but for case": (edit(CASES, "C3,P3", "c1,P3"), "'c1' differs from 'C1' only in"),
    "a case twice but for spaces": (edit(CASES, "C3,P3", "C1 ,P3"), "'C1' stands on line 2"),
    "a patient twice but for case": (
        edit(CASES, "C3,P3", "C3,p1"),
        "column 'patient_id': 'p1' differs from 'P1' on line 2 only in case",
    ),
    "a center twice but for case": (
        edit(CASES, ",B,DCIS,43", ",a,DCIS,43"),
        "column 'center': 'a' differs from 'A' on line 2 only in case",
    ),
    "a space inside an id": (edit(CASES, "C3,P3", "C 3,P3"), "'C 3' is not allowed here"),
    "an id that leaves the folder": (edit(CASES, "C3,P3", "../C3,P3"), "'../C3' is not allowed"),
    "an id that is an option": (edit(CASES, "C3,P3", "-rf,P3"), "'-rf' is not allowed here"),
    "an id that is a formula": (edit(CASES, "C3,P3", "=C3,P3"), "'=C3' is not allowed here"),
    "an id that is markup": (edit(CASES, "C3,P3", "<b>,P3"), "'<b>' is not allowed here"),
    "an id in other letters": (edit(CASES, "C3,P3", "Ć3,P3"), "'Ć3' is not allowed here"),
    "an id of 100,000 characters": (
        edit(CASES, "C3,P3", "C" * 100_000 + ",P3"),
        r"'C{57}\.\.\.' is not allowed here: a pseudonym",
    ),
    "a label of 100,000 characters": (
        edit(CASES, ",DCIS,43", f",{'D' * 100_000},43"),
        r"'D{57}\.\.\.' is not one of DCIS, IDC",
    ),
    "a level of 100,000 characters": (
        edit(CASES, "43,4A", f"43,{'4' * 100_000}"),
        r"'4{57}\.\.\.' is not one of 4A, 4B, 5",
    ),
    "an age of 100,000 digits": (
        edit(CASES, ",43,", f",{'4' * 100_000},"),
        r"'4{57}\.\.\.' is not a number",
    ),
    "a center of 100,000 characters": (
        edit(CASES, ",B,DCIS,43", f",{'B' * 100_000},DCIS,43"),
        r"'B{57}\.\.\.' is not allowed here",
    ),
    "a column name of 100,000 characters": (
        edit(CASES, "note", "n" * 100_000),
        r"column 'n{57}\.\.\.' is not known",
    ),
    "a formula for an age": (edit(CASES, ",43,", ",=40+3,"), "'=40.3' is not a number"),
    "a formula for a level": (edit(CASES, "43,4A", "43,@SUM(A1)"), "'@SUM.A1.' is not one of 4A"),
    "a formula for a column name": (edit(CASES, "note", "=A1"), "column '=A1' is not known"),
    "a center that is markup": (
        edit(CASES, ",B,DCIS,43", ",<script>,DCIS,43"),
        "'<script>' is not allowed here",
    ),
    "a label that is the other of a pair of languages": (
        edit(CASES, ",DCIS,43", ",in situ,43"),
        "'in situ' is not one of DCIS, IDC, LCIS",
    ),
    "a patient in two splits": (
        CASES.replace("note", "split").replace(",ok", ",train").encode()
        + b"C99,P1,A,DCIS,50,4A,internal\n",
        "patient 'P1' is in 'internal' here and in 'train' on line 2",
    ),
    "a misspelt development center": (
        CASES.replace(",A,", ",Aa,").encode(),
        r"'A' is no center of the case table, which has Aa, B",
    ),
    "a patient in two centers": (
        edit(CASES, "C3,P3", "C3,P1"),
        "patient 'P1' is in 'B' here and in",
    ),
    "one class only": (
        CASES.replace(",IDC,", ",DCIS,").encode(),
        "training patients labelled 'IDC': 0",
    ),
    "no case labelled": (
        CASES.replace(",IDC,", ",,").replace(",DCIS,", ",,").encode(),
        "training patients labelled 'IDC': 0",
    ),
    "every label set aside": (
        CASES.replace(",IDC,", ",LCIS,").replace(",DCIS,", ",LCIS,").encode(),
        "training patients labelled 'IDC': 0",
    ),
    "development centers without a case": (
        CASES.replace(",A,", ",C,").encode(),
        "'A' is no center of the case table, which has B, C",
    ),
    "an unknown split": (
        CASES.replace("note", "split").replace(",ok", ",validation").encode(),
        "'validation' is not one of train, internal, external",
    ),
    "nobody in training": (
        CASES.replace("note", "split").replace(",ok", ",external").encode(),
        "training patients labelled 'IDC': 0",
    ),
}


@pytest.mark.parametrize("what", REFUSED_CASES)
def test_a_broken_case_table_is_refused_by_name(what: str, tmp_path: Path) -> None:
    content, message = REFUSED_CASES[what]
    with pytest.raises(StudyError, match=message) as caught:
        eligible(tmp_path, content, IMAGES.encode())
    assert len(str(caught.value)) < 10_000


FIRST = "I1,C1,site a/1.dcm,CC,L,10,20,110.5,120,0.1"
REFUSED_IMAGES: dict[str, tuple[bytes | None, str]] = {
    "no file": (None, r"images\.csv: there is no such table"),
    "an image of nobody": (edit(IMAGES, "I1,C1", "I1,C99"), r"'C99' is not in .*cases\.csv"),
    "a case in lower case": (edit(IMAGES, "I1,C1", "I1,c1"), r"'c1' is not in .*mean 'C1'"),
    "an image twice": (edit(IMAGES, "I2,C2", "I1,C2"), "'I1' stands on line 2 already"),
    "an image twice but for case": (edit(IMAGES, "I2,C2", "i1,C2"), "'i1' stands on line 2"),
    "a path that leaves the folder": (edit(IMAGES, "site a/", "../"), "column 'path': '.not shown"),
    "a path that leaves it later": (edit(IMAGES, "site a/", "a/../../"), "does not leave it"),
    "an absolute path": (edit(IMAGES, "site a/", "/etc/"), "does not leave it"),
    "a Windows path": (edit(IMAGES, "site a/", "C:\\data\\"), "forward slashes"),
    "a path with backslashes": (edit(IMAGES, "site a/", "a\\"), "forward slashes"),
    "no path": (edit(IMAGES, "site a/1.dcm", ""), "column 'path': is empty"),
    "a view that is none": (
        edit(IMAGES, ",CC,", ",oblique,"),
        r"line 2, column 'view': 'oblique' is no view that is known; there are CC, MLO, ML, LM",
    ),
    "two views": (edit(IMAGES, ",CC,", ",CC MLO,"), "'CC MLO' is no view that is known"),
    "a side by its long name": (edit(IMAGES, ",L,", ",Left,"), "'Left' is not one of L, R"),
    "an ROI below zero": (edit(IMAGES, ",10,20,", ",-10,20,"), "'-10' is too small"),
    "an ROI in words": (edit(IMAGES, ",10,20,", ",ten,20,"), "'ten' is not a number"),
    "a box without one side": (edit(IMAGES, ",10,20,", ",,20,"), "column 'x0': is empty; a box"),
    "no ROI": (edit(IMAGES, ",10,20,110.5,120,", ",,,,,"), "gives no ROI"),
    "a path of 100,000 characters": (
        edit(IMAGES, "site a/1.dcm", "/" + "a" * 100_000),
        "column 'path': '.not shown.' is not allowed here",
    ),
    "a formula for an image": (edit(IMAGES, "I1,C1", "=I1,C1"), "'=I1' is not allowed here"),
    "a formula for a view": (edit(IMAGES, ",CC,", ",=1+1,"), "'=1.1' is no view that is known"),
    "a case of 100,000 characters": (
        edit(IMAGES, "I1,C1", "I1," + "C" * 100_000),
        r"'C{57}\.\.\.' is not in .*cases\.csv",
    ),
    "an ROI of decimal commas": (
        edit(semicolons(IMAGES), ";110.5;", ";110,5;"),
        r"line 2, column 'x1': '110,5' is not a number \(write a decimal point",
    ),
    "an infinite ROI": (edit(IMAGES, ",110.5,", ",inf,"), "'inf' is not a number"),
    "the case table once more": (CASES.encode(), "column 'image_id' is missing"),
    "a spacing of zero": (edit(IMAGES, ",0.1\n", ",0\n"), "'0' is too small"),
    "a column nobody knows": (edit(IMAGES, "spacing_mm", "spacing"), "mean 'spacing_mm'"),
}


@pytest.mark.parametrize("what", REFUSED_IMAGES)
def test_a_broken_images_table_is_refused_by_name(what: str, tmp_path: Path) -> None:
    content, message = REFUSED_IMAGES[what]
    with pytest.raises(StudyError, match=message) as caught:
        eligible(tmp_path, CASES.encode(), content)
    assert len(str(caught.value)) < 10_000
