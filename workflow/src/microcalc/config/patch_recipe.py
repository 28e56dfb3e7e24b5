"""What turns an image into a patch: the settings that matter, and the version of the code."""

from typing import Any, Self

from microcalc.config.image_settings import ImageSettings, PatchSettings

RECIPE = 5
"""Version of the way from stored pixels to patch.

Raise it with every change that alters a patch, thumbnail or QC value: it is part of each row's
cache key, and the golden-patch test fails when the output moves and this number does not.
"""


class Recipe(PatchSettings):
    """The settings that a patch depends on, and no others."""

    surround: float = 1.0
    """side of the window relative to the patch's, for windows that are perturbed later"""

    @classmethod
    def from_settings(cls, settings: ImageSettings, *, surround: float = 1.0) -> Self:
        """Return the recipe in the config's `images`, without what touches no pixel.

        Parameters
        ----------
        settings
            The config's `images`.
        surround
            Side of the window relative to the patch's.
        """
        kept = {name: getattr(settings, name) for name in PatchSettings.model_fields}
        return cls(**kept, surround=surround)

    @property
    def patch_px(self) -> int:
        """Side of the window in pixels."""
        return round(round(self.patch_mm / self.spacing_mm) * self.surround)

    def as_key(self) -> dict[str, Any]:
        """Return the settings as JSON-like values for a digest."""
        wanted = self.views if isinstance(self.views, str) else sorted(self.views)
        numbers = {
            name: float(v) if isinstance(v, int | float) else v for name, v in self.plain().items()
        }
        return numbers | {"views": wanted}
