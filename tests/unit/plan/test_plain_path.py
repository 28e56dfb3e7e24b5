from pathlib import Path

from microcalc.plan import plain_path


def test_a_path_without_braces_is_itself(tmp_path: Path) -> None:
    assert plain_path.of(tmp_path / "cases.csv", tmp_path / "given") == str(tmp_path / "cases.csv")
    assert not (tmp_path / "given").exists()


def test_braces_are_reached_by_a_link_that_has_none(tmp_path: Path) -> None:
    table = tmp_path / "ta{b}les" / "cases{1}.csv"
    table.parent.mkdir()
    table.write_text("case_id\n")
    link = plain_path.of(table, tmp_path / "given")
    assert Path(link).name == "cases_1_.csv"
    assert Path(link).read_text() == "case_id\n"
    assert plain_path.of(table, tmp_path / "given") == link
    table.write_text("case_id,y\n")
    assert Path(link).read_text() == "case_id,y\n"


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    found = {plain_path.of(tmp_path / f"{{{n}}}" / "a.csv", tmp_path / "given") for n in "xy"}
    assert len(found) == 2
