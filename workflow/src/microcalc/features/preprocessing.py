"""Input normalization: the mean and standard deviation that a network expects."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Preprocessing:
    """Mean and standard deviation per color channel, on intensities in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def to_json(self) -> str:
        """Return the constants as text.

        Returns
        -------
        str
            One line of JSON that `from_json` reads.
        """
        return json.dumps({"mean": self.mean, "std": self.std})

    @classmethod
    def from_json(cls, text: str) -> "Preprocessing":
        """Return the constants that `to_json` wrote.

        Parameters
        ----------
        text
            JSON with `mean` and `std`, three numbers each.

        Returns
        -------
        Preprocessing
            Checked.

        Raises
        ------
        ValueError
            When it is no JSON, there are not three of each, or a standard deviation is not above 0.
        KeyError
            When `mean` or `std` is missing.

        Examples
        --------
        >>> from microcalc.features.preprocessing import Preprocessing
        >>> constants = Preprocessing((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
        >>> Preprocessing.from_json(constants.to_json()) == constants
        True
        """
        value = json.loads(text)
        mean, std = (tuple(float(x) for x in value[key]) for key in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"preprocessing needs three means and three positive SDs, not {text}")
        return cls(mean, std)


# Torchvision's own networks were trained with these (torchvision.transforms._presets); they
# stand for `random` and for files that state no others.
IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
