import json

import numpy as np
import pytest
from PIL import Image
from tests.scripts import run_script

from microcalc.figures import gallery
from microcalc.images import shard_file

CASES = [{"case_id": "a", "split": "train"}, {"case_id": "b", "split": "external"}]


def row(image_id, case_id, *, flags="", reason=""):
    texts = dict.fromkeys(shard_file.TEXTS, "") | {
        "image_id": image_id,
        "case_id": case_id,
        "view": "CC",
        "status": "excluded" if reason else "ok",
        "reason": reason,
        "detail": "",
        "qc": json.dumps({} if reason else {"laterality": "L", "flags": flags}),
    }
    rng = np.random.default_rng(len(image_id))
    pictures = [rng.integers(0, 255, (side, side)).astype(np.uint8) for side in (12, 16)]
    return shard_file.Row(texts, np.zeros((16, 16), np.float32), *pictures)


@pytest.fixture
def shard(tmp_path):
    def make(*rows):
        path = tmp_path / "shard-0.npz"
        sizes = {"count": len(rows), "patch_px": 16, "thumbnail_px": 12}
        shard_file.write(path, rows, **sizes, digest="d", recipe=1)
        return shard_file.read(path)

    return make


def test_each_entry_names_case_side_view_split_and_flags(shard):
    sheet = gallery.draw(
        shard(row("a1", "a", flags="burned_in_annotation;side_contradiction"), row("b1", "b")),
        CASES,
    )
    words = sheet.texts
    assert words[0].startswith("2 images, 0 excluded, 1 flagged")
    assert [w for w in words if w.startswith(("a ", "b "))] == ["a  L CC", "b  L CC"]
    assert {"Training", "External"} <= set(words)
    assert "burned in annotation; side contradiction" in " ".join(words)
    assert len(sheet.places) == 4


def test_a_case_id_is_text_whatever_it_looks_like(shard):
    name = r"<b>$\frac{1}$"
    cases = [{"case_id": name, "split": "train"}]
    assert f"{name}  L CC" in gallery.draw(shard(row("a1", name)), cases).texts


def test_an_excluded_image_gives_its_reason_in_place_of_pictures(shard):
    sheet = gallery.draw(shard(row("a1", "a", reason="its ROI mask is empty")), CASES)
    assert "Excluded: its ROI mask is" in sheet.texts
    assert not sheet.places


def test_a_case_without_a_split_is_no_part_of_the_study(shard):
    assert "Not in the study" in gallery.draw(shard(row("c1", "c")), CASES).texts


@pytest.mark.parametrize("name", ["W" * 40, "CENTER-A-2024-000123"])
def test_a_long_case_id_leaves_room_for_the_split(shard, name):
    sheet = gallery.draw(shard(row("c1", name)), CASES)
    title = next(text for text in sheet.texts if text.endswith("  L CC"))
    assert name.endswith(title.removeprefix("…").removesuffix("  L CC"))
    # one entry is a quarter of the sheet wide; its first line is right below the heading
    line = np.asarray(sheet.image.convert("L"))[108:140, : sheet.image.width // 4]
    inked = np.flatnonzero((line < 128).any(axis=0))
    assert np.diff(inked).max() >= 15, "title and split have grown together"


def test_pictures_stand_side_by_side_and_entries_apart(shard):
    sheet = gallery.draw(shard(*(row(f"a{i}", "a") for i in range(6))), CASES)
    for i, (left, top, right, bottom) in enumerate(sheet.places):
        assert 0 <= left < right <= sheet.image.width == 2067
        assert 0 <= top < bottom <= sheet.image.height
        for others_left, others_top, others_right, others_bottom in sheet.places[:i]:
            apart = others_right <= left or right <= others_left
            assert apart or others_bottom <= top or bottom <= others_top
    assert sheet.places[0][1] == sheet.places[1][1]


def test_a_picture_is_on_the_sheet_as_it_is_and_text_beside_it(shard):
    images = shard(row("a1", "a"))
    sheet = gallery.draw(images, CASES)
    for place, picture in zip(sheet.places, (images.thumbnail[0], images.picture[0]), strict=True):
        shown = np.asarray(sheet.image.crop(place))
        assert (shown == shown[..., :1]).all()
        size = shown.shape[1], shown.shape[0]
        expected = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(shown[..., 0], np.asarray(expected))
    ink = np.asarray(sheet.image.convert("L")) < 128
    assert ink[: sheet.places[0][1]].any()
    assert not ink[:, : sheet.places[0][0] - 2].any()


def test_a_large_shard_shows_what_is_odd_before_all_else(shard, monkeypatch):
    monkeypatch.setattr(gallery, "MOST", 2)
    rows = [row("a1", "a"), row("a2", "a"), row("b1", "b", flags="magnification_view")]
    words = gallery.draw(shard(*rows), CASES).texts
    assert words[0].startswith("2 of 3 images")
    assert "magnification view" in words


def test_a_shard_without_images_is_a_sheet_without_entries(shard, tmp_path):
    sheet = gallery.draw(shard(), CASES)
    gallery.save(sheet, tmp_path / "empty.png", tmp_path / "empty.jpg")
    assert sheet.texts[0].startswith("0 images")


def test_the_script_writes_the_same_bytes_twice_and_needs_no_label(shard, tmp_path):
    shard(row("a1", "a"), row("b1", "b"))
    (tmp_path / "eligible.csv").write_text("case_id,split\na,train\nb,external\n")
    runs = []
    for name in ("gallery-0", "again"):
        out = {"sheet": tmp_path / f"{name}.png", "preview": tmp_path / f"{name}.jpg"}
        run_script(
            "draw_gallery",
            log=tmp_path / "log",
            input={"shard": tmp_path / "shard-0.npz", "eligible": tmp_path / "eligible.csv"},
            output=out,
        )
        runs.append([path.read_bytes() for path in out.values()])
    assert runs[0] == runs[1]
    with Image.open(tmp_path / "again.png") as sheet, Image.open(tmp_path / "again.jpg") as small:
        assert sheet.width == 2067
        assert sheet.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        assert small.width == gallery.PREVIEW_PX
        assert small.height == round(sheet.height * small.width / sheet.width)
