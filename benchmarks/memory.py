"""The most memory that one shard's job holds, by the number of images in the shard."""

import csv
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import timing

ROOT = Path(__file__).parents[1]
IMAGES = ((12, 96), (64, 1024))
"""How many images the small and the large shard hold: of the images room, of the features room."""
GOAL = 1.15

EXTRACT_PATCHES = """
import csv, sys
from microcalc.images import shards
settings = {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256, "cache": False}
rows = list(csv.DictReader(open("rows.csv")))
shards.update("shard.npz", rows, settings=settings, image_folder=".", digest="")
"""

EXTRACT_FEATURES = """
import json
from microcalc.features import shard_features
from microcalc.images import shard_file
settings = {"backbone": "resnet18", "device": "cpu", "cache": False, "batch_size": 16}
shard = shard_file.read("shard.npz")
shards.update("shard.parquet", shard, "weights.safetensors", settings, threads=1)
"""


def rows() -> Iterator[dict[str, str]]:
    """Yield the growth from a small to a large shard, for either kind of job."""
    sides: tuple[tuple[str, str, Callable[[Path, int], None]], ...] = (
        ("extract_patches", EXTRACT_PATCHES, _mammograms),
        ("extract_features (resnet18, batch of 16)", EXTRACT_FEATURES, _patches),
    )
    for (what, script, lay_out), sizes in zip(sides, IMAGES, strict=True):
        peaks = []
        for count in sizes:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                lay_out(folder, count)
                program = [sys.executable, "-c", script]
                peaks.append(timing.watch(program, cwd=folder).peak_gib)
        small, large = peaks
        yield {
            "what": f"memory of one {what} job",
            "against": f"{sizes[1]} images, {sizes[0]} images",
            "goal": f"at most {GOAL} times: independent of the number",
            "met": timing.verdict(large <= GOAL * small),
            "ratio": f"{large / small:.2f}",
            "absolute": f"{large:.2f} against {small:.2f} GiB",
        }


def _mammograms(folder: Path, count: int) -> None:
    """Write a few mammograms under as many names as there are images."""
    import images

    images.simulate(folder)
    with open(images.DEMO / "images.csv", encoding="utf-8") as file:
        known = [row for row in csv.DictReader(file) if (folder / row["path"]).exists()]
    rows = [
        known[i % len(known)] | {"image_id": f"I{i:05d}", "patient_id": "P"} for i in range(count)
    ]
    with open(folder / "rows.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def _patches(folder: Path, count: int) -> None:
    """Write a shard of patches, all different, and weights."""
    import features

    from microcalc.features import generated, weights

    made = generated.patches(1, n=4, size=features.SIZE)
    features._write_shard(folder / "shard.npz", made[[i % 4 for i in range(count)]])
    kept, generated.N_PATCHES = generated.N_PATCHES, 4
    weights.write(weights.prepare("resnet18", "random", seed=1), folder / "weights.safetensors")
    generated.N_PATCHES = kept


if __name__ == "__main__":
    for row in rows():
        print("; ".join(row.values()), flush=True)
