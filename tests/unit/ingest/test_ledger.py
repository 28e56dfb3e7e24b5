"""What every adapter shares: the ledger, the regions, the words, and what is written."""

import zipfile
from pathlib import Path

import pytest
from tests.unit.ingest.miniature import config_of

from microcalc.core.errors import StudyError
from microcalc.ingest import ledger, registry, roi_boxes
from microcalc.ingest.collection import Collection
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.outcome import Outcome
from microcalc.ingest.record import Case, Image, NotTakenError, Place, Record, pseudonym
from microcalc.ingest.vocabulary import declared, most_suspicious
from microcalc.ingest.write import write

COLLECTION = Collection("toy", "Toy", lambda ledger: None, remarks=("Mind the gap.",))


def taken(number: int, *, center: str = "A", **clinical: str) -> Record:
    case = Case(f"C{number}", f"P{number}", center, "DCIS", clinical=clinical)
    image = Image(f"I{number}", f"{number}.dcm", "CC", "L", (1, 2, 3, 4))
    return Record(Place("table.csv", f"line {number + 2}"), case, image)


def left(number: int, reason: str) -> Record:
    return Record(Place("table.csv", f"line {number + 2}"), reason=reason)


def test_a_forgotten_row_stops_the_ingest(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n")
    ledger = Ledger(tmp_path)
    (first, row), (second, _) = ledger.table(tmp_path / "table.csv", ["a"])
    assert (first, row) == (Place("table.csv", "line 2"), {"a": "1"})
    ledger.leave(first, "no")
    with pytest.raises(RuntimeError, match=r"1 rows unaccounted for.*line 3"):
        ledger.records()
    with ledger.entry(second):
        raise NotTakenError("neither")
    assert [record.reason for record in ledger.records()] == ["no", "neither"]


def test_nothing_taken_is_an_error_that_counts_the_reasons() -> None:
    with pytest.raises(StudyError, match="Nothing of Toy") as caught:
        Outcome(COLLECTION, [left(0, "no pathology"), left(1, "no pathology"), left(2, "a mass")])
    assert str(caught.value).splitlines()[1:] == ["  - 2 x no pathology", "  - 1 x a mass"]


def test_two_stories_of_one_case_are_an_error() -> None:
    other = Record(Place("b.csv"), Case("C0", "P0", "A", "IDC"), taken(0).image)
    with pytest.raises(StudyError, match="C0: the collection tells two different stories"):
        Outcome(COLLECTION, [taken(0), other])


def test_what_is_written_counts_every_row(tmp_path: Path) -> None:
    rows = [taken(0, age="50"), taken(1, center="B"), taken(2, center="B"), left(3, "a mass")]
    write(Outcome(COLLECTION, rows), tmp_path / "my-toy", source="somewhere")
    text = (tmp_path / "my-toy" / "summary.md").read_text()
    assert "Taken: 3 cases (3 DCIS) of 3 patients, 3 images." in text
    assert "| table.csv | 4 | read |\n| | 3 | taken |\n| | 1 | left out: a mass |" in text
    account = (tmp_path / "my-toy" / "account.csv").read_text().splitlines()
    assert account[1] == "table.csv,line 2,taken,C0,I0,"
    assert account[4] == "table.csv,line 5,left out,,,a mass"
    config = config_of(tmp_path / "my-toy")
    assert config.study == "my-toy"
    assert config.cohort.development_centers == ("B",)
    # One age in all tells nothing apart; without a clinical variable there is one model.
    assert config.cohort.other_columns == ("age",)
    assert list(config.models) == ["deep"]
    assert "# Mind the gap." in (tmp_path / "my-toy" / "config.yaml").read_text()


def test_a_workbook_that_unpacks_into_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as sheet,
    ):
        for _ in range(600):
            sheet.write(bytes(10**6))
    assert path.stat().st_size < 10**6
    with pytest.raises(StudyError, match=r"bomb\.xlsx: unpacked it is 0\.6 GB"):
        ledger._from_workbook(path)
    path.write_bytes(b"no zip")
    with pytest.raises(StudyError, match=r"bomb\.xlsx: damaged"):
        ledger._from_workbook(path)


