"""A backbone with a head of one output: the log odds of the positive class."""

import os
from collections.abc import Iterator

import torch

from microcalc.core.errors import StudyError
from microcalc.features import backbone
from microcalc.features.pooled_network import Network

CONTAINERS = ("features", "blocks", "stages", "layers")
"""What torchvision and timm call the part that holds a network's stages or blocks."""


class Classifier(torch.nn.Module):
    """A network that maps grey patches to logits.

    Its head learns, and `stages`, the parameters of its last stages. Batch norm keeps the
    statistics it started with and nothing is dropped out, so that a patch's logit does not depend
    on its batch, and gradients of parts of a batch add up to those of the whole. The head takes
    features as they lie about `center` in units of `spread`, or a step of an optimizer that moves
    every weight alike would mostly move the logits of all images together.
    """

    def __init__(self, network: Network, width: int, n_stages: int) -> None:
        super().__init__()
        self.network = network
        self.head = torch.nn.Linear(width, 1)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)
        self.to(network.device)
        self.center = torch.zeros(width, device=network.device)
        self.spread = torch.ones(width, device=network.device)
        self.stages = _last_stages(network.body, n_stages)
        for parameter in self.stages:
            # Loaded weights are a file mapped into memory, which nobody may write to.
            parameter.data = parameter.data.clone()

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Return the logits of patches.

        Parameters
        ----------
        patches
            Intensities in [0, 1], shape (n, 1, S, S).

        Returns
        -------
        torch.Tensor
            Log odds of the positive class, shape (n,).
        """
        scaled = (self.features(patches) - self.center) / self.spread
        logits: torch.Tensor = self.head(scaled).squeeze(1)
        return logits

    def features(self, patches: torch.Tensor) -> torch.Tensor:
        """Return what goes into the head, unscaled.

        Parameters
        ----------
        patches
            Intensities in [0, 1], shape (n, 1, S, S).

        Returns
        -------
        torch.Tensor
            Shape (n, d).
        """
        images = self.network.preprocessing.normalized(patches)
        found: torch.Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return found

    def scale_by(self, features: torch.Tensor) -> None:
        """Take center and spread from the features of some images.

        Parameters
        ----------
        features
            From `features`, shape (n, d); a column without spread keeps its own unit.
        """
        spread = features.std(dim=0)
        self.center = features.mean(dim=0)
        self.spread = torch.where(spread > 0, spread, 1.0)

    def plain_head(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the head for features as they are, not scaled.

        Returns
        -------
        weight, bias
            Shapes (1, d) and (1,).
        """
        weight = self.head.weight.detach() / self.spread
        return weight, self.head.bias.detach() - weight @ self.center

    def learns_in_stages(self, yes: bool) -> None:
        """Let the last stages learn beside the head, or the head alone.

        Parameters
        ----------
        yes
            Whether `stages` have gradients from now on.
        """
        for parameter in self.stages:
            parameter.requires_grad_(yes)

    def learned(self) -> dict[str, torch.Tensor]:
        """Return the parameters that may learn.

        Returns
        -------
        dict
            Copies of those of the head and the last stages, on the CPU, by name.
        """
        return {name: tensor.detach().cpu().clone() for name, tensor in self._learning().items()}

    def restore(self, learned: dict[str, torch.Tensor]) -> None:
        """Take over what `learned` returned.

        Parameters
        ----------
        learned
            Parameters by name, of a classifier of the same backbone and stages.

        Raises
        ------
        KeyError
            When a parameter is missing.
        """
        with torch.no_grad():
            for name, tensor in self._learning().items():
                tensor.copy_(learned[name])

    def _learning(self) -> dict[str, torch.nn.Parameter]:
        wanted = {id(parameter) for parameter in (*self.stages, *self.head.parameters())}
        return {name: p for name, p in self.named_parameters() if id(p) in wanted}


def load(
    name: str,
    weights_path: str | os.PathLike[str],
    *,
    stages: int,
    device: torch.device,
    tokens: str | None = None,
) -> Classifier:
    """Return a classifier on prepared weights, its head at zero.

    Parameters
    ----------
    name, weights_path, device, tokens
        As in `backbone.load`.
    stages
        How many of the network's last stages may learn.

    Returns
    -------
    Classifier
        From grey patches in [0, 1], shape (n, 1, S, S), to logits, shape (n,).

    Raises
    ------
    StudyError
        When the network has fewer stages, and as `backbone.load`.
    """
    network = backbone.load(name, weights_path, device=device, tokens=tokens)
    images = network.preprocessing
    _, width = backbone.build(name, size=images.size, channels=images.channels)
    return Classifier(network, width, stages)


def _last_stages(body: torch.nn.Module, n_stages: int) -> list[torch.nn.Parameter]:
    """Return the parameters from the beginning of the n-th last stage to the end of the body.

    A stage is a part with weights of its own, not one that only scales and shifts.
    """
    parts = list(_parts(body))
    starts = [i for i, (_, part) in enumerate(parts) if _has_matrix(part)]
    if not 1 <= n_stages <= len(starts):
        raise StudyError(
            f"features.<name>.stages is {n_stages}; this backbone has the {len(starts)} stages "
            f"{', '.join(parts[i][0] for i in starts)}"
        )
    return [p for _, part in parts[starts[-n_stages] :] for p in part.parameters()]


def _parts(body: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield the body's parts in order, those of a container one by one."""
    for name, child in body.named_children():
        if isinstance(child, torch.nn.Sequential) and name in CONTAINERS:
            yield from ((f"{name}.{own}", part) for own, part in child.named_children())
        else:
            yield name, child


def _has_matrix(part: torch.nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in part.parameters())
