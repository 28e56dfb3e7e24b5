"""Results that were cut, edited, swapped, moved or deleted, and made by a real run."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.workflow.tiny import Study, different, results

FORGETFUL = "its folder .snakemake"


def is_told(study: Study, *words: str, arguments: tuple[str, ...] = ()) -> bool:
    done = study.snakemake(*arguments, check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said, said
    return all(word in said for word in words)


def touch_later(path: Path) -> None:
    then = path.stat().st_mtime + 60
    os.utime(path, (then, then))


def cut_in_half(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2 + 1]))
    touch_later(path)


@pytest.mark.parametrize("name", ["cohort/eligible.csv", "selection/deep/selected.csv"])
def test_a_table_cut_in_half_is_refused(study: Study, name: str) -> None:
    cut_in_half(study.results / name)
    assert is_told(study, f"results/tiny/{name}: not as the job that made it left it", "delete it")


@pytest.mark.slow
def test_a_table_cut_in_half_is_made_anew_once_it_is_deleted(study: Study) -> None:
    expected, path = results(study), study.results / "models/predictions.csv"
    cut_in_half(path)
    assert is_told(study, "models/predictions.csv: not as the job that made it left it")
    path.unlink()
    study.snakemake()
    assert different(results(study), expected) == []


def test_an_edited_table_is_refused_before_anything_is_said_from_it(study: Study) -> None:
    path = study.results / "models/predictions.csv"
    path.write_text(path.read_text().replace("0.4", "0.9", 1))
    touch_later(path)
    summary = (study.results / "report/summary.md").read_bytes()
    assert is_told(study, "models/predictions.csv: not as the job")
    assert (study.results / "report/summary.md").read_bytes() == summary


def test_a_flipped_bit_of_features_is_refused(study: Study) -> None:
    path = study.results / "features/deep/features.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    touch_later(path)
    assert is_told(study, "features.parquet: not as the job")


def test_verify_names_what_was_edited_though_its_time_is_kept(study: Study) -> None:
    assert "0 changed" not in study.snakemake("verify").stdout
    path = study.results / "evaluation/metrics.csv"
    before = path.stat()
    path.write_text(path.read_text().replace("0.", "1.", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (study.results / "notes.txt").write_text("mine")
    assert is_told(study, "1 changed since", "evaluation/metrics.csv", arguments=("verify",))


def test_what_was_deleted_is_made_again_and_nothing_else(study: Study) -> None:
    expected = results(study)
    (study.results / "evaluation/delong.csv").unlink()
    assert study.planned().keys() >= {"evaluate_models"}
    assert not {"extract_patches", "fit_models", "predict"} & study.planned().keys()
    study.snakemake()
    assert different(results(study), expected) == []


def test_results_that_were_moved_without_snakemakes_memory(study: Study, tmp_path: Path) -> None:
    shutil.rmtree(study.folder / ".snakemake")
    assert study.planned() == {}
    study.configure(lambda config: config["evaluation"].update(confidence=0.9))
    assert is_told(study, FORGETFUL, "evaluate_models: its settings", "--forcerun")
    assert not is_told(study, "fit_models", arguments=("-n",))
    study.configure(lambda config: config["evaluation"].update(confidence=0.95))
    table = (study.folder / "cases.csv").stat()
    study.edit("cases.csv", "C001,", "C001,")
    text = (study.folder / "cases.csv").read_text()
    (study.folder / "cases.csv").write_text(text.replace(",IDC", ",DCIS", 1))
    os.utime(study.folder / "cases.csv", ns=(table.st_atime_ns, table.st_mtime_ns))
    assert is_told(study, FORGETFUL, "the file given as `cases`")


def test_results_of_which_nobody_knows_are_not_kept(study: Study) -> None:
    shutil.rmtree(study.folder / ".snakemake")
    shutil.rmtree(study.results / "provenance")
    assert is_told(study, "neither Snakemake nor a provenance record", "--forceall")
    assert is_told(study, "no job has left a provenance record", arguments=("verify",))


@pytest.mark.slow
def test_the_command_that_is_named_makes_them_anew(study: Study) -> None:
    shutil.rmtree(study.folder / ".snakemake")
    study.configure(lambda config: config["evaluation"].update(confidence=0.9))
    said = study.snakemake("-n", check=False)
    (line,) = (row for row in (said.stdout + said.stderr).splitlines() if "--forcerun" in row)
    study.snakemake(*line.split())
    made = json.loads((study.results / "provenance/jobs/evaluate_models.json").read_text())
    assert made["outputs"]["evaluation/metrics.csv"]
    assert study.planned() == {}


def test_a_record_holds_no_path_time_or_machine(finished: Study) -> None:
    records = sorted((finished.results / "provenance").rglob("*.json"))
    assert len(records) > 100
    said = "".join(path.read_text() for path in records)
    forbidden = (str(finished.folder), os.uname().nodename, "/home", "dicom/")
    assert not [word for word in forbidden if word in said]
    patches = json.loads((finished.results / "provenance/jobs/extract_patches/0.json").read_text())
    assert patches["images"]
    assert all(name.startswith("C") for name in patches["images"])


def test_the_crate_is_made(study: Study) -> None:
    done = study.snakemake("crate")
    assert "results/tiny/crate/tiny.zip: " in done.stdout
    assert "older than this run" not in done.stdout
