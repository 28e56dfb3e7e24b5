"""How far a region may be displaced."""

# Planning reads this too: nothing heavy.

import math
from dataclasses import dataclass

from microcalc.config.feature_settings import StabilitySettings


@dataclass(frozen=True)
class Limits:
    """How far a region may differ from the one drawn; each draw is uniform within them.

    Attributes
    ----------
    shift
        Along each axis, as a fraction of the patch's side.
    scale
        A fraction of its size.
    rotate_deg
        Degrees, either way.
    """

    shift: float
    scale: float
    rotate_deg: float

    @classmethod
    def from_settings(cls, settings: StabilitySettings, *, patch_mm: float) -> "Limits":
        """Return the limits of a set's perturbations.

        Parameters
        ----------
        settings
            The config's features.<name>.stability.
        patch_mm
            Side of the patch, in mm: the shift is written in mm too.
        """
        return cls(
            shift=settings.shift_mm / patch_mm,
            scale=settings.scale,
            rotate_deg=settings.rotate_deg,
        )

    @property
    def surround(self) -> float:
        """How many times as long as the patch a window must be to hold every perturbed patch."""
        angle = math.radians(self.rotate_deg)
        turned = math.cos(angle) + math.sin(angle)
        # A fiftieth more keeps interpolation off the window's edge.
        return (1 + self.scale) * turned + 2 * self.shift + 0.02
