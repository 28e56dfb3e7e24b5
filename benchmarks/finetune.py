"""What fine-tuning one network takes: `python benchmarks/finetune.py [backbone] [device] [cases]`.

Trains one network on generated patches of 224 px, on a GPU resnet101 unless told otherwise, with
two views of 120 cases, and prints seconds, images per second, the memory it took on a GPU, and
whether a second training gave the same weights. It has no `rows()`: minutes long, it is no part of
`make bench`.
"""

import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

from microcalc.config.finetune_settings import FinetuneSettings, TrainingSettings
from microcalc.core.files import read_csv, read_json
from microcalc.features import device, generated, weights
from microcalc.features.finetune import network

SIZE = 224
CASES = 120
VIEWS = 2


def main(backbone: str, where: str, n_cases: int) -> None:
    """Print the table."""
    settings = FinetuneSettings(folds=3, head_epochs=2, epochs=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = folder / "start.safetensors"
        weights.write(weights.prepare(backbone, "random", seed=1), start)
        shard, included = _study(n_cases)
        digests = []
        for turn in ("first", "second"):
            began = time.perf_counter()
            files = _train(folder / turn, shard, included, start, backbone, where, settings)
            seconds = time.perf_counter() - began
            report, curve = read_json(files.report), read_csv(files.curve)
            images = report["learn"]["images"] * len(curve)
            print(
                f"{backbone} on {where}, {turn}: {len(curve)} epochs of "
                f"{report['learn']['images']} images in {seconds:.1f} s, "
                f"{images / seconds:.0f} images/s, held-out AUC {report['auc_stop']:.2f}"
            )
            digests.append(report["digest"])
        if where == "cuda":
            print(f"memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
        print("same weights twice:", "yes" if len(set(digests)) == 1 else "NO")


def _study(n_cases: int) -> tuple[Any, pd.DataFrame]:
    """Return a shard and its cases, the positive ones brighter in the middle."""
    y = np.arange(n_cases) % 2
    case = np.repeat(np.arange(n_cases), VIEWS)
    patches = generated.patches(1, n=len(case), size=SIZE)
    patches[y[case] == 1, 80:144, 80:144] += 0.1
    case_id = np.array([f"c{i:04d}" for i in range(n_cases)])
    included = pd.DataFrame({"case_id": case_id, "patient_id": case_id, "split": "train", "y": y})
    shard = SimpleNamespace(
        image_id=np.array([f"i{i:05d}" for i in range(len(case))]),
        case_id=case_id[case],
        view=np.tile(["CC", "MLO"], n_cases),
        status=np.full(len(case), "ok"),
        patch=np.clip(patches, 0, 1),
    )
    return shard, included


def _train(
    folder: Path,
    shard: Any,
    included: pd.DataFrame,
    start: Path,
    backbone: str,
    where: str,
    settings: FinetuneSettings,
) -> network.Files:
    folder.mkdir()
    files = network.Files(
        *(folder / f"network.{suffix}" for suffix in ("safetensors", "json", "csv"))
    )
    network.update(
        files,
        [shard],
        included,
        start,
        TrainingSettings(backbone=backbone, device=where, finetune=settings),
        member="fold-0",
        seed=1,
        checkpoints=folder / "checkpoints",
    )
    return files


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    device_name = given.get(2, device.choose("auto").type)
    usual = "resnet101" if device_name == "cuda" else "resnet18"
    main(given.get(1, usual), device_name, int(given.get(3, CASES)))
