"""A row of the config's `features` of kind network: deep features of the patches."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from microcalc.config.backbones import Backbone
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.section import Distinct, Section

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bfloat16", "float16"]
Layers = Annotated[Distinct[str], Field(min_length=1)]


class NetworkSettings(FeatureSetSettings):
    """Deep features: what a pretrained network makes of a patch."""

    measured_in: ClassVar[str] = "network_features"
    needs_torch: ClassVar[bool] = True

    kind: Literal["network"]
    """network, the deep features of a pretrained network"""
    backbone: Backbone = "resnet101"
    """a torchvision classification model by its name"""
    weights: str
    """
    IMAGENET1K_V1, IMAGENET1K_V2, the path of a weights file, or random
    (a trial without trained weights); there is no default
    """
    layers: Layers = ("penultimate",)
    """
    layers whose pooled outputs are laid side by side: penultimate (what goes into the
    network's head), or names of torchvision's modules such as layer3
    """
    device: Device = "auto"
    """where the network runs"""
    precision: Precision = "float32"
    """
    what the network computes in; bfloat16 and float16 (CUDA only) are faster and give
    slightly different features
    """
    batch_size: Annotated[int, Field(ge=1)] | None = None
    """patches per forward pass; null for what suits the device and its memory"""

    def applied(self, folder: Path, cohort: Path) -> Self:
        """Return the set with the very weights file that the study prepared.

        Where it was not kept, it is prepared again from what the study prepared it from.

        Parameters
        ----------
        folder
            The set's folder in the results of the study that froze the models.
        cohort
            The folder of the cohort's tables.
        """
        prepared = folder / "weights" / f"{self.backbone}.safetensors"
        weights = str(prepared) if prepared.is_file() else self.weights
        return super().applied(folder, cohort).model_copy(update={"weights": weights})

    @property
    def measured_by(self) -> dict[str, Any]:
        """What an image's features depend on beside the weights, whose file tells their digest."""
        return self.part(*ExtractionSettings.model_fields)

    @property
    def deployed_by(self) -> dict[str, Any]:
        """What a frozen model's features must be made with wherever it is applied."""
        return self.part("layers", "precision", "region", "pool_views", "harmonize")


class ExtractionSettings(Section):
    """What of a network's settings an image's features depend on, and how they are computed."""

    backbone: Backbone
    """its torchvision name"""
    layers: Layers
    """whose pooled outputs are laid side by side"""
    device: Device
    """where the network runs"""
    precision: Precision
    """what it computes in"""
    batch_size: Annotated[int, Field(ge=1)] | None
    """patches per forward pass"""
