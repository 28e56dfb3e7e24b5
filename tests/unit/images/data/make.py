"""How the codestreams in this folder were made: with imagecodecs 2026.10.10, once, elsewhere.

No encoder among this project's own dependencies writes them, and imagecodecs is too large a
dependency for five small files. All hold the picture that `picture` returns.

`jpeg_extended_dcmtk.jpg` is what DCMTK 3.6.7 makes of it (dcmcjpeg +ee +q 90), the .npy beside it
what dcmdjpeg makes of that. `dcm2niix.nii.gz` is what dcm2niix v1.0.20220720 makes of it,
`nibabel.nii.gz` what nibabel 5 writes (rows to the back, spacing of 100 µm), `pynrrd.nrrd` what
pynrrd 1 does.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def picture() -> np.ndarray:
    """Return 48 x 40 pixels of 12 bits with gradients and edges."""
    y, x = np.mgrid[:48, :40]
    image = 1500 + 900 * np.sin(x / 5) * np.cos(y / 7) + 400 * ((x // 8 + y // 8) % 2)
    return image.round().clip(0, 4095).astype(np.uint16)


if __name__ == "__main__":
    import imagecodecs

    image = picture()
    (HERE / "htj2k_lossless.j2c").write_bytes(imagecodecs.htj2k_encode(image, reversible=True))
    (HERE / "htj2k_lossy.j2c").write_bytes(imagecodecs.htj2k_encode(image, 0.001, reversible=False))
    (HERE / "jpeg_extended.jpg").write_bytes(
        imagecodecs.jpeg8_encode(image, level=98, bitspersample=12)
    )
    for predictor in (1, 6):
        (HERE / f"jpeg_lossless_{predictor}.jpg").write_bytes(
            imagecodecs.jpeg8_encode(image, lossless=True, predictor=predictor, bitspersample=12)
        )
