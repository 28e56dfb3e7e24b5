import numpy as np
import pytest
import torch

from microcalc import features
from microcalc.core.errors import StudyError
from microcalc.features import forward, generated
from microcalc.features.preprocessing import IMAGENET


def _relative(got, expected):
    return np.abs(got - expected).max() / np.abs(expected).max()


def test_golden_features(network):
    """Fails when the recipe changes: then raise forward.RECIPE and renew these numbers."""
    assert forward.RECIPE == 1
    got = features.extract(network, generated.patches(5, n=2, size=64))
    assert got.shape == (2, 512)
    np.testing.assert_allclose(got[:, :6], GOLDEN, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), GOLDEN_NORM, rtol=1e-3)


def test_features_do_not_depend_on_the_batch(network, patches):
    whole = features.extract(network, patches, batch_size=len(patches))
    assert whole.dtype == np.float32
    for batch_size in (1, 2, 3, 16):
        assert _relative(features.extract(network, patches, batch_size=batch_size), whole) < 1e-5


def test_features_do_not_depend_on_the_place(network, patches):
    whole = features.extract(network, patches, batch_size=4)
    assert _relative(features.extract(network, patches[::-1], batch_size=4)[::-1], whole) < 1e-5


def test_features_do_not_depend_on_threads(network, patches):
    torch.set_num_threads(1)
    one = features.extract(network, patches, batch_size=4)
    torch.set_num_threads(2)
    assert _relative(features.extract(network, patches, batch_size=4), one) < 1e-5


def _batches(network, patches, step):
    with forward._Feeder(network, patches, np.arange(len(patches)), ahead=False) as feeder:
        for first in range(0, len(patches), step):
            yield feeder.batch(first, step).clone()


def test_batches_are_normalized_rgb_channels_last(network, patches):
    with forward._Feeder(network, patches, np.arange(7), ahead=False) as feeder:
        assert feeder.batch(0, 4).is_contiguous(memory_format=torch.channels_last)
    batches = list(_batches(network, patches, 4))
    assert [tuple(batch.shape) for batch in batches] == [(4, 3, 64, 64), (3, 3, 64, 64)]
    got = torch.cat(batches).numpy()
    for channel in range(3):
        expected = (patches - IMAGENET.mean[channel]) / IMAGENET.std[channel]
        np.testing.assert_allclose(got[:, channel], expected, atol=1e-6)


def test_progress_counts_patches(network, patches):
    seen = []
    features.extract(network, patches, batch_size=3, progress=seen.append)
    assert seen == [3, 6, 7]


def test_no_patches_give_no_rows(network, patches):
    assert features.extract(network, patches[:0]).shape == (0, 512)


def test_wrong_shapes_are_refused(network, patches):
    with pytest.raises(ValueError, match=r"\(n, S, S\)"):
        features.extract(network, patches[0])
    with pytest.raises(ValueError, match="at least 1"):
        features.extract(network, patches, batch_size=0)


def test_features_that_are_not_finite_are_named(network, patches):
    broken = patches.copy()
    broken[2, 5, 5] = np.nan
    with pytest.raises(forward.NotFiniteError) as caught:
        features.extract(network, broken, batch_size=2)
    assert caught.value.rows == [2]


def test_rows_choose_patches_and_their_order(network, patches):
    whole = features.extract(network, patches)
    got = features.extract(network, patches, rows=[5, 0, 3], batch_size=2)
    assert _relative(got, whole[[5, 0, 3]]) < 1e-5


def test_bfloat16_is_near_and_never_silent(network, patches):
    exact = features.extract(network, patches)
    rounded = features.extract(network, patches, precision="bfloat16")
    assert rounded.dtype == np.float32
    assert 1e-5 < _relative(rounded, exact) < 0.05
    with pytest.raises(StudyError, match="float16"):
        features.extract(network, patches, precision="float16")


class _Small(torch.nn.Module):
    """A network whose GPU holds three patches at most."""

    preprocessing = IMAGENET
    device = torch.device("cpu")

    def __init__(self, most):
        super().__init__()
        self.most, self.sizes = most, []

    def check_size(self, size):
        pass

    def forward(self, images):
        self.sizes.append(len(images))
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return images.mean(dim=(2, 3))


def test_out_of_memory_halves_the_batch_and_goes_on(patches, caplog):
    network = _Small(3)
    got = features.extract(network, patches, batch_size=7)
    assert network.sizes == [7, 4, 2, 2, 2, 1]
    assert caplog.messages == [
        "out of memory on the GPU: going on with batches of 4",
        "out of memory on the GPU: going on with batches of 2",
    ]
    np.testing.assert_allclose(got, features.extract(_Small(99), patches), rtol=1e-6)
    with pytest.raises(StudyError, match="does not hold even one patch"):
        features.extract(_Small(0), patches)


def test_reading_ahead_gives_the_same_batches(network, patches, monkeypatch):
    """What a GPU run does, on the CPU: read in a thread, also after the batch was halved."""
    order = np.arange(len(patches))
    expected = torch.cat(list(_batches(network, patches, 2)))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    with forward._Feeder(network, patches, order, ahead=True) as feeder:
        first = feeder.batch(0, 4).clone()
        got = [first[:0]] + [feeder.batch(i, 2).clone() for i in (0, 2, 4, 6)]
    assert torch.equal(torch.cat(got), expected)
    assert torch.equal(first, expected[:4])


GOLDEN = [
    [0.454506, 0.022139, 0.60655, 0.0, 0.614233, 0.737431],
    [0.570673, 0.216345, 0.829876, 0.133726, 0.456957, 0.600187],
]
GOLDEN_NORM = [12.34962, 7.87658]
