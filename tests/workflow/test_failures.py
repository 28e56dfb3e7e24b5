"""Every rule made to fail: the console names the rule, what it failed on, and the log."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.ingest import test_cmmd
from tests.unit.test_house import ROOT
from tests.unit.test_profiles import BODIES, HEIRS
from tests.workflow import test_apply
from tests.workflow.test_reruns import first_image
from tests.workflow.tiny import Study

RULES = sorted({*BODIES, *HEIRS})
FAST = "describe_cohort"
SENTENCE = re.compile(r"^\w+Error: (.*?)^See \S+\.log$", re.M | re.S)

Done = subprocess.CompletedProcess[str]
Jobs = dict[str, dict[str, list[str]]]


# ------------------------------------------------------------ studies in which the rules have jobs


def finish_plainly(study: Study) -> tuple[str, ...]:
    """Leave the tiny study as it is; return no further targets."""
    return ()


def adapt(study: Study) -> tuple[str, ...]:
    """Have batch norm adapted to each center."""
    study.configure(lambda config: config["features"].update(harmonize="adabn"))
    return ("results/tiny/features/adapted.safetensors",)


def redraw(study: Study) -> tuple[str, ...]:
    """Have regions perturbed, and drawn by another reader."""
    path = study.folder / "images.csv"
    images = pd.read_csv(path, dtype=str)
    pd.concat([images.assign(reader=reader) for reader in ("ann", "bob")]).to_csv(path, index=False)

    def ask(config: dict) -> None:
        config["images"]["reader"] = "ann"
        config["features"]["stability"] = {"perturbations": 1, "readers": ["bob"]}

    study.configure(ask)
    return tuple(f"results/tiny/features/{name}.parquet" for name in ("perturbed", "other_readers"))


def apply_models(study: Study) -> tuple[str, ...]:
    """Have the models applied to a labelled cohort."""
    test_apply.lay_out(study)
    test_apply.label(study)
    return ("apply",)


def run_plainly(study: Study, *arguments: str, check: bool = True) -> Done:
    return study.snakemake(*arguments, check=check)


def run_apply(study: Study, *arguments: str, check: bool = True) -> Done:
    return test_apply.apply(study, *arguments, check=check, case=test_apply.first_case(study))


KINDS = {
    "plain": (finish_plainly, run_plainly),
    "adapted": (adapt, run_plainly),
    "redrawn": (redraw, run_plainly),
    "applied": (apply_models, run_apply),
}
REDRAWN = {
    *("extract_surroundings", "perturb_patches", "extract_perturbed", "gather_perturbed"),
    *("extract_reader_patches", "extract_reader", "gather_readers"),
}
APPLY_FILE = ROOT / "workflow" / "rules" / "apply.smk"
OF_APPLY = re.findall(r"^(?:use rule \w+ as|rule) (\w+)", APPLY_FILE.read_text(), re.M)


def kind_of(rule: str) -> str:
    if rule in OF_APPLY:
        return "applied"
    if rule in REDRAWN:
        return "redrawn"
    return "adapted" if rule == "adapt_weights" else "plain"


def link(source: str, target: str) -> None:
    """Copy a file without copying its content, where nobody writes into what is there."""
    big = {"results", "dicom"} & set(Path(source).parts)
    (os.link if big else shutil.copy2)(source, target)


@pytest.fixture(scope="session")
def kind(finished: Study, shared: Callable[..., Path]) -> Callable[[str], Path]:
    """Return a finished study of a kind; jobs.json has an output and the inputs of each rule."""

    def of(name: str) -> Path:
        prepare, run = KINDS[name]

        def fill(folder: Path) -> None:
            shutil.copytree(finished.folder, folder, dirs_exist_ok=True, copy_function=link)
            study = Study(folder)
            targets = prepare(study)
            if targets:
                run(study, "--notemp", *targets)
            jobs = jobs_in(run(study, "--detailed-summary", *targets).stdout)
            (folder / "jobs.json").write_text(json.dumps(jobs))

        return shared(f"kind-{name}", fill)

    return of


def jobs_in(summary: str) -> Jobs:
    """Return every rule's outputs, and the inputs under results of the job of the first one."""
    lines = summary.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("output_file"))
    names = lines[header].split("\t")
    found: Jobs = {}
    for line in lines[header + 1 :]:
        job = dict(zip(names, line.split("\t"), strict=False))
        inputs = [name for name in job["input-file(s)"].split(",") if name.startswith("results/")]
        of_rule = found.setdefault(job["rule"], {"inputs": inputs, "outputs": []})
        of_rule["outputs"].append(job["output_file"])
    return found


