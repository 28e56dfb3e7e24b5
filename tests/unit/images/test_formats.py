"""The same mammogram in every format becomes the same patch."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image
from tests.unit.images.making import SETTINGS, breast, dicom, row

from microcalc.config.image_settings import ImageSettings
from microcalc.core.errors import StudyError
from microcalc.images import shards, window
from microcalc.images.content import read_bytes
from microcalc.images.formats import decode, read_file, read_spacing
from microcalc.images.image_entry import ImageEntry

IMAGE = breast()
ROWS = IMAGE.shape[0]
SPACING = 0.1


def as_itk(image, path, spacing=SPACING, direction=None, **options):
    made = SimpleITK.GetImageFromArray(image)
    if spacing:
        made.SetSpacing([spacing] * made.GetDimension())
    if direction:
        made.SetDirection(direction)
    SimpleITK.WriteImage(made, str(path), **options)
    return path.read_bytes()


def as_dcm2niix(image, path):
    """Reversed rows, no orientation, a spacing of 1."""
    data = bytearray(as_itk(np.ascontiguousarray(image[::-1]).astype(np.int16), path, spacing=None))
    data[252:256] = bytes(4)
    data[280:328] = bytes(48)
    path.write_bytes(data)


def as_pgm(image, path, plain=False):
    rows, columns = image.shape
    if plain:
        body = "\n".join(" ".join(map(str, line)) for line in image.tolist()).encode() + b"\n"
    else:
        body = image.astype(">u2").tobytes()
    path.write_bytes(b"P%d\n# made here\n%d %d\n4095\n" % (2 if plain else 5, columns, rows) + body)


def as_mhd(image, path):
    as_itk(image, path)
    assert path.with_suffix(".raw").stat().st_size == image.nbytes


WRITERS = {
    "a.dcm": lambda path: path.write_bytes(dicom(IMAGE, BitsStored=12)),
    "png.png": lambda path: Image.fromarray(IMAGE).save(path),
    "tiff.tiff": lambda path: tifffile.imwrite(path, IMAGE, compression="zlib"),
    "raw.pgm": lambda path: as_pgm(IMAGE, path),
    "plain.pgm": lambda path: as_pgm(IMAGE, path, plain=True),
    "nifti.nii": lambda path: as_itk(IMAGE, path),
    "packed.nii.gz": lambda path: as_itk(IMAGE[None].astype(np.float64), path),
    "signed.nii": lambda path: as_itk(IMAGE.astype(np.int16), path),
    "nrrd.nrrd": lambda path: as_itk(IMAGE, path, useCompression=True),
    "mha.mha": lambda path: as_itk(IMAGE[None].astype(np.int32), path),
    "packed.mha": lambda path: as_itk(IMAGE, path, useCompression=True),
    "two.mhd": lambda path: as_mhd(IMAGE, path),
    "two.nhdr": lambda path: as_itk(IMAGE, path),
}
# Their headers are not believed, or they have none.
TABLE = ("png", "tiff", "raw.pgm", "plain", "jpeg", "dcm2niix")


def patches_of(folder, names, columns=lambda name: {}, **settings):
    rows = [
        row(
            name.replace(".", "_"),
            path=name,
            spacing_mm=str(SPACING) if name.startswith(TABLE) else "",
            **columns(name),
        )
        for name in names
    ]
    shards.update(
        folder / "shard.npz",
        rows,
        settings=ImageSettings.of(SETTINGS | settings),
        image_folder=folder,
        digest="",
    )
    return shards.read(folder / "shard.npz")


def test_the_same_mammogram_in_every_format_becomes_the_same_patch(tmp_path):
    for name, write in WRITERS.items():
        write(tmp_path / name)
    shard = patches_of(tmp_path, WRITERS)
    assert shard.reason.tolist() == [""] * len(WRITERS)
    assert shard.patch.std() > 0.01
    first = shard.image_id.tolist().index("a_dcm")
    for i, image_id in enumerate(shard.image_id):
        np.testing.assert_array_equal(shard.patch[i], shard.patch[first], err_msg=image_id)
        np.testing.assert_array_equal(shard.thumbnail[i], shard.thumbnail[first])
        found = json.loads(shard.qc[i])
        assert (found["spacing_row_mm"], found["spacing_column_mm"]) == (SPACING, SPACING)
        assert found["flags"] == ""
    # Copies of one image are known again in whatever format they come.
    assert len({*shard.pixel_digest}) == 1


def test_a_mammogram_that_dcm2niix_converted_is_shown_upright(tmp_path):
    """Its box is counted in the file's own rows, from the bottom."""
    WRITERS["a.dcm"](tmp_path / "a.dcm")
    as_dcm2niix(IMAGE, tmp_path / "dcm2niix.nii")

    def box(name):
        return {"y0": 150, "y1": 200} if name == "a.dcm" else {"y0": ROWS - 200, "y1": ROWS - 150}

    shard = patches_of(tmp_path, ["a.dcm", "dcm2niix.nii"], box)
    assert shard.status.tolist() == ["ok", "ok"]
    np.testing.assert_array_equal(shard.patch[1], shard.patch[0])
    assert shard.pixel_digest[0] == shard.pixel_digest[1]
    np.testing.assert_array_equal(shard.thumbnail[1], shard.thumbnail[0])
    assert [json.loads(qc)["flags"] for qc in shard.qc] == ["", "image_orientation_unsure"]
    sure = patches_of(tmp_path, ["a.dcm", "dcm2niix.nii"], box, orientation="rows_reversed")
    np.testing.assert_array_equal(sure.patch, shard.patch)
    assert json.loads(sure.qc[1])["flags"] == ""
    stored = patches_of(tmp_path, ["a.dcm", "dcm2niix.nii"], box, orientation="stored")
    np.testing.assert_allclose(stored.patch[1], shard.patch[1][::-1], atol=0.03)


