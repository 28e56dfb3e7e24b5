import pytest

from microcalc.cohort.image_rows import problems
from microcalc.tables import Table

BOXED = {"image_id": "I1", "case_id": "C1", "path": "a.dcm", "x0": "1", "y0": "2"}
BOXED |= {"x1": "3", "y1": "4", "roi_path": "", "reader": ""}
DRAWN = BOXED | dict.fromkeys(("x0", "y0", "x1", "y1"), "") | {"roi_path": "a.nii"}


def told(*rows):
    return problems(
        Table("images.csv", list(rows[0]), list(rows), [2 + i for i in range(len(rows))])
    )


@pytest.mark.parametrize("row", [BOXED, DRAWN, BOXED | {"roi_path": "NA"}])
def test_a_box_or_a_file_is_a_region(row):
    assert told(row) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (BOXED | {"roi_path": "a.nii"}, "line 2, column 'roi_path': a file and a box are given"),
        (BOXED | {"y0": "NA"}, "line 2, column 'y0': is empty; a box needs"),
        (DRAWN | {"roi_path": ""}, "line 2, column 'x0': gives no ROI"),
    ],
)
def test_no_region_or_two_are_named(row, words):
    (problem,) = told(row)
    assert words in problem


def test_an_image_has_one_row_for_each_reader():
    ann, bob = BOXED | {"reader": "ann"}, DRAWN | {"reader": "bob"}
    assert told(ann, bob) == []
    (problem,) = told(ann, bob, ann)
    assert "line 4, column 'image_id': 'I1' stands on line 2 already for reader ann" in problem
    (problem,) = told(BOXED, BOXED)
    assert "line 3, column 'image_id': 'I1' stands on line 2 already;" in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"case_id": "C2"}, "column 'case_id': 'C2' here and 'C1' on line 2"),
        ({"image_id": "i1"}, "column 'image_id': 'i1' here and 'I1' on line 2"),
        ({"path": "Erika.dcm"}, "column 'path': not that of line 2"),
    ],
)
def test_readers_of_one_image_agree_on_the_image(change, words):
    (problem,) = told(BOXED | {"reader": "ann"}, BOXED | {"reader": "bob"} | change)
    assert words in problem
    assert "Erika" not in problem
