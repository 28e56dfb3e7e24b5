import numpy as np
import pandas as pd
import pytest

from microcalc.config.feature_settings import StabilitySettings
from microcalc.config.perturbation_limits import Limits
from microcalc.features import perturb
from microcalc.images import shard_file
from microcalc.images.region_image import RegionImage

SOME = Limits(shift=0.1, scale=0.1, rotate_deg=10)


def _window(size=100):
    rows, columns = np.mgrid[:size, :size]
    return (1000 * rows + columns).astype(np.float32)


def test_no_displacement_is_the_middle_of_the_window():
    got = perturb.Displacement.draw(Limits(0, 0, 0), np.random.default_rng(1)).patch(_window(), 60)
    np.testing.assert_array_equal(got, _window()[20:80, 20:80])


def test_displacements_fill_their_limits_and_no_more():
    """Windows that hold their own coordinates: a patch of them tells where it was cut."""
    size, side = 60, 100
    axes = np.mgrid[:side, :side].astype(np.float32)
    shifts, scales, angles = [], [], []
    for seed in range(300):
        row, column = (
            perturb.Displacement.draw(SOME, np.random.default_rng(seed)).patch(axis, size)
            for axis in axes
        )
        shifts += [(axis.mean() - (side - 1) / 2) / size for axis in (row, column)]
        along = np.array([column[0, -1] - column[0, 0], row[0, -1] - row[0, 0]]) / (size - 1)
        scales.append(np.hypot(*along) - 1)
        angles.append(np.degrees(np.arctan2(along[1], along[0])))
    for drawn, limit in ((shifts, SOME.shift), (scales, SOME.scale), (angles, SOME.rotate_deg)):
        assert 0.95 * limit < max(drawn) <= 1.001 * limit
        assert 0.95 * limit < -min(drawn) <= 1.001 * limit


def test_every_perturbed_patch_lies_within_the_surroundings():
    size = 60
    window = np.ones((round(size * SOME.surround),) * 2, np.float32)
    for i in range(300):
        patch = perturb.Displacement.draw(SOME, np.random.default_rng(i)).patch(window, size)
        assert patch.min() > 0.999


def test_limits_in_mm_become_fractions_of_the_patch():
    settings = StabilitySettings(shift_mm=2, scale=0.1, rotate_deg=10, perturbations=3)
    assert Limits.from_settings(settings, patch_mm=20) == Limits(0.1, 0.1, 10.0)


@pytest.fixture
def surroundings(tmp_path):
    path = tmp_path / "wide.npz"
    side = round(32 * SOME.surround)
    random = np.random.default_rng(3)
    rows = [
        shard_file.Row(
            dict.fromkeys(shard_file.TEXTS, "")
            | {"image_id": f"i{i}", "case_id": f"c{i}", "status": ("ok", "excluded")[i == 2]},
            random.random((side, side)).astype(np.float32),
            np.zeros((4, 4), np.uint8),
        )
        for i in range(4)
    ]
    shard_file.write(path, rows, count=4, patch_px=side, thumbnail_px=4, digest="d", recipe=1)
    return path


def _copy(surroundings, tmp_path, copy, train=("c0", "c2", "c3"), splits=("train",)):
    included = pd.DataFrame({"case_id": ["c0", "c1", "c2", "c3"]})
    included["split"] = ["train" if c in train else "external" for c in included["case_id"]]
    out = tmp_path / f"copy-{copy}.npz"
    size = {"limits": vars(SOME), "patch_px": 32}
    perturb.write_copy(surroundings, included, out, splits=splits, **size, seed=5, copy=copy)
    return shard_file.read(out)


def test_usable_images_of_the_splits_alone_are_perturbed(surroundings, tmp_path):
    assert _copy(surroundings, tmp_path, 0).image_id.tolist() == ["i0", "i3"]
    other = _copy(surroundings, tmp_path, 0, splits=("external",))
    assert other.image_id.tolist() == ["i1"]


def test_a_perturbation_depends_on_image_and_copy_alone(surroundings, tmp_path):
    first = _copy(surroundings, tmp_path, 0).patch.copy()
    alone = _copy(surroundings, tmp_path, 0, train=("c3",)).patch.copy()
    np.testing.assert_array_equal(alone[0], first[1])
    other = _copy(surroundings, tmp_path, 1).patch
    assert np.abs(other[0] - first[0]).max() > 0.01


@pytest.mark.parametrize("seed", range(8))
def test_a_region_is_displaced_as_its_patch_is(seed):
    """What the displaced patch shows of the displaced region is the region where it was drawn."""
    mask = np.zeros((200, 100), bool)  # rows of 0.05 mm, columns of 0.1 mm
    mask[60:140, 40:60] = mask[60:80, 25:75] = True
    drawn = perturb.Displacement.draw(SOME, np.random.default_rng(seed))
    image = RegionImage(np.zeros(mask.shape, np.float32), mask, mask, (0.05, 0.1), 12)
    moved = drawn.region(image, side_mm=6.0).region
    assert not np.array_equal(moved, mask)
    # The same on pixels of 0.1 mm, as patches are.
    coarse = moved.reshape(100, 2, 100).mean(axis=1).astype(np.float32)
    seen = drawn.patch(coarse, 60) > 0.5
    expected = mask.reshape(100, 2, 100).all(axis=1)[20:80, 20:80]
    assert (seen & expected).sum() / (seen | expected).sum() > 0.93


def test_a_region_that_would_vanish_stays():
    mask = np.zeros((50, 50), bool)
    mask[25, 25] = True
    image = RegionImage(np.zeros(mask.shape, np.float32), mask, mask, (0.1, 0.1), 12)
    far = perturb.Displacement(shift=np.array([2.0, 0.0]), scale=1.0, angle=0.0)
    assert far.region(image, side_mm=6.0) is image