def test_the_same_ingest_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = [taken(i, age=str(40 + i)) for i in range(3)]
    for order, name in ((rows, "a"), (rows[::-1], "b")):
        write(Outcome(COLLECTION, order), tmp_path / name / "toy", source="x")
    for table in ("cases.csv", "images.csv"):
        same = {(tmp_path / name / "toy" / table).read_bytes() for name in "ab"}
        assert len(same) == 1


def test_a_spacing_is_the_users_and_for_files_without_one_alone(tmp_path: Path) -> None:
    bare = Record(Place("b.csv"), taken(1).case, Image("I1", "1.dcm", "CC", "L", has_spacing=False))
    write(Outcome(COLLECTION, [taken(0), bare]), tmp_path / "toy", source="x", spacing_mm="0.05")
    lines = (tmp_path / "toy" / "images.csv").read_text().splitlines()
    assert [line.rpartition(",")[2] for line in lines] == ["spacing_mm", "", "0.05"]


def test_an_unknown_collection_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"ingest=cbis: no such collection \(did you mean"):
        registry.named("cbis")
    with pytest.raises(StudyError, match="there are cbis-ddsm, cmmd, embed, generic"):
        registry.named("")
    with pytest.raises(StudyError, match="there is no such folder"):
        registry.account(registry.named("embed"), tmp_path / "nowhere")


@pytest.mark.parametrize("name", sorted(set(registry.COLLECTIONS) - {"generic"}))
def test_a_folder_without_the_collection_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StudyError, match="under the source folder"):
        registry.account(registry.named(name), tmp_path)


def test_boxes_that_touch_one_another_are_one_region() -> None:
    chain = [(0, 0, 2, 2), (5, 5, 7, 7), (1, 1, 6, 6)]
    assert roi_boxes.only(chain, (10, 10)) == (0, 0, 7, 7)


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ([], "no region is drawn"),
        ([(0, 0, 1, 1), (1, 1, 2, 2)], "several regions lie apart"),
        ([(0, 0, 99, 1)], "outside the image"),
        ([(-2, 0, 1, 1)], "outside the image"),
    ],
)
def test_a_region_that_cannot_be_used_says_why(boxes: list, reason: str) -> None:
    with pytest.raises(NotTakenError, match=reason):
        roi_boxes.only(boxes, (10, 10))


def test_points_become_a_box_or_a_reason() -> None:
    assert roi_boxes.around([("3", "4.5"), (1, 9)]) == (1, 4.5, 3, 9)
    with pytest.raises(NotTakenError, match="no area"):
        roi_boxes.around([(1, 2), (1, 9)])
    with pytest.raises(NotTakenError, match="not given in numbers"):
        roi_boxes.around([("", "2"), ("1", "9")])


def test_suspicion_rises_along_the_levels() -> None:
    assert most_suspicious("distribution", ["grouped", "", "segmental", "what"]) == "segmental"
    assert most_suspicious("birads", ["0", ""]) == ""


def test_levels_are_those_that_occur() -> None:
    cases = [{"birads": "4C", "age": ""}, {"birads": "4A", "age": ""}, {"birads": ""}]
    clinical, idle = declared(cases)
    assert clinical["birads"]["levels"] == ["4A", "4C"]
    assert idle == ["age"]


def test_a_variable_outside_the_vocabulary_is_not_forgotten() -> None:
    with pytest.raises(RuntimeError, match="no clinical variable of the vocabulary: shape"):
        declared([{"shape": "round"}, {"shape": "flat"}])


def test_a_pseudonym_fits_the_schema() -> None:
    assert pseudonym("a b/c", "é1") == "a-b-c_-1"
    assert len(pseudonym("1" * 90)) == 64
