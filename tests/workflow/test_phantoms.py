"""A section `simulate` that was left in a copied config writes over nobody's mammograms."""

import os
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.tiny import Study, lay_out

OWN = b"a mammogram of the user's"


@pytest.fixture
def own(tmp_path: Path) -> Study:
    """A study with images of its own and the demo's section simulate."""
    study = lay_out(tmp_path / "study")
    folder = study.folder / "studies" / "own"
    for path in pd.read_csv(study.folder / "images.csv", dtype=str).path:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(OWN)
    study.configure(lambda config: config["cohort"].update(image_folder="studies/own"))
    return study


def simulate_in_place(config: dict) -> None:
    config["cohort"]["image_folder"] = "results/tiny/simulate/dicom"


def untouched(study: Study) -> bool:
    files = [path for path in (study.folder / "studies").rglob("*") if path.is_file()]
    return len(files) == 96 and all(path.read_bytes() == OWN for path in files)


@pytest.mark.parametrize("target", ["all", "check", "simulate_shard", "freeze_split"])
def test_a_forgotten_section_is_refused_whatever_is_asked(own: Study, target: str) -> None:
    given = "results/tiny/simulate/shard-0.json" if target == "simulate_shard" else target
    done = own.snakemake(given, check=False)
    assert done.returncode != 0
    assert "simulate: a study whose images lie elsewhere cannot have this section" in done.stderr
    assert "cohort.image_folder is studies/own" in done.stderr
    assert untouched(own)


def test_neither_links_nor_overrides_lead_phantoms_astray(own: Study) -> None:
    dicom = own.dicom
    dicom.parent.mkdir(parents=True)
    dicom.symlink_to(own.folder / "studies" / "own")
    own.configure(
        lambda config: config["cohort"].update(image_folder="results/tiny/simulate/dicom")
    )
    over = ("--config", "study=other")
    for arguments in ((), over, ("--forceall",)):
        done = own.snakemake("--until", "simulate_shard", *arguments, check=False)
        assert done.returncode != 0
        assert "a study whose images lie elsewhere" in done.stderr
    dicom.unlink()
    os.rename(own.folder / "studies" / "own", dicom)
    done = own.snakemake("--until", "simulate_shard", check=False)
    assert done.returncode != 0
    assert "lies a file that the simulation did not write" in done.stderr
    assert {path.read_bytes() for path in dicom.rglob("*.dcm")} == {OWN}


def test_a_killed_simulation_is_finished_by_the_next(own: Study) -> None:
    own.configure(
        lambda config: config["cohort"].update(image_folder="results/tiny/simulate/dicom")
    )
    own.snakemake("--until", "simulate_shard")
    whole = own.contents("dicom/*.dcm")
    assert len(whole) == 96
    for number, path in enumerate(sorted(own.dicom.iterdir())):
        path.write_bytes([b"", bytes(9000), path.read_bytes()[:300]][number % 3])
    for manifest in own.dicom.parent.glob("shard-?.json"):
        manifest.unlink()
    own.snakemake("--until", "simulate_shard")
    assert own.contents("dicom/*.dcm") == whole
    assert untouched(own)
