"""What `weights` of a network may name, told apart without torch, and by planning without numpy."""

import re

from microcalc.config.backbones import TIMM, TORCHVISION, Source

RANDOM = "random"


def is_published(weights: str, source: Source = TORCHVISION) -> bool:
    """Return whether these are weights that the source publishes under this name.

    Torchvision's are called as `IMAGENET1K_V2`, timm's as `augreg_in21k_ft_in1k`: what follows the
    dot in `vit_small_patch16_224.augreg_in21k_ft_in1k`. A file has a suffix, or a folder before it.

    Examples
    --------
    >>> from microcalc.config import published_weights
    >>> [published_weights.is_published(name) for name in ("IMAGENET1K_V2", "random", "my.pth")]
    [True, False, False]
    >>> published_weights.is_published("augreg_in21k", "timm")
    True
    """
    if source == TIMM:
        return weights != RANDOM and re.fullmatch(r"\w+", weights) is not None
    return source == TORCHVISION and re.fullmatch(r"IMAGENET\w+", weights) is not None
