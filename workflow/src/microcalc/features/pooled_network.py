"""A network without its head: from normalized images to pooled features."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from microcalc.core.errors import StudyError
from microcalc.features import tokens
from microcalc.features.preprocessing import Preprocessing
from microcalc.features.tokens import MEAN, PENULTIMATE


class Network(torch.nn.Module):
    """A backbone that maps normalized images (n, C, S, S) to pooled features (n, d).

    Attributes
    ----------
    body
        Torchvision's or timm's module without its head.
    preprocessing
        What its input is normalized with.
    layers
        The layers whose features are laid side by side: `PENULTIMATE`, or names of modules of
        the body, whose output is averaged over the positions.
    tokens
        How tokens are pooled, see `microcalc.features.tokens`; None where there are none, for what
        torchvision's head takes, and for all tokens of a layer of torchvision's.
    """

    def __init__(
        self,
        body: torch.nn.Module,
        preprocessing: Preprocessing,
        layers: Sequence[str] = (PENULTIMATE,),
        tokens: str | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.preprocessing = preprocessing
        self.layers = tuple(layers)
        self.tokens = tokens
        self._is_timms = hasattr(body, "forward_features")
        self._pooled: dict[str, torch.Tensor] = {}
        for name in self.layers:
            if name != PENULTIMATE:
                self._module(name).register_forward_hook(self._hook(name))

    def _module(self, name: str) -> torch.nn.Module:
        try:
            return self.body.get_submodule(name)
        except AttributeError:
            stages = [child for child, module in self.body.named_children() if _has_weights(module)]
            raise StudyError(
                f"layers names {name!r}, which this backbone does not have; it has "
                f"{', '.join(stages)} and what is inside them, and {PENULTIMATE}"
            ) from None

    def _hook(self, name: str) -> Callable[..., None]:
        # Torchvision's Swin networks keep channels last and say so by a `permute` at the end.
        is_last = hasattr(self.body, "permute") or _says_channels_last(self.body)

        def keep(module: torch.nn.Module, _inputs: object, output: Any) -> None:
            if not isinstance(output, torch.Tensor) or output.ndim not in (2, 3, 4):
                raise StudyError(
                    f"layers names {name!r}, which gives no features, maps or tokens; name a part "
                    "beside or inside it"
                )
            if output.ndim == 4:
                of_images = isinstance(module, torch.nn.Conv2d | torch.nn.BatchNorm2d)
                axes = (1, 2) if is_last and not of_images else (2, 3)
                self._pooled[name] = output.mean(dim=axes)
            elif output.ndim == 3:
                self._pooled[name] = self._of_tokens(output)
            else:
                self._pooled[name] = output

        return keep

    def _of_tokens(self, found: torch.Tensor) -> torch.Tensor:
        if self.tokens is None and not self._is_timms:
            return found.mean(dim=1)
        return tokens.pooled(found, self.tokens, n_prefix=tokens.n_prefix(self.body))

    def _penultimate(self, images: torch.Tensor) -> torch.Tensor:
        if not self._is_timms:
            return self._of_torchvision(images)
        body: Any = self.body
        found = body.forward_features(images)
        if isinstance(found, torch.Tensor) and found.ndim == 3:
            pooled = self._of_tokens(found)
            norm = getattr(body, "fc_norm", None)
            features: torch.Tensor = pooled if norm is None else norm(pooled)
            return features
        if self.tokens is not None:
            raise StudyError(
                f"features.<name>.tokens: is {self.tokens}, but this network gives maps and no "
                "tokens; take it out"
            )
        result: torch.Tensor = body.forward_head(found)
        return result

    def _of_torchvision(self, images: torch.Tensor) -> torch.Tensor:
        if self.tokens != MEAN:
            features: torch.Tensor = self.body(images)
            return features
        kept: list[torch.Tensor] = []
        hook = self.body.get_submodule("encoder").register_forward_hook(
            lambda _module, _inputs, output: kept.append(output)
        )
        try:
            self.body(images)
        finally:
            hook.remove()
        return self._of_tokens(kept[0])

    @property
    def device(self) -> torch.device:
        """The device the parameters live on."""
        return next(self.parameters()).device

    @property
    def takes(self) -> int | None:
        """Side in pixels of the images it takes; None where it takes any."""
        found: int | None = getattr(self.body, "image_size", None)
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the pooled features.

        Parameters
        ----------
        images
            Normalized, shape (n, C, S, S).

        Returns
        -------
        torch.Tensor
            Shape (n, d).

        Raises
        ------
        StudyError
            When tokens are pooled by no rule, or by one that does not suit the network.
        """
        self._pooled[PENULTIMATE] = self._penultimate(images)
        features = [self._pooled[name] for name in self.layers]
        self._pooled.clear()
        return features[0] if len(features) == 1 else torch.cat(features, dim=1)

    def check_size(self, size: int) -> None:
        """Refuse patches of a size that the network does not take.

        Parameters
        ----------
        size
            Side of the patches in pixels.

        Raises
        ------
        StudyError
            When the network takes images of one size only, and not this one.
        """
        entering = self.preprocessing.size or size
        expected = self.takes or entering
        if expected != entering:
            raise StudyError(
                f"this backbone takes images of {expected} x {expected} pixels, the patches have "
                f"{entering} x {entering}; set images.patch_mm and images.spacing_mm so that "
                f"patch_mm / spacing_mm = {expected}, or have patches resampled "
                f"(features.<name>.preprocessing.size: {expected}), or choose another "
                "features.<name>.backbone"
            )


def _says_channels_last(body: torch.nn.Module) -> bool:
    """Return whether a network of timm says that its maps have their channels last."""
    return str(getattr(body, "output_fmt", "")) == "NHWC"


def _has_weights(module: torch.nn.Module) -> bool:
    return next(module.parameters(), None) is not None
