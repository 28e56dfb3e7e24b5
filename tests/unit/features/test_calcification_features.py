"""Kind calcifications: its columns, kept while the region's own pixels are the same."""

from dataclasses import replace

import numpy as np
import pytest

from microcalc.config.calcification_settings import CalcificationSettings
from microcalc.core.errors import StudyError
from microcalc.features import (
    calcification_detection,
    calcification_features,
    kinds,
    shard_features,
)
from microcalc.images.region_image import RegionImage

SETTINGS = {"kind": "calcifications", "threshold": 5.2}


def region(*centers, seed=0):
    """Disks of 0.5 mm radius on noise, in a window of 20 mm at 0.1 mm."""
    y, x = np.mgrid[:200, :200]
    pixels = 400 + np.random.default_rng(seed).normal(0, 4, (200, 200))
    for row, column in centers:
        pixels[np.hypot(y - row, x - column) < 5] += 300
    inside = np.zeros((200, 200), bool)
    inside[30:170, 30:170] = True
    breast = np.ones((200, 200), bool)
    return RegionImage(pixels.astype(np.float32), inside, breast, (0.1, 0.1), 12)


@pytest.fixture
def measured(shard, tmp_path):
    """Update a shard's features; return their table and circumstances."""
    path = tmp_path / "shard-0.parquet"
    places = [(60, 60)], [(60, 60), (60, 120)], [(60, 60), (60, 120), (140, 90)], []
    shard.regions = (*(region(*centers) for centers in places), None)

    def update(**settings):
        found = calcification_features.measurement(
            {**SETTINGS, **settings}, kinds.Files(), threads=1
        )
        shard_features.update(path, shard, found, cache=True, of_regions=True)
        return shard_features.read(path)

    return update


def test_the_calcifications_of_each_image_are_counted(measured):
    table, circumstances = measured()
    counts = table.set_index("image_id")["count"].to_dict()
    assert counts == {"i4": 1, "i1": 2, "i3": 3, "i2": 0}
    per_cm2 = table.set_index("image_id")["per_cm2"]
    assert per_cm2["i3"] == pytest.approx(3 / 1.96)
    assert np.isfinite(table.drop(columns=shard_features.ID_COLUMNS).to_numpy()).all()
    assert circumstances["threshold"] == 5.2
    assert circumstances["scipy"]


def test_the_region_and_not_the_patch_says_what_is_measured_again(measured, shard, caplog):
    before, _ = measured()
    shard.patch = shard.patch * 0.5
    caplog.set_level("INFO")
    measured()
    assert "measured 0, kept 4" in caplog.text
    changed = replace(shard.regions[0], pixels=shard.regions[0].pixels + 1)
    shard.regions = (changed, *shard.regions[1:])
    caplog.clear()
    after, _ = measured()
    assert "measured 1, kept 3" in caplog.text
    # Another constant is another file, and the same calcifications.
    assert after["count"].tolist() == before["count"].tolist()
    caplog.clear()
    measured(threshold=6.0)
    assert "measured 4, kept 0" in caplog.text


@pytest.mark.parametrize("part", ["region", "breast", "spacing_mm"])
def test_every_part_of_a_region_is_in_its_key(measured, shard, caplog, part):
    measured()
    first = shard.regions[0]
    other = (0.1, 0.2) if part == "spacing_mm" else np.flipud(getattr(first, part)).copy()
    if part != "spacing_mm":
        other[50, 50] = not other[50, 50]
    shard.regions = (replace(first, **{part: other}), *shard.regions[1:])
    caplog.set_level("INFO")
    measured()
    assert "measured 1, kept 3" in caplog.text


def test_a_shard_without_regions_is_told(measured, shard):
    shard.regions = ()
    with pytest.raises(StudyError, match="image i1: its shard keeps no region"):
        measured()


def test_the_default_threshold_is_the_one_that_phantoms_gave():
    asked = CalcificationSettings(kind="calcifications").threshold
    assert asked == calcification_detection.THRESHOLD
