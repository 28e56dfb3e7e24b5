"""Studies with tables of features that other software computed: refused early, or carried on."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.workflow import test_apply
from tests.workflow.elsewhere import ELSEWHERE, elsewhere, write_elsewhere
from tests.workflow.test_leakage import FITTED, TARGETS
from tests.workflow.tiny import Study, lay_out

MEASURING = {"extract_features", "measure_images", "extract_patches"}


def table(study: Study, name: str) -> pd.DataFrame:
    return pd.read_csv(study.folder / name, dtype=str, keep_default_na=False)


def change_cell(study: Study, name: str, row: int, column: str, cell: str) -> None:
    rows = table(study, name)
    rows.loc[row, column] = cell
    rows.to_csv(study.folder / name, index=False)


@pytest.fixture
def planned(tmp_path: Path) -> Study:
    """A study that is laid out, its features of elsewhere too."""
    study = lay_out(tmp_path)
    write_elsewhere(study)
    study.configure(elsewhere)
    return study


def test_it_is_planned_and_what_is_taken_is_told(planned: Study) -> None:
    found = planned.planned()
    assert (found["extract_features"], found["read_columns"]) == (3, 2)
    told = planned.snakemake("check").stdout
    assert "features.mri: 3 columns of mri.csv; left out: diagnostics_Versions_Py" in told
    assert "features.us: 2 columns of us.csv; left out: diagnostics_Versions_Py" in told


def drop_a_case(study: Study) -> str:
    rows = table(study, "mri.csv")
    rows[1:].to_csv(study.folder / "mri.csv", index=False)
    return f"features.mri: case {rows.case_id[0]} has no row"


def spoil_a_cell(study: Study) -> str:
    change_cell(study, "us.csv", 3, "stat_mean", "1,5")
    return "features.us: line 5, column 'stat_mean': '1,5' is no finite number; write a decimal"


def empty_a_cell(study: Study) -> str:
    change_cell(study, "mri.csv", 3, "stat_mean", "")
    return f"features.mri: line 5: case {table(study, 'mri.csv').case_id[3]} has no value of 'st"


def take_the_label(study: Study) -> str:
    cases = pd.read_csv(study.folder / "cases.csv", dtype=str)
    told = cases.set_index("case_id").label.eq("IDC").astype(int)
    rows = table(study, "mri.csv")
    rows.assign(grade=told[rows.case_id].to_numpy()).to_csv(study.folder / "mri.csv", index=False)
    return "features.mri: column 'grade' is the label under another name: 0 = DCIS and 1 = IDC"


def take_a_name(study: Study) -> str:
    rows = table(study, "mri.csv").rename(columns={"stat_mean": "score"})
    rows.to_csv(study.folder / "mri.csv", index=False)
    return "features.mri: column 'score' would be called mri_score, as is the column of the score"


@pytest.mark.parametrize(
    "spoil", [drop_a_case, spoil_a_cell, empty_a_cell, take_the_label, take_a_name]
)
def test_what_is_wrong_with_a_table_is_told_before_any_job(
    planned: Study, spoil: Callable[[Study], str]
) -> None:
    told = spoil(planned)
    for target in ("check", "all"):
        done = planned.snakemake(target, check=False)
        assert done.returncode != 0
        assert told in done.stderr
        assert done.stderr.count(told) == 1
        assert "Traceback" not in done.stderr
    assert not (planned.results / "cohort").exists()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"harmonize": "adabn"}, "features.mri.harmonize: adabn is for networks; choose combat"),
        (
            {"stability": {"perturbations": 2}},
            "features.mri.stability: is for sets that are measured in images; the columns of kind "
            "table come per case from a table, take it out",
        ),
    ],
)
def test_what_is_for_images_is_refused_in_words(
    planned: Study, asked: dict[str, Any], told: str
) -> None:
    planned.configure(lambda config: config["features"]["mri"].update(asked))
    assert told in planned.snakemake("check", check=False).stderr


@pytest.fixture(scope="session")
def fused(finished: Study, shared: Callable[[str, Callable[[Path], None]], Path]) -> Study:
    """The finished tiny study with features of elsewhere beside the network's."""

    def fill(folder: Path) -> None:
        shutil.copytree(finished.folder, folder, symlinks=True, dirs_exist_ok=True)
        study = Study(folder)
        write_elsewhere(study)
        study.configure(elsewhere)
        study.snakemake()

    return Study(shared("computed_elsewhere", fill))


