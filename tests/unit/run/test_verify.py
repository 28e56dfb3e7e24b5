from pathlib import Path

import pytest
from tests.unit.core.test_job_records import job, place, write

from microcalc.core.errors import StudyError
from microcalc.run import verify

__all__ = ["place"]

RESULTS = Path("results/mine")


def make(*names: str, is_temporary: bool = False, rule: str = "make") -> None:
    paths = [str(RESULTS / name) for name in names]
    begun = job(rule, output=paths)
    for path in paths:
        write(path, path)
    begun.leave_record(is_temporary=is_temporary)


def test_every_file_is_untouched_changed_missing_or_unknown(place: Path) -> None:
    make("a.csv", "b.csv", "c.csv")
    make("gone.npz", is_temporary=True, rule="perturb")
    (RESULTS / "gone.npz").unlink()
    write("results/mine/b.csv", "edited")
    (RESULTS / "c.csv").unlink()
    for unasked in ("logs/x.log", "history/times/x.tsv", "features/t/checkpoints/a.pt"):
        write(str(RESULTS / unasked), "")
    write("results/mine/notes.txt", "mine")
    found = verify.outcome(RESULTS)
    assert (found.untouched, found.changed) == (["a.csv"], ["b.csv"])
    assert (found.missing, found.unknown) == (["c.csv"], ["notes.txt"])
    with pytest.raises(StudyError) as caught:
        verify.refuse_altered(RESULTS)
    assert "  b.csv\n" in str(caught.value)


def test_a_foreign_file_is_told_and_no_fault(place: Path) -> None:
    make("a.csv")
    write("results/mine/notes.txt", "mine")
    verify.refuse_altered(RESULTS)
    assert "1 unknown: no job left them here\n  notes.txt\n" in verify.outcome(RESULTS).text()


def test_many_files_are_counted(place: Path) -> None:
    make(*(f"{i}.csv" for i in range(30)))
    for i in range(30):
        (RESULTS / f"{i}.csv").unlink()
    assert verify.outcome(RESULTS).text().endswith("  and 10 more\n")


def test_results_without_records_are_told(place: Path) -> None:
    with pytest.raises(StudyError, match="results/mine: no job has left a provenance record"):
        verify.outcome(RESULTS)
