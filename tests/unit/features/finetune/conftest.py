"""A study small enough to train networks on in seconds: 24 patients, patches of 32 px."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.features.conftest import FakeShard

from microcalc.config.finetune_settings import TrainingSettings
from microcalc.features import generated, weights
from microcalc.features.finetune import network

SIZE = 32
SETTINGS: dict[str, Any] = {
    "folds": 3,
    "holdout": 0.25,
    "stages": 1,
    "head_epochs": 1,
    "epochs": 1,
    "patience": 5,
    "batch_size": 8,
    "head_learning_rate": 0.0001,
    "learning_rate": 0.001,
    "weight_decay": 0.01,
    "label_smoothing": 0.05,
    "class_weights": "balanced",
    "precision": "mixed",
    "augmentation": {
        **{"flip": True, "rotate_deg": 10, "shift": 0.05, "scale": 0.1, "intensity": 0.1}
    },
}


@dataclass(frozen=True)
class Small:
    """Cases of every split with one or two images each, in two shards."""

    included: pd.DataFrame
    shards: list[FakeShard]

    def labelled(self, case_id: str, y: int) -> "Small":
        cases = self.included.copy()
        cases.loc[cases.case_id == case_id, "y"] = y
        return replace(self, included=cases)

    def darkened(self, case_id: str) -> "Small":
        shards = [
            replace(s, patch=np.where((s.case_id == case_id)[:, None, None], 0.0, s.patch))
            for s in self.shards
        ]
        return replace(self, shards=[replace(s, patch=s.patch.astype(np.float32)) for s in shards])


def small_study(seed: int, *, signal: float = 0.35, n_train: int = 24, n_rest: int = 6) -> Small:
    """Return cases whose positive ones have a block in the middle, brighter by `signal`."""
    n = n_train + n_rest
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    cases = pd.DataFrame(
        {
            "case_id": [f"c{i:02d}" for i in range(n)],
            "patient_id": [f"p{i:02d}" for i in range(n)],
            "split": ["train"] * n_train + ["internal"] * n_rest,
            "y": y,
        }
    )
    case = np.repeat(np.arange(n), 1 + random.integers(0, 2, n))
    patches = generated.patches(seed, n=len(case), size=SIZE)
    patches[y[case] == 1, 10:22, 10:22] += signal
    shards = []
    for number in range(2):
        own = np.flatnonzero(case % 2 == number)
        shards.append(
            FakeShard(
                image_id=np.array([f"i{i:03d}" for i in own]),
                case_id=np.array([f"c{case[i]:02d}" for i in own]),
                view=np.full(len(own), "CC"),
                status=np.full(len(own), "ok"),
                patch=np.clip(patches[own], 0, 1),
            )
        )
    return Small(cases, shards)


@pytest.fixture(scope="session")
def small() -> Small:
    return small_study(5)


Tune = Callable[..., network.Files]
BACKBONE = "shufflenet_v2_x0_5"


@pytest.fixture(scope="session")
def start() -> weights.Prepared:
    """Random weights of the smallest backbone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "PATCH_PX", SIZE)
        return weights.prepare(BACKBONE, "random", seed=7)


@pytest.fixture(scope="session")
def start_path(start: weights.Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("start") / f"{BACKBONE}.safetensors"
    weights.write(start, path)
    return path


@pytest.fixture
def tune(start_path: Path, tmp_path: Path) -> Tune:
    """Bring one network of a small study up to date, its files in a folder of `tmp_path`."""

    def run(
        study: Small,
        member: str = "fold-0",
        *,
        into: str = "a",
        backbone: str = BACKBONE,
        start: Path = start_path,
        of_network: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> network.Files:
        folder = tmp_path / into
        files = network.Files(
            *(folder / f"{member}.{suffix}" for suffix in ("safetensors", "json", "csv"))
        )
        network.update(
            files,
            study.shards,
            study.included,
            start,
            TrainingSettings.of(
                {
                    **{"backbone": backbone, "device": "cpu", "finetune": SETTINGS | changes},
                    **(of_network or {}),
                }
            ),
            member=member,
            seed=3,
            checkpoints=folder / "checkpoints",
        )
        return files

    return run
