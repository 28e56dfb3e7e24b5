"""The rules that the page draws are those that Snakemake has, with the same arrows."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.tiny import ROOT, Study, fine_tune, lay_out

pytestmark = pytest.mark.slow


def arrows(study: Study, change: Any) -> set[tuple[str, str]]:
    """Return (source, rule) of a study whose config is changed so."""
    study.configure(change)
    dot = study.snakemake("--rulegraph", "dot").stdout
    names = dict(re.findall(r'^\s*(\d+)\s*\[\s*label = "(\w+)"', dot, re.M))
    found = re.findall(r"^\s*(\d+) -> (\d+)", dot, re.M)
    return {(names[a], names[b]) for a, b in found if names[b] != "all"}


def test_the_listed_rules_and_arrows_are_snakemakes(tmp_path: Path) -> None:
    def most(config: dict[str, Any]) -> None:
        config["features"] |= {"weights": "IMAGENET1K_V1", "harmonize": "adabn"}
        config["images"]["reader"] = "first"
        config["features"]["stability"] |= {"perturbations": 2, "readers": ["second"]}
        config["evaluation"] |= {"split_lottery": 1, "permutation": 1}

    def others(config: dict[str, Any]) -> None:
        config["features"] |= {"harmonize": "combat"}

    found = arrows(lay_out(tmp_path / "most"), most) | arrows(lay_out(tmp_path / "other"), others)
    # No map of the image adds up to a harmonized score.
    found |= arrows(lay_out(tmp_path / "maps"), lambda config: None)
    found |= arrows(lay_out(tmp_path / "tuned"), fine_tune)
    rooms = yaml.safe_load((ROOT / "workflow" / "report" / "rules.yaml").read_text())
    listed = {
        (source, rule)
        for rules in rooms.values()
        for rule, sources in rules.items()
        for source in sources
    }
    assert found == listed
