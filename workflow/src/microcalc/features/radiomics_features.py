"""Handcrafted radiomics of a region at the spacing of its pixels, by mirp.

No kind of the config's `features` measures with it; see `RadiomicsSettings`.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from microcalc.config.radiomics_settings import RadiomicsSettings
from microcalc.core.errors import StudyError
from microcalc.core.libraries import from_extra
from microcalc.features.region_shape import shape
from microcalc.images.region_image import RegionImage

FAMILIES: Final = (
    "statistical", "intensity_volume_histogram", "intensity_histogram",
    "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm",
)  # fmt: skip
"""Of mirp. Its morphology is of volumes, and its local intensity of a sphere of 1 cm³."""

IVH_BINS: Final = 1000
"""IBSI's for intensities in units that are not calibrated."""

ALWAYS_THE_SAME: Final = ("ih_min", "ih_max", "ih_range", "ngl_dc_perc")
"""With a fixed bin number: 1, the number, one less, and 1, of every region."""

EQUAL: Final = {
    "cm_clust_tend": "cm_sum_var",
    "cm_dissimilarity": "cm_diff_avg",
    "dzm_lgze": "szm_lgze",
    "dzm_hgze": "szm_hgze",
    "dzm_glnu": "szm_glnu",
    "dzm_glnu_norm": "szm_glnu_norm",
    "dzm_z_perc": "szm_z_perc",
    "dzm_gl_var": "szm_gl_var",
    "ngl_glnu_norm": "ih_uniformity",
    "ngl_gl_var": "ih_var",
}
"""What is left out, and what is equal to it by definition."""

OF_POSITIVE_VALUES: Final = ("stat_cov", "stat_qcod")
"""Quotients by an average, which of a filtered region is about 0; left out of these."""

SQUARE: Final = 0.01
"""By how much of it a pixel's height may differ from its width."""

TRUNCATED_AT_SIGMAS: Final = 4.0
"""Where a Laplacian-of-Gaussian filter ends."""

_SUBBANDS: Final = ("ll", "lh", "hl", "hh")
_SETTINGS_IN_NAME = re.compile(r"(_d1(_a0\.0)?)?(_2d(_s_mrg)?)?_fbn_n\d+$")


def region_features(image: RegionImage, settings: RadiomicsSettings) -> dict[str, float]:
    """Return the radiomics of a region: shape, intensities and texture, of filtered ones too.

    Texture is that of one slice: matrices of all four directions are merged (IBSI's 2D, SUJT),
    neighbours are those at Chebyshev distance 1. Nothing is resampled or resegmented.

    Parameters
    ----------
    image
        A region with enough of what surrounds it for the filters.
    settings
        How it is measured.

    Returns
    -------
    dict of float
        Finite, by names in a fixed order: `shape_…`, then IBSI's tags, `stat_mean`,
        `cm_contrast`, …; the same of filtered regions after `log_1.5mm_` or `wavelet_coif1_lh_`.

    Raises
    ------
    StudyError
        When the region cannot be measured, for a reason that the message names (see
        `refuse_pictures`, and docs/radiomics.md for the rest), or when mirp is not installed.

    References
    ----------
    Zwanenburg et al. 2020, Radiology 295:328 (IBSI 1); Whybra et al. 2024, Radiology 310:e231319
    (IBSI 2); Zwanenburg et al. 2024, J Open Source Softw 9:6413 (mirp).
    """
    refuse_pictures(image)
    _refuse_unmeasurable(image, settings)
    found = shape(image.region, image.spacing_mm)
    for prefix, features in _by_mirp(image, settings).items():
        _refuse_constant_response(prefix, features["stat_range"], image)
        without = {*ALWAYS_THE_SAME, *EQUAL, *(OF_POSITIVE_VALUES if prefix else ())}
        found |= {prefix + name: value for name, value in features.items() if name not in without}
    undefined = [name for name, value in found.items() if not np.isfinite(value)]
    if undefined:
        raise StudyError(
            "radiomics are not defined of this region: its pixels are too scattered, so that too "
            "few of them touch; draw it as one area or leave the image out",
            detail=f"{undefined[0]} and {len(undefined) - 1} more are no numbers",
        )
    return found


def refuse_pictures(image: RegionImage) -> None:
    """Refuse an image of 8 bits or fewer.

    Raises
    ------
    StudyError
        When it is one.
    """
    if image.bits_stored <= 8:
        raise StudyError(
            "radiomics are not measured in pictures of 8 bits: who made one chose window and "
            "contrast for the eye, image by image, and gray values then tell of that choice as "
            "much as of tissue; give the DICOM file or a picture of 12 to 16 bits",
            detail=f"it holds {image.bits_stored} bits of gray",
        )


def _refuse_unmeasurable(image: RegionImage, settings: RadiomicsSettings) -> None:
    height, width = image.spacing_mm
    if not (0 < height < np.inf and abs(height - width) <= SQUARE * height):
        raise StudyError(
            "radiomics are measured on the pixels as they are, and need square ones, since "
            "directions cannot be compared otherwise",
            detail=f"these are {height:g} mm high and {width:g} mm wide",
        )
    values = image.pixels[image.region]
    if values.size < settings.bins:
        raise StudyError(
            "the region has fewer pixels than radiomics has bins for their gray values; draw it "
            "larger, ask for fewer `bins` or leave the image out",
            detail=f"{values.size} pixels, {settings.bins} bins",
        )
    if not np.isfinite(image.pixels).all():
        raise StudyError("radiomics need gray values that are numbers; some pixels hold none")
    if values.min() == values.max():
        raise StudyError(
            "all pixels of the region have the same gray value, of which there is no texture: "
            "it lies outside the breast, or where the detector is saturated",
            detail=f"{values.size} pixels of {values[0]:g}",
        )
    _refuse_too_small_for_filters(image, settings)