@pytest.fixture
def own(fused: Study, tmp_path: Path) -> Study:
    shutil.copytree(fused.folder, tmp_path / "own", symlinks=True)
    return Study(tmp_path / "own")


@pytest.mark.slow
def test_the_study_is_written_up(fused: Study) -> None:
    model = json.loads((fused.results / "models" / "fusion.json").read_text())
    assert set(model["tables"]) == {"deep", "mri", "us"}
    read = model["tables"]["us"]["preprocessing"]["features"]
    assert (read["per"], read["id_column"], read["pool_views"]) == ("image", "Image", "max")
    assert not {"path", "columns", "without"} & read.keys()
    page, draft, checklist = (
        " ".join((fused.results / "report" / name).read_text().split())
        for name in ("report.html", "manuscript.md", "checklist.md")
    )
    for text in (page, draft):
        assert "The mri features were computed elsewhere and read from a table without" in text
        assert "values, 3 per case. The us features were computed elsewhere and read" in text
        assert "without missing values, their maximum over the views of a case." in text
        assert "The fusion score was made of the deep, mri and us features, side by side" in text
        assert "The mri and us features were read from tables of the authors" in text
    assert "**[With which software, its version and settings, and from which images" in draft
    assert "resnet18, mri features (computed elsewhere), us features (comp" in checklist
    inputs = page.partition('id="run"')[2]
    assert "Mri features" in inputs  # their digests among the inputs
    assert "Us features" in inputs


@pytest.mark.slow
def test_columns_of_images_are_pooled_over_the_usable_ones(fused: Study) -> None:
    given = pd.read_csv(fused.folder / "us.csv").set_index("Image")
    qc = pd.read_csv(fused.results / "images" / "qc.csv", dtype=str)
    usable = qc[qc.status == "ok"]
    largest = given.stat_mean[usable.image_id].groupby(usable.case_id.to_numpy()).max()
    made = pd.read_parquet(fused.results / "features" / "us" / "features.parquet")
    made = made.set_index("case_id")
    assert made.columns.tolist() == ["n_views", "us_stat_mean", "us_stat_T2* <b>|x_y_"]
    np.testing.assert_allclose(made.us_stat_mean, largest[made.index], rtol=1e-6)


@pytest.mark.slow
def test_rows_of_validation_cases_change_nothing_fitted(own: Study) -> None:
    """Every number of theirs, in both tables: predictions change, nothing that was fitted does."""
    split = pd.read_csv(own.results / "cohort" / "eligible.csv", dtype=str).set_index("case_id")
    images = pd.read_csv(own.folder / "images.csv", dtype=str).drop_duplicates("image_id")
    case_of = images.set_index("image_id").case_id
    before, predictions = own.contents(*FITTED), own.contents("predictions.csv", "scores.csv")
    assert {"selection/fusion/selected.csv", "models/fusion.json"} <= before.keys()
    for name, (column, of) in ELSEWHERE.items():
        rows = pd.read_csv(own.folder / name, dtype={column: str})
        cases = rows[column] if of == "cases" else case_of[rows[column]]
        held_out = (split.split[cases.to_numpy()] != "train").to_numpy()
        for feature in ("stat_mean", "stat_T2* <b>|x_y_"):
            rows.loc[held_out, feature] = rows.loc[held_out, feature] * -7 + 100
        rows.to_csv(own.folder / name, index=False)
    own.snakemake(*TARGETS)
    after = own.contents(*FITTED)
    assert [name for name in before if before[name] != after[name]] == []
    again = own.contents("predictions.csv", "scores.csv")
    assert all(predictions[name] != again[name] for name in predictions)


