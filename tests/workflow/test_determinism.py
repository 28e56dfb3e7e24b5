"""The same study under every circumstance that must not matter."""

import os
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.tiny import Study, lay_out

pytestmark = pytest.mark.slow

RULES_OF_TABLES = (
    *("describe_cohort", "evaluate_models", "assess_calibration", "assess_usefulness"),
    *("summarize_refits", "audit_study", "screen_clinical", "freeze_study", "record_run"),
)


def test_one_core_gives_the_same_bytes_as_two(finished: Study, tmp_path: Path) -> None:
    alone = lay_out(tmp_path / "alone")
    alone.snakemake(*RULES_OF_TABLES, cores=1)
    # Not the shards of patches: they hold the digest of their files' times of change.
    patterns = ("*.csv", "*.json", "*.parquet", "*.safetensors")
    expected, found = finished.contents(*patterns), alone.contents(*patterns)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


@pytest.mark.parametrize("shards", [1, 8])
def test_circumstances_change_nothing(
    finished: Study, tmp_path: Path, shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "étude à 2 dossiers"
    elsewhere.mkdir()
    study = lay_out(elsewhere)
    study.configure(lambda config: config["images"].update(shards=shards))
    for table in ("cases", "images", "phantoms"):
        rows = pd.read_csv(elsewhere / f"{table}.csv", dtype=str, keep_default_na=False)
        rows.sample(frac=1, random_state=3).to_csv(elsewhere / f"{table}.csv", index=False)
    for name, value in {
        "OMP_NUM_THREADS": "2",
        "PYTHONHASHSEED": "random",
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    study.snakemake(*RULES_OF_TABLES, cores=4)
    rooms = [f"{room}/*" for room in ("cohort", "selection", "models", "evaluation")]
    wanted = (".csv", ".json")

    def tables(of: Study) -> dict[str, bytes]:
        return {name: data for name, data in of.contents(*rooms).items() if name.endswith(wanted)}

    expected, found = tables(finished), tables(study)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []
    qc = "images/qc.csv"
    assert study.contents(qc) == finished.contents(qc)
