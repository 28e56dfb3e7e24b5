"""Settings of handcrafted radiomics: a kind of sets that is measured, but no kind of `features`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.section import Distinct, Positive

Wavelet = Literal["haar", "db2", "db3", "coif1"]


class RadiomicsSettings(FeatureSetSettings):
    """Handcrafted radiomics of the region at the spacing of its pixels, as IBSI defines them.

    Not among `microcalc.config.feature_kinds.FeatureSet`: the images room stores patches, which are
    resampled, and no `RegionImage`. A config can therefore not ask for this kind.
    """

    measured_in: ClassVar[str] = "radiomics_features"

    kind: Literal["radiomics"]
    """radiomics, handcrafted features as the Image Biomarker Standardisation Initiative has them"""
    bins: Annotated[int, Field(ge=2, le=256)] = 32
    """
    gray levels that a region's values, from its lowest to its highest, are divided into before
    histogram and texture are measured (IBSI's fixed bin number)
    """
    log_sigma_mm: Distinct[Positive] = ()
    """
    widths of Laplacian-of-Gaussian filters in mm; of each the filtered region is measured too.
    None by default; the field often takes a few from one pixel to the size of a calcification
    """
    wavelets: Distinct[Wavelet] = ()
    """
    wavelets whose four undecimated sub-bands of the first level are measured too: haar, db2, db3
    or coif1 (the default of PyRadiomics). None by default
    """
