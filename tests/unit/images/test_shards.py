import io
import json
import logging
import os
import zipfile

import numpy as np
import pytest
import xxhash
from tests.unit.images.making import SETTINGS, breast, dicom, row

from microcalc.config.image_settings import ImageSettings
from microcalc.core import files
from microcalc.core.errors import StudyError
from microcalc.images import shards
from microcalc.plan.stored_digest import read_digest


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("abc"):
        (tmp_path / f"{name}.dcm").write_bytes(dicom(breast(seed=seed), BitsStored=12))
    return tmp_path


@pytest.fixture
def run(folder, caplog):
    """Update the folder's shard; return how many images were computed and kept."""
    caplog.set_level(logging.INFO, logger="microcalc")

    def update(rows=None, *, digest="d1", **settings):
        caplog.clear()
        shards.update(
            folder / "shard-0.npz",
            rows if rows is not None else [row(name) for name in "abc"],
            settings=ImageSettings.of(SETTINGS | settings),
            image_folder=folder,
            digest=digest,
        )
        line = next(m for m in caplog.messages if m.startswith("computed"))
        return tuple(int(word.strip(",")) for word in line.split()[1::2])

    return update


def test_a_shard_reads_back(folder, run):
    assert run([row(name) for name in "cab"]) == (3, 0)
    shard = shards.read(folder / "shard-0.npz")
    assert shard.image_id.tolist() == ["a", "b", "c"]
    assert shard.status.tolist() == ["ok"] * 3
    assert shard.view.tolist() == ["CC"] * 3
    assert shard.patch.shape == (3, 64, 64)
    assert shard.patch.dtype == np.float32
    assert 0 <= shard.patch.min() < shard.patch.max() <= 1
    assert shard.thumbnail.shape == (3, 48, 48)
    assert len(set(shard.key)) == len(set(shard.pixel_digest)) == 3
    assert json.loads(shard.qc[0])["spacing_source"] == "ImagerPixelSpacing"
    assert shard.patch.ctypes.data % 64 == 0
    with np.load(folder / "shard-0.npz") as plain:
        np.testing.assert_array_equal(plain["patch"], shard.patch)


def test_a_picture_is_the_patch_where_there_is_breast(folder, run):
    run()
    shard = shards.read(folder / "shard-0.npz")
    assert shard.picture.shape == shard.patch.shape
    np.testing.assert_array_equal(shard.picture, np.rint(shard.patch * 255))


def test_a_row_without_a_picture_has_a_black_one(folder, run):
    run([row("a")])
    made = shards.read(folder / "shard-0.npz")
    texts = {name: str(getattr(made, name)[0]) for name in shards.shard_file.TEXTS}
    bare = shards.shard_file.Row(texts, made.patch[0], made.thumbnail[0])
    sizes = {"count": 1, "patch_px": 64, "thumbnail_px": 48}
    shards.shard_file.write(folder / "bare.npz", [bare], **sizes, digest="", recipe=1)
    again = shards.read(folder / "bare.npz")
    np.testing.assert_array_equal(again.patch, made.patch)
    assert not again.picture.any()


def test_nothing_changed_nothing_computed(folder, run):
    run()
    before = (folder / "shard-0.npz").read_bytes()
    assert run() == (0, 3)
    assert (folder / "shard-0.npz").read_bytes() == before


def test_the_same_rows_give_the_same_bytes(folder, run):
    run()
    before = (folder / "shard-0.npz").read_bytes()
    (folder / "shard-0.npz").unlink()
    run([row(name) for name in "cba"])
    assert (folder / "shard-0.npz").read_bytes() == before


def test_one_changed_file_costs_one_image(folder, run):
    run()
    before = shards.read(folder / "shard-0.npz")
    (folder / "b.dcm").write_bytes(dicom(breast(seed=9), BitsStored=12))
    assert run() == (1, 2)
    after = shards.read(folder / "shard-0.npz")
    np.testing.assert_array_equal(after.patch[[0, 2]], before.patch[[0, 2]])
    assert (after.patch[1] != before.patch[1]).any()


def test_a_touched_file_costs_nothing(folder, run):
    run()
    os.utime(folder / "b.dcm", (1, 1))
    assert run() == (0, 3)


@pytest.mark.parametrize(
    "change", [{"x0": "61"}, {"view": "MLO"}, {"laterality": "R"}, {"spacing_mm": "0.2"}]
)
def test_one_changed_row_costs_one_image(run, change):
    run()
    assert run([row("a"), row("b", **change), row("c")]) == (1, 2)