@pytest.mark.slow
def test_an_edited_cell_reruns_its_set_and_what_stands_on_it(own: Study) -> None:
    os.utime(own.folder / "mri.csv")
    assert own.planned() == {}
    change_cell(own, "mri.csv", 0, "stat_mean", "7.5")
    planned = own.planned()
    assert (planned["read_columns"], planned["select_features"]) == (1, 2)
    assert planned["record_run"] == planned["fit_models"] == planned["write_report"] == 1
    assert not {*MEASURING, "gather_features", "gather_images"} & planned.keys()
    target = "results/tiny/features/mri/features.parquet"
    own.snakemake(target)
    made = pd.read_parquet(own.folder / target).set_index("case_id")
    assert made.mri_stat_mean[table(own, "mri.csv").case_id[0]] == 7.5
    assert "read_columns" not in own.planned(target)


@pytest.mark.slow
def test_how_a_table_is_read_reruns_that_set_alone(own: Study) -> None:
    own.configure(lambda config: config["features"]["us"].update(pool_views="mean"))
    planned = own.planned()
    assert (planned["read_columns"], planned["select_features"]) == (1, 1)
    assert not {*MEASURING, "gather_features"} & planned.keys()


@pytest.mark.slow
def test_combat_moves_other_centers_alone(own: Study) -> None:
    target = "results/tiny/features/us/features.parquet"
    before = pd.read_parquet(own.folder / target).set_index("case_id")
    own.configure(lambda config: config["features"]["us"].update(harmonize="combat"))
    own.snakemake(target)
    after = pd.read_parquet(own.folder / target).set_index("case_id")
    cases = pd.read_csv(own.results / "cohort" / "eligible.csv", dtype=str)
    external = cases.set_index("case_id").split[after.index] == "external"
    moved = (after.us_stat_mean != before.us_stat_mean[after.index]).to_numpy()
    assert moved.tolist() == external.tolist()


@pytest.mark.slow
def test_who_was_excluded_needs_no_row_and_who_goes_on_does(own: Study) -> None:
    """What an earlier run found of the images is known at the next start."""
    path = own.results / "images" / "included.csv"
    included = pd.read_csv(path, dtype=str)
    gone, stays = included.case_id[:2]
    included.loc[0, "status"] = "excluded"
    included.to_csv(path, index=False)
    rows = table(own, "mri.csv")
    rows[~rows.case_id.isin([gone, stays])].to_csv(own.folder / "mri.csv", index=False)
    done = own.snakemake("results/tiny/features/mri/features.parquet", check=False)
    assert f"- features.mri: case {stays} has no row\n" in done.stderr
    assert gone not in done.stderr


@pytest.mark.slow
def test_frozen_models_predict_from_a_cohort_s_own_tables_as_in_their_study(own: Study) -> None:
    test_apply.lay_out(own)
    done = test_apply.apply(own, "apply", check=False)
    assert "features.mri: there is no file new/mri.csv" in done.stderr
    assert "features.us: there is no file new/us.csv" in done.stderr
    cohort = {
        name: pd.read_csv(own.folder / "new" / f"{name}.csv", dtype=str)
        for name in ("cases", "images")
    }
    # Another file of the same name: the cohort alone, its rows and columns in another order, and
    # one column more.
    for name, (column, of) in ELSEWHERE.items():
        rows = table(own, name)
        wanted = cohort[of][f"{of.removesuffix('s')}_id"]
        rows = rows[rows[column].isin(wanted)].iloc[::-1, ::-1].assign(stat_also="3")
        rows.to_csv(own.folder / "new" / name, index=False)
    short = table(Study(own.folder / "new"), "mri.csv")
    short[1:].to_csv(own.folder / "new" / "mri.csv", index=False)
    done = test_apply.apply(own, "apply", check=False)
    assert f"features.mri: case {short.case_id[0]} has no row" in done.stderr
    assert "Traceback" not in done.stderr
    short.to_csv(own.folder / "new" / "mri.csv", index=False)
    test_apply.apply(own, "apply")
    test_apply.test_the_predictions_are_those_of_the_development(own)

    # A column that training cases had is asked for before any job.
    short.drop(columns="stat_mean").to_csv(own.folder / "new" / "mri.csv", index=False)
    done = test_apply.apply(own, "apply", check=False)
    assert "new/mri.csv: its columns are not what is meant" in done.stderr
    assert "- no column is called 'stat_mean'" in done.stderr