def test_a_box_counted_from_the_wrong_end_is_told(tmp_path):
    as_dcm2niix(IMAGE, tmp_path / "dcm2niix.nii")
    corner = {"x0": 190, "x1": 206, "y0": 180, "y1": 220}
    assert patches_of(tmp_path, ["dcm2niix.nii"], lambda _: corner).status.tolist() == ["ok"]
    image = IMAGE.copy()
    image[300:] = 0
    as_dcm2niix(image, tmp_path / "dcm2niix.nii")
    shard = patches_of(tmp_path, ["dcm2niix.nii"], lambda _: {"y0": 310, "y1": 340})
    assert shard.status.tolist() == ["ok"]
    shard = patches_of(tmp_path, ["dcm2niix.nii"], lambda _: {"y0": 40, "y1": 70})
    assert shard.reason[0].endswith(
        "with its rows reversed it would lie inside (the file counts them from the bottom)"
    )


def test_a_jpeg_is_what_its_pixels_are_as_png(tmp_path):
    image = (IMAGE >> 4).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "jpeg.jpg", quality=90)
    Image.open(tmp_path / "jpeg.jpg").save(tmp_path / "png.png")
    Image.fromarray(image).convert("RGB").save(tmp_path / "jpeg_color.jpg", quality=90)
    Image.open(tmp_path / "jpeg_color.jpg").save(tmp_path / "png_color.png")
    names = ["jpeg.jpg", "png.png", "jpeg_color.jpg", "png_color.png"]
    shard = patches_of(tmp_path, names)
    assert shard.reason.tolist() == [""] * 4
    by_name = dict(zip(shard.image_id.tolist(), shard.patch, strict=True))
    np.testing.assert_array_equal(by_name["jpeg_jpg"], by_name["png_png"])
    np.testing.assert_array_equal(by_name["jpeg_color_jpg"], by_name["png_color_png"])


def test_both_files_of_an_mhd_stand_in_the_key(tmp_path):
    as_mhd(IMAGE, tmp_path / "two.mhd")
    first = patches_of(tmp_path, ["two.mhd"])
    assert patches_of(tmp_path, ["two.mhd"]).key.tolist() == first.key.tolist()
    other = breast(seed=1)
    (tmp_path / "two.raw").write_bytes(other.tobytes())
    changed = patches_of(tmp_path, ["two.mhd"])
    assert changed.key.tolist() != first.key.tolist()
    assert (changed.patch != first.patch).any()