def lateral(folder):
    """Write a lateral view, and one that is magnified and damaged."""
    (folder / "ml.dcm").write_bytes(dicom(breast(), BitsStored=12, ViewPosition="ML"))
    magnified = dicom(breast(), BitsStored=12, ViewPosition="MCC", ImagerPixelSpacing=None)
    (folder / "mag.dcm").write_bytes(magnified[:-9000])
    return [row("a"), row("mag"), row("ml", view="")]


def test_another_view_is_left_out_by_that_reason_and_no_other(folder, run):
    run(lateral(folder))
    shard = shards.read(folder / "shard-0.npz")
    assert shard.status.tolist() == ["ok", "excluded", "excluded"]
    assert shard.view.tolist() == ["CC", "CC MAG", "ML"]
    assert shard.reason.tolist() == [
        "",
        "its view is left out by images.views: CC MAG",
        "its view is left out by images.views: ML",
    ]
    assert not shard.patch[1:].any()


def test_a_table_says_which_view_an_image_is(folder, run):
    rows = [*lateral(folder)[:2], row("ml", view="mediolateral oblique"), row("b", view="ML")]
    run(rows, views=["MLO"])
    shard = shards.read(folder / "shard-0.npz")
    assert shard.image_id[shard.status == "ok"].tolist() == ["ml"]
    assert shard.view.tolist() == ["CC", "ML", "CC", "MLO"]
    assert "view_contradiction" in json.loads(shard.qc[3])["flags"]


@pytest.mark.parametrize("wanted", [["CC", "ML"], "all"])
def test_a_view_that_is_wanted_has_a_patch(folder, run, wanted):
    run([lateral(folder)[2]], views=wanted)
    shard = shards.read(folder / "shard-0.npz")
    assert (shard.status[0], shard.view[0]) == ("ok", "ML")
    assert shard.patch[0].any()


def test_another_view_is_nothing_to_mend(folder, run):
    rows = lateral(folder)
    assert run(rows, on_error="fail") == (3, 0)
    assert run(rows, on_error="fail") == (0, 3)
    with pytest.raises(StudyError, match="1 images cannot be used") as caught:
        run(rows, on_error="fail", views="all")
    assert "image mag: is a magnification view" in str(caught.value)


def test_a_picture_of_another_view_is_left_out_by_the_table_alone(folder, run):
    (folder / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing behind it")
    run([row("p", path="p.png", view="ML", spacing_mm=0.1)])
    shard = shards.read(folder / "shard-0.npz")
    assert shard.reason[0] == "its view is left out by images.views: ML"


@pytest.mark.parametrize(
    "change", [{"spacing_mm": 0.2}, {"patch_mm": 5.0}, {"thumbnail_px": 32}, {"views": ["CC"]}]
)
def test_a_changed_setting_costs_all(run, change):
    run()
    assert run(**change) == (3, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"on_error": "fail"},
        {"max_excluded": 0.2},
        {"shards": 9},
        {"digest": "d2"},
        {"max_file_gb": 1},
        {"views": ["MLO", "CC"]},
    ],
)
def test_settings_that_touch_no_pixel_cost_nothing(run, change):
    run()
    assert run(**change) == (0, 3)


def test_a_new_recipe_and_new_decoders_cost_all(run, monkeypatch):
    run()
    monkeypatch.setattr(shards, "RECIPE", shards.RECIPE + 1)
    assert run() == (3, 0)
    monkeypatch.setattr(shards, "_decoder_versions", lambda: {"pydicom": "99"})
    assert run() == (3, 0)
    monkeypatch.setattr(shards.decoders, "chosen", lambda: {"1.2.840.10008.1.2.4.70": "other"})
    assert run() == (3, 0)


def test_no_clinical_value_can_reach_a_patch(folder, run):
    run()
    before = (folder / "shard-0.npz").read_bytes()
    labelled = [row(name) | {"label": "IDC", "age": "55", "center": "B"} for name in "abc"]
    assert run(labelled) == (0, 3)
    assert (folder / "shard-0.npz").read_bytes() == before


def test_cache_false_forces_recomputation(run):
    run()
    assert run(cache=False) == (3, 0)


def test_an_added_and_a_removed_row(run):
    run([row("a"), row("b")])
    assert run() == (1, 2)
    assert run([row("c")]) == (0, 1)


