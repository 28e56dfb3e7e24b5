"""Perturbed patches for feature stability: shifted, scaled and turned a little."""

import json
import math
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage

from microcalc.config.perturbation_limits import Limits
from microcalc.core import seeds
from microcalc.core.files import digest_value
from microcalc.images import shard_file
from microcalc.images.region_image import RegionImage

_HALF = 0.5
RECIPE = 1
"""Raise this when the same surroundings and the same seed give other patches than before."""


def write_copy(
    surroundings_path: str | os.PathLike[str],
    included: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    splits: Collection[str],
    limits: Mapping[str, float],
    patch_px: int,
    seed: int,
    copy: int,
) -> None:
    """Write a shard of the perturbed patches of some splits' images in a shard of windows.

    Parameters
    ----------
    surroundings_path
        A shard whose windows are `Limits.surround` times as long as the patches.
    included
        case_id and split of the included cases.
    path
        The shard to write.
    splits
        Whose images are perturbed: those that some selection may be fitted on.
    limits
        The fields of `Limits`.
    patch_px
        Side of the patches.
    seed, copy
        An image's perturbation depends on these two and on its image_id alone.

    Raises
    ------
    StudyError
        When the file is no readable shard.
    """
    bounds = Limits(**limits)
    wide = shard_file.read(surroundings_path)
    wanted = set(included.loc[included["split"].isin(splits), "case_id"])
    places = [
        i for i, case_id in enumerate(wide.case_id) if case_id in wanted and wide.status[i] == "ok"
    ]

    def rows() -> Iterator[shard_file.Row]:
        for i in places:
            texts = {name: str(getattr(wide, name)[i]) for name in shard_file.TEXTS}
            random = seeds.stream(seed, "features", "perturb", texts["image_id"], copy)
            drawn = Displacement.draw(bounds, random)
            patch = drawn.patch(wide.patch[i], patch_px)
            # No one looks at these.
            row = shard_file.Row(texts, patch, np.zeros((1, 1), np.uint8))
            region = wide.region(i)
            if region is not None:
                side_mm = json.loads(texts["qc"])["window_mm"] * patch_px / len(wide.patch[i])
                row = replace(row, region=drawn.region(region, side_mm))
            yield row

    shard_file.write(
        path,
        rows(),
        count=len(places),
        patch_px=patch_px,
        thumbnail_px=1,
        digest=digest_value([wide.digest, asdict(bounds), seed, copy]),
        recipe=RECIPE,
    )


@dataclass(frozen=True)
class Displacement:
    """How a region is drawn otherwise.

    Attributes
    ----------
    shift
        By which part of the patch's side it moves: along rows, along columns.
    scale
        How many times as large it is.
    angle
        By how much it is turned, in radians.
    """

    shift: npt.NDArray[np.float64]
    scale: float
    angle: float

    @classmethod
    def draw(cls, limits: Limits, random: np.random.Generator) -> Self:
        """Return one at random, within limits."""
        return cls(
            shift=random.uniform(-limits.shift, limits.shift, size=2),
            scale=1 + random.uniform(-limits.scale, limits.scale),
            angle=math.radians(random.uniform(-limits.rotate_deg, limits.rotate_deg)),
        )

    @property
    def _turn(self) -> npt.NDArray[np.float64]:
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return self.scale * np.array([[cosine, -sine], [sine, cosine]])

    def patch(self, window: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
        """Return the patch around the displaced region.

        Parameters
        ----------
        window
            Intensities, shape (W, W), W at least `Limits.surround` times `size`.
        size
            Side S of the patch.

        Returns
        -------
        ndarray
            Float32, shape (S, S), bilinear.
        """
        middle = np.full(2, (size - 1) / 2)
        start = (len(window) - 1) / 2 + self.shift * size - self._turn @ middle
        result: npt.NDArray[np.float32] = ndimage.affine_transform(
            window, self._turn, offset=start, output_shape=(size, size), order=1
        )
        return result

    def region(self, image: RegionImage, side_mm: float) -> RegionImage:
        """Return the same pixels with the region displaced among them.

        Parameters
        ----------
        image
            Of a window that holds every displaced region.
        side_mm
            Of the patch.

        Returns
        -------
        RegionImage
            Whose region is turned about the middle of its box, as the patch is. One that would
            have no pixel left stays as it was.
        """
        spacing = np.asarray(image.spacing_mm)
        places = np.argwhere(image.region)
        middle = (places.min(axis=0) + places.max(axis=0)) / 2
        # From a place in the displaced region, in pixels, to where it was drawn: by way of mm.
        back = np.diag(1 / spacing) @ np.linalg.inv(self._turn) @ np.diag(spacing)
        start = middle - back @ (middle + self.shift * side_mm / spacing)
        moved = ndimage.affine_transform(
            image.region.astype(np.float32), back, offset=start, order=1
        )
        region = moved >= _HALF
        return replace(image, region=region) if region.any() else image
