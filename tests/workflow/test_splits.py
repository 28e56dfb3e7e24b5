"""Real runs: who is in which set, told before it changes, and frozen in a file of the user's."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.tiny import Study, lay_out

ELIGIBLE = "results/tiny/cohort/eligible.csv"
OLDER = "results/tiny/report/report.html is older than this run, which did not make it again"


def places(study: Study) -> dict[str, str]:
    table = pd.read_csv(study.results / "cohort" / "eligible.csv", dtype=str)
    return dict(zip(table.patient_id, table.split, strict=True))


@pytest.fixture
def tiny(tmp_path: Path) -> Study:
    """The tiny study's tables and config, nothing run."""
    return lay_out(tmp_path)


def reseed(config: dict) -> None:
    config["seed"] = 99


def name_file(config: dict) -> None:
    config["cohort"]["split_file"] = "split.csv"


def test_a_split_is_frozen_once_and_new_patients_are_added(tiny: Study) -> None:
    tiny.snakemake(ELIGIBLE)
    before = places(tiny)
    tiny.configure(name_file)
    missing = tiny.snakemake(ELIGIBLE, check=False)
    assert missing.returncode != 0
    assert "there is no file split.csv; write it with make freeze-split" in missing.stderr
    tiny.configure(reseed)
    done = tiny.snakemake("freeze_split")
    assert "split.csv: 48 patients added, 0 left as they were" in done.stdout
    assert "48 of the new have the place of the last results" in done.stdout
    frozen = (tiny.folder / "split.csv").read_text()
    done = tiny.snakemake(ELIGIBLE)
    assert "change sets" not in done.stderr
    assert places(tiny) == before
    # a corrected label and a new patient
    cases = pd.read_csv(tiny.folder / "cases.csv", dtype=str)
    cases.loc[0, "label"] = {"IDC": "DCIS", "DCIS": "IDC"}[cases.loc[0, "label"]]
    new = cases.iloc[[1]].assign(case_id="C901", patient_id="P901")
    pd.concat([cases, new]).to_csv(tiny.folder / "cases.csv", index=False)
    images = pd.read_csv(tiny.folder / "images.csv", dtype=str)
    own = images[images.case_id == cases.case_id[1]].assign(case_id="C901")
    own["image_id"] = "C901_" + own["view"]
    pd.concat([images, own]).to_csv(tiny.folder / "images.csv", index=False)
    done = tiny.snakemake(ELIGIBLE)
    assert "1 patient (P901): not in cohort.split_file and placed by a hash" in done.stderr
    assert {p: s for p, s in places(tiny).items() if p != "P901"} == before
    done = tiny.snakemake("freeze_split")
    assert "1 patients added, 48 left as they were" in done.stdout
    added = (tiny.folder / "split.csv").read_text().removeprefix(frozen)
    assert added == f"P901,{places(tiny)['P901']}\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [("results/tiny/split.csv", "lies under results/"), ("cases.csv", "is a table of the study")],
)
def test_a_split_file_in_the_wrong_place_is_refused(tiny: Study, path: str, message: str) -> None:
    tiny.configure(lambda config: config["cohort"].update(split_file=path))
    for target in ("check", "freeze_split", ELIGIBLE):
        done = tiny.snakemake(target, check=False)
        assert done.returncode != 0
        assert message in done.stderr


def test_who_would_move_is_told_by_plan_check_and_run_before_it_happens(study: Study) -> None:
    assert "change sets" not in study.snakemake("check").stdout
    before = places(study)
    study.configure(reseed)
    told = "patients change sets against the last results"
    for arguments in (("--dry-run",), (ELIGIBLE,)):
        done = study.snakemake(*arguments)
        assert done.stderr.count(told) == 1
        assert "since seed was 2025 and is 99:" in done.stderr
        assert "  - from internal validation to training: " in done.stderr
    assert places(study) != before
    # what counts is what was measured, not a table that a run left without a measure
    done = study.snakemake("check")
    assert done.stdout.count(told) == 1
    assert told not in done.stderr
    study.configure(lambda config: config.update(seed=2025))
    assert told not in study.snakemake(ELIGIBLE).stderr
    assert places(study) == before


def test_a_partial_run_says_that_the_report_is_older(study: Study) -> None:
    forced = ("results/tiny/evaluation/flow.json", "--forcerun", "describe_cohort")
    for arguments in (("check",), forced, ("--until", "describe_cohort", "-R", "describe_cohort")):
        done = study.snakemake(*arguments)
        assert f"\n{OLDER}" in done.stdout, arguments
        assert "| Model" not in done.stdout
        assert "The whole report" not in done.stdout
    shutil.rmtree(study.results / "report")
    assert "report" not in study.snakemake("check").stdout


def test_a_run_that_leaves_a_report_prints_it_and_its_small_sets(study: Study) -> None:
    done = study.snakemake("--forcerun", "write_report")
    assert (study.results / "report" / "summary.md").read_text() in done.stdout
    assert "The whole report: results/tiny/report/report.html" in done.stdout
    assert "WARNING: internal validation has 5 DCIS and 4 IDC: fewer than 10" in done.stderr
    # the report is current and another target is made again: it is still this run's
    done = study.snakemake("--forcerun", "write_manuscript")
    assert "The whole report: results/tiny/report/report.html" in done.stdout
    page = study.snakemake("results/tiny/report/report.html", "-R", "write_report")
    assert "The whole report" in page.stdout
