"""The whole tiny study, run by Snakemake: complete, and plain-spoken."""

import shutil
from pathlib import Path

import pandas as pd

from tests.workflow.tiny import Study, lay_out


def test_every_room_leaves_its_results(finished: Study) -> None:
    for name in (
        "cohort/eligible.csv",
        "images/qc.csv",
        "features/deep/features.parquet",
        "selection/deep/crossfit.csv",
        "models/combined.json",
        "models/settings.yaml",
        "evaluation/delong.csv",
        "evaluation/published.csv",
        "evaluation/equivalence.csv",
        "evaluation/mcnemar.csv",
        "evaluation/subgroups.csv",
        "evaluation/sample_size.csv",
        "evaluation/calibration_curve.csv",
        "evaluation/net_benefit.csv",
        "evaluation/reclassification.csv",
        "evaluation/optimism.csv",
        "evaluation/selection_frequency.csv",
        "evaluation/leakage.csv",
        "evaluation/confounding.csv",
        "figures/roc_external.svg",
        "figures/lasso_path.pdf",
        "report/report.html",
    ):
        assert (finished.results / name).stat().st_size > 0, name
    metrics = pd.read_csv(finished.results / "evaluation" / "metrics.csv")
    assert len(metrics) == 3 * 4
    assert metrics.auc.between(0, 1).all()


def test_a_study_config_does_not_inherit_the_demos_weights(study: Study) -> None:
    study.configure(lambda config: config["features"]["deep"].pop("weights"))
    done = study.snakemake("--dry-run", check=False)
    assert done.returncode != 0
    console = done.stdout + done.stderr
    assert "features.deep.weights: is missing" in console
    assert "Traceback" not in console


def test_missing_images_are_listed_before_anything_runs(finished: Study, tmp_path: Path) -> None:
    given = lay_out(tmp_path / "given")
    shutil.copytree(finished.dicom, given.dicom)
    given.configure(lambda config: config.pop("simulate"))
    images = pd.read_csv(given.folder / "images.csv", dtype=str)
    (given.dicom / images.path[3]).unlink()
    done = given.snakemake(check=False)
    assert done.returncode != 0
    assert f"image {images.image_id[3]}" in done.stderr
    assert images.path[3] not in done.stderr
    assert not (given.results / "cohort").exists()


def test_all_problems_of_the_tables_reach_the_console(study: Study) -> None:
    text = (study.folder / "cases.csv").read_text()
    (study.folder / "cases.csv").write_text(text.replace(",IDC,", ",ICD,", 2))
    done = study.snakemake(check=False)
    assert done.returncode != 0
    assert done.stderr.count("'ICD' is not one of DCIS, IDC") == 2
    assert study.log("build_cohort").count("'ICD' is not one of DCIS, IDC") == 2


def test_no_image_path_and_no_header_identity_is_left_behind(finished: Study) -> None:
    import pydicom

    images = pd.read_csv(finished.folder / "images.csv", dtype=str)
    secrets = set(images.path)
    for path in images.path:
        header = pydicom.dcmread(finished.dicom / path, stop_before_pixels=True)
        secrets |= {str(header.PatientName), str(header.PatientID), str(header.StudyInstanceUID)}
    searched = [
        path
        for path in finished.results.rglob("*")
        if path.is_file() and finished.dicom not in path.parents
    ]
    searched += [p for p in (finished.folder / ".snakemake").rglob("*") if p.is_file()]
    for path in searched:
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in data], path
