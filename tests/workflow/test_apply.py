"""The finished tiny study's models on a cohort of their own: predicted first, labelled later."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from scipy.special import logit

from tests.workflow.tiny import Study


def lay_out(study: Study) -> None:
    """Write the study's external cases into a folder of their own, without labels."""
    cases = pd.read_csv(study.folder / "cases.csv", dtype=str, keep_default_na=False)
    images = pd.read_csv(study.folder / "images.csv", dtype=str, keep_default_na=False)
    split = pd.read_csv(study.results / "cohort" / "eligible.csv", dtype=str)
    external = set(split.case_id[split.split == "external"])
    folder = study.folder / "new"
    folder.mkdir()
    kept = cases[cases.case_id.isin(external)]
    kept.drop(columns="label").to_csv(folder / "cases.csv", index=False)
    images[images.case_id.isin(external)].to_csv(folder / "images.csv", index=False)


def apply(
    study: Study, *arguments: str, check: bool = True, **asked: str
) -> subprocess.CompletedProcess[str]:
    images = str(study.dicom.relative_to(study.folder))
    given = {"models": "results/tiny", "cohort": "new", "image_folder": images} | asked
    config = ["--config", *(f"{key}={value}" for key, value in given.items())]
    return study.snakemake(*arguments, *config, check=check, configfile=False)


@pytest.fixture(scope="session")
def applied(finished: Study, shared: Callable[[str, Callable[[Path], None]], Path]) -> Study:
    """The finished study with its models applied to the external cases, labels unknown."""

    def fill(folder: Path) -> None:
        shutil.copytree(finished.folder, folder, symlinks=True, dirs_exist_ok=True)
        study = Study(folder)
        lay_out(study)
        apply(study, "apply", case=first_case(study))

    return Study(shared("applied", fill))


@pytest.fixture
def cohort(applied: Study, tmp_path: Path) -> Study:
    folder = tmp_path / "study"
    shutil.copytree(applied.folder, folder, symlinks=True)
    return Study(folder)


def first_case(study: Study) -> str:
    return str(pd.read_csv(study.folder / "new" / "cases.csv", dtype=str).case_id[0])


def results(study: Study) -> Path:
    return study.folder / "results" / "tiny-on-new"


def register(study: Study) -> pd.DataFrame:
    return pd.read_csv(results(study) / "history" / "register.csv", dtype={"case_id": str})


def label(study: Study) -> pd.DataFrame:
    """Write the labels that the study knows into the cohort's table, and return it."""
    known = pd.read_csv(study.folder / "cases.csv", dtype=str).set_index("case_id").label
    table = study.folder / "new" / "cases.csv"
    cases = pd.read_csv(table, dtype=str, keep_default_na=False)
    labelled = cases.assign(label=known[cases.case_id].to_numpy())
    labelled.to_csv(table, index=False)
    return labelled


def test_the_predictions_are_those_of_the_development(applied: Study) -> None:
    development = pd.read_csv(applied.results / "models" / "predictions.csv", dtype=str)
    expected = development[development.split == "external"].set_index(["case_id", "model"])
    found = pd.read_csv(results(applied) / "history" / "register.csv", dtype=str)
    found = found.set_index(["case_id", "model"]).loc[expected.index]
    assert found.probability.tolist() == expected.probability.tolist()
    assert set(found.label_known) == {"no"}


def test_nothing_is_fitted_and_no_label_is_there(applied: Study) -> None:
    logs = {path.name.removesuffix(".log") for path in (results(applied) / "logs").iterdir()}
    assert not logs & {"fit_models", "select_features", "screen_clinical", "refit_chain"}
    for name in ("cohort/eligible.csv", "images/included.csv"):
        assert not {"y", "label"} & set(pd.read_csv(results(applied) / name).columns)
    assert not (results(applied) / "evaluation" / "metrics.csv").exists()


def test_a_case_has_its_page_with_map_and_contributions(applied: Study) -> None:
    case_id = first_case(applied)
    page = (results(applied) / "report" / f"case-{case_id}.html").read_text()
    assert "Where in this case" in page
    assert page.count("data:image/svg+xml") == 1
    parts = pd.read_csv(results(applied) / "models" / "contributions.csv")
    terms = parts[(parts.part_of == "log odds") & (parts.case_id == case_id)]
    of_case = register(applied).query("case_id == @case_id").set_index("model").probability
    total = terms.groupby("model").contribution.sum()
    np.testing.assert_allclose(total, logit(of_case).loc[total.index], atol=1e-12)


