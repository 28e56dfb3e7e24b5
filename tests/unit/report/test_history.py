"""What one run leaves for the next, and what the next says of it."""

from dataclasses import replace

import pandas as pd
import pytest
from tests.unit.configs import changed

from microcalc.core.files import read_csv, read_json
from microcalc.report import changes, history
from microcalc.report.study import Study

INPUTS = {"case table": "ab", "images table": "cd"}


@pytest.fixture(scope="module")
def tables(ordinary):
    return read_csv(ordinary["metrics"]), read_csv(ordinary["included"])


def described(fake, tables, *, config=None, inputs=INPUTS):
    return history.describe(
        *tables, config=config or fake["CONFIG"], inputs=inputs, versions={"python": "3.12"}
    )


def told(ordinary, fake, path):
    study = Study.read(ordinary, config=fake["CONFIG"])
    return replace(study, documents={**study.documents, "runs": read_json(path)})


def test_a_run_that_changes_nothing_is_not_recorded_again(ordinary, fake, tables, tmp_path):
    path = tmp_path / "runs.json"
    for _ in range(2):
        history.record(described(fake, tables), path)
    assert len(read_json(path)) == 1
    assert changes.of_study(told(ordinary, fake, path)) is None


def test_the_folder_of_the_images_is_not_kept(fake, tables):
    config = changed(fake["CONFIG"], cohort={"image_folder": "/data/DOE^JANE"})
    assert "DOE^JANE" not in str(described(fake, tables, config=config))


def test_an_unreadable_history_is_an_empty_one(fake, tables, tmp_path):
    path = tmp_path / "runs.json"
    path.write_text('[{"time"')
    history.record(described(fake, tables), path)
    assert len(read_json(path)) == 1


def test_measures_stand_before_and_after_and_their_causes_first(ordinary, fake, tables, tmp_path):
    metrics, cases = tables
    path = tmp_path / "runs.json"
    history.record(described(fake, tables), path)
    config = changed(
        fake["CONFIG"],
        threshold={"scores": "apparent"},
        features={"deep": {"stability": {"shift_mm": 3}}},
    )
    place = (metrics["model"] == "deep") & (metrics["split"] == "external")
    better = metrics.assign(auc=metrics["auc"].mask(place, 0.9125))
    moved = cases.assign(split=cases["split"].mask(cases["case_id"] == "case-001", "internal"))
    moved = pd.concat([moved[moved["case_id"] != "case-002"], moved.tail(1).assign(case_id="new")])
    history.record(
        described(fake, (better, moved), config=config, inputs={**INPUTS, "case table": "ef"}), path
    )
    study = told(ordinary, fake, path)
    assert changes.of_study(study).sentences == (
        "Changed inputs: case table.",
        "Config: features.deep.stability.shift_mm 2 → 3, threshold.scores out_of_fold → apparent.",
        "1 case came: new.",
        "1 case left: case-002.",
        "1 case moved: case-001 (train → internal).",
    )
    rows = [row.cells for row in changes.measures(study).rows]
    before = metrics.loc[place, "auc"].iloc[0]
    assert rows == [
        ("External validation (41 DCIS, 74 IDC)",),
        ("Deep, AUC", f"{before:.3f}", "0.912", f"{0.9125 - before:.3f}".replace("-", "−")),
    ]


def test_a_third_run_is_compared_with_the_second(fake, tables, tmp_path):
    path = tmp_path / "runs.json"
    for seed in (1, 2, 3):
        history.record(described(fake, tables, config=changed(fake["CONFIG"], seed=seed)), path)
    assert [run["config"]["seed"] for run in read_json(path)] == [2, 3]
