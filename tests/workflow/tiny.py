"""A tiny study: 48 simulated cases, small images, resnet18."""

import copy
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from microcalc.plan.stored_digest import MEMBER
from microcalc.simulate.cohort import TINY_FIELD_MM, draw

ROOT = Path(__file__).parents[2]
SEED = 7
JOB_COUNT = re.compile(r"^(\w+)\s+(\d+)$", re.M)


@dataclass(frozen=True)
class Study:
    """A folder with a study's tables, config and results, and the repository that runs it."""

    folder: Path
    house: Path = ROOT

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"

    @property
    def dicom(self) -> Path:
        return self.results / "simulate" / "dicom"

    @property
    def config(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load((self.folder / "config.yaml").read_text())
        return loaded

    def configure(self, change: Callable[[dict[str, Any]], None]) -> None:
        config = self.config
        change(config)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def edit(self, table: str, old: str, new: str) -> None:
        path = self.folder / table
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {table}"
        path.write_text(text.replace(old, new))

    def command(self, *arguments: str, cores: int | None = 2, configfile: bool = True) -> list[str]:
        """Return the command that runs the study; a cluster's profile needs no cores."""
        return [
            *(sys.executable, "-m", "snakemake"),
            *("--snakefile", str(self.house / "Snakefile"), "--directory", str(self.folder)),
            *(("--configfile", str(self.folder / "config.yaml")) if configfile else ()),
            *([] if cores is None else ["--cores", str(cores)]),
            *arguments,
        ]

    def snakemake(
        self, *arguments: str, cores: int | None = 2, check: bool = True, configfile: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments, cores=cores, configfile=configfile),
            capture_output=True,
            text=True,
            env=environment(self.house),
            cwd=self.folder,
        )
        if check and done.returncode:
            logs = sorted((self.results / "logs").rglob("*.log"), key=lambda p: p.stat().st_mtime)
            last = logs[-1].read_text()[-3000:] if logs else ""
            raise AssertionError(f"{done.stdout}\n{done.stderr}\n{last}")
        return done

    def start(self, *arguments: str, console: Path) -> subprocess.Popen[bytes]:
        """Start Snakemake without waiting for it; both its streams go to `console`."""
        with open(console, "wb") as file:
            return subprocess.Popen(
                # Tests that were started in the background would hand down that Ctrl-C is ignored.
                ["env", "--default-signal=INT", *self.command(*arguments, cores=None)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment(self.house),
                cwd=self.folder,
                start_new_session=True,  # its process group can be killed, this one lives on
            )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run plans."""
        output = self.snakemake("--dry-run", *arguments)
        stats = (output.stdout + output.stderr).partition("Job stats:")[2]
        counts = {rule: int(n) for rule, n in JOB_COUNT.findall(stats.partition("\n\n")[0])}
        counts.pop("total", None)
        return counts

    def log(self, name: str) -> str:
        return (self.results / "logs" / f"{name}.log").read_text()

    def contents(self, *patterns: str) -> dict[str, bytes]:
        """Return the bytes of every result file that matches one of `patterns`."""
        return {
            path.relative_to(self.results).as_posix(): path.read_bytes()
            for pattern in patterns
            for path in sorted(self.results.rglob(pattern))
            if "history" not in path.parts
        }


def environment(house: Path = ROOT) -> dict[str, str]:
    """Return the environment of a run; of a copy of the repository its own package comes first."""
    package = [] if house == ROOT else [str(house / "workflow" / "src")]
    path = os.pathsep.join([*package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "NO_COLOR": "1", **({"PYTHONPATH": path} if path else {})}


def tiny_config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["study"] = "tiny"
    config["cohort"] |= {
        "cases": "cases.csv",
        "images": "images.csv",
        "image_folder": "results/tiny/simulate/dicom",
        "train_fraction": 0.65,
    }
    config["simulate"] = {"phantoms": "phantoms.csv"}
    config["images"] |= {"shards": 3, "patch_mm": 11.2, "thumbnail_px": 96}
    config["features"]["deep"] |= {"backbone": "resnet18"}
    config["selection"] |= {"folds": 3}
    config["selection"]["mrmr"] |= {"n_features": 8}
    config["selection"]["lasso"] |= {"folds": 3, "n_lambdas": 30}
    config["evaluation"] |= {"bootstrap": 2, "replicates_per_job": 1, "calibration_resamples": 20}
    return copy.deepcopy(config)


def fine_tune(config: dict[str, Any]) -> None:
    """Let both fine-tuned routes run beside the frozen network, as briefly as they can."""
    config["features"]["tuned"] = {
        **{"kind": "finetuned", "network": "deep"},
        **{"folds": 3, "head_epochs": 1, "epochs": 1, "batch_size": 8, "holdout": 0.34},
    }
    config["scores"] |= {
        "finetuned": {"features": ["tuned"], "learner": "network"},
        "finetuned_lasso": {"features": ["tuned"]},
    }
    config["models"] |= {
        "tuned": {"scores": ["finetuned"]},
        "tuned_lasso": {"scores": ["finetuned_lasso"]},
        "tuned_combined": {"clinical": "screened", "scores": ["finetuned"]},
    }


def lay_out(folder: Path) -> Study:
    """Write the tiny study's tables and config into `folder`."""
    tables = draw(SEED, n_negative=20, n_positive=28, field_mm=TINY_FIELD_MM)
    tables.write(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(tiny_config(), sort_keys=False))
    return Study(folder)


def results(study: Study) -> dict[str, bytes]:
    """Return every file of the study's results, a shard by its members.

    Not logs, history and the page that tells from it how long each rule took; not the digest in a
    shard, which holds the times of change of the files it was made from, nor provenance records,
    which hold digests of shards and of the page.
    """
    found: dict[str, bytes] = {}
    for path in sorted(study.results.rglob("*")):
        name = path.relative_to(study.results).as_posix()
        if path.is_dir() or name.startswith(
            ("logs/", "history/", "provenance/", "report/report.html")
        ):
            continue
        if re.fullmatch(r"images/shard-\d+\.npz", name):
            with zipfile.ZipFile(path) as archive:
                for member in set(archive.namelist()) - {MEMBER}:
                    found[f"{name}/{member}"] = archive.read(member)
        else:
            found[name] = path.read_bytes()
    return found


def different(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names of files that are not in both with the same bytes."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
