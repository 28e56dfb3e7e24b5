"""Device, precision and batch size: where and how a network computes."""

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from microcalc.core.errors import StudyError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

PRECISIONS = ("float32", "bfloat16", "float16")

# The tensors of a patch of 224 px that are alive at once take 11 MiB in ResNet101, 25 in VGG, 32 in
# MaxViT (counted by tests/unit/features/test_device.py); the rest is for a library's work space.
# `python benchmarks/features.py` prints what a GPU takes.
BYTES_PER_PATCH = 96 * 2**20 / 224**2
CPU_BATCH, CUDA_BATCH = 8, 128
CPU_BYTES = 2**30


def choose(name: str) -> "torch.device":
    """Return the device for `auto`, `cpu` or `cuda`.

    Parameters
    ----------
    name
        ``auto`` is the GPU where torch sees one.

    Returns
    -------
    torch.device
        Without an index; `hold` chooses one of several GPUs.

    Raises
    ------
    StudyError
        When the name is none of the three, or `cuda` is asked for and this machine has none.
    """
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise StudyError(f"features.device is {name!r}; expected auto, cpu or cuda")
    present = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not present:
        raise StudyError(
            "features.device is cuda, but torch sees no CUDA GPU on this machine; "
            "use features.device: auto or cpu, or run where there is one"
        )
    return torch.device("cuda" if present else "cpu")


def check_precision(precision: str, device: "torch.device") -> None:
    """Refuse a precision that `device` cannot compute in.

    Parameters
    ----------
    precision
        One of `PRECISIONS`.
    device
        As of `choose`.

    Raises
    ------
    StudyError
        When it is no such precision, or float16 without a GPU.
    """
    if precision not in PRECISIONS:
        raise StudyError(f"features.precision is {precision!r}; expected {', '.join(PRECISIONS)}")
    if precision == "float16" and device.type != "cuda":
        raise StudyError(
            "features.precision is float16, which needs a CUDA GPU; "
            "use float32, or bfloat16 for speed at some accuracy"
        )


def batch_size(device: "torch.device", size: int) -> int:
    """Return how many patches to compute at a time.

    `CPU_BATCH` on a processor and `CUDA_BATCH` on a GPU; fewer of larger patches, as many as fit
    into a gibibyte or into half of the GPU's free memory.

    Parameters
    ----------
    device
        As of `choose`.
    size
        Side of the patches in pixels.

    Returns
    -------
    int
        At least 1.
    """
    import torch

    if device.type == "cuda":
        free, most = torch.cuda.mem_get_info(device)[0] // 2, CUDA_BATCH
    else:
        free, most = CPU_BYTES, CPU_BATCH
    return max(1, min(most, int(free / (BYTES_PER_PATCH * size**2))))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: torch sums over a batch in an order that depends on them.

    Yields
    ------
    None
        To the block; afterwards there are as many threads as before.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def hold(device: "torch.device", *, folder: Path | None = None) -> Iterator["torch.device"]:
    """Hold a device for this process alone: concurrent jobs on one machine never share a GPU.

    Of several GPUs it takes the first that no other job holds, and waits when all are taken. The
    lock is a file of the machine (not of the study, so that two studies keep apart too) which the
    operating system releases however the job ends. A CPU needs no lock: Snakemake counts threads.

    Parameters
    ----------
    device
        As of `choose`.
    folder
        Where the locks lie; the machine's folder for temporary files by default.

    Yields
    ------
    torch.device
        A GPU with its index.
    """
    import torch

    if device.type != "cuda":
        yield device
        return
    names = [
        str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())
    ]
    with lock_one(names, folder or Path(tempfile.gettempdir())) as index:
        yield torch.device("cuda", index)


@contextmanager
def lock_one(
    names: Sequence[str],
    folder: Path,
    *,
    wait_s: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Lock the first of `names` that no other process has locked; wait where there is none.

    Parameters
    ----------
    names
        Of the GPUs.
    folder
        Where the locks lie.
    wait_s
        Seconds between two attempts.
    sleep
        What waits for them.

    Yields
    ------
    int
        Its place in `names`.
    """
    with ExitStack() as stack:
        handles = [
            stack.enter_context(_shared_file(folder / f"microcalc-gpu-{name}.lock"))
            for name in names
        ]
        said = False
        while True:
            for index, handle in enumerate(handles):
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield index
                return
            if not said:
                log.info("waiting: other jobs hold this machine's %d GPU(s)", len(names))
                said = True
            sleep(wait_s)


@contextmanager
def _shared_file(path: Path) -> Iterator[int]:
    """Yield an open file that any user of the machine can lock.

    Linux may refuse O_CREAT for another user's file in a folder that all can write
    (fs.protected_regular), so a file that is there is opened without.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT)
        os.fchmod(handle, 0o644)  # whatever the umask
    try:
        yield handle
    finally:
        os.close(handle)
