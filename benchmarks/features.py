"""Extraction against the bare `model(x)` loop over the same batches in memory.

`python benchmarks/features.py` prints, for the device at hand, the fraction of the bare loop that
extraction reaches and images per second at each precision; on a machine with a GPU also how far
the GPU's features are from the CPU's, and the memory that a patch takes. Sides take turns in one
process, each first in every other turn, and medians are compared. On a CPU it is processor time on
one thread that is compared, so that a machine at work on other things gives the same answer.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import timing
import torch

from microcalc import features
from microcalc.config.network_settings import NetworkSettings
from microcalc.features import (
    backbone,
    device,
    forward,
    generated,
    kinds,
    network_features,
    shard_features,
    weights,
)
from microcalc.features.pooled_network import Network
from microcalc.images import shard_file

BACKBONE = "resnet101"
SIZE = 224
GOAL = 0.95
BUDGET_S = 25.0
"""Turns are taken until a row of the table has cost this long, at least one and at most nine."""

Timed = tuple[list[tuple[float, ...]], int]
"""Seconds of ours and of the bare loop in each turn, and how many images they took."""

PARITY = {"float32": 1e-4, "bfloat16": 0.05, "float16": 0.01}
"""Largest difference from the CPU's float32, relative to the largest feature."""


def rows() -> Iterator[dict[str, str]]:
    """Yield what `make bench` prints: extraction as a fraction of the bare loop."""
    where = device.choose("auto")
    with _weights() as path, _threads(where):
        network = backbone.load(BACKBONE, path, device=where)
        on = where.type if where.type == "cuda" else "one thread"
        for precision in _precisions(where):
            yield _row(f"extract, {on}, {precision}", *_against_bare(network, precision))
        what = f"read, extract and write a shard, {on}, float32"
        yield _row(what, *_whole_shard(path, network))


@contextmanager
def _threads(where: torch.device) -> Iterator[None]:
    """Compute on one thread of a CPU: processor time is then time."""
    threads = torch.get_num_threads()
    if where.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _row(what: str, turns: Sequence[tuple[float, ...]], n: int) -> dict[str, str]:
    ours, bare = (statistics.median(seconds) for seconds in zip(*turns, strict=True))
    # Of the turns' own ratios: a machine that others use too is slow for both sides at once.
    ratio = statistics.median(b / o for o, b in turns)
    return {
        "what": f"{BACKBONE}: {what}",
        "against": "bare model(x) loop",
        "goal": f"at least {GOAL}",
        "met": timing.verdict(ratio >= GOAL),
        "ratio": f"{ratio:.3f}",
        "absolute": f"{n / ours:.1f} against {n / bare:.1f} images/s",
    }


@contextmanager
def _weights() -> Iterator[Path]:
    """Yield weights whose values do not matter, but whose activations stay finite."""
    with tempfile.TemporaryDirectory() as folder:
        generated.N_PATCHES, kept = 4, generated.N_PATCHES
        prepared = weights.prepare(BACKBONE, "random", seed=1)
        generated.N_PATCHES = kept
        path = Path(folder) / f"{BACKBONE}.safetensors"
        weights.write(prepared, path)
        yield path


def _precisions(where: torch.device) -> Sequence[str]:
    return device.PRECISIONS if where.type == "cuda" else device.PRECISIONS[:2]


def _batches(where: torch.device) -> tuple[int, int]:
    """Return the size of a batch and how many of them to time."""
    return device.batch_size(where, SIZE), 8 if where.type == "cuda" else 1


def _bare(network: Network, batch: torch.Tensor, n: int, precision: str) -> None:
    with torch.inference_mode(), forward._numerics(network.device, precision):
        for _ in range(n):
            network.body(batch)
    _wait(network.device)


