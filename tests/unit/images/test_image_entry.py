import pytest

from microcalc.core.errors import StudyError
from microcalc.images.image_entry import ImageEntry

ROW = {"image_id": "a", "case_id": "c1", "patient_id": "p1", "path": "a.dcm"}


def test_an_entry_holds_what_the_row_says_in_canonical_form():
    row = ROW | {"spacing_mm": "0.07", "laterality": " r", "view": "medio-lateral oblique"}
    assert ImageEntry.from_row(row | {"frame": "2.0"}) == ImageEntry(
        "a", spacing_mm=0.07, laterality="R", view="MLO", frame=2, pseudonyms=("c1", "p1")
    )


def test_absent_and_empty_columns_say_nothing():
    nothing = ImageEntry("a", pseudonyms=("c1", "p1"))
    assert ImageEntry.from_row(ROW) == nothing
    empty = dict.fromkeys(("spacing_mm", "laterality", "view", "frame"), "")
    assert ImageEntry.from_row(ROW | empty) == nothing


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("frame", "1.5", "whole number"),
        ("frame", "inf", "whole number"),
        ("spacing_mm", "x", "number"),
    ],
)
def test_a_cell_that_is_no_number_is_named(column, cell, expected):
    with pytest.raises(StudyError, match=rf"image a: {column} is no {expected} \('{cell}'\)"):
        ImageEntry.from_row(ROW | {column: cell})