def damaged(data):
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 0xFF
    return {
        **{"empty": b"", "truncated": data[: len(data) // 2], "noise": b"x" * 900},
        **{"bit": flipped, "compressed": compressed(data)},
    }


def compressed(data):
    """Return the shard with members that grow when they are read, as those of a bomb do."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as shard, zipfile.ZipFile(made, "w") as archive:
        for name in shard.namelist():
            archive.writestr(name, shard.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["empty", "truncated", "noise", "bit", "compressed"])
def test_an_unreadable_cache_is_an_empty_cache(folder, run, kind):
    run()
    path = folder / "shard-0.npz"
    good = path.read_bytes()
    path.write_bytes(damaged(good)[kind])
    with pytest.raises(StudyError, match=r"shard-0\.npz: not a readable shard"):
        shards.read(path)
    assert run() == (3, 0)
    assert path.read_bytes() == good


def test_bad_content_excludes_the_image_and_nothing_else(folder, run):
    (folder / "b.dcm").write_bytes(b"no mammogram")
    assert run([row("a"), row("b"), row("c", x0="x")]) == (3, 0)
    shard = shards.read(folder / "shard-0.npz")
    assert shard.status.tolist() == ["ok", "excluded", "excluded"]
    assert shard.reason[0] == ""
    assert shard.reason[1] == "its file is of no format that is read"
    assert "needs numbers in columns x0" in shard.reason[2]
    assert not shard.patch[1:].any()
    assert run([row("a"), row("b"), row("c", x0="x")]) == (0, 3)


def test_on_error_fail_lists_every_bad_image_and_writes_nothing(folder, run):
    (folder / "b.dcm").write_bytes(b"no mammogram")
    (folder / "c.dcm").write_bytes(b"")
    with pytest.raises(StudyError, match=r"2 images .*\n.*image b: .*\n.*image c: "):
        run(on_error="fail")
    assert sorted(p.name for p in folder.iterdir()) == ["a.dcm", "b.dcm", "c.dcm"]


def test_an_io_error_fails_the_job_and_keeps_the_old_shard(folder, run):
    run()
    before = (folder / "shard-0.npz").read_bytes()
    (folder / "b.dcm").unlink()
    with pytest.raises(FileNotFoundError, match="image b") as caught:
        run()
    assert str(folder) not in str(caught.value)
    assert (folder / "shard-0.npz").read_bytes() == before


def test_a_shard_without_rows(folder, run):
    assert run([]) == (0, 0)
    assert len(shards.read(folder / "shard-0.npz")) == 0


def test_no_path_and_no_patient_in_the_shard_or_the_log(folder, run, caplog):
    (folder / "Erika.dcm").write_bytes(dicom(breast(), PixelData=b""))
    caplog.set_level(logging.DEBUG)
    run([row("a", path="Erika.dcm"), row("b")])
    content = (folder / "shard-0.npz").read_bytes()
    for secret in ("Erika", "MRN-0815", "Mustermann", ".dcm"):
        assert secret.encode() not in content
        assert secret.encode("utf-32-le") not in content
        assert secret not in caplog.text


def test_read_digest_needs_no_numpy(folder, run):
    run(digest="d7")
    assert read_digest(folder / "shard-0.npz") == "d7"
    assert read_digest(folder / "none.npz") is None
    assert read_digest(folder / "a.dcm") is None
    with zipfile.ZipFile(folder / "odd.npz", "w") as archive:
        archive.writestr("meta.json", "[1]")
    assert read_digest(folder / "odd.npz") is None


def test_pixels_are_digested_by_every_eighth_row_and_the_kind_stands_in_the_key(
    folder, run, monkeypatch
):
    pixels = breast()
    (folder / "a.dcm").write_bytes(dicom(pixels, BitsStored=12))
    run()
    told = f"{pixels.shape} uint16".encode() + pixels[::8].astype("<u2").tobytes()
    made = shards.read(folder / "shard-0.npz")
    assert made.pixel_digest[0] == "xxh3-128:" + xxhash.xxh3_128_hexdigest(told)
    # Rows of one kind must never stand beside rows of another, which they could not be equal to.
    monkeypatch.setattr(files, "FAST_DIGEST", "another")
    assert run() == (3, 0)
    assert shards.read(folder / "shard-0.npz").pixel_digest[0].startswith("another:")