def _refuse_too_small_for_filters(image: RegionImage, settings: RadiomicsSettings) -> None:
    shortest = min(image.pixels.shape)
    for sigma_mm in settings.log_sigma_mm:
        sigma = sigma_mm / _pixel_mm(image)
        if sigma < 1:
            raise StudyError(
                "a Laplacian-of-Gaussian filter cannot be narrower than a pixel; ask for a larger "
                "`log_sigma_mm`",
                detail=f"{sigma_mm:g} mm, and pixels of {_pixel_mm(image):g} mm",
            )
        _refuse_wide(
            f"log {sigma_mm:g} mm", 1 + 2 * int(TRUNCATED_AT_SIGMAS * sigma + 0.5), shortest
        )
    if settings.wavelets:
        with from_extra("radiomics"):
            import pywt

        for name in settings.wavelets:
            _refuse_wide(f"wavelet {name}", pywt.Wavelet(name).dec_len, shortest)


def _refuse_wide(name: str, pixels: int, shortest: int) -> None:
    if pixels > shortest:
        raise StudyError(
            "a filter of radiomics is wider than the image around the region, whose mirror "
            "images it would measure; ask for a narrower one or leave the image out",
            detail=f"{name} takes {pixels} pixels, there are {shortest}",
        )


def _refuse_constant_response(prefix: str, response_range: float, image: RegionImage) -> None:
    if response_range <= 1e-9 * float(np.abs(image.pixels).max()):
        raise StudyError(
            "a filter answers alike in all pixels of the region, so that its texture would be "
            "that of rounding errors",
            detail=prefix.rstrip("_"),
        )


def _pixel_mm(image: RegionImage) -> float:
    return float(np.mean(image.spacing_mm))


def _by_mirp(image: RegionImage, settings: RadiomicsSettings) -> dict[str, dict[str, float]]:
    """Return mirp's features by IBSI's tags, of the region ("") and of filtered ones by prefix."""
    with from_extra("radiomics"):
        from mirp import extract_features

    # An array's pixels count as 1 mm for mirp, and its names have the filter's width in these.
    widths = {sigma / _pixel_mm(image): sigma for sigma in settings.log_sigma_mm}
    with _without_its_log():
        tables = extract_features(
            image=image.pixels[np.newaxis].astype(np.float64),
            mask=image.region[np.newaxis].astype(np.uint8),
            sample_name="region",  # else a random one
            by_slice=True,
            boundary_condition="mirror",
            **_discretisation("base", settings.bins),
            **_discretisation("response_map", settings.bins),
            ivh_discretisation_method="fixed_bin_number",
            ivh_discretisation_n_bins=IVH_BINS,
            **_filters(list(widths), settings.wavelets),
        )
    row = {name: value for table in tables for name, value in table.iloc[0].items()}
    prefixes = {
        "": "",
        **{f"log_s_{width}_": f"log_{sigma:g}mm_" for width, sigma in widths.items()},
        **{
            f"wavelet_{name}_{band}_level_1_": f"wavelet_{name}_{band}_"
            for name in settings.wavelets
            for band in _SUBBANDS
        },
    }
    return {ours: _of_map(row, theirs) for theirs, ours in prefixes.items()}


def _filters(widths: Sequence[float], wavelets: Sequence[str]) -> dict[str, Any]:
    """Return mirp's settings of filters; widths are in pixels."""
    asked: dict[str, Any] = {}
    if widths:
        asked |= {
            "laplacian_of_gaussian_sigma": list(widths),
            "laplacian_of_gaussian_kernel_truncate": TRUNCATED_AT_SIGMAS,
        }
    if wavelets:
        asked |= {
            "separable_wavelet_families": list(wavelets),
            "separable_wavelet_set": list(_SUBBANDS),
            "separable_wavelet_decomposition_level": 1,
            "separable_wavelet_stationary": True,
            # A mammogram has an up and a down, and is mirrored to lie as all others do.
            "separable_wavelet_rotation_invariance": False,
        }
    kernels = {"laplacian_of_gaussian": widths, "separable_wavelet": wavelets}
    return asked | {"filter_kernels": [name for name, of in kernels.items() if of] or None}


def _discretisation(of: str, bins: int) -> dict[str, Any]:
    return {
        f"{of}_feature_families": list(FAMILIES),
        f"{of}_discretisation_method": "fixed_bin_number",
        f"{of}_discretisation_n_bins": bins,
    }


def _of_map(row: Mapping[str, Any], prefix: str) -> dict[str, float]:
    """Return a map's features by IBSI's tags, without the settings that mirp's names repeat."""
    tag = re.compile(re.escape(prefix) + "((?:stat|ivh|ih|cm|rlm|szm|dzm|ngt|ngl)_.*)")
    tags = {name: match[1] for name in row if (match := tag.fullmatch(name))}
    return {_SETTINGS_IN_NAME.sub("", tag): float(row[name]) for name, tag in tags.items()}


@contextmanager
def _without_its_log() -> Iterator[None]:
    """Keep mirp from writing of every region to standard output.

    It logs to the root logger, which it sends there where nobody else has a handler.
    """
    nowhere = logging.NullHandler()
    root = logging.getLogger()
    root.addHandler(nowhere)
    try:
        yield
    finally:
        root.removeHandler(nowhere)