@pytest.mark.parametrize("name", ["nifti.nii", "packed.nii.gz", "nrrd.nrrd", "mha.mha", "two.mhd"])
def test_the_size_of_a_box_is_known_before_pixels_are_read(name, tmp_path):
    WRITERS[name](tmp_path / name)
    assert read_spacing(tmp_path / name, ImageEntry("a")) == (SPACING, SPACING)
    assert read_spacing(tmp_path / name, ImageEntry("a", spacing_mm=0.2)) == (0.2, 0.2)
    box = row("a", path=name, x0=10, x1=30, y0=10, y1=60)
    assert window.longer_side_mm(box, str(tmp_path)) == pytest.approx(50 * SPACING)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "a.dcm"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_file_cut_short_is_refused(name, part, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    cut = path.with_suffix(".raw") if path.with_suffix(".raw").exists() else path
    cut.write_bytes(cut.read_bytes()[: int(part * cut.stat().st_size)])
    with pytest.raises(StudyError, match=r"^image a: .*(cut short|could not be decoded)"):
        decode(read_file(path, image_id="a"), ImageEntry("a", spacing_mm=0.1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "its file is empty; export it again"),
        (bytes(1000), "its file is empty"),
        (b"hello" * 100, r"of no format that is read \(DICOM, PNG, .*MHD .* are read\)"),
        (b"%PDF-1.7 ...", "it looks like PDF"),
        (b"\n<!DOCTYPE html><html>", "it looks like HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"P6\n2 2\n255\n" + bytes(12), "it looks like PPM, in color"),
        (b"BM" + bytes(60), "it looks like BMP"),
    ],
)
def test_what_no_format_is_told_which_are(data, words):
    with pytest.raises(StudyError, match=rf"^image a: .*{words}") as caught:
        decode(data, ImageEntry("a", spacing_mm=0.1))
    assert len(caught.value.reason) < 60


def test_a_dicom_file_may_begin_like_a_tiff():
    """PS3.10 7.1 leaves the preamble to whoever wants to make a TIFF file of it."""
    data = b"II*\0" + dicom(IMAGE, BitsStored=12)[4:]
    np.testing.assert_array_equal(decode(data, ImageEntry("a")).pixels, IMAGE)


def test_a_file_is_read_as_it_is(tmp_path):
    path = Path(tmp_path, "a.dcm")
    path.write_bytes(dicom(IMAGE))
    assert read_file(path, image_id="a") == read_bytes(path, image_id="a")
    with pytest.raises(FileNotFoundError, match="image a: "):
        read_file(tmp_path / "b.mhd", image_id="a")
    buffer = io.BytesIO()
    Image.fromarray(IMAGE).save(buffer, "PNG")
    assert decode(buffer.getvalue(), ImageEntry("a", spacing_mm=0.1)).shape == IMAGE.shape


def test_a_mask_marks_the_same_tissue_in_every_format(tmp_path):
    """Each mask lies in the rows of its image's own file, whichever way these run."""
    mask = np.zeros(IMAGE.shape, np.uint8)
    mask[150:200, 60:100] = 1
    WRITERS["a.dcm"](tmp_path / "a.dcm")
    as_itk(mask, tmp_path / "a.mask.mhd")
    as_dcm2niix(IMAGE, tmp_path / "dcm2niix.nii")
    as_dcm2niix(mask, tmp_path / "dcm2niix.mask.nii")
    upward = (1, 0, 0, 0, -1, 0, 0, 0, 1)
    as_itk(IMAGE[::-1].copy()[None], tmp_path / "upward.nii.gz", direction=upward)
    as_itk(mask[::-1].copy()[None], tmp_path / "upward.mask.nrrd", direction=upward)
    as_itk(IMAGE[None], tmp_path / "downward.mha")
    as_itk(mask[::-1].copy()[None], tmp_path / "downward.mask.nii", direction=upward)
    masks = {path.name.split(".")[0]: path.name for path in tmp_path.glob("*.mask.*")}
    masks["a"] = "a.mask.mhd"
    no_box = dict.fromkeys(("x0", "y0", "x1", "y1"), "")
    shard = patches_of(
        tmp_path,
        ["a.dcm", "dcm2niix.nii", "upward.nii.gz", "downward.mha"],
        lambda name: no_box | {"roi_path": masks[name.split(".")[0]]},
        orientation="header",
    )
    assert shard.reason.tolist() == [""] * 4
    for i in range(4):
        np.testing.assert_array_equal(shard.patch[i], shard.patch[0])
        np.testing.assert_array_equal(shard.thumbnail[i], shard.thumbnail[0])
    box = {"y0": 150, "y1": 200}
    np.testing.assert_array_equal(
        patches_of(tmp_path, ["a.dcm"], lambda _: box).patch[0], shard.patch[0]
    )
