import json

import numpy as np
import pandas as pd
import pytest
from tests.scripts import run_script

from microcalc.figures import gallery
from microcalc.figures.save import save
from microcalc.images import shard_file

CASES = pd.DataFrame({"case_id": ["a", "b"], "split": ["train", "external"]})


def row(image_id, case_id, *, flags="", reason=""):
    texts = dict.fromkeys(shard_file.TEXTS, "") | {
        "image_id": image_id,
        "case_id": case_id,
        "view": "CC",
        "status": "excluded" if reason else "ok",
        "reason": reason,
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


def words_on(figure):
    return [text.get_text() for text in figure.texts]


def test_each_entry_names_case_side_view_split_and_flags(shard):
    figure = gallery.draw(
        shard(row("a1", "a", flags="burned_in_annotation;side_contradiction"), row("b1", "b")),
        CASES,
    )
    words = words_on(figure)
    assert words[0].startswith("2 images, 0 excluded, 1 flagged")
    assert [w for w in words if w.startswith(("a ", "b "))] == ["a  L CC", "b  L CC"]
    assert {"Training", "External"} <= set(words)
    assert "burned in annotation; side contradiction" in " ".join(words)
    assert len(figure.images) == 4


def test_a_case_id_is_text_whatever_it_looks_like(shard, tmp_path):
    name = r"<b>$\frac{1}$"
    figure = gallery.draw(shard(row("a1", name)), CASES)
    assert f"{name}  L CC" in words_on(figure)
    save(figure, tmp_path / "gallery.png")


def test_an_excluded_image_gives_its_reason_in_place_of_pictures(shard):
    figure = gallery.draw(shard(row("a1", "a", reason="its ROI mask is empty")), CASES)
    assert "Excluded: its ROI mask is" in words_on(figure)
    assert not figure.images


def test_a_case_without_a_split_is_no_part_of_the_study(shard):
    assert "Not in the study" in words_on(gallery.draw(shard(row("c1", "c")), CASES))


def test_pictures_stand_side_by_side_and_entries_apart(shard):
    figure = gallery.draw(shard(*(row(f"a{i}", "a") for i in range(6))), CASES)
    places = [(image.ox, image.oy, *image.get_size()) for image in figure.images]
    for i, (x, y, rows, columns) in enumerate(places):
        assert 0 <= x <= 2067 - columns
        assert 0 <= y <= figure.get_size_inches()[1] * 300 - rows
        for other_x, other_y, _, _ in places[:i]:
            assert abs(x - other_x) >= columns or abs(y - other_y) >= rows
    assert places[0][1] == places[1][1]


def test_a_large_shard_shows_what_is_odd_before_all_else(shard, monkeypatch):
    monkeypatch.setattr(gallery, "MOST", 2)
    rows = [row("a1", "a"), row("a2", "a"), row("b1", "b", flags="magnification_view")]
    words = words_on(gallery.draw(shard(*rows), CASES))
    assert words[0].startswith("2 of 3 images")
    assert "magnification view" in words


def test_a_shard_without_images_is_a_sheet_without_entries(shard, tmp_path):
    figure = gallery.draw(shard(), CASES)
    save(figure, tmp_path / "empty.png")
    assert words_on(figure)[0].startswith("0 images")


def test_the_script_writes_the_same_bytes_twice_and_needs_no_label(shard, tmp_path):
    shard(row("a1", "a"), row("b1", "b"))
    CASES.to_csv(tmp_path / "included.csv", index=False)
    sheets = [tmp_path / name for name in ("gallery-0.png", "again.png")]
    for sheet in sheets:
        run_script(
            "draw_gallery",
            log=tmp_path / "log",
            input={"shard": tmp_path / "shard-0.npz", "included": tmp_path / "included.csv"},
            output={"gallery": sheet},
        )
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
