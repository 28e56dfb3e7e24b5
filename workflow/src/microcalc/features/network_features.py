"""Kind network: the deep features of patches, by a pretrained network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from microcalc.config.network_settings import ExtractionSettings
from microcalc.core.errors import StudyError
from microcalc.features import adabn, columns, forward
from microcalc.features import device as devices
from microcalc.features.measurement import Measured

if TYPE_CHECKING:
    from microcalc.features.adabn import Adaptation
    from microcalc.features.kinds import Files
    from microcalc.features.progress import Progress
    from microcalc.features.shard_images import Images

RECIPE = forward.RECIPE
"""Version of how a patch becomes features."""


def measurement(settings: Mapping[str, Any], files: "Files", *, threads: int) -> "DeepFeatures":
    """Return how a network's features of patches are computed.

    Parameters
    ----------
    settings
        `ExtractionSettings` as plain values.
    files
        `weights`, what `weights.write` wrote; `adapted`, what `adabn.write` wrote, where batch-norm
        statistics are each center's own: images of cases that it does not know are left out.
    threads
        How many threads to compute with; the features do not depend on it.

    Raises
    ------
    StudyError
        When the weights or the device do not fit.
    """
    import torch

    torch.set_num_threads(threads)
    (weights,) = files.weights
    return DeepFeatures(ExtractionSettings.of(settings), weights, adabn.read(files.adapted))


@dataclass(frozen=True)
class DeepFeatures:
    """A network with its weights, see `microcalc.features.measurement.Measurement`."""

    settings: ExtractionSettings
    weights: str
    adaptation: "Adaptation | None"

    @cached_property
    def circumstances(self) -> Mapping[str, Any]:
        """The network, its weights, what it runs on and with."""
        from microcalc.features import backbone

        return {
            "backbone": self.settings.backbone,
            "layers": list(self.settings.layers),
            "weights": backbone.describe(self.weights).digest,
            "precision": self.settings.precision,
            "device": devices.choose(self.settings.device).type,
            "torch": version("torch"),
            "torchvision": version("torchvision"),
            "recipe": RECIPE,
        }

    def depends_on(self, case_id: str) -> Mapping[str, Any] | None:
        """Return the circumstances, the weights being those with the center's statistics."""
        if self.adaptation is None:
            return self.circumstances
        if case_id not in self.adaptation.domain:
            return None
        digest = self.adaptation.digest[self.adaptation.domain[case_id]]
        return {**self.circumstances, "weights": digest}

    def measure(self, images: "Images", places: Sequence[int], progress: "Progress") -> Measured:
        """Return the features of the images at these places, shape (len(places), p).

        Parameters
        ----------
        images, places, progress
            As of `Measurement.measure`.

        Raises
        ------
        StudyError
            When the weights or the device do not fit, or the network gives what is no number.
        """
        from microcalc.features import backbone

        how = self.settings
        with devices.hold(devices.choose(how.device)) as held:
            network = backbone.load(how.backbone, self.weights, device=held, layers=how.layers)
            of_domain: dict[str, list[int]] = {}
            for place, i in enumerate(places):
                of_domain.setdefault(self._domain(str(images.case_id[i])), []).append(place)
            parts, done = [], 0
            for domain, own in of_domain.items():
                if self.adaptation is not None:
                    self.adaptation.apply(network, domain)
                rows = [places[place] for place in own]
                parts.append(self._forward(network, images, rows, progress.after(done)))
                done += len(own)
        order = np.argsort(np.concatenate([*of_domain.values()]), kind="stable")
        values = np.concatenate(parts)[order]
        return Measured(tuple(columns.numbered(values.shape[1])), values)

    def _domain(self, case_id: str) -> str:
        return "" if self.adaptation is None else self.adaptation.domain[case_id]

    def _forward(
        self, network: Any, images: "Images", rows: Sequence[int], progress: "Callable[[int], None]"
    ) -> Any:
        try:
            return forward.extract(
                network,
                images.patch,
                rows=rows,
                batch_size=self.settings.batch_size,
                precision=self.settings.precision,
                progress=progress,
            )
        except forward.NotFiniteError as error:
            culprits = ", ".join(str(images.image_id[rows[row]]) for row in error.rows)
            raise StudyError(
                f"the deep features of these images are not finite numbers: {culprits}; "
                "the network's weights or precision do not suit them"
            ) from None
