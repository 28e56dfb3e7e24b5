import os

import pytest
from tests.unit.images.making import SETTINGS, breast, dicom, row

from microcalc.config.image_settings import ImageSettings
from microcalc.core.errors import StudyError
from microcalc.images import dicom as dicom_files
from microcalc.images import shards
from microcalc.images.content import content_errors, read_bytes, undecodable
from microcalc.images.image_entry import ImageEntry


def sparse(path, size):
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def test_a_file_is_looked_at_before_it_is_read(tmp_path):
    with pytest.raises(StudyError, match=r"image a: .*max_file_gb allows \(2000\.0 GB, allowed 2"):
        read_bytes(sparse(tmp_path / "a.dcm", 2 * 10**12), image_id="a")
    path = tmp_path / "b.dcm"
    path.write_bytes(b"12345")
    assert read_bytes(path, image_id="b", max_gb=5e-9) == b"12345"
    with pytest.raises(StudyError, match="image b: "):
        read_bytes(path, image_id="b", max_gb=4e-9)


def test_a_device_or_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(StudyError, match="image a: its path leads to a device or pipe"):
            read_bytes(path, image_id="a")
        with pytest.raises(StudyError, match="its path leads to no file"):
            dicom_files.read_spacing(path, ImageEntry("a"))


def test_a_folder_and_a_missing_file_stay_errors_of_the_system(tmp_path):
    with pytest.raises(IsADirectoryError, match="image a: "):
        read_bytes(tmp_path, image_id="a")
    with pytest.raises(FileNotFoundError, match="image a: "):
        read_bytes(tmp_path / "a.dcm", image_id="a")


def test_a_shard_is_kept_when_one_file_is_too_large(tmp_path):
    (tmp_path / "a.dcm").write_bytes(dicom(breast(), BitsStored=12))
    sparse(tmp_path / "b.dcm", 3 * 10**9)
    os.mkfifo(tmp_path / "c.dcm")

    def updated(**settings):
        shards.update(
            tmp_path / "shard.npz",
            [row(name) for name in "abc"],
            settings=ImageSettings.of(SETTINGS | settings),
            image_folder=tmp_path,
            digest="",
        )
        return shards.read(tmp_path / "shard.npz")

    shard = updated()
    assert shard.status.tolist() == ["ok", "excluded", "excluded"]
    assert shard.reason[1] == "its file is larger than images.max_file_gb allows"
    assert shard.detail[1] == "3.0 GB, allowed 2 GB"
    small = updated(max_file_gb=1e-6)
    assert small.status.tolist() == ["excluded"] * 3
    assert updated().key.tolist() == shard.key.tolist()
    assert len({*shard.key, *small.key}) == 5


@pytest.mark.parametrize("error", [RuntimeError("Mustermann"), KeyError("Mustermann"), None])
@pytest.mark.parametrize("what", ["its content", "its ROI file"])
def test_a_reason_names_no_kind_of_exception(error, what):
    """So that one fault is one line of the flow, whoever found it; the kind is a detail."""
    error = undecodable("RuntimeError") if error is None else error
    with pytest.raises(StudyError) as caught, content_errors("a", what):
        raise error
    assert caught.value.reason == (
        f"image a: {what} could not be decoded; the file is damaged or of another kind: "
        "export it again"
    )
    assert caught.value.detail in {"RuntimeError", "KeyError"}
