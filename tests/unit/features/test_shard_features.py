import logging
from dataclasses import replace

import numpy as np
import pytest

from microcalc.config.network_settings import ExtractionSettings
from microcalc.core.errors import StudyError
from microcalc.features import (
    backbone,
    columns,
    forward,
    kinds,
    network_features,
    shard_features,
    weights,
)

SETTINGS = ExtractionSettings.of(
    {
        **{"backbone": "resnet18", "layers": ["penultimate"], "device": "cpu"},
        **{"precision": "float32", "batch_size": 2},
    }
)


@pytest.fixture
def update(tmp_path, weights_path, caplog):
    caplog.set_level(logging.INFO, logger="microcalc")
    path = tmp_path / "shard-0.parquet"

    def run(images, *, weights_path=weights_path, cache=True, **settings):
        caplog.clear()
        files = kinds.Files(weights=[str(weights_path)])
        measured = network_features.measurement(SETTINGS.plain() | settings, files, threads=1)
        shard_features.update(path, images, measured, cache=cache)
        return shard_features.read(path)[0], caplog.messages[-1]

    run.path = path
    return run


def test_rows_are_the_usable_images_in_order(update, shard, network):
    table, message = update(shard)
    assert message == "measured 4, kept 0"
    assert table["image_id"].tolist() == ["i1", "i2", "i3", "i4"]
    assert table["case_id"].tolist() == ["a", "a", "b", "b"]
    assert table["view"].tolist() == ["CC", "MLO", "CC", "MLO"]
    assert table.columns[4:].tolist() == columns.numbered(512)
    assert (table.dtypes.iloc[4:] == np.float32).all()
    expected = forward.extract(network, shard.patch[[1, 3, 2, 0]])
    np.testing.assert_allclose(table.iloc[:, 4:], expected, rtol=1e-5, atol=1e-5)


def test_nothing_new_is_nothing_computed_and_the_same_bytes(update, shard, monkeypatch):
    update(shard)
    before = update.path.read_bytes()
    monkeypatch.setattr(backbone, "load", None)
    _, message = update(shard)
    assert message == "measured 0, kept 4"
    assert update.path.read_bytes() == before
    update.path.unlink()
    monkeypatch.undo()
    update(shard)
    assert update.path.read_bytes() == before


def test_one_changed_patch_is_one_computed_row(update, shard, network):
    first, _ = update(shard)
    shard.patch[2] = shard.patch[2] * 0.5
    second, message = update(shard)
    assert message == "measured 1, kept 3"
    changed = (first.iloc[:, 4:] != second.iloc[:, 4:]).any(axis=1)
    assert second["image_id"][changed].tolist() == ["i3"]
    np.testing.assert_allclose(
        second.iloc[2, 4:].astype(float), forward.extract(network, shard.patch[[2]])[0], rtol=1e-5
    )


def test_renaming_a_case_or_excluding_an_image_computes_nothing(update, shard):
    update(shard)
    shard.case_id[:] = "z"
    shard.status[1] = "excluded"
    table, message = update(shard)
    assert message == "measured 0, kept 3"
    assert table["case_id"].tolist() == ["z", "z", "z"]


def test_everything_a_feature_depends_on_is_in_its_key(update, shard, prepared, tmp_path):
    _, circumstances = shard_features.read(_first(update, shard))
    patch = shard.patch[0]
    keys = {shard_features.key(circumstances, patch)}
    for field in ("backbone", "layers", "weights", "precision", "device", "torch", "torchvision"):
        keys.add(shard_features.key({**circumstances, field: "other"}, patch))
    later = {**circumstances, "recipe": circumstances["recipe"] + 1}
    keys.add(shard_features.key(later, patch))
    keys.add(shard_features.key(circumstances, np.nextafter(patch, np.float32(2))))
    keys.add(shard_features.key(circumstances, patch.reshape(32, 128)))
    assert len(keys) == 11
    other = dict(prepared.tensors)
    other["bn1.bias"] = other["bn1.bias"] + 1
    path = tmp_path / "other.safetensors"
    weights.write(replace(prepared, tensors=other), path)
    _, message = update(shard, weights_path=path)
    assert message == "measured 4, kept 0"


def _first(update, shard):
    update(shard)
    return update.path


def test_a_new_recipe_computes_everything(update, shard, monkeypatch):
    update(shard)
    monkeypatch.setattr(network_features, "RECIPE", network_features.RECIPE + 1)
    assert update(shard)[1] == "measured 4, kept 0"


@pytest.mark.parametrize("damage", ["half", "empty", "foreign"])
def test_an_unreadable_cache_is_an_empty_cache(update, shard, damage):
    update(shard)
    whole = update.path.read_bytes()
    update.path.write_bytes(
        {"half": whole[: len(whole) // 2], "empty": b"", "foreign": b"x" * 99}[damage]
    )
    _, message = update(shard)
    assert message == "measured 4, kept 0"
    assert update.path.read_bytes() == whole


def test_a_shard_without_usable_images_has_no_rows(update, shard):
    shard.status[:] = "excluded"
    table, message = update(shard)
    assert message == "measured 0, kept 0"
    assert len(table) == 0


def test_features_that_are_not_finite_name_the_image(update, shard):
    shard.patch[3, 0, 0] = np.nan
    with pytest.raises(StudyError, match=r"not finite numbers: i2;"):
        update(shard)
