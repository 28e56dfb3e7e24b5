"""A row of the config's `features` of kind network: deep features of the patches."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from microcalc.config.backbones import (
    TORCHVISION,
    VISION_TRANSFORMERS,
    Backbone,
    Source,
    architecture,
)
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.published_weights import RANDOM, is_published
from microcalc.config.section import Distinct, Entries, Positive, Section, Unwritten

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bfloat16", "float16"]
Layers = Annotated[Distinct[str], Field(min_length=1)]
Tokens = Literal["cls", "mean"]


class PreprocessingSettings(Section):
    """How patches become what a network was trained on; patches are gray, in [0, 1]."""

    mean: Unwritten[Annotated[Entries[float], Field(min_length=1, max_length=3)]] = None
    """
    what is taken off each channel, of intensities in [0, 1]; must be stated with a weights file
    """
    std: Unwritten[Annotated[Entries[Positive], Field(min_length=1, max_length=3)]] = None
    """what each channel is divided by afterwards; must be stated with a weights file"""
    size: Unwritten[Annotated[int, Field(ge=16, le=4096)]] = None
    """
    side in pixels that patches are resampled to (bilinear, antialiased); without it they go in as
    they are
    """
    channels: Literal[1, 3] = 3
    """3 where the network takes colors, gray three times; 1 where it takes gray"""


def preprocessing_unstated(source: str) -> str:
    """Return why a weights file without stated preprocessing is refused, with the lines to write.

    Parameters
    ----------
    source
        The file's name.
    """
    return (
        f"{source} does not say what its network was trained on, and nothing is assumed: with "
        "other constants than its own a network gives other features. Write what its authors "
        "say; ImageNet's constants are\n"
        "      preprocessing: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}\n"
        "    those of intensities from -1 to 1\n"
        "      preprocessing: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}\n"
        "    with size: where it takes images of one size, and channels: 1 and one number each "
        "where it takes gray"
    )


class NetworkSettings(FeatureSetSettings):
    """Deep features: what a pretrained network makes of a patch."""

    measured_in: ClassVar[str] = "network_features"
    needs_torch: ClassVar[bool] = True

    kind: Literal["network"]
    """network, the deep features of a pretrained network"""
    backbone: Backbone = "resnet101"
    """
    the network by the name that its source has for it; of an ONNX file what it is to be called
    """
    source: Source = "torchvision"
    """
    whose network it is: torchvision's, timm's, or that of an ONNX file, computed by onnxruntime
    """
    weights: str
    """
    IMAGENET1K_V1, IMAGENET1K_V2 (torchvision), what timm calls them (augreg_in21k), the path of a
    weights file, or random (a trial without trained weights); there is no default
    """
    weights_prefix: Unwritten[str] = None
    """
    what the names of the network's tensors begin with in a file that holds more, as
    teacher.backbone. or image_encoder.; without it a prefix is taken that fits alone
    """
    preprocessing: Unwritten[PreprocessingSettings] = None
    """
    what the network was trained on; must be stated for a weights file, and of published weights
    is known
    """
    tokens: Unwritten[Tokens] = None
    """
    how a vision transformer's tokens become its features: cls (the class token) or mean (of the
    patch tokens); must be stated for timm's, torchvision's give the class token without it
    """
    layers: Layers = ("penultimate",)
    """
    layers whose pooled outputs are laid side by side: penultimate (what goes into the
    network's head), or names of the network's modules such as layer3
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

    @property
    def architecture(self) -> str:
        """What the network is known by wherever it may be of any source."""
        return architecture(self.source, self.backbone)

    @property
    def is_published(self) -> bool:
        """Whether its weights are known by a name and fetched."""
        return is_published(self.weights, self.source)

    @property
    def is_of_file(self) -> bool:
        """Whether its weights are a file of the user's."""
        return self.weights != RANDOM and not self.is_published

    @property
    def has_positions(self) -> bool:
        """Whether its last layer is a map, which a map of the image can be made of."""
        is_transformer = self.source == TORCHVISION and self.backbone.startswith(
            VISION_TRANSFORMERS
        )
        return self.tokens is None and self.source != "onnx" and not is_transformer

    def with_file(self, path: str) -> Self:
        """Return the set with weights that MicroCalc wrote, under the network's own names."""
        return self.model_copy(update={"weights": path, "weights_prefix": None})

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
        row = self.with_file(str(prepared)) if prepared.is_file() else self
        return super(NetworkSettings, row).applied(folder, cohort)

    @property
    def prepared_from(self) -> dict[str, Any]:
        """What its weights file is prepared from, see `WeightsSettings`."""
        return self.part(*WeightsSettings.model_fields) | {"backbone": self.architecture}

    @property
    def measured_by(self) -> dict[str, Any]:
        """What an image's features depend on beside the weights, whose file tells their digest."""
        return self.part(*ExtractionSettings.model_fields) | {"backbone": self.architecture}

    @property
    def deployed_by(self) -> dict[str, Any]:
        """What a frozen model's features must be made with wherever it is applied."""
        return self.part("layers", "tokens", "precision", "region", "pool_views", "harmonize")


class WeightsSettings(Section):
    """What of a network's settings its prepared weights are made of."""

    backbone: str
    """what it is known by, see `backbones.architecture`"""
    weights: str
    """a published name, a path, or random"""
    weights_prefix: Unwritten[str] = None
    """what the names of its tensors begin with in a file that holds more"""
    preprocessing: Unwritten[PreprocessingSettings] = None
    """what it was trained on"""
    tokens: Unwritten[Tokens] = None
    """how tokens become features"""


class ExtractionSettings(Section):
    """What of a network's settings an image's features depend on, and how they are computed."""

    backbone: str
    """what it is known by, see `backbones.architecture`"""
    layers: Layers
    """whose pooled outputs are laid side by side"""
    tokens: Unwritten[Tokens] = None
    """how tokens become features"""
    device: Device
    """where the network runs"""
    precision: Precision
    """what it computes in"""
    batch_size: Annotated[int, Field(ge=1)] | None
    """patches per forward pass"""
