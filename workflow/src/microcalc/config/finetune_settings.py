"""A row of the config's `features` of kind finetuned: a network trained on the training set."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from microcalc.config.feature_settings import Fraction, SetName
from microcalc.config.network_settings import Device, Tokens
from microcalc.config.section import NotNegative, Positive, Section, Unwritten


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
    """How a backbone is trained on the training set."""

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


class FinetunedSettings(FinetuneSettings):
    """Networks trained from another set's on the training set, one without each of its folds."""

    kind: Literal["finetuned"]
    """
    finetuned, the features of networks that are trained from another set's: one for each of
    `folds` folds that it never sees, and one for the whole training set
    """
    network: SetName
    """the set of kind network whose backbone and weights they start from"""

    def applied(self, folder: Path, cohort: Path) -> Self:
        """Return the set as it is: its weights are those of the study that froze the models."""
        del folder, cohort
        return self


class TrainingSettings(Section):
    """What the training of a network is given."""

    backbone: str
    """what it is known by, see `backbones.architecture`"""
    tokens: Unwritten[Tokens] = None
    """how tokens become features"""
    device: Device
    """where it is trained"""
    finetune: FinetuneSettings
    """how"""
