"""From patches to features: the forward pass in batches, and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from microcalc.errors import StudyError

if TYPE_CHECKING:
    import torch

    from microcalc.features.backbone import Network

RECIPE = 1
"""Raise this when the same patch and the same weights give other features than before."""

Precision = Literal["float32", "bfloat16", "float16"]


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
    network: "Network",
    patches: npt.NDArray[np.float32],
    *,
    batch_size: int = 16,
    progress: Callable[[int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the pooled features of grey patches.

    In float32 a patch's features do not depend on its batch, its place in it or the number of
    threads beyond 1e-5 relative.

    Parameters
    ----------
    network
        What `backbone.load` returned.
    patches
        Intensities in [0, 1], shape (n, S, S).
    batch_size
        Patches per forward pass.
    progress
        Called after each batch with the number of patches done.

    Returns
    -------
    ndarray
        Float32, shape (n, d); d is the width of the network's penultimate layer.

    Raises
    ------
    StudyError
        When the network cannot take patches of this size.
    NotFiniteError
        When a feature is not a finite number.
    """
    import torch

    if patches.ndim != 3 or patches.shape[1] != patches.shape[2]:
        raise ValueError(f"patches must have shape (n, S, S), not {patches.shape}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    network.check_size(patches.shape[1])
    features: list[torch.Tensor] = []
    done = 0
    with torch.inference_mode(), _exact_float32(network.device):
        for batch in _batches(network, patches, batch_size):
            features.append(network(batch))
            done += len(batch)
            if progress is not None:
                progress(done)
        if not features:
            return np.zeros((0, network.width), dtype=np.float32)
        result: npt.NDArray[np.float32] = torch.cat(features).float().cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(result).all(axis=1))
    if bad.size:
        raise NotFiniteError(bad.tolist())
    return result


def _batches(
    network: "Network", patches: npt.NDArray[np.float32], batch_size: int
) -> Iterator["torch.Tensor"]:
    """Yield normalized RGB batches of shape (b, 3, S, S), laid out channels last.

    Grey becomes RGB and is normalized in one pass, straight into the memory the network reads.
    """
    import torch

    mean = torch.tensor(network.preprocessing.mean, dtype=torch.float64)
    std = torch.tensor(network.preprocessing.std, dtype=torch.float64)
    scale = (1 / std).float().to(network.device)
    shift = (-mean / std).float().to(network.device)
    size = patches.shape[1]
    buffer = torch.empty((min(batch_size, len(patches)), size, size, 3), device=network.device)
    for first in range(0, len(patches), batch_size):
        grey = torch.from_numpy(np.ascontiguousarray(patches[first : first + batch_size]))
        rgb = buffer[: len(grey)]
        torch.addcmul(shift, grey.to(network.device).unsqueeze(-1), scale, out=rgb)
        yield rgb.permute(0, 3, 1, 2)


def _exact_float32(device: "torch.device") -> AbstractContextManager[object]:
    """Keep a GPU from rounding float32 products to TF32's ten bits, which cuDNN does by default."""
    import torch

    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


def choose_device(name: str) -> "torch.device":
    """Return the device for `auto`, `cpu` or `cuda`.

    Raises
    ------
    StudyError
        When `cuda` is asked for and this machine has none.
    """
    import torch

    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise StudyError(
            "features.device is cuda, but torch sees no CUDA GPU on this machine; "
            "use features.device: auto or cpu, or run where there is one"
        )
    if name not in ("auto", "cpu", "cuda"):
        raise StudyError(f"features.device is {name!r}; expected auto, cpu or cuda")
    return torch.device("cuda" if present and name != "cpu" else "cpu")
