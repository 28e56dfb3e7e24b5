"""Input normalization: the mean and standard deviation that a network expects, and its size."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microcalc.config.network_settings import PreprocessingSettings, preprocessing_unstated
from microcalc.core.errors import StudyError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Preprocessing:
    """What happens to patches before they enter a network.

    Attributes
    ----------
    mean, std
        Per channel, on intensities in [0, 1]: three of each, or one where a network takes gray.
    size
        Side in pixels that patches are resampled to; None where they go in as they are.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int | None = None

    @property
    def channels(self) -> int:
        """How many channels the network takes."""
        return len(self.mean)

    def to_json(self) -> str:
        """Return the constants as text.

        Returns
        -------
        str
            One line of JSON that `from_json` reads.
        """
        size = {} if self.size is None else {"size": self.size}
        return json.dumps({"mean": self.mean, "std": self.std, **size})

    @classmethod
    def from_json(cls, text: str) -> "Preprocessing":
        """Return the constants that `to_json` wrote.

        Parameters
        ----------
        text
            JSON with `mean` and `std`, three numbers each or one each; perhaps `size`.

        Returns
        -------
        Preprocessing
            Checked.

        Raises
        ------
        ValueError
            When it is no JSON, there are not three or one of each, a standard deviation is not
            above 0, or the size is no number of pixels.
        KeyError
            When `mean` or `std` is missing.

        Examples
        --------
        >>> from microcalc.features.preprocessing import Preprocessing
        >>> constants = Preprocessing((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
        >>> Preprocessing.from_json(constants.to_json()) == constants
        True
        """
        value: Mapping[str, Any] = json.loads(text)
        mean, std = (tuple(float(x) for x in value[key]) for key in ("mean", "std"))
        if len(mean) not in (1, 3) or len(std) != len(mean) or min(std) <= 0:
            raise ValueError(
                "preprocessing needs three means and three positive SDs, or one of each for a "
                f"network that takes gray, not {text}"
            )
        size = value.get("size")
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"preprocessing's size is a number of pixels, not {size!r}")
        return cls(mean, std, size)

    def normalized(self, gray: "torch.Tensor") -> "torch.Tensor":
        """Return gray patches as the network takes them.

        Parameters
        ----------
        gray
            Intensities in [0, 1], shape (n, 1, S, S).

        Returns
        -------
        torch.Tensor
            Shape (n, channels, size, size).
        """
        import torch

        mean, std = (
            torch.tensor(values, device=gray.device).view(-1, 1, 1)
            for values in (self.mean, self.std)
        )
        return (self.resampled(gray) - mean) / std

    def resampled(self, gray: "torch.Tensor") -> "torch.Tensor":
        """Return patches of the network's size: bilinear, antialiased where they shrink.

        Parameters
        ----------
        gray
            Shape (n, 1, S, S).

        Returns
        -------
        torch.Tensor
            Shape (n, 1, size, size); the same tensor where they have that size, or none is stated.
        """
        if self.size is None or gray.shape[-1] == self.size:
            return gray
        from torch.nn import functional

        size = (self.size, self.size)
        return functional.interpolate(gray, size, mode="bilinear", antialias=True)


# Torchvision's own networks were trained with these (torchvision.transforms._presets); they
# stand for `random`.
IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def of_weights(
    stated: PreprocessingSettings | None, known: Preprocessing | None, *, source: str
) -> Preprocessing:
    """Return how patches are to be preprocessed for some weights.

    Parameters
    ----------
    stated
        What the config says.
    known
        What is known of the weights otherwise: as published, or from the file's own metadata.
    source
        What to call them in an error.

    Returns
    -------
    Preprocessing
        What is stated, and what is not stated as it is known.

    Raises
    ------
    StudyError
        When neither says mean and standard deviation, or not of as many channels.
    """
    said = stated or PreprocessingSettings()
    mean, std = said.mean, said.std
    if known is not None:
        mean, std = mean or known.mean, std or known.std
    if mean is None or std is None:
        raise StudyError(f"features.<name>.preprocessing: {preprocessing_unstated(source)}")
    channels = len(mean) if stated is None else said.channels
    if not len(mean) == len(std) == channels:
        raise StudyError(
            f"features.<name>.preprocessing: channels is {channels}, but there are {len(mean)} "
            f"means and {len(std)} SDs; state as many of each as {source} has channels"
        )
    return Preprocessing(mean, std, said.size or (known.size if known else None))


def refuse_contradiction(
    stated: PreprocessingSettings | None, of_file: Preprocessing, *, source: str
) -> None:
    """Refuse a config that says otherwise than a weights file says of itself.

    Parameters
    ----------
    stated
        What the config says.
    of_file
        What the file's metadata say.
    source
        The file's name.

    Raises
    ------
    StudyError
        When mean, standard deviation or size differ.
    """
    said = stated or PreprocessingSettings()
    for key in ("mean", "std", "size"):
        own, other = getattr(said, key), getattr(of_file, key)
        if own is not None and other is not None and own != other:
            raise StudyError(
                f"features.<name>.preprocessing.{key}: is {shown(own)}, but {source} says of "
                f"itself that it is {shown(other)}; take out what is wrong, in the config or in "
                "the file's metadata"
            )


def shown(value: object) -> str:
    """Return a constant as a config writes it."""
    return str(list(value) if isinstance(value, tuple) else value)
