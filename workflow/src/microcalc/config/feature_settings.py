"""The config's `features`: deep features of the patches."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from microcalc.config.backbones import Backbone
from microcalc.config.section import (
    PSEUDONYM,
    Distinct,
    NamedLike,
    NotNegative,
    Positive,
    Section,
    Share,
)

NetworkName = Annotated[
    str,
    NamedLike(
        r"^(?!(main|weights|finetuned|finetuned_lasso)$)[a-z][a-z0-9_]{0,63}$",
        "lower-case letters, digits and underscores; not main, weights, finetuned or "
        "finetuned_lasso",
    ),
]
Pooling = Literal["mean", "max", "concat"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bfloat16", "float16"]
Layers = Annotated[Distinct[str], Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A fraction by which something changes: never by all of it."""


class StabilitySettings(Section):
    """How regions are drawn otherwise, and how alike features must be."""

    perturbations: Annotated[int, Field(ge=0)] = 0
    """
    how often every training image is extracted again, perturbed (for the split lottery
    internal ones too); 0 for not at all
    """
    icc_min: Share = 0.75
    """the least ICC(2,1) between a feature and itself under perturbation"""
    shift_mm: NotNegative = 2.0
    """the region moves by up to this much, in mm along each axis"""
    scale: Fraction = 0.1
    """the region grows or shrinks by up to this fraction"""
    rotate_deg: Annotated[float, Field(ge=0, le=45)] = 10.0
    """the region turns by up to this many degrees"""
    readers: Distinct[
        Annotated[
            str,
            Field(
                pattern=PSEUDONYM,
                description="a pseudonym of letters, digits, dot, dash and underscore",
            ),
        ]
    ] = ()
    """
    other readers (column `reader` of the images table) whose regions the features must
    agree in with `images.reader`'s, to `icc_min`, on the training cases that they drew
    """

    @property
    def is_asked(self) -> bool:
        """Whether any region is drawn otherwise."""
        return bool(self.perturbations or self.readers)


class AugmentationSettings(Section):
    """How far every image is changed at random whenever it is learned from."""

    flip: bool = True
    """mirrored at either axis, each half of the time"""
    rotate_deg: Annotated[float, Field(ge=0, le=180)] = 15.0
    """turned by up to this many degrees"""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """moved along each axis by up to this fraction of the patch"""
    scale: Fraction = 0.1
    """enlarged or reduced by up to this fraction"""
    intensity: Fraction = 0.1
    """contrast changed by up to this fraction, brightness by up to this much"""


class FinetuneSettings(Section):
    """How the backbone is trained on the training set."""

    folds: Annotated[int, Field(ge=3)] = 5
    """networks, each trained without one fold, by patient, of the training set"""
    holdout: Annotated[float, Field(ge=0.1, le=0.5)] = 0.2
    """
    about this share of the patients that a network may see is not learned from and says
    when to stop
    """
    stages: Annotated[int, Field(ge=1)] = 1
    """how many of the backbone's last stages are trained after the head"""
    head_epochs: Annotated[int, Field(ge=1)] = 5
    """epochs of the first phase, in which the head alone is trained"""
    epochs: Annotated[int, Field(ge=1)] = 30
    """epochs of the second phase at most, in which head and last stages are trained"""
    patience: Annotated[int, Field(ge=1)] = 8
    """epochs of the second phase without a smaller held-out loss before it stops"""
    batch_size: Annotated[int, Field(ge=2)] = 16
    """
    images per step; where a GPU's memory does not hold them, gradients of parts are
    added up
    """
    head_learning_rate: Positive = 0.001
    """AdamW's learning rate in the first phase, falling along a cosine"""
    learning_rate: Positive = 0.0001
    """AdamW's learning rate in the second phase, falling along a cosine"""
    weight_decay: NotNegative = 0.01
    """AdamW's weight decay"""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    """classes are trained as this / 2 and 1 - this / 2"""
    class_weights: Literal["balanced", "none"] = "balanced"
    """whether both classes count alike in the loss, however many images each has"""
    precision: Literal["mixed", "float32"] = "mixed"
    """
    mixed computes products on a GPU in bfloat16, or float16 where it knows no other; a
    processor computes in float32
    """
    augmentation: AugmentationSettings = AugmentationSettings()
    """how far every image is changed at random whenever it is learned from"""


class FurtherNetworkSettings(Section):
    """As the keys of these names of the study's own network."""

    backbone: Backbone
    """a torchvision classification model by its name"""
    weights: str
    """IMAGENET1K_V1, IMAGENET1K_V2, a path, or random"""
    layers: Layers = ("penultimate",)
    """layers whose pooled outputs are laid side by side"""
    pool_views: Pooling = "mean"
    """from the features of a case's views to those of the case"""


class FeatureSettings(Section):
    """Deep features of the patches."""

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
    pool_views: Pooling = "mean"
    """
    from the features of a case's views to those of the case: their mean, their maximum, or
    CC and MLO side by side (where one of the two is missing the other stands in)
    """
    stability: StabilitySettings = StabilitySettings()
    """
    features that change when the region is drawn a little differently leave before mRMR;
    judged on the training set alone
    """
    harmonize: Literal["none", "adabn", "combat"] = "none"
    """
    what evens out differences between centers, without labels: adabn gives every external
    center batch-norm statistics of its own images, combat shifts and scales its features
    towards the training cases'. Both look at validation images, so that every result is
    then transductive
    """
    finetune: FinetuneSettings | None = None
    """
    train the backbone on the training set, one network for each of `folds` folds that it
    never sees; models take the scores with network: finetuned, or select among the features
    of such networks with network: finetuned_lasso. null is off
    """
    further_networks: Mapping[NetworkName, FurtherNetworkSettings] = {}
    """
    other networks, or other layers or views of this one, by names that `network` of a model
    can say; each has features, a selection and a deep score of its own, with the device,
    precision, stability and harmonization given above
    """

    def of_further(self, name: str) -> "FeatureSettings":
        """Return the settings of a further network: its own, and these for what it leaves open."""
        given = self.further_networks[name]
        own = {key: getattr(given, key) for key in type(given).model_fields}
        return self.model_copy(update=own)


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
    cache: bool
    """whether features of unchanged patches are kept"""


class TrainingSettings(Section):
    """What of the config's `features` the training of a network is given."""

    backbone: Backbone
    """its torchvision name"""
    device: Device
    """where it is trained"""
    finetune: FinetuneSettings
    """how"""
