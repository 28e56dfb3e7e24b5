"""Small weights and pictures that the room's tests share."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from microcalc.features import backbone, generated, weights
from microcalc.features.pooled_network import Network
from microcalc.images.region_image import RegionImage

SIZE = 64


@dataclass
class FakeShard:
    """What features take from an images shard."""

    image_id: npt.NDArray[np.str_]
    case_id: npt.NDArray[np.str_]
    view: npt.NDArray[np.str_]
    status: npt.NDArray[np.str_]
    patch: npt.NDArray[np.float32]
    regions: tuple[RegionImage | None, ...] = ()

    def region(self, place: int) -> RegionImage | None:
        return self.regions[place] if self.regions else None


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)  # threads that wait for a busy core spin


@pytest.fixture(scope="session")
def prepared():
    """Random weights of resnet18, their statistics from pictures of 64 px to save time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "PATCH_PX", SIZE)
        return weights.prepare("resnet18", "random", seed=7)


@pytest.fixture(scope="session")
def weights_path(prepared, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    weights.write(prepared, path)
    return path


@pytest.fixture(scope="session")
def network(weights_path) -> Network:
    return backbone.load("resnet18", weights_path)


@pytest.fixture(scope="session")
def patches() -> npt.NDArray[np.float32]:
    return generated.patches(11, n=7, size=SIZE)


@pytest.fixture
def shard(patches) -> FakeShard:
    """Four usable images of two cases, and an excluded one, in no order."""
    return FakeShard(
        image_id=np.array(["i4", "i1", "i3", "i2", "i0"]),
        case_id=np.array(["b", "a", "b", "a", "c"]),
        view=np.array(["MLO", "CC", "CC", "MLO", "CC"]),
        status=np.array(["ok", "ok", "ok", "ok", "excluded"]),
        patch=patches[:5].copy(),
    )