# ------------------------------------------------------------- what makes a rule fail, and is named


def damage(path: Path) -> None:
    """Leave what a power failure leaves, at the time that Snakemake remembers."""
    times = path.stat()
    path.unlink()
    path.write_bytes(b"\0" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def misspell_labels(study: Study) -> str:
    text = (study.folder / "cases.csv").read_text()
    (study.folder / "cases.csv").write_text(text.replace(",IDC,", ",ICD,"))
    return "cases.csv"


def spoil_phantom(study: Study) -> str:
    path = study.folder / "phantoms.csv"
    rows = pd.read_csv(path, dtype=str)
    rows.assign(scanner="nobody's").to_csv(path, index=False)
    return "nobody's"


def spoil_weights(study: Study) -> str:
    (study.folder / "weights.pth").write_bytes(b"no weights")
    study.configure(lambda config: config["features"].update(weights="weights.pth"))
    return "weights.pth"


def ask_for_the_network(study: Study) -> str:
    study.configure(lambda config: config["features"].update(weights="IMAGENET1K_V1"))
    return "resnet18"


def put_a_folder_for_a_file(study: Study) -> str:
    """Make a mammogram unreadable, to root too: an error of the disk and not of the content."""
    _, image_id = first_image(study, "train")
    rows = pd.read_csv(study.folder / "images.csv", dtype=str).drop_duplicates("image_id")
    path = study.folder / "dicom" / rows.set_index("image_id").path[image_id]
    path.unlink()
    path.mkdir()
    return f"image {image_id}"


def empty_collection(study: Study) -> str:
    test_cmmd.build(study.folder / "source", 4)
    table = next((study.folder / "source").rglob("*.csv"))
    table.write_bytes(b"")
    return table.name


# Of rules that read nothing of results: a change of the study, which returns what must be named.
SPOILED: dict[str, Callable[[Study], str]] = {
    "build_cohort": misspell_labels,
    "check": misspell_labels,
    "simulate_shard": spoil_phantom,
    "prepare_weights": spoil_weights,
    "fetch_weights": ask_for_the_network,
    "extract_patches": put_a_folder_for_a_file,
    "extract_surroundings": put_a_folder_for_a_file,
    "extract_reader_patches": put_a_folder_for_a_file,
    "ingest": empty_collection,
}
# What to ask for, where it is not what the finished study has of the rule.
ASKED = {
    "check": ["check"],
    "ingest": ["ingest", "--config", "ingest=cmmd", "source=source"],
    "fetch_weights": ["results/tiny/features/weights/resnet18.fetched.json"],
}


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=pytest.mark.slow if rule != FAST else ()) for rule in RULES]
)
def test_a_failing_rule_says_what_and_where(
    rule: str, kind: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody answers
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    made = kind(kind_of(rule))
    shutil.copytree(made, tmp_path / "study", copy_function=link)
    study = Study(tmp_path / "study")
    jobs = json.loads((made / "jobs.json").read_text())
    if rule in SPOILED:
        named = [SPOILED[rule](study)]
        asked = ASKED.get(rule) or jobs[rule]["outputs"]
    else:
        for name in jobs[rule]["inputs"]:
            damage(study.folder / name)
        named = [Path(name).name for name in jobs[rule]["inputs"]]
        asked = jobs[rule]["outputs"][:1]
    run = KINDS[kind_of(rule)][1]
    done = run(study, "--allowed-rules", rule, "--force", *asked, check=False)
    assert done.returncode != 0
    assert unclear(done.stderr, rule, named) == [], done.stderr


def unclear(said: str, rule: str, named: list[str]) -> list[str]:
    """Return what is missing of a readable failure."""
    # What is wrong with a study's tables and config, `check` tells before any job.
    sentences = SENTENCE.findall(said) if rule != "check" else [said]
    present = {
        "no traceback": "Traceback" not in said,
        "the rule": f"Error in rule {rule}:" in said or rule == "check",
        "a sentence and the log": bool(sentences),
        "the file": any(name in sentence for sentence in sentences for name in named),
    }
    return [name for name, there in present.items() if not there]
