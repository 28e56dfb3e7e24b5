import json
import struct
from pathlib import Path

import pytest

from microcalc.config.image_settings import ImageSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.patch_recipe import Recipe
from microcalc.core.errors import StudyError
from microcalc.models import provenance


def test_weights_are_described_from_the_header(tmp_path: Path) -> None:
    described = {"backbone": "resnet18", "source": "random", "digest": "ab"}
    header = json.dumps({"__metadata__": described | {"preprocessing": "{}"}}).encode()
    path = tmp_path / "resnet18.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"tensors")
    assert provenance.weights(path) == described


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        ("random (seed 7)", False),
        ("IMAGENET1K_V2 (resnet18-0.pth)", False),
        ("fine-tuned (whole) from a.pth", False),
        ("a.pth", True),
        ("augreg_in21k (timm/vit)", True),
    ],
)
def test_preprocessing_is_told_of_weights_whose_name_does_not_tell_it(
    source: str, is_told: bool, tmp_path: Path
) -> None:
    described = {"backbone": "b", "source": source, "digest": "ab", "preprocessing": '{"mean": 1}'}
    header = json.dumps({"__metadata__": described}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    found = provenance.weights(tmp_path / "w.safetensors")
    assert found.get("preprocessing") == ('{"mean": 1}' if is_told else None)


@pytest.mark.parametrize("content", [b"", b"\xff" * 30, struct.pack("<Q", 2) + b"{}"])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"w\.safetensors: not a weights file"):
        provenance.weights(path)


NETWORK = {"kind": "network", "backbone": "resnet18", "weights": "random"}


@pytest.mark.parametrize(
    ("section", "change", "matters"),
    [
        ("images", {"spacing_mm": 0.2}, True),
        ("images", {"normalization": "z-score"}, True),
        ("images", {"thumbnail_px": 64, "shards": 1}, False),
        ("features", {"pool_views": "max"}, True),
        ("features", {"layers": ["layer3"]}, True),
        ("features", {"source": "timm", "tokens": "cls"}, True),
        ("features", {"device": "cpu"}, False),
        ("features", {"stability": {"perturbations": 3}}, False),
    ],
)
def test_the_digest_of_the_preprocessing_tells_what_changes_features(
    section: str, change: dict, matters: bool
) -> None:
    def digest(**changes: dict) -> str:
        images = ImageSettings.of(changes.get("images", {}))
        network = NetworkSettings.of(NETWORK | changes.get("features", {}))
        made = (network.measured_in, network.deployed_by)
        return provenance.preprocessing(Recipe.from_settings(images).as_key(), *made)["digest"]

    before, after = digest(), digest(**{section: change})
    assert (before != after) == matters
