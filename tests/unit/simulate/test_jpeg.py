import libjpeg
import numpy as np
import pytest

from microcalc.simulate.jpeg import encode


@pytest.mark.parametrize(
    ("bits", "shape", "spread"),
    [
        (12, (64, 48), 25),
        (12, (7, 5), 2000),
        (15, (40, 41), 30000),
        (8, (33, 1), 0),
        (14, (1, 300), 800),
        (2, (5, 5), 1),
    ],
)
def test_an_independent_decoder_returns_the_pixels(bits, shape, spread):
    rng = np.random.default_rng(bits)
    top = (1 << bits) - 1
    pixels = np.clip(rng.normal(top / 2, spread, shape).round(), 0, top).astype(np.uint16)
    decoded = np.asarray(libjpeg.decode(encode(pixels, bits=bits))).reshape(shape)
    np.testing.assert_array_equal(decoded, pixels)


def test_extremes_beside_each_other_survive():
    pixels = np.tile(np.array([[0, 4095], [4095, 0]], dtype=np.uint16), (20, 20))
    decoded = np.asarray(libjpeg.decode(encode(pixels, bits=12)))
    np.testing.assert_array_equal(decoded, pixels)


def test_smooth_images_shrink():
    pixels = np.add.outer(np.arange(200), np.arange(200)).astype(np.uint16)
    assert len(encode(pixels, bits=12)) < pixels.nbytes / 7


@pytest.mark.parametrize(
    ("pixels", "bits"),
    [(np.full((2, 2), 4096), 12), (np.zeros((2, 2, 3), int), 8), (np.zeros((2, 2), int), 16)],
)
def test_what_does_not_fit_is_refused(pixels, bits):
    with pytest.raises(ValueError, match=r"expected a gray image|does not fit"):
        encode(pixels, bits=bits)
