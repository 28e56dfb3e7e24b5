"""A study on a network of timm, its weights in a file that holds more, through `apply`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.workflow import test_apply
from tests.workflow.tiny import Study, lay_out

ROW = {
    **{"kind": "network", "source": "timm", "backbone": "test_vit", "weights": "dino.pth"},
    **{"weights_prefix": "teacher.backbone.", "tokens": "mean", "device": "cpu"},
    "preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "size": 160},
}


def write_weights(path: Path) -> None:
    """Write a transformer as DINO's checkpoints hold one: a student's, and a teacher's."""
    import timm
    import torch

    torch.manual_seed(5)
    teacher = timm.create_model("test_vit", num_classes=0).state_dict()
    student = {f"backbone.{key}": torch.zeros_like(value) for key, value in teacher.items()}
    named = {f"backbone.{key}": value for key, value in teacher.items()}
    torch.save({"student": student, "teacher": named, "epoch": 3}, path)


def take_network(config: dict[str, Any]) -> None:
    config["features"]["deep"] = dict(ROW)


def lay_out_network(folder: Path) -> None:
    study = lay_out(folder)
    study.configure(take_network)
    write_weights(folder / "dino.pth")
    study.snakemake()


def test_what_a_row_lacks_is_told_at_start(tmp_path: Path) -> None:
    study = lay_out(tmp_path)
    study.configure(take_network)
    study.configure(lambda config: config["features"]["deep"].pop("preprocessing"))
    for target in ("check", "all"):
        done = study.snakemake(target, check=False)
        assert done.returncode
        assert "features.deep.preprocessing: dino.pth does not say" in done.stderr
        assert "preprocessing: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture(scope="session")
def finished_network(shared: Callable[[str, Callable[[Path], None]], Path]) -> Study:
    return Study(shared("network", lay_out_network))


@pytest.mark.slow
def test_the_study_names_what_was_measured_with_what(finished_network: Study) -> None:
    results = finished_network.results
    features = pd.read_parquet(results / "features" / "deep" / "features.parquet")
    assert features.filter(like="deep_").shape[1] == 64
    weights = json.loads((results / "models" / "deep.json").read_text())["tables"]["deep"][
        "weights"
    ]
    assert weights["backbone"] == "timm/test_vit"
    assert weights["source"] == "dino.pth (teacher.backbone.)"
    assert json.loads(weights["preprocessing"])["size"] == 160
    draft = " ".join((results / "report" / "manuscript.md").read_text().split())
    assert "the mean of the patch tokens of test_vit (timm)" in draft
    assert f"SHA-256 {weights['digest'][:16]}" in draft
    assert "no class activation map could be drawn of it" in draft
    assert not (results / "figures" / "saliency.svg").exists()


@pytest.mark.slow
def test_the_frozen_model_predicts_a_cohort_as_in_its_study(
    finished_network: Study, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(finished_network.folder, folder, symlinks=True)
    study = Study(folder)
    test_apply.lay_out(study)
    (folder / "dino.pth").unlink()  # the prepared weights are enough
    test_apply.apply(study, "apply")
    test_apply.test_the_predictions_are_those_of_the_development(study)
