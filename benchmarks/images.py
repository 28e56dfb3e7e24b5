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

import numpy as np
import pydicom
import timing
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder

from microcalc.images import decoders, shards
from microcalc.simulate import jpeg
from microcalc.simulate import shard as simulation

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "workflow" / "demo"
SETTINGS = {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256, "cache": False}
GOAL = 1.5
TOGETHER = "both centers"
EVERY = 30
ROUNDS = 7
FULL_FIELD = (3328, 2560)
# RLE has the decoder that pydicom takes too.
SYNTAXES = (uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless)


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


def decoding() -> list[dict[str, str]]:
    """Return how long a full-field image of each compressed syntax takes, as `rows` does.

    Against the decoder that pydicom would take first, in this process.
    """
    rng = np.random.default_rng(1)
    y, x = np.mgrid[: FULL_FIELD[0], : FULL_FIELD[1]]
    tissue = 1500 + 900 * np.sin(x / 230) * np.cos(y / 310) + rng.normal(0, 25, FULL_FIELD)
    pixels = np.where(x < 0.6 * FULL_FIELD[1], tissue, 0).astype(np.uint16)
    return [_decoding(syntax, pixels) for syntax in SYNTAXES]


def _decoding(syntax: uid.UID, pixels: np.ndarray) -> dict[str, str]:
    dataset = _compressed(syntax, pixels)
    described = {
        "rows": dataset.Rows, "columns": dataset.Columns, "bits_allocated": 16, "bits_stored": 12,
        "pixel_representation": 0, "photometric_interpretation": "MONOCHROME2",
    }  # fmt: skip
    stream = get_frame(dataset.PixelData, 0, number_of_frames=1)
    theirs = get_decoder(syntax)
    rounds = [
        (
            _seconds(lambda: decoders.decode(stream, syntax=syntax, **described)),
            _seconds(lambda: theirs.as_array(dataset, index=0, raw=True)),
        )
        for _ in range(ROUNDS)
    ]
    ours_s, theirs_s = (min(seconds) for seconds in zip(*rounds, strict=True))
    return {
        "what": f"decoding {syntax.name.split(',')[0].split('(')[0].strip()}",
        "against": f"pydicom with {theirs.available_plugins[0]}",
        "goal": "",
        "met": "",
        "ratio": f"{statistics.median(a / b for a, b in rounds):.2f} times the time",
        "absolute": f"{1000 * ours_s:.0f} against {1000 * theirs_s:.0f} ms",
    }


def _compressed(syntax: uid.UID, pixels: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.set_pixel_data(pixels, "MONOCHROME2", 12, generate_instance_uid=False)
    if syntax == uid.JPEGLosslessSV1:
        dataset.PixelData = encapsulate([jpeg.encode(pixels, bits=12)])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
    else:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def simulate(folder: Path) -> None:
    """Write every thirtieth image of the demo into `folder`."""
    with open(DEMO / "phantoms.csv", encoding="utf-8") as file:
        phantoms = list(csv.DictReader(file))
    simulation.write(phantoms[::EVERY], folder, seed=2025)


def rows() -> list[dict[str, str]]:
    """Return what `make bench` prints: the cost of a patch in bare decodings, and of these."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder))
        return [_row(result) for result in measure(Path(folder))] + decoding()


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
