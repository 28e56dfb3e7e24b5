import pytest

from microcalc.cohort.image_rows import problems
from microcalc.core.table_reader import Table

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


def test_boxes_that_end_before_they_begin_are_one_sentence():
    swapped = [BOXED | {"image_id": f"I{n}", "x0": "30", "x1": "3"} for n in range(28)]
    (problem,) = told(*swapped, BOXED | {"image_id": "ok"})
    assert problem == (
        "images.csv, columns 'x0' and 'x1': x0 is not below x1 on 28 lines (2, 3, 4, 5, 6 and 23 "
        "more); x0 is the ROI's first column and x1 the first beyond it"
    )
    (problem,) = told(BOXED | {"y1": "2"})
    assert "y0 is not below y1 on 1 line (2);" in problem
    assert told(BOXED | {"x0": "1e1", "x1": "9.5e1"}) == []
