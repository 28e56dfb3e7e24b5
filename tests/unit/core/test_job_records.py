"""Provenance records: what a job notes, and what it refuses to read."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import Namedlist  # type: ignore[import-untyped]

from microcalc.core import files, job_records
from microcalc.core.errors import StudyError
from microcalc.core.job_records import Job, Record

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of "test"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a study has results."""
    monkeypatch.chdir(tmp_path)
    for folder in ("models", "logs", "history"):
        (tmp_path / "results/mine" / folder).mkdir(parents=True)
    return tmp_path


def snakemake(rule: str, **given: Any) -> SimpleNamespace:
    """Return what a script of a rule is given."""
    parts = {name: Namedlist(fromdict=given.get(name, {})) for name in ("input", "params")}
    return SimpleNamespace(
        **parts, output=given.get("output", []), log=[f"results/mine/logs/{rule}.log"]
    )


def job(rule: str, **given: Any) -> Job:
    """Begin a job, without the log that a test's process would go on writing."""
    begun = Job.of(snakemake(rule, **given))
    begun.refuse_altered()
    begun.discard_altered()
    return begun


def write(path: str, text: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return path


def fitted() -> str:
    """Let a job leave a model; return its file."""
    model = "results/mine/models/deep.json"
    begun = job("fit_models", output=[model])
    write(model, "test")
    begun.leave_record()
    return model


def test_a_job_leaves_what_it_made_and_from_what(place: Path) -> None:
    table = write("secret/Doe_Jane.csv", "case_id\nC1\n")
    model, predictions = fitted(), "results/mine/models/predictions.csv"
    begun = job(
        "predict/all",
        input={"cases": table, "models": [model]},
        output=[predictions],
        params={"seed": 1, "code": "c0de", "image_folder": "/secret"},
    )
    write(predictions, "y\n1\n")
    begun.leave_record(images={"I2": "d2", "I1": "d1"})
    record = json.loads((place / "results/mine/provenance/jobs/predict/all.json").read_text())
    assert (record["rule"], record["code"], record["format"]) == ("predict", "c0de", 1)
    assert record["inputs"] == {"models/deep.json": SHA}
    assert record["given"] == {"cases": [files.digest_file(table)]}
    assert list(record["images"]) == ["I1", "I2"]
    assert record["outputs"]["models/predictions.csv"]["bytes"] == 4
    assert record["versions"]["microcalc"]
    about = json.loads(
        (place / "results/mine/provenance/files/models/predictions.csv.json").read_text()
    )
    assert about == {"job": "predict/all", **record["outputs"]["models/predictions.csv"]}
    said = json.dumps([record, about])
    assert not [word for word in ("secret", "Doe", str(place), os.uname().nodename) if word in said]


def test_the_same_job_leaves_the_same_bytes(place: Path) -> None:
    fitted()
    record = place / "results/mine/provenance/jobs/fit_models.json"
    before = record.read_bytes()
    fitted()
    assert record.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("te"), "it has 2 bytes and had 4"),
        (lambda path: path.write_text("tesT"), "its SHA-256 begins with .* and did with 9f86d081"),
        (lambda path: path.write_text(""), "it has 0 bytes and had 4"),
    ],
)
def test_a_result_that_was_cut_or_edited_is_refused_with_its_name(
    place: Path, spoil: Callable[[Path], None], words: str
) -> None:
    model = fitted()
    spoil(Path(model))
    with pytest.raises(StudyError, match=rf"models/deep\.json: .*{words}.*delete it"):
        job("predict", input={"models": [model]})


def test_two_results_that_were_swapped_are_refused(place: Path) -> None:
    one, other = (f"results/mine/models/{name}.json" for name in ("one", "other"))
    begun = job("fit_models", output=[one, other])
    write(one, "1")
    write(other, "2")
    begun.leave_record()
    write(one, "2")
    with pytest.raises(StudyError, match=r"one\.json: not as the job"):
        job("predict", input={"models": [one]})


def test_a_result_that_no_job_left_is_refused_and_a_table_of_the_users_is_not(place: Path) -> None:
    foreign = write("results/mine/models/foreign.json", "{}")
    with pytest.raises(StudyError, match=r"foreign\.json: no provenance record"):
        job("predict", input={"models": [foreign]})
    job("build_cohort", input={"cases": write("cases.csv", "case_id\n")})


def test_frozen_models_in_another_place_are_held_against_records_that_came_along(
    place: Path,
) -> None:
    model = fitted()
    (place / "results/mine").rename(place / "handed-over")
    moved = "handed-over/" + model.removeprefix("results/mine/")
    taken = job("take_models", input={"models": [moved]})
    assert taken.digest_of(moved) == SHA
    write(moved, "tost")
    with pytest.raises(StudyError, match=r"not as the job that made it.*restore it"):
        job("take_models", input={"models": [moved]})


