"""Perturbed patches for feature stability: shifted, scaled and turned a little."""

import math
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage

from microcalc.config.perturbation_limits import Limits
from microcalc.core import seeds
from microcalc.core.files import digest_value
from microcalc.images import shard_file

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
            patch = perturbed(wide.patch[i], bounds, patch_px, random)
            # No one looks at these.
            yield shard_file.Row(texts, patch, np.zeros((1, 1), np.uint8))

    shard_file.write(
        path,
        rows(),
        count=len(places),
        patch_px=patch_px,
        thumbnail_px=1,
        digest=digest_value([wide.digest, asdict(bounds), seed, copy]),
        recipe=RECIPE,
    )


def perturbed(
    window: npt.NDArray[np.float32], limits: Limits, size: int, random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return a patch cut from `window` around its middle, displaced at random.

    Parameters
    ----------
    window
        Intensities, shape (W, W), W at least `limits.surround` times `size`.
    limits
        How far the displacement goes.
    size
        Side S of the patch.
    random
        Draws shift (x, y), scale and angle.

    Returns
    -------
    ndarray
        Float32, shape (S, S), bilinear.
    """
    shift = random.uniform(-limits.shift, limits.shift, size=2) * size
    scale = 1 + random.uniform(-limits.scale, limits.scale)
    angle = math.radians(random.uniform(-limits.rotate_deg, limits.rotate_deg))
    turn = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    middle = np.full(2, (size - 1) / 2)
    start = (len(window) - 1) / 2 + shift - turn @ middle
    result: npt.NDArray[np.float32] = ndimage.affine_transform(
        window, turn, offset=start, output_shape=(size, size), order=1
    )
    return result
