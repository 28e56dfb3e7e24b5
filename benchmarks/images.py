"""How long a shard of patches takes, against bare decoding of the same files.

`python benchmarks/images.py` simulates a few mammograms of either center and prints a table;
`python benchmarks/images.py results/demo` takes the demo's own files. `make bench` calls `rows`.
"""

import csv
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pydicom
import timing

from microcalc.config.image_settings import ImageSettings
from microcalc.images import decoders, shards
from microcalc.simulate import shard as simulation

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "workflow" / "demo"
SETTINGS = ImageSettings.of(
    {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256, "cache": False}
)
GOAL = 1.5
TOGETHER = "both centers"
EVERY = 30
ROUNDS = 7


@dataclass(frozen=True)
class Result:
    """Processor seconds per image, of the images room and of `pixel_array` alone.

    `ratio` is how many times bare decoding a patch costs.
    """

    files: str
    images: int
    patch_s: float
    bare_s: float
    ratio: float


def measure(folder: Path) -> list[Result]:
    """Return the cost of patches from the DICOM files in `folder`: all, then each center's.

    The center of a demo case decides its files: JPEG Lossless in A, uncompressed in B.
    """
    with open(DEMO / "cases.csv", encoding="utf-8") as file:
        cases = {row["case_id"]: row for row in csv.DictReader(file)}
    with open(DEMO / "images.csv", encoding="utf-8") as file:
        images = [
            row | {"patient_id": cases[row["case_id"]]["patient_id"]}
            for row in csv.DictReader(file)
            if (folder / row["path"]).exists()
        ]
    groups = {TOGETHER: images}
    for center in ("A", "B"):
        groups[f"center {center}"] = [r for r in images if cases[r["case_id"]]["center"] == center]
    return [_measured(name, group, folder) for name, group in groups.items() if group]


def _measured(name: str, rows: list[dict[str, str]], folder: Path) -> Result:
    with tempfile.TemporaryDirectory() as results:

        def patches() -> None:
            shards.update(
                Path(results, "shard.npz"),
                rows,
                settings=SETTINGS,
                image_folder=folder,
                digest="",
            )

        def bare() -> None:
            for row in rows:
                pydicom.dcmread(folder / row["path"]).pixel_array.sum()

        rounds = [(_seconds(patches), _seconds(bare)) for _ in range(ROUNDS)]
        # Other work on the machine only adds, and within a round to both sides alike.
        patch_s, bare_s = (min(seconds) / len(rows) for seconds in zip(*rounds, strict=True))
        ratio = statistics.median(ours / theirs for ours, theirs in rounds)
        return Result(name, len(rows), patch_s, bare_s, ratio)


def _seconds(work: Callable[[], object]) -> float:
    """Return the processor time of `work`, with that of the process that decodes for it."""
    decoders.stop()
    start = _spent()
    work()
    # A child is counted once it has ended.
    decoders.stop()
    return _spent() - start


def _spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def simulate(folder: Path) -> None:
    """Write every thirtieth image of the demo into `folder`."""
    with open(DEMO / "phantoms.csv", encoding="utf-8") as file:
        phantoms = list(csv.DictReader(file))
    simulation.write(phantoms[::EVERY], folder, seed=2025)


def rows() -> list[dict[str, str]]:
    """Return what `make bench` prints: the cost of a patch in bare decodings."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder))
        return [_row(result) for result in measure(Path(folder))]


def _row(result: Result) -> dict[str, str]:
    return {
        "what": f"patches of {result.files}",
        "against": "bare pixel_array",
        # Uncompressed files alone are copied, not decoded.
        "goal": f"at most {GOAL} times the time" if result.files == TOGETHER else "",
        "met": timing.verdict(result.ratio <= GOAL) if result.files == TOGETHER else "",
        "ratio": f"{result.ratio:.2f} times the time",
        "absolute": f"{1 / result.patch_s:.0f} against {1 / result.bare_s:.0f} images/s",
    }


def table(results: list[Result]) -> str:
    """Return the results as a Markdown table, and whether the first keeps to the goal."""
    lines = [
        "| files | images | bare decoding | to a patch in its shard | patches/s | ratio |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.files} | {r.images} | {1000 * r.bare_s:.1f} ms | {1000 * r.patch_s:.1f} ms "
        f"| {1 / r.patch_s:.0f} | {r.ratio:.2f} |"
        for r in results
    ]
    kept = "kept" if results[0].ratio <= GOAL else "MISSED"
    return "\n".join([*lines, "", f"Goal for both centers together, at most {GOAL}: {kept}."])


def run(study: str | None = None) -> list[Result]:
    """Print the table for a demo study's own files, or for a few that are simulated first."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(study, "simulate", "dicom") if study else Path(temporary)
        if not study:
            simulate(folder)
        results = measure(folder)
    sys.stdout.write(table(results) + "\n")
    return results


if __name__ == "__main__":
    run(*sys.argv[1:2])
