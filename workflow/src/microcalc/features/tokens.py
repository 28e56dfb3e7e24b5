"""Pooling of a vision transformer's tokens, by a rule that the config states."""

import torch

from microcalc.core.errors import StudyError

PENULTIMATE = "penultimate"
"""What goes into the head: the layer's name wherever layers are named."""

CLS, MEAN = "cls", "mean"


def pooled(found: torch.Tensor, rule: str | None, *, n_prefix: int) -> torch.Tensor:
    """Return one vector per image of its tokens.

    Parameters
    ----------
    found
        Shape (n, t, d): class and register tokens, then one token per patch.
    rule
        `CLS`, the class token, or `MEAN`, that of the patch tokens.
    n_prefix
        How many tokens stand before those of the patches, the class token first; 0 without any.

    Returns
    -------
    torch.Tensor
        Shape (n, d).

    Raises
    ------
    StudyError
        When no rule is stated, or there is no such token.
    """
    patches = found.shape[1] - n_prefix
    there = f"it has {patches} patch tokens" + (
        f" after {n_prefix} other(s), the class token first" if n_prefix else " and no class token"
    )
    if rule is None:
        raise StudyError(
            f"features.<name>.tokens: this network gives tokens ({there}), and how they are pooled "
            "must be stated; write\n"
            + ("      tokens: cls     # the class token\n    or\n" if n_prefix else "")
            + "      tokens: mean    # the mean of the patch tokens"
        )
    if rule == CLS:
        if not n_prefix:
            raise StudyError(
                f"features.<name>.tokens: is cls, but this network has no class token ({there}); "
                "set tokens: mean"
            )
        return found[:, 0]
    if patches < 1:
        raise StudyError(
            f"features.<name>.tokens: is mean, but no patch tokens come out of this network "
            f"({there}); set tokens: cls"
        )
    return found[:, n_prefix:].mean(dim=1)


def n_prefix(body: torch.nn.Module) -> int:
    """Return how many tokens a network puts before those of the patches.

    Parameters
    ----------
    body
        A network of timm or torchvision.
    """
    stated = getattr(body, "num_prefix_tokens", None)
    if isinstance(stated, int):
        return stated
    has_class = any(getattr(body, name, None) is not None for name in ("cls_token", "class_token"))
    return int(has_class)
