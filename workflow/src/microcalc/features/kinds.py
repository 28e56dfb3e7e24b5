"""What measures a set of features: the module that its kind of settings names.

A kind that measures images has `measurement`, see `microcalc.features.measurement`; one whose
columns come from a table of the user's has `of_table`. Both have `RECIPE`, the version of what they
do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import pandas as pd

    from microcalc.features.measurement import Measurement


@dataclass(frozen=True)
class Files:
    """What a kind is given beside the images.

    Attributes
    ----------
    weights
        The prepared weights of a network.
    adapted
        Its batch-norm statistics by center, where they are adapted.
    """

    weights: Sequence[str] = ()
    adapted: Sequence[str] = ()


class ImageKind(Protocol):
    """A module that measures images."""

    RECIPE: int

    def measurement(
        self, settings: Mapping[str, Any], files: Files, *, threads: int
    ) -> "Measurement":
        """Return how a set's columns are measured.

        Parameters
        ----------
        settings
            The set's `measured_by`.
        files
            What the kind is given beside the images.
        threads
            How many it may use.

        Raises
        ------
        StudyError
            When the settings or files cannot be used.
        """


class TableKind(Protocol):
    """A module whose columns come from a table of the user's."""

    RECIPE: int

    def of_table(self, settings: Mapping[str, Any]) -> "pd.DataFrame":
        """Return case_id or image_id, and the set's columns; `settings` are its `measured_by`.

        Columns are numbers, or text as it was read; `pool.given` refuses what is no number.
        """


def of_images(measured_in: str) -> ImageKind:
    """Return the module that measures images; `measured_in` is that of the set's settings."""
    return cast("ImageKind", _module(measured_in))


def of_table(measured_in: str) -> TableKind:
    """Return the module whose columns come from a table of the user's."""
    return cast("TableKind", _module(measured_in))


def recipe(measured_in: str) -> int:
    """Return the version of what a kind does."""
    return of_images(measured_in).RECIPE


def _module(measured_in: str) -> Any:
    return import_module(f"microcalc.features.{measured_in}")
