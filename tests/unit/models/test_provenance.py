import json
import struct
from pathlib import Path

import pytest

from microcalc.errors import StudyError
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
