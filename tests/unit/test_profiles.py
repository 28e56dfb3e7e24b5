"""The profiles speak of rules that exist, and of a GPU for those that use one."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.test_house import ROOT, RULE_FILES

RULES = "\n".join(file.read_text() for file in RULE_FILES)
BODIES = dict(
    re.findall(r"^(?:use )?rule (?:\w+ as )?(\w+)(?: with)?:\n(.*?)(?=^\S|\Z)", RULES, re.M | re.S)
)
HEIRS = {heir: rule for rule, heir in re.findall(r"^use rule (\w+) as (\w+) with", RULES, re.M)}
TOLD_A_DEVICE = re.compile(r'OF_SET\.measured_by\b|OF_TUNED\.settings\b|"device"|SALIENCY_DEVICE')


def file_of(name: str) -> Path:
    folder = ROOT if name == "default" else ROOT / "workflow"  # where Snakemake looks by itself
    return folder / "profiles" / name / "config.yaml"


def profile(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file_of(name).read_text())
    return loaded


def whole_body(rule: str) -> str:
    """Return the text of a rule and of those that it inherits from."""
    return BODIES[rule] + (whole_body(HEIRS[rule]) if rule in HEIRS else "")


def test_the_rules_of_torch_that_are_told_a_device_ask_for_a_gpu() -> None:
    told = {
        rule
        for rule in BODIES
        if TOLD_A_DEVICE.search(body := whole_body(rule))
        and "envs/torch.yaml" in body
        and "localrule" not in body
    }
    asked = profile("slurm")["set-resources"]
    assert asked == {rule: {"slurm_partition": "gpu", "gpu": 1} for rule in told}


@pytest.mark.parametrize("section", ["set-threads", "groups"])
def test_the_profile_names_rules_that_exist(section: str) -> None:
    assert profile("slurm")[section].keys() <= BODIES.keys()


@pytest.mark.parametrize("name", ["default", "local", "slurm"])
def test_every_profile_resumes_what_was_killed(name: str) -> None:
    assert profile(name)["rerun-incomplete"] is True


@pytest.mark.parametrize("name", ["default", "local", "slurm"])
def test_every_entry_says_why(name: str) -> None:
    lines = file_of(name).read_text().splitlines()
    entries = [i for i, line in enumerate(lines) if re.match(r"[a-z-]+:", line)]
    unexplained = [lines[i] for i in entries[1:] if "#" not in lines[i] and "#" not in lines[i + 1]]
    assert unexplained == []