def _wait(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def _against_bare(network: Network, precision: str) -> Timed:
    size, n = _batches(network.device)
    patches = np.tile(generated.patches(1, n=4, size=SIZE), (size * n // 4 + 1, 1, 1))[: size * n]
    batch = torch.randn(size, 3, SIZE, SIZE, device=network.device).contiguous(
        memory_format=torch.channels_last
    )
    sides = (
        lambda: features.extract(network, patches, batch_size=size, precision=precision),
        lambda: _bare(network, batch, n, precision),
    )
    turns = timing.turns_within(BUDGET_S, sides, most=9, clock=_clock(network.device))
    return turns, size * n


def _whole_shard(path: Path, network: Network) -> Timed:
    """Time what a job does once the network is there, against the bare loop."""
    size, n = _batches(network.device)
    n *= 2  # a shard has more images than one, over which reading and writing are spread
    patches = np.tile(generated.patches(1, n=4, size=SIZE), (size * n // 4 + 1, 1, 1))[: size * n]
    batch = torch.randn(size, 3, SIZE, SIZE, device=network.device).contiguous(
        memory_format=torch.channels_last
    )
    settings = NetworkSettings(
        kind="network", backbone=BACKBONE, weights="random", device=network.device.type
    )
    files, threads = kinds.Files([str(path)]), torch.get_num_threads()

    def ours(shard: Path, out: Path) -> None:
        measurement = network_features.measurement(settings.measured_by, files, threads=threads)
        shard_features.update(out, shard_file.read(shard), measurement, cache=False)

    load = backbone.load
    with tempfile.TemporaryDirectory() as folder:
        shard, out = Path(folder) / "shard.npz", Path(folder) / "shard.parquet"
        _write_shard(shard, patches)
        backbone.load = lambda *_args, **_options: network
        try:
            sides = (
                lambda: ours(shard, out),
                lambda: _bare(network, batch, n, "float32"),
            )
            turns = timing.turns_within(BUDGET_S, sides, most=9, clock=_clock(network.device))
        finally:
            backbone.load = load
    return turns, size * n


def _write_shard(path: Path, patches: np.ndarray) -> None:
    texts = dict.fromkeys(shard_file.TEXTS, "") | {"status": "ok"}
    blank = np.zeros((1, 1), np.uint8)
    # Noise, so that no two rows have one key.
    random = np.random.default_rng(1)
    made = (
        shard_file.Row(
            texts | {"image_id": f"i{i:05d}", "case_id": f"c{i:05d}"},
            patch + 1e-3 * random.random(patch.shape, dtype=np.float32),
            blank,
        )
        for i, patch in enumerate(patches)
    )
    shard_file.write(
        path, made, count=len(patches), patch_px=SIZE, thumbnail_px=1, digest="", recipe=0
    )


def _clock(where: torch.device) -> Callable[[], float]:
    return time.perf_counter if where.type == "cuda" else time.process_time


def parity() -> list[str]:
    """Return one line per precision: how far a GPU's features are from the CPU's float32."""
    lines = []
    patches = generated.patches(2, n=16, size=SIZE)
    with _weights() as path:
        exact = features.extract(backbone.load(BACKBONE, path), patches)
        network = backbone.load(BACKBONE, path, device="cuda")
        for precision, tolerance in PARITY.items():
            got = features.extract(network, patches, precision=precision)
            off = float(np.abs(got - exact).max() / np.abs(exact).max())
            verdict = "within" if off <= tolerance else "BEYOND"
            lines.append(f"cuda {precision}: {off:.1e} from cpu float32, {verdict} {tolerance:g}")
    return lines


def memory() -> str:
    """Return what a patch takes of a GPU's memory, beside what batches are planned by."""
    with _weights() as path:
        network = backbone.load(BACKBONE, path, device="cuda")
        n = device.CUDA_BATCH
        patches = np.zeros((n, SIZE, SIZE), np.float32)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        features.extract(network, patches, batch_size=n)
        taken = (torch.cuda.max_memory_allocated() - before) / n
    planned = device.BYTES_PER_PATCH * SIZE**2
    return f"cuda memory: {taken / 2**20:.0f} MiB a patch, {planned / 2**20:.0f} planned"


if __name__ == "__main__":
    for row in rows():
        print("; ".join(row.values()), flush=True)
    if torch.cuda.is_available():
        print(memory())
        found = parity()
        print("\n".join(found))
        sys.exit(any("BEYOND" in line for line in found))
