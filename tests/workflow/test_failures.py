"""Every rule made to fail: the console names the rule, the damaged file and the log."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.tiny import Study

SENTENCE = re.compile(r"^\w+Error: .*$", re.M)


def rules(study: Study) -> dict[str, tuple[str, list[str]]]:
    """Return an output and all inputs, of one job of each rule that reads results."""
    lines = study.snakemake("--detailed-summary").stdout.splitlines()
    header = next(line for line in lines if line.startswith("output_file"))
    place = {name: i for i, name in enumerate(header.split("\t"))}
    found: dict[str, tuple[str, list[str]]] = {}
    for line in lines[lines.index(header) + 1 :]:
        cells = line.split("\t")
        inputs = [name for name in cells[place["input-file(s)"]].split(",") if "results/" in name]
        if inputs:
            found.setdefault(cells[place["rule"]], (cells[0], inputs))
    return found


def damage(path: Path) -> None:
    """Leave what a power failure leaves, at the time that Snakemake remembers."""
    times = path.stat()
    path.write_bytes(b"\0" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def is_clear(said: str, rule: str, damaged: Path) -> bool:
    return (
        f"Error in rule {rule}:" in said
        and any(damaged.name in sentence for sentence in SENTENCE.findall(said))
        and "See results/tiny/logs/" in said
        and "Traceback" not in said
    )


@pytest.mark.slow
def test_each_failing_rule_says_what_and_where(finished: Study, study: Study) -> None:
    of_rule = rules(study)
    assert len(of_rule) > 20
    unclear = []
    for rule, (output, inputs) in of_rule.items():
        for name in inputs:
            damage(study.folder / name)
            done = study.snakemake(output, "--forcerun", rule, check=False)
            shutil.copytree(finished.results, study.results, dirs_exist_ok=True)
            if done.returncode:
                break
        if not done.returncode or not is_clear(done.stderr, rule, study.folder / name):
            unclear.append((rule, name, done.stderr[-2000:]))
    assert not unclear
