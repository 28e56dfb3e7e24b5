"""Snakemake's `ingest`, and the study that follows it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.unit.ingest import (
    test_cbis_ddsm,
    test_cmmd,
    test_embed,
    test_mias,
    test_omi_db,
    test_unlabelled,
)
from tests.unit.ingest.miniature import Fates
from tests.workflow.tiny import ROOT

CASES = 30
BUILDERS: dict[str, Callable[[Path, int], Fates]] = {
    "cbis-ddsm": test_cbis_ddsm.build,
    "cmmd": test_cmmd.build,
    "embed": test_embed.build,
    "mias": test_mias.build,
    "omi-db": test_omi_db.build,
    **test_unlabelled.BUILDERS,
}
SURROGATE = {"cbis-ddsm", "cmmd", "mias"}


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    return subprocess.run(
        [*command, "--directory", str(folder), "--cores", "2", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        cwd=folder,
    )


def ingest(folder: Path, name: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    return snakemake(folder, "ingest", "--config", f"ingest={name}", "source=source", *more)


def make_small(path: Path) -> None:
    """Cut the study down to what a test can wait for."""
    config = yaml.safe_load(path.read_text())
    config["features"]["deep"] |= {"backbone": "resnet18", "weights": "random"}
    config["images"] = {"shards": 2, "patch_mm": 6.4, "thumbnail_px": 48}
    config["selection"] = {"folds": 3, "mrmr": {"n_features": 5}, "lasso": {"folds": 3}}
    config.setdefault("evaluation", {}).update(
        resamples=20, calibration_resamples=20, bootstrap=0, split_lottery=0, permutation=0
    )
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def test_ingest_tells_what_it_took_and_never_writes_over_it(tmp_path: Path) -> None:
    test_cmmd.build(tmp_path / "source", 4)
    done = ingest(tmp_path, "cmmd")
    assert done.returncode == 0, done.stderr
    assert "Taken: 6 cases (3 benign, 3 malignant) of 6 patients, 6 images." in done.stdout
    cases = tmp_path / "studies" / "cmmd" / "cases.csv"
    cases.write_text(cases.read_text() + "# edited\n")
    again = ingest(tmp_path, "cmmd", "spacing_mm=0.1")
    assert again.returncode != 0
    assert "studies/cmmd/cases.csv is there already" in again.stderr
    assert "Traceback" not in again.stderr
    assert cases.read_text().endswith("# edited\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDERS)
def test_the_study_of_a_miniature_runs_to_its_end(tmp_path: Path, name: str) -> None:
    BUILDERS[name](tmp_path / "source", CASES)
    more = ["spacing_mm=0.1"] if name == "cbis-ddsm" else []
    ingested = ingest(tmp_path, name, *more, "target=my-study")
    assert ingested.returncode == 0, ingested.stderr
    if name in test_unlabelled.BUILDERS:
        test_unlabelled.complete(tmp_path / "my-study")
    make_small(tmp_path / "my-study" / "config.yaml")
    done = snakemake(tmp_path, "--configfile", "my-study/config.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "results" / "my-study"
    for document in ("report.html", "manuscript.md"):
        text = (results / "report" / document).read_text(encoding="utf-8")
        assert ("Surrogate endpoint" in text.split("Study sample")[0]) == (name in SURROGATE)
    included = pd.read_csv(results / "images" / "included.csv")
    assert set(included["status"]) == {"included"}
    assert len(included) == len(pd.read_csv(tmp_path / "my-study" / "cases.csv"))
