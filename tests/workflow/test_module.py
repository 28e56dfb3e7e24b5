"""The workflow as a module of another one, as Snakemake's documentation tells how to."""

import subprocess
import sys
from pathlib import Path

from tests.workflow.tiny import ROOT, Study, environment, lay_out

OUTER = f"""
configfile: "config.yaml"

module study:
    snakefile: "{ROOT / "Snakefile"}"
    config: config

use rule * from study as study_*

rule count:
    input: "results/tiny/cohort/eligible.csv"
    output: "counted.txt"
    shell: "wc -l < {{input}} > {{output}}"
"""


def test_another_workflow_takes_a_result_of_the_study(tmp_path: Path) -> None:
    study: Study = lay_out(tmp_path)
    (study.folder / "Snakefile").write_text(OUTER)
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    for target in ("counted.txt", "study_all"):
        planned = () if target == "counted.txt" else ("--dry-run",)
        done = subprocess.run(
            [*command, target, *planned],
            cwd=study.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (study.folder / "counted.txt").read_text().strip() == "49"
    assert "study_write_report" in done.stdout + done.stderr
