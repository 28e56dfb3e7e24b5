"""Two kinds of sets added as CONTRIBUTING.md says, one of images and one of a user's table."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.workflow import test_apply
from tests.workflow.test_reruns import first_image, invert_one_pixel_block
from tests.workflow.tiny import ROOT, Study, environment, lay_out

NEW_KINDS = Path(__file__).parent / "new_kinds"
"""What CONTRIBUTING asks for, at its place in `workflow`."""

IMAGES = {"extract_features", "measure_images", "extract_patches"}


def add_kinds(house: Path) -> None:
    """Copy what runs a study to `house`, and add the two kinds there."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workflow", house / "workflow", ignore=leave)
    for folder in ("envs", "profiles"):
        shutil.copytree(ROOT / folder, house / folder, ignore=leave)
    shutil.copy(ROOT / "Snakefile", house)
    shutil.copytree(NEW_KINDS, house / "workflow", ignore=leave, dirs_exist_ok=True)
    registry = house / "workflow" / "src" / "microcalc" / "config" / "feature_kinds.py"
    text = registry.read_text()
    for kind in ("Brightness", "Listed"):
        word = "NetworkSettings | "
        assert text.count(word) == 1
        text = text.replace(word, f"{word}{kind}Settings | ").replace(
            "from microcalc.config.finetune_settings",
            f"from microcalc.config.{kind.lower()}_settings import {kind}Settings\n"
            "from microcalc.config.finetune_settings",
        )
    registry.write_text(text)


def take_kinds(config: dict[str, Any]) -> None:
    config["features"] |= {
        "brightness": {"kind": "brightness", "percentile": 0.8},
        "listed": {"kind": "listed", "path": "listed.csv"},
    }
    config["scores"] |= {
        "brightness": {"features": ["brightness"]},
        "all": {"features": ["deep", "brightness", "listed"]},
    }
    config["models"] |= {
        "bright": {"scores": ["brightness"]},
        "two": {"clinical": "screened", "scores": ["brightness", "all"]},
        "all": {"scores": ["all"]},
    }


def write_listed(folder: Path, cases: pd.DataFrame) -> None:
    """Write a table of two columns, of which one tells the label."""
    rng = np.random.default_rng(1)
    told = (cases.label == "IDC").to_numpy(dtype=float)
    table = {"uptake": told + rng.normal(size=len(cases)), "volume": rng.normal(size=len(cases))}
    pd.DataFrame({"case_id": cases.case_id, **table}).to_csv(folder / "listed.csv", index=False)


def lay_out_kinds(folder: Path) -> Study:
    house = folder / "house"
    add_kinds(house)
    study = lay_out(folder)
    study.configure(take_kinds)
    write_listed(folder, pd.read_csv(folder / "cases.csv", dtype=str))
    return Study(folder, house)


MEASURED_ALONE = """
import json, sys
from types import SimpleNamespace
import numpy as np
from microcalc.config import feature_kinds
from microcalc.features import kinds, pool, shard_features

patch = np.random.default_rng(1).random((3, 32, 32), dtype=np.float32)
ids = {"image_id": ["a", "b", "c"], "case_id": ["1", "1", "2"], "view": ["CC", "MLO", "CC"]}
images = SimpleNamespace(patch=patch, status=np.array(["ok"] * 3),
                         **{name: np.array(values) for name, values in ids.items()})
keys = {}
for percentile in (0.8, 0.8, 0.9):
    (row,) = feature_kinds.each_of(
        {"light": {"kind": "brightness", "percentile": percentile}}
    ).values()
    kind = kinds.of_images(row.measured_in)
    measurement = kind.measurement(row.measured_by, kinds.Files(), threads=1)
    shard_features.update("shard.parquet", images, measurement, cache=True)
    table, circumstances = shard_features.read("shard.parquet")
    assert circumstances == {"kind": "brightness", "percentile": percentile, "recipe": 1}
    expected = np.quantile(patch.reshape(3, -1), percentile, axis=1)
    np.testing.assert_allclose(table["high"], expected, rtol=1e-6)
    keys.setdefault(percentile, set()).update(table["key"])
cases = pool.cases(["shard.parquet"], "light", how="mean")
np.testing.assert_allclose(
    cases["light_mean"], [patch[:2].mean(), patch[2].mean()], rtol=1e-6
)
assert "torch" not in sys.modules
print(json.dumps([sorted(found) for found in keys.values()]))
"""


