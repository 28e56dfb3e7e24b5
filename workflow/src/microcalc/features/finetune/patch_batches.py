"""Batches of patches for training, read from the shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from microcalc.core.files import digest_bytes

if TYPE_CHECKING:
    from microcalc.features.shard_images import Images


@dataclass(frozen=True, eq=False)
class Pictures:
    """The usable images of some cases, sorted by image_id.

    Attributes
    ----------
    shards
        The shards that hold the patches, mapped into memory.
    place
        Shard and row of each image, shape (n, 2).
    case
        The case of each image by its row in the table it was made with, shape (n,).
    y
        The class of each image's case, shape (n,).
    """

    shards: "Sequence[Images]"
    place: npt.NDArray[np.intp]
    case: npt.NDArray[np.intp]
    y: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.y)

    def patches(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Return the patches of some images.

        Parameters
        ----------
        rows
            Which images, shape (b,).

        Returns
        -------
        numpy.ndarray
            Intensities in [0, 1], float32, shape (b, S, S).
        """
        places = self.place[rows].tolist()
        return np.stack([self.shards[number].patch[i] for number, i in places])

    def digests(self) -> list[str]:
        """Return a digest of each patch.

        Returns
        -------
        list of str
            SHA-256, in the order of the images.
        """
        places = self.place.tolist()
        return [
            digest_bytes(np.ascontiguousarray(self.shards[number].patch[i]).tobytes())
            for number, i in places
        ]


def of_cases(shards: "Sequence[Images]", cases: pd.DataFrame) -> Pictures:
    """Return the usable images of some cases, in the order of image_id.

    Parameters
    ----------
    shards
        All shards of the study.
    cases
        case_id and y, one row per case.

    Returns
    -------
    Pictures
        Of the images with a patch.
    """
    row = {str(case_id): i for i, case_id in enumerate(cases["case_id"])}
    found = sorted(
        (str(shard.image_id[i]), number, i, row[str(case_id)])
        for number, shard in enumerate(shards)
        for i, case_id in enumerate(shard.case_id)
        if shard.status[i] == "ok" and str(case_id) in row
    )
    case = np.array([entry[3] for entry in found], dtype=np.intp)
    return Pictures(
        shards,
        np.array([entry[1:3] for entry in found], dtype=np.intp).reshape(-1, 2),
        case,
        cases["y"].to_numpy(dtype=np.float32)[case],
    )
