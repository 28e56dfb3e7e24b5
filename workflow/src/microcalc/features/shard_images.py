"""A shard's images as the features room takes them."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from microcalc.images.region_image import RegionImage


class Images(Protocol):
    """The part of `microcalc.images.shard_file.Shard` that features need; one entry per image."""

    @property
    def image_id(self) -> npt.NDArray[np.str_]:
        """Pseudonyms of the images."""

    @property
    def case_id(self) -> npt.NDArray[np.str_]:
        """Pseudonyms of the cases they show."""

    @property
    def view(self) -> npt.NDArray[np.str_]:
        """CC or MLO."""

    @property
    def status(self) -> npt.NDArray[np.str_]:
        """``ok`` or ``excluded``."""

    def region(self, place: int) -> RegionImage | None:
        """Return the region at the spacing of its own pixels; None where the shard keeps none."""

    @property
    def patch(self) -> npt.NDArray[np.float32]:
        """Intensities in [0, 1], shape (n, S, S)."""
