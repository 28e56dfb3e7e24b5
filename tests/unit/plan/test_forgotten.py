"""What records say where Snakemake has forgotten; tests/workflow/test_provenance.py runs it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.core.test_job_records import job, place, write

from microcalc.core.errors import StudyError
from microcalc.plan import forgotten, snakemake_habits

__all__ = ["place"]

RESULTS = Path("results/mine")
METRICS = "results/mine/evaluation/metrics.csv"
PREDICTIONS = "results/mine/models/predictions.csv"


@pytest.fixture
def known(place: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What a study of three jobs left, and how Snakemake would make it today."""
    table = write("cases.csv", "case_id\n")
    params: dict[str, Any] = {"seed": 1, "code": "c0de"}
    eligible = "results/mine/cohort/eligible.csv"
    inputs = {
        eligible: {"cases": [table]},
        PREDICTIONS: {"eligible": [eligible]},
        METRICS: {"predictions": [PREDICTIONS]},
    }
    rules = dict(zip(inputs, ("build_cohort", "predict", "evaluate_models"), strict=True))
    for path, given in inputs.items():
        begun = job(rules[path], input=given, output=[path], params=params)
        write(path, path)
        begun.leave_record()
    today = SimpleNamespace(params={rule: dict(params) for rule in rules.values()}, memory=set())
    monkeypatch.setattr(snakemake_habits, "has_record", lambda path: path in today.memory)
    monkeypatch.setattr(
        snakemake_habits,
        "job_of",
        lambda _, rule, path: (today.params[rule], inputs[path]) if rule in today.params else None,
    )
    monkeypatch.setattr(snakemake_habits, "makes", lambda _, rule, path: rule in today.params)
    return today


def test_nothing_is_said_where_nothing_has_changed(known: SimpleNamespace) -> None:
    forgotten.refuse(RESULTS, None)


def test_other_settings_and_other_code_are_told_by_rule(known: SimpleNamespace) -> None:
    known.params["predict"]["seed"] = 2
    known.params["evaluate_models"]["code"] = "0ther"
    with pytest.raises(StudyError) as caught:
        forgotten.refuse(RESULTS, None)
    said = str(caught.value)
    assert "predict: its settings" in said
    assert "evaluate_models: the code" in said
    assert "--forcerun evaluate_models predict\n" in said


def test_what_snakemake_remembers_is_left_to_it(known: SimpleNamespace) -> None:
    known.params["predict"]["seed"] = 2
    known.memory = {PREDICTIONS}
    forgotten.refuse(RESULTS, None)


def test_another_table_and_another_result_are_told(known: SimpleNamespace) -> None:
    write("cases.csv", "case_id\nC1\n")
    with pytest.raises(StudyError, match="build_cohort: the file given as `cases`"):
        forgotten.refuse(RESULTS, None)
    write("cases.csv", "case_id\n")
    again = job("predict", input={"eligible": []}, output=[PREDICTIONS], params={"seed": 1})
    write(PREDICTIONS, "another")
    again.leave_record()
    with pytest.raises(StudyError, match=r"evaluate_models: models/predictions\.csv"):
        forgotten.refuse(RESULTS, None)


def test_a_rule_that_is_gone_and_a_file_that_is_gone_are_no_fault(known: SimpleNamespace) -> None:
    known.params.pop("evaluate_models")
    known.params["predict"]["seed"] = 2
    Path(PREDICTIONS).unlink()
    forgotten.refuse(RESULTS, None)
    assert forgotten.missing(RESULTS, None) == [PREDICTIONS]
    known.params.pop("predict")
    assert forgotten.missing(RESULTS, None) == []


def test_patches_and_features_may_be_deleted(known: SimpleNamespace) -> None:
    shard = "results/mine/images/shard-0.npz"
    begun = job("predict", output=[shard])
    write(shard, "")
    begun.leave_record()
    Path(shard).unlink()
    assert forgotten.missing(RESULTS, None) == []


def test_results_without_any_memory_are_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snakemake_habits, "has_record", lambda path: False)
    forgotten.refuse(RESULTS, None)
    write("results/mine/cohort/eligible.csv", "")
    with pytest.raises(StudyError, match="neither Snakemake nor a provenance record"):
        forgotten.refuse(RESULTS, None)
    monkeypatch.setattr(snakemake_habits, "has_record", lambda path: True)
    forgotten.refuse(RESULTS, None)
