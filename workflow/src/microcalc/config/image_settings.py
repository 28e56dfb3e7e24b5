"""The config's `images`: from a mammogram to a patch."""

from typing import Annotated, Literal

from pydantic import Field

from microcalc.config import views
from microcalc.config.region_rules import Rules
from microcalc.config.section import Distinct, NotNegative, OneOf, Positive, Section, Share

Direction = Literal["header", "stored", "rows_reversed"]
View = Annotated[str, OneOf(views.NAMES)]


class PatchSettings(Section):
    """What a patch depends on."""

    views: Literal["all"] | Annotated[Distinct[View], Field(min_length=1)] = views.STANDARD
    """
    which views enter the study, or all: projections (CC to SPECIMEN), and what may be
    particular to them (SPOT compression, MAGnification, ID for an implant displaced, ...). Images
    of another known view are left out, each with its reason; one of which neither table nor file
    says the view enters
    """
    spacing_mm: Positive = 0.1
    """pixel spacing of the patches, in mm"""
    patch_mm: Positive = 22.4
    """side of the square patch around the ROI's center, in mm"""
    crop: Literal["fixed", "fit"] = "fixed"
    """
    a window of `patch_mm`, or one as long as the ROI's longer side plus `fit_margin_mm` at
    either end, brought to the same number of pixels
    """
    fit_margin_mm: NotNegative = 2.0
    """margin around the ROI, in mm, where `crop` is fit"""
    normalization: Literal["percentile", "z-score", "none"] = "percentile"
    """
    how gray levels are scaled: by the 1st and 99th percentile or the mean and SD inside the
    breast, or by the full range that the file can hold
    """
    voi: str | Annotated[int, Field(ge=0)] | None = None
    """
    which of a file's VOI look-up tables and windows to apply: null for the first, a number
    counting from 0, an explanation as the file words it, or none for the values before
    them; one that shows no tissue gives way to the next, and the image is flagged
    """
    for_processing: Literal["convert", "refuse"] = "convert"
    """
    FOR PROCESSING images are turned into attenuation, -log(exposure), with tissue bright,
    or excluded
    """
    orientation: Direction = "header"
    """
    which way the rows of a NIfTI, NRRD or MHA mammogram run: as its header says (of NIfTI
    that says nothing upward, flagged), downward as they are stored, or upward, as dcm2niix
    writes them; boxes and masks stay in the stored rows
    """
    roi_components: Literal["refuse", "largest", "all"] = "refuse"
    """
    what happens to an image whose `roi_path` holds several regions, that is connected
    components, and whose `roi_label` does not leave one of them: it is excluded, the largest
    is the ROI, or one box around all of them is; the last two are flagged
    """
    roi_speck_mm2: NotNegative = 0.25
    """regions of a smaller area than this, in mm², are left out and counted"""
    roi_threshold: Share = 0.5
    """
    the part of its highest value that a pixel must reach in a mask of fractions (fractional
    DICOM SEG) or with blurred edges
    """
    roi_orientation: Direction = "header"
    """
    how a NIfTI, NRRD or MHA mask lies on its image: as its header says, with the image's rows
    and columns whatever the header says, or with its rows reversed, as on a mammogram that
    dcm2niix converted
    """
    thumbnail_px: Annotated[int, Field(ge=32, le=4096)] = 256
    """longer side of the whole-image thumbnail, in pixels"""

    @property
    def region_rules(self) -> Rules:
        """How a file of regions becomes one ROI."""
        return Rules(
            components=self.roi_components,
            speck_mm2=self.roi_speck_mm2,
            threshold=self.roi_threshold,
            orientation=self.roi_orientation,
        )


class ImageSettings(PatchSettings):
    """From a mammogram to a patch."""

    shards: Annotated[int, Field(ge=1)] = 4
    """number of files the patients are spread over; one job each for images and features"""
    reader: str | None = None
    """
    whose regions are used, where column `reader` of the images table names several readers
    """
    max_file_gb: Positive = 2.0
    """
    files that are larger, in 10^9 bytes, are excluded without being read; a file is held in
    memory while it is decoded
    """
    on_error: Literal["exclude", "fail"] = "exclude"
    """what happens to an image whose content cannot be used"""
    max_excluded: Annotated[float, Field(ge=0, le=1)] = 0.1
    """share of the eligible cases that may be lost before the study stops"""
    cache: bool = True
    """keep patches, features and maps of unchanged images; false computes all again"""
