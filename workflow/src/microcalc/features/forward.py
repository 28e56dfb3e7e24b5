"""Forward pass in batches: from patches to features."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.features import device as devices

if TYPE_CHECKING:
    import torch

    from microcalc.features.onnx_network import OnnxNetwork
    from microcalc.features.pooled_network import Network

log = logging.getLogger(__name__)

RECIPE = 1
"""Raise this when the same patch and the same weights give other features than before."""


class NotFiniteError(ValueError):
    """Some patches have features that are not finite numbers.

    Attributes
    ----------
    rows
        Their places among the patches.
    """

    def __init__(self, rows: list[int]) -> None:
        super().__init__(f"features of patches {rows} are not finite numbers")
        self.rows = rows


def extract(
    network: "Network | OnnxNetwork",
    patches: npt.NDArray[np.float32],
    *,
    rows: Sequence[int] | None = None,
    batch_size: int | None = None,
    precision: str = "float32",
    progress: Callable[[int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the pooled features of grey patches.

    In float32 a patch's features do not depend on its batch, its place in it or the number of
    threads beyond 1e-5 relative. When a GPU's memory runs out, the batch is halved.

    Parameters
    ----------
    network
        What `backbone.load` returned.
    patches
        Intensities in [0, 1], shape (n, S, S); may be mapped from a file, then it is read batch
        by batch.
    rows
        Which patches, in which order; all of them by default.
    batch_size
        Patches per forward pass; by default what suits the device and its memory.
    precision
        ``float32``, ``bfloat16`` (torch's autocast) or, on a GPU, ``float16``.
    progress
        Called after each batch with the number of patches done.

    Returns
    -------
    ndarray
        Float32, shape (n, d); d is the number of features the network gives.

    Raises
    ------
    StudyError
        When the network cannot take patches of this size, the device not this precision, or
        not even one patch fits into its memory.
    NotFiniteError
        When a feature is not a finite number.
    ValueError
        When `patches` have another shape, or `batch_size` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.features import backbone, forward
    >>> from microcalc.features.pooled_network import Network
    >>> from microcalc.features.preprocessing import IMAGENET
    >>> body, width = backbone.build("squeezenet1_1", device="cpu")
    >>> network = Network(body, IMAGENET).eval()  # untrained; see `backbone.load`
    >>> patches = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    >>> features = forward.extract(network, patches, batch_size=2)
    >>> features.shape, features.dtype
    ((3, 512), dtype('float32'))
    >>> np.allclose(features[[2]], forward.extract(network, patches, rows=[2]), rtol=1e-4)
    True
    """
    import torch

    if patches.ndim != 3 or patches.shape[1] != patches.shape[2]:
        raise ValueError(f"patches must have shape (n, S, S), not {patches.shape}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    network.check_size(patches.shape[1])
    devices.check_precision(precision, network.device)
    order = np.arange(len(patches)) if rows is None else np.asarray(rows, dtype=np.intp)
    side = network.preprocessing.size or patches.shape[1]
    step = batch_size or devices.batch_size(network.device, side)
    features: list[torch.Tensor] = []
    first = 0
    with (
        torch.inference_mode(),
        _numerics(network.device, precision),
        _Feeder(network, patches, order, ahead=network.device.type == "cuda") as feeder,
    ):
        while first < len(order):
            try:
                features.append(network(feeder.batch(first, step)))
            except torch.OutOfMemoryError:
                if step == 1:
                    raise StudyError(
                        "the GPU's memory does not hold even one patch; free it, choose a "
                        "smaller features.<name>.backbone, or use features.<name>.device: cpu"
                    ) from None
                step = (step + 1) // 2
                log.warning("out of memory on the GPU: going on with batches of %d", step)
                torch.cuda.empty_cache()
                continue
            first += len(features[-1])
            if progress is not None:
                progress(first)
        if not features:
            features.append(network(feeder.batch(0, 0)))
        result: npt.NDArray[np.float32] = torch.cat(features).float().cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(result).all(axis=1))
    if bad.size:
        raise NotFiniteError(bad.tolist())
    return result


class _Feeder:
    """Hands out normalized batches of shape (b, C, S, S), laid out channels last.

    Grey becomes RGB, where the network takes it, and is normalized in one pass, straight into
    memory that is used again for every batch. For a GPU the next batch is read and pinned in a
    thread of its own meanwhile, and crosses over as grey.
    """

    def __init__(
        self,
        network: "Network | OnnxNetwork",
        patches: npt.NDArray[np.float32],
        order: npt.NDArray[np.intp],
        *,
        ahead: bool,
    ) -> None:
        import torch

        self._device, self._patches, self._order = network.device, patches, order
        self._preprocessing = network.preprocessing
        mean = torch.tensor(network.preprocessing.mean, dtype=torch.float64)
        std = torch.tensor(network.preprocessing.std, dtype=torch.float64)
        self._scale = (1 / std).float().to(self._device)
        self._shift = (-mean / std).float().to(self._device)
        self._buffer = torch.empty(0, device=self._device)
        self._reader = ThreadPoolExecutor(1) if ahead else None
        self._next: tuple[tuple[int, int], Future[torch.Tensor]] | None = None

    def __enter__(self) -> "_Feeder":
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.shutdown(cancel_futures=True)

    def batch(self, first: int, step: int) -> "torch.Tensor":
        """Return the batch that starts at place `first` of the order."""
        import torch

        grey = self._grey(first, step).to(self._device, non_blocking=True)
        grey = self._preprocessing.resampled(grey.unsqueeze(1)).squeeze(1)
        size, channels = grey.shape[1], self._preprocessing.channels
        if len(self._buffer) < len(grey):
            self._buffer = torch.empty((len(grey), size, size, channels), device=self._device)
        rgb = self._buffer[: len(grey)]
        torch.addcmul(self._shift, grey.unsqueeze(-1), self._scale, out=rgb)
        return rgb.permute(0, 3, 1, 2)

    def _grey(self, first: int, step: int) -> "torch.Tensor":
        if self._reader is None:
            return self._read(first, step)
        ahead = self._next
        if ahead is not None and ahead[0] == (first, step):
            grey = ahead[1].result()
        else:
            grey = self._read(first, step).pin_memory()
        after = first + step
        self._next = (
            (after, step),
            self._reader.submit(lambda: self._read(after, step).pin_memory()),
        )
        return grey

    def _read(self, first: int, step: int) -> "torch.Tensor":
        import torch

        return torch.from_numpy(self._patches[self._order[first : first + step]])


def _numerics(device: "torch.device", precision: str) -> AbstractContextManager[object]:
    """Return the context in which `precision` means what it says.

    In float32 a GPU's convolutions would by default round products to TF32's ten bits.
    """
    import torch

    if precision != "float32":
        return torch.autocast(device.type, getattr(torch, precision))
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
