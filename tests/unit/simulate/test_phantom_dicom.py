import libjpeg
import numpy as np
import pytest

from microcalc.simulate.phantom_dicom import jpeg_lossless

PREDICTOR = b"\xff\xda\x00\x08\x01\x01\x00\x01"


@pytest.mark.parametrize(("bits", "shape"), [(12, (64, 48)), (14, (1, 300)), (16, (33, 1))])
def test_an_independent_decoder_returns_the_pixels(bits, shape):
    top = (1 << bits) - 1
    pixels = np.random.default_rng(bits).integers(0, top, shape, np.uint16, endpoint=True)
    stream = jpeg_lossless(pixels, bits=bits)
    np.testing.assert_array_equal(np.asarray(libjpeg.decode(stream)).reshape(shape), pixels)
    # The process that the transfer syntax names: lossless (SOF3), selection value 1.
    assert b"\xff\xc3" in stream
    assert PREDICTOR in stream


def test_a_pixel_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="4096 does not fit in 12 bits"):
        jpeg_lossless(np.full((2, 2), 4096, np.uint16), bits=12)
