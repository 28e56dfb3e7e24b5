"""What `weights` of a network may name, told apart without torch, and by planning without numpy."""

import re


def is_published(weights: str) -> bool:
    """Return whether these are weights that torchvision publishes, such as `IMAGENET1K_V2`."""
    return re.fullmatch(r"IMAGENET\w+", weights) is not None
