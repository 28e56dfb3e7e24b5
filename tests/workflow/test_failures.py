"""Every rule made to fail: the console names the rule, what it failed on, and the log."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.ingest import test_cmmd
from tests.unit.test_profiles import BODIES, HEIRS
from tests.workflow import test_apply, test_new_kind
from tests.workflow.tiny import Study, fine_tune

RULES = sorted({*BODIES, *HEIRS})
FAST = "describe_cohort"
JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: +.*\n)+)", re.M)
SENTENCE = re.compile(r"^\w+Error: (.*?)^See \S+\.log$", re.M | re.S)

Done = subprocess.CompletedProcess[str]
Job = dict[str, Any]


# ------------------------------------------------------------ studies in which the rules have jobs


def plain(study: Study) -> tuple[str, ...]:
    """Leave the tiny study as it is; return what to ask for."""
    return ()


def adapted(study: Study) -> tuple[str, ...]:
    """Have batch norm adapted to each center."""
    study.configure(lambda config: config["features"]["deep"].update(harmonize="adabn"))
    return ("results/tiny/features/deep/adapted.safetensors",)


def redrawn(study: Study) -> tuple[str, ...]:
    """Have regions perturbed, and drawn by another reader."""
    path = study.folder / "images.csv"
    images = pd.read_csv(path, dtype=str)
    pd.concat([images.assign(reader=reader) for reader in ("ann", "bob")]).to_csv(path, index=False)

    def ask(config: dict) -> None:
        config["images"]["reader"] = "ann"
        config["features"]["deep"]["stability"] = {"perturbations": 1, "readers": ["bob"]}

    study.configure(ask)
    return tuple(
        f"results/tiny/features/deep/{name}.parquet" for name in ("perturbed", "other_readers")
    )


def tuned(study: Study) -> tuple[str, ...]:
    """Have networks fine-tuned."""
    study.configure(fine_tune)
    return ()


def applied(study: Study) -> tuple[str, ...]:
    """Have the models applied to a labelled cohort."""
    test_apply.lay_out(study)
    test_apply.label(study)
    return ("apply",)


def of_new_kinds(study: Study) -> tuple[str, ...]:
    """Have sets that no network measures, of images drawn otherwise too, and of a table."""
    test_new_kind.add_kinds(study.folder / "house")
    redrawn(study)

    def ask(config: dict) -> None:
        test_new_kind.take_kinds(config)
        config["features"]["brightness"]["stability"] = config["features"]["deep"].pop("stability")

    study.configure(ask)
    test_new_kind.write_listed(study.folder, pd.read_csv(study.folder / "cases.csv", dtype=str))
    return ()


KINDS = (plain, adapted, redrawn, tuned, applied, of_new_kinds)


def opened(folder: Path) -> Study:
    """Return the study in a folder, which may have a workflow of its own beside it."""
    house = folder / "house"
    return Study(folder, house) if house.exists() else Study(folder)


def run(study: Study, *arguments: str, check: bool = True) -> Done:
    if study.folder.name != applied.__name__:
        return study.snakemake(*arguments, check=check)
    return test_apply.apply(study, *arguments, check=check, case=test_apply.first_case(study))


def link(source: str, target: str) -> None:
    """Copy a file without copying its content, where nobody changes what is there."""
    place = Path(source)
    # Snakemake hands a shard to the job that updates it, and touches it when the job fails.
    kept = "results" in place.parts and not place.name.startswith("shard-")
    (os.link if kept else shutil.copy2)(source, target)


@pytest.fixture(scope="session")
def job_of(finished: Study, shared: Callable[..., Path]) -> Callable[[str], Job]:
    """Return a rule's first job in a study of the first kind that has one."""

    def planned(prepare: Callable[[Study], tuple[str, ...]]) -> dict[str, Job]:
        def fill(folder: Path) -> None:
            study = Study(folder / prepare.__name__)
            shutil.copytree(finished.folder, study.folder, copy_function=link)
            asked = prepare(study)
            plan = run(opened(study.folder), "--dry-run", "--forceall", *asked)
            jobs = jobs_in(plan.stdout + plan.stderr, study.folder)
            (folder / "jobs.json").write_text(json.dumps(jobs))

        folder = shared(f"failures-{prepare.__name__}", fill)
        jobs: dict[str, Job] = json.loads((folder / "jobs.json").read_text())
        return jobs

    def of(rule: str) -> Job:
        found = (planned(prepare).get(rule) for prepare in KINDS)
        job = next((job for job in found if job), None)
        assert job, f"no study here has a job of {rule}: add a kind that has"
        return job

    return of


def jobs_in(plan: str, study: Path) -> dict[str, Job]:
    """Return the study, and the first job's inputs and outputs under results, of each rule."""
    found: dict[str, Job] = {}
    for rule, block in JOB.findall(plan):
        lines = dict(line.strip().split(": ", 1) for line in block.splitlines() if ": " in line)
        files = {kind: lines.get(kind, "").split(", ") for kind in ("input", "output")}
        found.setdefault(
            rule,
            {"study": str(study)}
            | {
                kind: [
                    name.removesuffix(" (update)") for name in names if name.startswith("results/")
                ]
                for kind, names in files.items()
            },
        )
    return found