def test_a_file_that_is_named_by_its_whole_path_is_a_result_too(place: Path) -> None:
    manifest = "results/mine/simulate/shard-0.json"
    begun = job("simulate_shard", output=[manifest])
    write(manifest, "{}")
    phantom = write(str(place / "results/mine/simulate/dicom/a.dcm"), "test")
    begun.leave_record(files=[phantom])
    (_, record), *_ = job_records.records("results/mine")
    assert sorted(record.outputs) == ["simulate/dicom/a.dcm", "simulate/shard-0.json"]


def test_a_table_that_was_changed_after_the_plan_is_refused(place: Path) -> None:
    table = write("cases.csv", "case_id\nC1\n")
    given: dict[str, Any] = {
        "input": {"cases": table},
        "params": {"planned": {"cases": files.digest_file(table)}},
    }
    job("build_cohort", **given)
    write(table, "case_id\nC2\n")
    with pytest.raises(StudyError, match="table `cases` was changed after this job was planned"):
        job("build_cohort", **given)


def test_a_table_that_changes_under_the_job_leaves_no_record(place: Path) -> None:
    table = write("secret/cases.csv", "case_id\nC1\n")
    begun = job("build_cohort", input={"cases": table}, output=[])
    write(table, "case_id\nC1\nC2\n")
    with pytest.raises(StudyError, match="file given as `cases`: changed while") as caught:
        begun.leave_record()
    assert "secret" not in str(caught.value)
    assert not (place / "results/mine/provenance").exists()


def test_what_is_brought_up_to_date_is_not_taken_from_a_file_that_was_edited(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fitted()
    job("fit_models", output=[model])
    assert Path(model).exists()
    write(model, "tosT")
    job("fit_models", output=[model])
    assert not Path(model).exists()
    assert "deep.json: not as its job left it" in capsys.readouterr().err


def test_a_memory_is_kept_whatever_it_holds_and_has_no_digest_in_a_jobs_record(
    place: Path,
) -> None:
    runs = "results/mine/history/runs.json"
    begun = job("record_run", output=[runs])
    write(runs, "[1]")
    begun.leave_record()
    (_, record), *_ = job_records.records("results/mine")
    assert record.outputs == {"history/runs.json": None}
    write(runs, "[12]")
    job("record_run", output=[runs])
    assert Path(runs).read_text() == "[12]"
    with pytest.raises(StudyError, match=r"runs\.json: not as"):
        job("read_runs", input={"runs": runs})


def test_settings_are_the_same_wherever_things_lie() -> None:
    here = {"cases": "/a/cases.csv", "images": {"spacing_mm": 0.1}, "seed": 1, "files": "1f"}
    there = {"cases": "b.csv", "images": {"spacing_mm": 0.1}, "seed": 1, "files": "2f"}
    other = {**here, "images": {"spacing_mm": 0.2}}
    assert job_records.settings_digest(here) == job_records.settings_digest(there)
    assert job_records.settings_digest(here) != job_records.settings_digest(other)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_record_is_named(place: Path, text: str) -> None:
    fitted()
    record = place / "results/mine/provenance/jobs/fit_models.json"
    record.write_text(text)
    with pytest.raises(StudyError, match=r"fit_models\.json"):
        dict(job_records.records("results/mine"))


@pytest.mark.parametrize("text", ["", "[]", "null", '{"sha256": 1}'])
def test_a_damaged_record_of_a_file_is_named(place: Path, text: str) -> None:
    model = fitted()
    (place / "results/mine/provenance/files/models/deep.json.json").write_text(text)
    with pytest.raises(StudyError, match=r"deep\.json\.json"):
        job("predict", input={"models": [model]})


def test_a_job_of_no_study_leaves_nothing(tmp_path: Path) -> None:
    given = snakemake("any", output=[str(tmp_path / "out.csv")])
    given.log = [str(tmp_path / "any.log")]
    Job.of(given).leave_record()
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_that_was_just_written_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.npz"
    with files.atomic_file(path) as file:
        file.write(b"te")
        file.write(b"st")
    monkeypatch.setattr(files, "digest_file", lambda path: pytest.fail("read again"))
    assert files.content_of(path) == files.Content(SHA, 4)
    monkeypatch.undo()
    path.write_bytes(b"another")
    assert files.content_of(path).size == 7


def test_a_record_reads_back_as_it_was() -> None:
    record = Record("r", "c", "s", {"a": "1"}, {}, {"cases": ["d"]}, {}, {"x": None})
    assert record.plain()["outputs"] == {"x": None}
