"""How the columns of a set are measured in images: what each kind of sets gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from microcalc.features.progress import Progress
from microcalc.features.shard_images import Images


@dataclass(frozen=True)
class Measured:
    """What was measured in n images.

    Attributes
    ----------
    names
        Those of the p columns.
    values
        Shape (n, p).
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float32]


class Measurement(Protocol):
    """How the columns of a set are measured in images.

    `measure` is given images of status ok, by their places in a shard, and returns their columns
    in the same order, whatever the images beside them.
    """

    @property
    def circumstances(self) -> Mapping[str, Any]:
        """All that every image's columns depend on beside its patch, as JSON can hold it.

        The set's settings, `RECIPE`, and versions of libraries: columns are kept while it is the
        same, and a set whose shards differ in it is refused.
        """

    def depends_on(self, case_id: str) -> Mapping[str, Any] | None:
        """Return the same for the images of a case; None leaves them out.

        Parameters
        ----------
        case_id
            Whose images.
        """

    def measure(self, images: Images, places: Sequence[int], progress: Progress) -> Measured:
        """Return the columns of the images at these places, shape (len(places), p).

        Parameters
        ----------
        images
            Those of a shard.
        places
            Which of them, counted from 0; all are of status ok.
        progress
            May be called with the number of images done.

        Raises
        ------
        StudyError
            When an image cannot be measured; the message names it.
        """
