import numpy as np
import pandas as pd
import pytest
from tests.scripts import run_script

from microcalc.features import backbone, generated
from microcalc.images import shard_file

SETTINGS = {
    **{"backbone": "resnet18", "layers": ["penultimate"], "device": "cpu"},
    **{"precision": "float32", "batch_size": 2},
}


@pytest.fixture
def run(tmp_path):
    def run(name, **parts):
        log = tmp_path / f"{name}.log"
        run_script(name, log=log, **parts)
        return log.read_text(encoding="utf-8")

    return run


def _shard(path, cases, patches):
    rows = []
    for i, patch in enumerate(patches):
        texts = dict.fromkeys(shard_file.TEXTS, "") | {
            "image_id": f"{cases[i // 2]}-{i}",
            "case_id": cases[i // 2],
            "view": ("CC", "MLO")[i % 2],
            "status": "ok",
            "qc": "{}",
        }
        blank = np.zeros((8, 8), np.uint8), np.zeros(patch.shape, np.uint8)
        rows.append(shard_file.Row(texts, patch, *blank))
    shard_file.write(
        path, iter(rows), count=len(rows), patch_px=64, thumbnail_px=8, digest="d", recipe=1
    )


def test_weights_shards_and_cases_through_the_scripts(run, tmp_path, monkeypatch, patches):
    monkeypatch.setattr(generated, "PATCH_PX", 64)
    monkeypatch.setattr(generated, "N_PATCHES", 4)
    prepared = tmp_path / "resnet18.safetensors"
    run(
        "prepare_weights",
        params={"settings": {"backbone": "resnet18", "weights": "random"}, "seed": 1},
        output={"weights": str(prepared)},
    )
    assert backbone.describe(prepared).source == "random (seed 1)"

    features = []
    for name, cases, part in (("0", ["b", "a"], patches[:4]), ("1", ["c"], patches[4:6])):
        _shard(tmp_path / f"{name}.npz", cases, part)
        features.append(str(tmp_path / f"{name}.parquet"))
        log = run(
            "measure_images",
            input={
                "shard": str(tmp_path / f"{name}.npz"),
                "weights": [str(prepared)],
                "adapted": [],
            },
            params={
                **{"measured_in": "network_features", "settings": SETTINGS},
                **{"of_regions": False, "cache": True},
            },
            output={"features": features[-1]},
        )
        assert f"measured {len(part)}, kept 0" in log

    gathered = tmp_path / "features.parquet"
    run(
        "gather_features",
        input={"shards": features, "included": []},
        params={"pool_views": "mean"},
        wildcards={"set": "deep"},
        output={"features": str(gathered)},
    )
    table = pd.read_parquet(gathered)
    assert table["case_id"].tolist() == ["a", "b", "c"]
    assert table["n_views"].tolist() == [2, 2, 2]
    assert table.shape == (3, 2 + 512)
