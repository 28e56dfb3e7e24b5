import numpy as np
import pytest
import SimpleITK
from tests.unit.images.making import row

from microcalc.core.errors import StudyError
from microcalc.images.formats import decode, read_file
from microcalc.images.image_entry import ImageEntry
from microcalc.plan.detached_headers import beside, joined
from microcalc.plan.refusals import missing_images
from microcalc.plan.shard_rows import files_digest

IMAGE = np.arange(48 * 40, dtype=np.uint16).reshape(48, 40)
MHD = "ObjectType = Image\nNDims = 2\nDimSize = 40 48\n{}ElementSpacing = 0.1 0.1\n"
MHD += "ElementType = MET_USHORT\nElementDataFile = {}\n"


def header(folder, name, more="", raw=b"", suffix=".mhd"):
    path = folder / f"a{suffix}"
    path.write_text(MHD.format(more, name))
    if raw:
        (folder / name).write_bytes(raw)
    return path


def pixels(path):
    return decode(read_file(path, image_id="a"), ImageEntry("a")).pixels


@pytest.mark.parametrize("suffix", [".mhd", ".MHD", ".nhdr"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_itk_writes(suffix, packed, tmp_path):
    written = SimpleITK.GetImageFromArray(IMAGE)
    written.SetSpacing((0.1, 0.1))
    path = tmp_path / f"a{suffix.lower()}"
    SimpleITK.WriteImage(written, str(path), useCompression=packed)
    path = path.rename(tmp_path / f"a{suffix}")
    (other,) = {*tmp_path.iterdir()} - {path}
    assert beside(path) == [str(other)]
    np.testing.assert_array_equal(pixels(path), IMAGE)


@pytest.mark.parametrize("name", ["a.raw", "my pixels.raw", "ä.raw"])
def test_names(name, tmp_path):
    path = header(tmp_path, name, raw=IMAGE.tobytes())
    assert beside(path) == [str(tmp_path / name)]
    np.testing.assert_array_equal(pixels(path), IMAGE)


def test_a_header_of_the_pixels_own_is_passed(tmp_path):
    path = header(tmp_path, "a.raw", "HeaderSize = 6\n", raw=b"header" + IMAGE.tobytes())
    np.testing.assert_array_equal(pixels(path), IMAGE)
    header(tmp_path, "a.raw", "HeaderSize = -1\n")
    with pytest.raises(StudyError, match=r"image a: .*HeaderSize -1"):
        pixels(path)
    one = tmp_path / "a.mha"
    text = MHD.format("HeaderSize = 6\n", "LOCAL").encode()
    one.write_bytes(text + b"header" + IMAGE.tobytes())
    with pytest.raises(StudyError, match="image a: says HeaderSize"):
        pixels(one)


ELSEWHERE = [
    "/etc/passwd", "../a.raw", "..", "sub/a.raw", "C:\\a.raw", "\\\\host\\a.raw", "LIST",
    "a%02d.raw 1 9 1",
]  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_only_its_own_folder_is_read(name, tmp_path):
    path = header(tmp_path, name)
    assert beside(path) == []

    def read(asked):
        assert asked == path
        return path.read_bytes()

    with pytest.raises(StudyError, match=r"pixels lie in (another folder|several files)"):
        joined(path, read)


def test_a_file_of_another_name_may_name_none(tmp_path):
    path = header(tmp_path, "a.raw", raw=IMAGE.tobytes(), suffix=".mha")
    assert beside(path) == []
    with pytest.raises(StudyError, match=r"image a: .*second file.*name the \.mhd"):
        pixels(path)


def test_planning_knows_both_files(tmp_path):
    path = header(tmp_path, "a.raw", raw=IMAGE.tobytes())
    rows = [row("a", path=path.name)]
    before = files_digest(rows, str(tmp_path))
    assert missing_images(rows, str(tmp_path)) == []
    (tmp_path / "a.raw").write_bytes(IMAGE.tobytes() + b"\0\0")
    assert files_digest(rows, str(tmp_path)) != before
    (tmp_path / "a.raw").unlink()
    assert missing_images(rows, str(tmp_path)) == ["a"]
    with pytest.raises(FileNotFoundError, match="image a: "):
        read_file(path, image_id="a")
    assert beside(tmp_path / "b.mhd") == []
