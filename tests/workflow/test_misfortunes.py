"""No room on the disk, a folder that is read-only, a file that is late, a clock that is wrong."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.workflow.tiny import Study, different, environment, lay_out, results

DAY = 86_400
INCLUDED = "results/tiny/images/included.csv"
FIGURE = "results/tiny/figures/flow.svg"
# As root in a namespace of mounts; anybody else becomes root in a namespace of users first.
PRIVATE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def mounted(script: str, folder: Path) -> None:
    """Run a shell script whose mounts nobody else sees, and which end with it."""
    done = subprocess.run(
        [*PRIVATE, "sh", "-euc", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def may_mount() -> None:
    tried = [*PRIVATE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if sys.platform != "linux" or subprocess.run(tried, capture_output=True).returncode:
        pytest.skip("may not mount a file system of its own")


def is_told(console: Path, *words: str) -> bool:
    said = console.read_text()
    assert "Traceback" not in said, said
    return all(word in said for word in words)


@pytest.mark.slow
@pytest.mark.usefixtures("may_mount")
def test_a_disk_that_is_full_again_and_again(finished: Study, tmp_path: Path) -> None:
    study = lay_out(tmp_path / "study")
    (study.folder / "results").mkdir()
    needed = sum(path.stat().st_size for path in finished.results.rglob("*") if path.is_file())
    run = shlex.join(study.command())
    sizes = [round(needed * part) // 1024 for part in (0.01, 0.2, 0.5, 0.9, 0.98)]
    mounted(
        f"""
        mount -t tmpfs -o size={sizes[0]}k tmpfs results
        for size in {" ".join(map(str, sizes))}; do
            mount -o remount,size=${{size}}k results
            if {run} > ../full-$size 2>&1; then echo "$size kB sufficed"; exit 1; fi
        done
        mount -o remount,size={needed * 2 // 1024}k results
        {run} > ../room 2>&1
        cp -a results/. ../left
        """,
        study.folder,
    )
    assert all(is_told(tmp_path / f"full-{size}", "the disk is full") for size in sizes)
    (study.folder / "results").rmdir()
    (tmp_path / "left").rename(study.folder / "results")
    assert different(results(study), results(finished)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("may_mount")
def test_a_read_only_results_folder(study: Study, tmp_path: Path) -> None:
    expected = results(study)
    # all files of one job: of a file that is there Snakemake itself says that it is protected
    for suffix in (".svg", ".png", ".pdf"):
        (study.folder / FIGURE).with_suffix(suffix).unlink()
    run = shlex.join(study.command(FIGURE))
    mounted(
        f"""
        mount --bind results results
        mount -o remount,bind,ro results
        if {run} > ../console 2>&1; then exit 1; fi
        """,
        study.folder,
    )
    assert is_told(tmp_path / "console", "results/tiny cannot be written")
    study.snakemake(FIGURE)
    assert different(results(study), expected) == []


# Root writes everywhere, but for a root without that capability.
HUMBLE = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []


@pytest.mark.skipif(bool(HUMBLE) and not shutil.which("setpriv"), reason="no setpriv here")
@pytest.mark.parametrize(
    ("closed", "named", "arguments"),
    [
        (".", ".snakemake", ("-n",)),
        (".snakemake", ".snakemake", ()),
        (".snakemake/metadata", ".snakemake", ("-n",)),
        ("results/tiny/cohort", "results/tiny", ()),
    ],
)
def test_a_folder_that_is_a_colleagues(
    tmp_path: Path, closed: str, named: str, arguments: tuple[str, ...]
) -> None:
    study = lay_out(tmp_path)
    (study.folder / closed).mkdir(parents=True, exist_ok=True)
    (study.folder / closed).chmod(0o555)
    command = [*HUMBLE, *study.command(*arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=study.folder
    )
    (study.folder / closed).chmod(0o755)
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in told
    assert f"{named} cannot be written: {study.folder / closed} is read-only" in told
    assert "it belongs to" in told


@pytest.mark.slow
def test_files_that_come_later(finished: Study, study: Study, tmp_path: Path) -> None:
    study.configure(lambda config: config.pop("simulate"))
    image = pd.read_csv(study.folder / "images.csv", dtype=str).path[3]
    for late in ("cases.csv", "images.csv", f"results/tiny/simulate/dicom/{image}"):
        (study.folder / late).rename(tmp_path / "late")
        done = study.snakemake(INCLUDED, "--forcerun", "build_cohort", check=False)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert late in done.stderr or "image" in done.stderr
        assert image not in done.stderr
        (tmp_path / "late").rename(study.folder / late)
    study.snakemake(INCLUDED, "--forcerun", "build_cohort")
    assert different(results(study), results(finished)) == []


def given(finished: Study, folder: Path, days: int) -> Study:
    """Return a study of files that were changed so many days after now."""
    study = lay_out(folder)
    shutil.copytree(finished.dicom, study.dicom)
    study.configure(lambda config: config.pop("simulate"))
    set_times(study, days)
    return study


def set_times(study: Study, days: int) -> None:
    when = time.time() + days * DAY
    for path in study.folder.rglob("*"):
        os.utime(path, (when, when))


def run_again(study: Study, expected: dict[str, bytes]) -> None:
    study.snakemake(INCLUDED)
    found = results(study)
    assert [name for name in found if found[name] != expected[name]] == []
    assert study.planned(INCLUDED) == {}


@pytest.mark.slow
def test_files_of_long_ago(finished: Study, tmp_path: Path) -> None:
    run_again(given(finished, tmp_path / "study", days=-20_000), results(finished))


@pytest.mark.slow
def test_files_from_the_future_are_told_and_cost_nothing(finished: Study, tmp_path: Path) -> None:
    study = given(finished, tmp_path / "study", days=400)
    done = study.snakemake(INCLUDED, check=False)
    assert done.returncode != 0
    assert "This could indicate a clock skew problem" in done.stderr
    assert "images.csv" in done.stderr
    assert "Traceback" not in done.stderr
    set_times(study, days=0)
    run_again(study, results(finished))


def test_a_corrected_table_is_seen_whatever_the_clock_says(study: Study) -> None:
    cases = study.folder / "cases.csv"
    rows = pd.read_csv(cases, dtype=str)
    rows.loc[0, "label"] = {"IDC": "DCIS", "DCIS": "IDC"}[rows.loc[0, "label"]]
    rows.to_csv(cases, index=False)
    os.utime(cases, (0, 0))
    assert study.planned()["build_cohort"] == 1


def test_braces_in_paths_are_no_wildcards(tmp_path: Path) -> None:
    (tmp_path / "{study}").mkdir()
    study = lay_out(tmp_path / "{study}")
    tables = study.folder / "ta{b}les"
    tables.mkdir()
    for name in ("cases", "images", "phantoms"):
        (study.folder / f"{name}.csv").rename(tables / f"{name}.csv")
    (tables / "{net}.safetensors").touch()

    def name_them(config: dict[str, Any]) -> None:
        config["cohort"] |= {"cases": "ta{b}les/cases.csv", "images": str(tables / "images.csv")}
        config["cohort"]["image_folder"] = "results/tiny/simulate/di{c}om"
        config["simulate"] = {"phantoms": "ta{b}les/phantoms.csv"}
        config["features"]["deep"]["weights"] = "ta{b}les/{net}.safetensors"

    study.configure(name_them)
    assert study.planned()["extract_patches"] == 3
    study.snakemake("--until", "simulate_shard", "build_cohort")
    assert (study.results / "cohort/eligible.csv").exists()
