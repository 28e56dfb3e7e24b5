"""Kind brightness: mean, SD and a percentile of a patch's intensities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from microcalc.config.brightness_settings import BrightnessSettings

from microcalc.features.measurement import Measured

if TYPE_CHECKING:
    from microcalc.features.kinds import Files
    from microcalc.features.progress import Progress
    from microcalc.features.shard_images import Images

RECIPE = 1


def measurement(settings: Mapping[str, Any], files: "Files", *, threads: int) -> "Brightness":
    """Return how brightness is measured."""
    del files, threads
    return Brightness(BrightnessSettings.of(settings))


@dataclass(frozen=True)
class Brightness:
    """Brightness of patches."""

    settings: BrightnessSettings

    @property
    def circumstances(self) -> Mapping[str, Any]:
        """All that a row depends on beside the patch."""
        return {**self.settings.measured_by, "recipe": RECIPE}

    def depends_on(self, case_id: str) -> Mapping[str, Any]:
        """Return the same for every case."""
        del case_id
        return self.circumstances

    def measure(self, images: "Images", places: Sequence[int], progress: "Progress") -> Measured:
        """Return mean, SD and percentile, shape (n, 3)."""
        patches = images.patch[list(places)].reshape(len(places), -1)
        high = np.quantile(patches, self.settings.percentile, axis=1)
        values = np.column_stack([patches.mean(axis=1), patches.std(axis=1), high])
        progress(len(places))
        return Measured(("mean", "sd", "high"), values.astype(np.float32))