@pytest.mark.slow
def test_labels_that_come_later_change_no_prediction(cohort: Study) -> None:
    before = (results(cohort) / "history" / "register.csv").read_bytes()
    labels = label(cohort).set_index("case_id").label
    apply(cohort, "results/tiny-on-new/models/predictions.csv")
    assert (results(cohort) / "history" / "register.csv").read_bytes() == before
    joined = pd.read_csv(results(cohort) / "models" / "predictions.csv")
    assert (joined.y == (labels.loc[joined.case_id].to_numpy() == "IDC")).all()
    registered = register(cohort).set_index(["case_id", "model"]).probability
    found = joined.set_index(["case_id", "model"]).probability
    assert found.to_dict() == registered.to_dict()


@pytest.mark.slow
def test_a_new_case_is_added_with_its_warnings_and_a_changed_one_refused(cohort: Study) -> None:
    before = (results(cohort) / "history" / "register.csv").read_bytes()
    known = first_case(cohort)
    tables = {name: cohort.folder / "new" / f"{name}.csv" for name in ("cases", "images")}
    for path in tables.values():
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        new = rows[rows.case_id == known].assign(case_id="C901")
        if "image_id" in new:
            new = new.assign(image_id=new.image_id.str.replace(known, "C901"))
        pd.concat([rows, new]).to_csv(path, index=False)
    target = "results/tiny-on-new/models/warnings.csv"
    apply(cohort, target)
    after = (results(cohort) / "history" / "register.csv").read_bytes()
    assert after.startswith(before)
    added = register(cohort).iloc[before.count(b"\n") - 1 :]
    assert set(added.case_id) == {"C901"}
    warnings = pd.read_csv(results(cohort) / "models" / "warnings.csv")
    assert "unknown scanner" in set(warnings.aspect[warnings.case_id == "C901"])

    images = pd.read_csv(tables["images"], dtype=str)
    images.loc[images.case_id == "C901", ["x0", "x1"]] = ["100", "140"]
    images.to_csv(tables["images"], index=False)
    done = apply(cohort, target, check=False)
    assert done.returncode != 0
    assert "What was predicted first stays" in done.stderr
    assert "case C901, model deep" in done.stderr
    assert (results(cohort) / "history" / "register.csv").read_bytes() == after


@pytest.mark.slow
def test_changed_weights_are_refused(cohort: Study) -> None:
    path = cohort.results / "features" / "deep" / "weights" / "resnet18.safetensors"
    tensors = load_file(path)
    tensors["conv1.weight"][0, 0, 0, 0] += 1e-3
    with safe_open(path, "pt") as file:
        save_file(tensors, path, file.metadata())
    # By their record, or where none came along with the models by what these say of them.
    for said in ("resnet18.safetensors: not as the job", "the digest of the weights of deep is"):
        done = apply(cohort, "results/tiny-on-new/models/deep.json", check=False)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        shutil.rmtree(cohort.results / "provenance", ignore_errors=True)


def test_apply_without_a_cohort_says_what_it_needs(finished: Study) -> None:
    done = finished.snakemake("apply", check=False)
    assert done.returncode != 0
    assert "cohort=<folder with cases.csv and images.csv>" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_lists_the_problems_of_config_and_tables_at_once(study: Study) -> None:
    done = study.snakemake("check")
    assert "train: " in done.stdout
    study.configure(lambda config: config["selection"].update(fold=3))
    text = (study.folder / "cases.csv").read_text()
    (study.folder / "cases.csv").write_text(text.replace(",IDC,", ",ICD,", 2))
    done = study.snakemake("check", check=False)
    assert done.returncode != 0
    assert "selection.fold: no such key" in done.stderr
    assert done.stderr.count("'ICD' is not one of DCIS, IDC") == 2


@pytest.mark.slow
def test_a_labelled_cohort_gets_a_whole_report(cohort: Study) -> None:
    label(cohort)
    done = apply(cohort, "apply")
    page = (results(cohort) / "report" / "report.html").read_text()
    assert page.count("data:image/svg+xml") == 3
    assert "AUC in this cohort and in the sets of the development" in page
    assert "External validation" in done.stdout
    here, there = (
        pd.read_csv(folder / "evaluation" / "metrics.csv").query("split == 'external'")
        for folder in (results(cohort), cohort.results)
    )
    assert here.auc.tolist() == there.auc.tolist()
    beside = pd.read_csv(results(cohort) / "evaluation" / "development.csv")
    assert (beside.delta[beside.split == "external"] == 0).all()
