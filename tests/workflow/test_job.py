"""One job of a study by hand, as CONTRIBUTING.md tells a newcomer."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.workflow.tiny import Study, environment, lay_out

ROOMS = [
    *("simulate", "cohort", "images", "features", "finetune", "selection", "models"),
    *("evaluation", "figures", "report", "ingest"),
]
CLINICAL = "results/tiny/models/clinical.json"


def by_hand(study: Study, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microcalc.plan.job", *arguments],
        cwd=study.folder,
        env=environment(),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_job_by_hand_makes_what_its_rule_made_and_touches_no_result(
    finished: Study, tmp_path: Path
) -> None:
    before = finished.contents("models/*")
    done = by_hand(finished, CLINICAL, "--scratch", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fit_models: ")
    assert finished.contents("models/*") == before
    made = Study(tmp_path).contents("models/*")
    assert made.keys() > {"models/clinical.json", "models/combined.training.csv"}
    assert made == {name: before[name] for name in made}
    assert Study(tmp_path).log("fit_models")


def test_a_script_is_stepped_through_from_its_first_line(finished: Study, tmp_path: Path) -> None:
    asked = "p snakemake.rule, snakemake.wildcards.shard, snakemake.params.shards\nq\n"
    shard = "results/tiny/images/shard-1.npz"
    done = by_hand(finished, shard, "--pdb", "--scratch", str(tmp_path), typed=asked)
    assert "extract_patches.py(1)<module>()" in done.stdout
    assert "('extract_patches', '1', 3)" in done.stdout


def test_what_a_job_brings_up_to_date_is_brought_up_to_date_elsewhere(
    finished: Study, tmp_path: Path
) -> None:
    done = by_hand(finished, "results/tiny/images/shard-1.npz", "--scratch", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "computed 0, kept" in Study(tmp_path).log("extract_patches/1")


def test_the_report_is_told_which_rules_a_room_has(finished: Study, tmp_path: Path) -> None:
    asked = ("results/tiny/report/report.html", "--pdb", "--scratch", str(tmp_path))
    done = by_hand(finished, *asked, typed="p snakemake.params.rules\nq\n")
    rooms = ast.literal_eval(done.stdout.partition("(Pdb) ")[2].partition("\n")[0])
    assert [*rooms] == ROOMS
    assert rooms["images"] == ["extract_patches", "gather_images"]
    # A check makes nothing that could be measured.
    assert rooms["cohort"] == ["build_cohort"]
    assert {"prepare_tuned", "extract_reader"} < {*rooms["features"]}


def test_a_file_that_cannot_be_made_is_told_of(study: Study) -> None:
    done = by_hand(study, "results/tiny/models/nothing.json")
    assert done.returncode == 1
    assert "No rule to produce results/tiny/models/nothing.json" in done.stderr
    (study.results / "images" / "included.csv").unlink()
    done = by_hand(study, CLINICAL)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"{CLINICAL}: fit_models needs results/tiny/images/included.csv, which is not there"
    )


def test_what_the_workflow_refuses_is_told_of(tmp_path: Path) -> None:
    study = lay_out(tmp_path)
    study.configure(lambda config: config.pop("seed") and None)
    done = by_hand(study, CLINICAL)
    assert done.returncode == 1
    assert done.stderr.startswith("The config cannot be used as it is")
    assert "seed: is missing" in done.stderr
    assert "Traceback" not in done.stderr