def test_new_kinds_are_planned_and_measured(tmp_path: Path) -> None:
    study = lay_out_kinds(tmp_path)
    planned = study.planned()
    assert (planned["extract_features"], planned["measure_images"]) == (3, 3)
    assert (planned["read_columns"], planned["select_features"]) == (1, 3)

    ran = subprocess.run(
        [sys.executable, "-c", MEASURED_ALONE],
        cwd=tmp_path,
        env=environment(study.house),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    one, other = json.loads(ran.stdout)
    assert len(one) == len(other) == 3
    assert not set(one) & set(other)

    (study.folder / "listed.csv").unlink()
    study.configure(lambda config: config["features"]["listed"].update(pool_views="max"))
    done = study.snakemake("check", check=False)
    assert "features.listed.pool_views: is for sets that are measured in images" in done.stderr
    study.configure(lambda config: config["features"]["listed"].pop("pool_views"))
    for target in ("check", "all"):
        done = study.snakemake(target, check=False)
        assert "features.listed: there is no file listed.csv" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture(scope="session")
def finished_kinds(shared: Callable[[str, Callable[[Path], None]], Path]) -> Study:
    folder = shared("new_kinds", lambda folder: lay_out_kinds(folder).snakemake() and None)
    return Study(folder, folder / "house")


@pytest.fixture
def study(finished_kinds: Study, tmp_path: Path) -> Study:
    """A finished study of one's own; the copy of the repository is the same for all."""
    folder = tmp_path / "study"
    leave = shutil.ignore_patterns("house")
    shutil.copytree(finished_kinds.folder, folder, symlinks=True, ignore=leave)
    return Study(folder, finished_kinds.house)


@pytest.mark.slow
def test_a_study_of_new_kinds_is_written_up(finished_kinds: Study) -> None:
    results = finished_kinds.results
    model = json.loads((results / "models" / "two.json").read_text())
    assert set(model["tables"]) == {"deep", "brightness", "listed"}
    made = model["tables"]["brightness"]
    assert (made["kind"], "weights" in made) == ("brightness", False)
    assert made["preprocessing"]["features"]["percentile"] == 0.8
    # Wherever the cohort's table lies, it is the same set.
    assert "path" not in model["tables"]["listed"]["preprocessing"]["features"]
    funnel = pd.read_csv(results / "selection" / "all" / "funnel.csv")
    assert funnel.iloc[0, 1] == 512 + 3 + 2
    page, draft, checklist = (
        " ".join((results / "report" / name).read_text().split())
        for name in ("report.html", "manuscript.md", "checklist.md")
    )
    for text in (page, draft):
        assert "The brightness features were mean, SD and the 80th percentile of a patch" in text
        assert "3 per case. The listed features were computed elsewhere" in text
        assert "the deep, brightness and listed features, side by side in one selection" in text
    assert "the patch that features are measured in" in page
    assert "What networks say themselves" not in page
    assert "Listed features" in page.partition('id="run"')[2]  # its digest among the inputs
    assert "brightness features, listed features" in checklist


@pytest.mark.slow
def test_models_of_new_kinds_predict_a_cohort_as_in_their_study(study: Study) -> None:
    test_apply.lay_out(study)
    done = test_apply.apply(study, "apply", check=False)
    assert "features.listed: there is no file new/listed.csv" in done.stderr
    assert "Traceback" not in done.stderr
    # Another file of the same name: the cohort's cases alone, in another order.
    table = pd.read_csv(study.folder / "listed.csv", dtype=str)
    cohort = pd.read_csv(study.folder / "new" / "cases.csv", dtype=str)
    table = table[table.case_id.isin(cohort.case_id)].iloc[::-1]
    table.to_csv(study.folder / "new" / "listed.csv", index=False)
    test_apply.apply(study, "apply")
    test_apply.test_the_predictions_are_those_of_the_development(study)


@pytest.mark.slow
def test_a_replaced_dicom_is_measured_once_by_each_kind(study: Study) -> None:
    _, image_id = first_image(study, "train")
    invert_one_pixel_block(study, image_id)
    planned = study.planned()
    assert {rule: planned[rule] for rule in IMAGES} == dict.fromkeys(IMAGES, 1)
    sets = {"deep": "extract_features", "brightness": "measure_images"}
    study.snakemake(*(f"results/tiny/features/{name}/features.parquet" for name in sets))
    for name, rule in sets.items():
        logs = [study.log(f"{rule}/{name}-{shard}") for shard in "012"]
        assert sum("measured 1, kept" in log for log in logs) == 1


@pytest.mark.slow
def test_a_changed_setting_of_a_kind_measures_its_own_images_again(study: Study) -> None:
    study.configure(lambda config: config["features"]["brightness"].update(percentile=0.5))
    planned = study.planned()
    assert planned["measure_images"] == 3
    assert not {"extract_features", "extract_patches", "read_columns"} & planned.keys()
    study.snakemake("results/tiny/features/brightness/features.parquet")
    logs = [study.log(f"measure_images/brightness-{shard}") for shard in "012"]
    assert all(", kept 0" in log for log in logs)


@pytest.mark.slow
def test_changed_code_of_a_kind_reruns_its_own_jobs(tmp_path: Path) -> None:
    study = lay_out_kinds(tmp_path)
    sets = [f"results/tiny/features/{name}/features.parquet" for name in ("deep", "brightness")]
    study.snakemake(*sets)
    assert study.planned(*sets) == {}
    module = study.house / "workflow" / "src" / "microcalc" / "features" / "brightness.py"
    module.write_text(module.read_text().replace("RECIPE = 1", "RECIPE = 2"))
    assert study.planned(*sets) == {"measure_images": 3, "gather_features": 1}
    study.snakemake(*sets)
    logs = [study.log(f"measure_images/brightness-{shard}") for shard in "012"]
    assert all(", kept 0" in log for log in logs)