# ------------------------------------------------------------- what makes a rule fail, and is named


def damage(path: Path) -> None:
    """Leave what a power failure leaves."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(1000))


def misspell_labels(study: Study) -> list[str]:
    text = (study.folder / "cases.csv").read_text()
    (study.folder / "cases.csv").write_text(text.replace(",IDC,", ",ICD,"))
    return ["cases.csv"]


def spoil_phantom(study: Study) -> list[str]:
    path = study.folder / "phantoms.csv"
    rows = pd.read_csv(path, dtype=str)
    rows.assign(thickness_mm="thick").to_csv(path, index=False)
    return ["column 'thickness_mm'"]


def spoil_weights(study: Study) -> list[str]:
    (study.folder / "weights.pth").write_bytes(b"no weights")
    stated = {"preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
    file = {"weights": "weights.pth", **stated}
    study.configure(lambda config: config["features"]["deep"].update(file))
    return ["weights.pth"]


def ask_for_the_network(study: Study) -> list[str]:
    study.configure(lambda config: config["features"]["deep"].update(weights="IMAGENET1K_V1"))
    return ["resnet18"]


def put_folders_for_files(study: Study) -> list[str]:
    """Make the training set unreadable, to root too: an error of the disk, not of the content."""
    cases = pd.read_csv(study.results / "cohort" / "eligible.csv", dtype=str)
    images = pd.read_csv(study.folder / "images.csv", dtype=str).drop_duplicates("image_id")
    training = images[images.case_id.isin(cases.case_id[cases.split == "train"])]
    for name in training.path:
        path = study.dicom / name
        path.unlink()
        path.mkdir()
    return [f"image {image_id}" for image_id in training.image_id]


def empty_collection(study: Study) -> list[str]:
    test_cmmd.build(study.folder / "source", 4)
    table = next((study.folder / "source").rglob("*.csv"))
    table.write_bytes(b"")
    return [table.name]


def edit_a_result(study: Study) -> list[str]:
    table = study.results / "cohort" / "eligible.csv"
    text = table.read_text().replace("IDC", "DCIS", 1)
    table.unlink()  # it may be a link into the study that all rules share
    table.write_text(text)
    return ["cohort/eligible.csv"]


# Of rules that read nothing of results: a change of the study, which returns what must be named.
SPOILED: dict[str, Callable[[Study], list[str]]] = {
    "build_cohort": misspell_labels,
    "check": misspell_labels,
    "freeze_split": misspell_labels,
    "verify": edit_a_result,
    "crate": edit_a_result,
    "simulate_shard": spoil_phantom,
    "prepare_weights": spoil_weights,
    "fetch_weights": ask_for_the_network,
    "extract_patches": put_folders_for_files,
    "extract_surroundings": put_folders_for_files,
    "extract_reader_patches": put_folders_for_files,
    "ingest": empty_collection,
}
# Rules that no study asks for, and rules whose jobs another machine's network decides on.
ASKED = {
    "check": ["check"],
    "freeze_split": ["freeze_split"],
    "verify": ["verify"],
    "crate": ["crate"],
    "ingest": ["ingest", "--config", "ingest=cmmd", "source=source"],
    "fetch_weights": ["results/tiny/features/deep/weights/resnet18.fetched.json"],
}


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=pytest.mark.slow if rule != FAST else ()) for rule in RULES]
)
def test_a_failing_rule_says_what_and_where(
    rule: str, job_of: Callable[[str], Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody answers
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    job = job_of(FAST if rule in ASKED else rule)
    folder = tmp_path / Path(job["study"]).name
    shutil.copytree(job["study"], folder, copy_function=link)
    study = opened(folder)
    if rule in SPOILED:
        named = SPOILED[rule](study)
    else:
        for name in job["input"]:
            damage(study.folder / name)
        named = [Path(name).name for name in job["input"]]
    asked = ASKED.get(rule) or job["output"][:1]
    only = ("--allowed-rules", rule, "--force", *asked)
    done = run(study, *only, check=False)
    assert done.returncode != 0
    assert unclear(done.stderr, rule, named) == [], done.stderr


def unclear(said: str, rule: str, named: list[str]) -> list[str]:
    """Return what is missing of a readable failure."""
    # What is wrong with tables, config and results, these tell before any job.
    is_told_before = rule in ("check", "verify", "crate")
    sentences = [said] if is_told_before else SENTENCE.findall(said)
    present = {
        "no traceback": "Traceback" not in said,
        "the rule": f"Error in rule {rule}:" in said or is_told_before,
        "a sentence and the log": bool(sentences),
        "the file": any(name in sentence for sentence in sentences for name in named),
    }
    return [name for name, there in present.items() if not there]
