"""Changes of patches stay within their limits, and none changes nothing."""

import numpy as np
import pytest
import torch

from microcalc.config.finetune_settings import AugmentationSettings as Limits
from microcalc.features.finetune import augment

NOTHING = Limits(flip=False, rotate_deg=0, shift=0, scale=0, intensity=0)


def test_no_limits_no_change(patches) -> None:
    images = torch.from_numpy(patches).unsqueeze(1)
    drawn = augment.draw(len(images), NOTHING, np.random.default_rng(1))
    torch.testing.assert_close(augment.apply(images, drawn), images, atol=1e-5, rtol=0)


def test_flips_turn_over_exactly(patches) -> None:
    images = torch.from_numpy(np.repeat(patches[:1], 40, axis=0)).unsqueeze(1)
    limits = Limits(flip=True, rotate_deg=0, shift=0, scale=0, intensity=0)
    changed = augment.apply(images, augment.draw(40, limits, np.random.default_rng(1)))
    wanted = [images[0].flip(axes) for axes in ((), (1,), (2,), (1, 2))]
    nearest = [min(float((c - w).abs().max()) for w in wanted) for c in changed]
    assert max(nearest) < 1e-5
    kinds = {int(np.argmin([float((c - w).abs().max()) for w in wanted])) for c in changed}
    assert kinds == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("limits", "moved"),
    [
        (
            Limits(flip=False, rotate_deg=0, shift=0.1, scale=0, intensity=0),
            0.1 * 64 * 2**0.5,
        ),
        (Limits(flip=False, rotate_deg=0, shift=0, scale=0.1, intensity=0), 0.1 * 20),
        (
            Limits(flip=False, rotate_deg=10, shift=0, scale=0, intensity=0),
            20 * np.pi / 18,
        ),
    ],
)
def test_a_spot_moves_no_further_than_the_limit(limits: Limits, moved: float) -> None:
    """A spot 20 pixels from the middle of 64, followed by its center of mass."""
    rows, columns = np.mgrid[:64, :64]
    spot = np.exp(-((rows - 31.5) ** 2 + (columns - 51.5) ** 2) / 8).astype(np.float32)
    images = torch.from_numpy(spot).expand(60, 1, 64, 64)
    changed = augment.apply(images, augment.draw(60, limits, np.random.default_rng(2)))[:, 0]
    weights = changed / changed.sum(dim=(1, 2), keepdim=True)
    at = torch.stack(
        [
            (weights * torch.from_numpy(places).float()).sum(dim=(1, 2))
            for places in (rows, columns)
        ],
        dim=1,
    )
    far = (at - torch.tensor([31.5, 51.5])).norm(dim=1).numpy()
    # what lies outside is mirrored, which may pull at the center of mass
    assert far.max() <= 1.15 * moved + 0.1
    assert far.max() >= 0.6 * moved


def test_intensity_stays_in_range_and_near(patches) -> None:
    images = torch.from_numpy(patches).unsqueeze(1)
    limits = Limits(flip=False, rotate_deg=0, shift=0, scale=0, intensity=0.1)
    changed = augment.apply(images, augment.draw(len(images), limits, np.random.default_rng(3)))
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1
    assert 0.02 < float((changed - images).abs().max()) <= 0.1 + 0.1 * 0.5 + 1e-6
