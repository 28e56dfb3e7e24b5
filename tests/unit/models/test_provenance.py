import json
import struct
from pathlib import Path

import pytest

from microcalc.core.errors import StudyError
from microcalc.models import provenance


def test_weights_are_described_from_the_header(tmp_path: Path) -> None:
    described = {"backbone": "resnet18", "source": "random", "digest": "ab"}
    header = json.dumps({"__metadata__": described | {"preprocessing": "{}"}}).encode()
    path = tmp_path / "resnet18.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"tensors")
    assert provenance.weights(path) == described


@pytest.mark.parametrize("content", [b"", b"\xff" * 30, struct.pack("<Q", 2) + b"{}"])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"w\.safetensors: not a weights file"):
        provenance.weights(path)


IMAGES = {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256, "shards": 4}
EXTRACTION = {
    "layers": ["penultimate"],
    "precision": "float32",
    "pool_views": "mean",
    "harmonize": "none",
    "device": "auto",
}


@pytest.mark.parametrize(
    ("section", "change", "matters"),
    [
        ("images", {"spacing_mm": 0.2}, True),
        ("images", {"normalization": "z-score"}, True),
        ("images", {"thumbnail_px": 64, "shards": 1}, False),
        ("extraction", {"pool_views": "max"}, True),
        ("extraction", {"device": "cpu"}, False),
    ],
)
def test_the_digest_of_the_preprocessing_tells_what_changes_features(
    section: str, change: dict, matters: bool
) -> None:
    given = {"images": IMAGES, "extraction": EXTRACTION}
    other = {**given, section: given[section] | change}
    before, after = (provenance.preprocessing(**g)["digest"] for g in (given, other))
    assert (before != after) == matters
