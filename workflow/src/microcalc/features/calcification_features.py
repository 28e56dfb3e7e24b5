"""Kind calcifications: what is found in a region and described, one row per image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microcalc.config.calcification_settings import CalcificationSettings
from microcalc.core.errors import StudyError
from microcalc.core.libraries import installed_version
from microcalc.features import calcification_descriptors, calcification_detection
from microcalc.features.measurement import Measured

if TYPE_CHECKING:
    from microcalc.features.kinds import Files
    from microcalc.features.progress import Progress
    from microcalc.features.shard_images import Images

RECIPE = 1
"""Raise this when the same region gives other columns than before."""


def measurement(
    settings: Mapping[str, Any], files: "Files", *, threads: int
) -> "CalcificationMeasurement":
    """Return how the calcifications of regions are measured.

    Parameters
    ----------
    settings
        The set's `measured_by`.
    files, threads
        Not needed.
    """
    del files, threads
    return CalcificationMeasurement(CalcificationSettings.of(settings))


@dataclass(frozen=True)
class CalcificationMeasurement:
    """How the calcifications of regions are measured.

    Attributes
    ----------
    settings
        The set's.
    """

    settings: CalcificationSettings

    @property
    def circumstances(self) -> Mapping[str, Any]:
        """All that an image's columns depend on beside its region."""
        libraries = ("numpy", "scipy", "contourpy")
        versions = {name: installed_version(name) for name in libraries}
        return {**self.settings.measured_by, "recipe": RECIPE, **versions}

    def depends_on(self, case_id: str) -> Mapping[str, Any]:
        """Return the same for every case."""
        del case_id
        return self.circumstances

    def measure(self, images: "Images", places: Sequence[int], progress: "Progress") -> Measured:
        """Return the descriptors of each region, shape (len(places), p).

        Parameters
        ----------
        images
            A shard that keeps regions at the spacing of their own pixels.
        places
            Of images of status ok.
        progress
            Called with the number of images done.

        Raises
        ------
        StudyError
            When the shard keeps no regions.
        """
        rows = []
        for done, place in enumerate(places, start=1):
            region = images.region(place)
            if region is None:
                raise StudyError(
                    f"image {images.image_id[place]}: its shard keeps no region at the spacing of "
                    "its own pixels; run the same command once with --forcerun extract_patches"
                )
            found = calcification_detection.find(region, threshold=self.settings.threshold)
            rows.append(calcification_descriptors.describe(region, found))
            progress(done)
        values = np.array([list(row.values()) for row in rows], dtype=np.float32)
        return Measured(tuple(rows[0]), values)
