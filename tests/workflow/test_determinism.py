"""The same study under every circumstance that must not matter."""

import os
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.tiny import Study, different, lay_out, results

pytestmark = pytest.mark.slow

# What tells of the division into shards itself, or of the input files' bytes.
OF_SHARDS = re.compile(
    r"simulate/|images/shard-|features/[a-z]+/shard-|figures/gallery-|models/settings.yaml|report/"
)


def shuffle(study: Study) -> None:
    for table in ("cases", "images", "phantoms"):
        path = study.folder / f"{table}.csv"
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows.sample(frac=1, random_state=3).to_csv(path, index=False)


def turkish(folder: Path) -> str:
    """Make a locale with a decimal comma in which I is no capital i; return its name."""
    name = "tr_TR.UTF-8"
    command = ["localedef", "--inputfile=tr_TR", "--charmap=UTF-8", str(folder / name)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no locale can be made here")
    return name


def test_one_core_gives_the_same_bytes_as_two(finished: Study, tmp_path: Path) -> None:
    alone = lay_out(tmp_path / "alone")
    alone.snakemake(cores=1)
    assert different(results(alone), results(finished)) == []


@pytest.mark.parametrize(
    ("cores", "threads", "shards", "locale"), [(4, "1", 1, "C"), (2, "2", 8, "tr_TR.UTF-8")]
)
def test_circumstances_change_nothing(
    finished: Study,
    tmp_path: Path,
    cores: int,
    threads: str,
    shards: int,
    locale: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "étude à 2 dossiers"
    elsewhere.mkdir()
    study = lay_out(elsewhere)
    study.configure(lambda config: config["images"].update(shards=shards))
    shuffle(study)
    for name, value in {
        "OMP_NUM_THREADS": threads,
        "PYTHONHASHSEED": "random",
        "LC_ALL": locale if locale == "C" else turkish(tmp_path),
        "LOCPATH": str(tmp_path),
        "TZ": "Asia/Kathmandu",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    study.snakemake(cores=cores)
    found = different(results(study), results(finished))
    assert [name for name in found if not OF_SHARDS.match(name)] == []
