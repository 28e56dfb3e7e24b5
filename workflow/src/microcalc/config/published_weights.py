"""What `weights` of a network may name, told apart without torch, and by planning without numpy."""

import re


def is_published(weights: str) -> bool:
    """Return whether these are weights that torchvision publishes, known by their name.

    Examples
    --------
    >>> from microcalc.config import published_weights
    >>> [published_weights.is_published(name) for name in ("IMAGENET1K_V2", "random", "my.pth")]
    [True, False, False]
    """
    return re.fullmatch(r"IMAGENET\w+", weights) is not None
