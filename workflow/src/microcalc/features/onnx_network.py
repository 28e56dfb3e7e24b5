"""Networks of ONNX files, computed by onnxruntime: a graph of known operations, and no code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from microcalc.core.errors import StudyError
from microcalc.features.tokens import CLS, PENULTIMATE

if TYPE_CHECKING:
    from microcalc.features.preprocessing import Preprocessing

TENSOR = "onnx"
"""The file itself, as one tensor of bytes in a prepared weights file."""


class OnnxNetwork:
    """A network that maps normalized images (n, C, S, S) to features (n, d), on the processor.

    Attributes
    ----------
    preprocessing
        What its input is normalized with.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        content: bytes,
        preprocessing: "Preprocessing",
        layers: Sequence[str] = (PENULTIMATE,),
        tokens: str | None = None,
    ) -> None:
        self.preprocessing = preprocessing
        self._tokens = tokens
        self._session = _session(content)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            shapes = ", ".join(f"{one.name} {one.shape}" for one in inputs)
            raise StudyError(
                "features.<name>.weights: an ONNX file must take one input of shape (n, channels, "
                f"rows, columns); this one takes {shapes}"
            )
        self._input = inputs[0]
        self._outputs = self._named(layers)
        self._refuse_other_channels()

    def _named(self, layers: Sequence[str]) -> list[str]:
        there = [one.name for one in self._session.get_outputs()]
        if tuple(layers) == (PENULTIMATE,) and len(there) == 1:
            return there
        unknown = [name for name in layers if name not in there]
        if unknown:
            raise StudyError(
                f"features.<name>.layers: of an ONNX file its outputs can be named, which are "
                f"{', '.join(there)}; {', '.join(unknown)} is none of them"
            )
        return list(layers)

    def _refuse_other_channels(self) -> None:
        channels = self._input.shape[1]
        if isinstance(channels, int) and channels != self.preprocessing.channels:
            raise StudyError(
                f"features.<name>.preprocessing: this ONNX file takes {channels} channel(s), and "
                f"{self.preprocessing.channels} are stated; set channels: {channels}, with as many "
                "means and SDs"
            )

    @property
    def takes(self) -> int | None:
        """Side in pixels of the images it takes; None where it takes any."""
        sides = [side for side in self._input.shape[2:] if isinstance(side, int)]
        return sides[0] if sides else None

    def check_size(self, size: int) -> None:
        """Refuse patches of a size that the network does not take.

        Parameters
        ----------
        size
            Side of the patches in pixels.

        Raises
        ------
        StudyError
            When it takes images of another size.
        """
        entering = self.preprocessing.size or size
        expected = [side for side in self._input.shape[2:] if isinstance(side, int)]
        if any(side != entering for side in expected):
            raise StudyError(
                f"this ONNX file takes images of {' x '.join(map(str, expected))} pixels, and gets "
                f"{entering} x {entering}; set features.<name>.preprocessing.size"
            )

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features.

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
            When the graph does not take them, or gives no features of that form.
        """
        batch = self._input.shape[0]
        # A file that was exported for batches of one size gets them of that size.
        step = batch if isinstance(batch, int) else max(1, len(images))
        if len(images) % step:
            missing = step - len(images) % step
            filled = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)])
        else:
            filled = images
        parts = [self._run(filled[i : i + step]) for i in range(0, max(1, len(filled)), step)]
        return torch.cat(parts)[: len(images)]

    def _run(self, images: torch.Tensor) -> torch.Tensor:
        given = {self._input.name: np.ascontiguousarray(images.numpy(), dtype=np.float32)}
        try:
            found = self._session.run(self._outputs, given)
        except Exception as error:  # onnxruntime's own have no class in common
            raise StudyError(
                f"this ONNX file cannot be computed on images of shape {tuple(images.shape)}: "
                f"{str(error).splitlines()[0]}"
            ) from None
        return torch.cat([self._pooled(torch.from_numpy(one)) for one in found], dim=1).float()

    def _pooled(self, found: torch.Tensor) -> torch.Tensor:
        if found.ndim == 2:
            return found
        if found.ndim == 4:
            return found.mean(dim=(2, 3))
        if found.ndim == 3 and self._tokens == CLS:
            return found[:, 0]
        raise StudyError(
            f"an output of this ONNX file has shape {tuple(found.shape)}; features are (n, d), "
            "maps (n, d, rows, columns), and of tokens (n, t, d) the first is taken with tokens: "
            "cls; which of them are patch tokens an ONNX file does not say: export their mean"
        )


def _session(content: bytes) -> Any:
    try:
        import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ModuleNotFoundError as error:
        raise StudyError(
            f"features.<name>.source is onnx, which needs onnxruntime ({error}); install it with: "
            "pip install 'microcalc[onnx]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own have no class in common
        raise StudyError(
            "features.<name>.weights: onnxruntime cannot read this file "
            f"({str(error).splitlines()[0]}); it must be one ONNX file with its tensors inside it, "
            "of standard operations"
        ) from None
