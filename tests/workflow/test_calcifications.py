"""A study on single calcifications beside a network: perturbed, fused, applied, and no leak."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.workflow import test_apply, test_leakage
from tests.workflow.test_reruns import first_image, invert_one_pixel_block
from tests.workflow.tiny import Study, lay_out

NAME = "calcifications"


def count_them(config: dict[str, Any]) -> None:
    config["features"][NAME] = {
        **{"kind": NAME, "threshold": 6},
        "stability": {"perturbations": 1, "icc_min": 0.3},
    }
    config["scores"] |= {"fusion": {"features": ["deep", NAME]}, "spots": {"features": [NAME]}}
    config["models"] |= {"fusion": {"scores": ["fusion"]}, "spots": {"scores": ["spots"]}}


def lay_out_calcifications(folder: Path) -> None:
    study = lay_out(folder)
    study.configure(count_them)
    study.snakemake()


@pytest.fixture(scope="session")
def counted(shared: Callable[[str, Callable[[Path], None]], Path]) -> Study:
    return Study(shared(NAME, lay_out_calcifications))


def own(counted: Study, folder: Path) -> Study:
    shutil.copytree(counted.folder, folder, symlinks=True)
    return Study(folder)


def test_its_jobs_are_planned_where_there_is_no_torch(study: Study) -> None:
    study.configure(count_them)
    planned = study.planned()
    assert planned["measure_images"] == 3
    assert planned["measure_perturbed"] == 3
    # Regions of their own spacing are new in every shard; patches that stay the same are kept.
    assert planned["extract_patches"] == 3


@pytest.mark.slow
def test_they_are_counted_selected_and_written_up(counted: Study) -> None:
    features = pd.read_parquet(counted.results / "features" / NAME / "features.parquet")
    assert features["calcifications_count"].max() > 5
    assert not features.isna().any(axis=None)
    perturbed = pd.read_parquet(counted.results / "features" / NAME / "perturbed.parquet")
    assert perturbed["calcifications_count"].max() > 5
    funnel = pd.read_csv(counted.results / "selection" / "spots" / "funnel.csv")
    assert len(funnel)
    draft = (counted.results / "report" / "manuscript.md").read_text()
    assert "described the single calcifications of the region of interest" in draft
    assert "at least 6 times as high as the noise" in draft


@pytest.mark.slow
def test_frozen_models_predict_a_cohort_as_in_their_study(counted: Study, tmp_path: Path) -> None:
    study = own(counted, tmp_path / "study")
    test_apply.lay_out(study)
    test_apply.apply(study, "apply")
    test_apply.test_the_predictions_are_those_of_the_development(study)


@pytest.mark.slow
def test_pixels_of_a_validation_case_change_nothing_fitted(counted: Study, tmp_path: Path) -> None:
    study = own(counted, tmp_path / "study")
    for split in ("internal", "external"):
        _, image_id = first_image(study, split)
        invert_one_pixel_block(study, image_id)
    test_leakage.run_again(study)
