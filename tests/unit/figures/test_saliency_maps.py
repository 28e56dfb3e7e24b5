import numpy as np
import pytest

from microcalc.config.cohort_settings import Labels
from microcalc.core.errors import StudyError
from microcalc.figures import saliency_maps, style

LABELS = Labels(negative="DCIS", positive="IDC")


def _arrays():
    random = np.random.default_rng(1)
    return {
        "case_id": np.array(["a", "a", "b"]),
        "split": np.array(["internal", "internal", "external"]),
        "kind": np.array(["true positive", "true positive", "false negative"]),
        "y": np.array([1, 1, 1]),
        "probability": np.array([0.91, 0.91, 0.12]),
        "view": np.array(["CC", "MLO", "CC"]),
        "picture": random.integers(0, 256, (3, 16, 16), dtype=np.uint8),
        "map": random.normal(size=(3, 2, 2)).astype(np.float32),
    }


def test_each_case_is_a_row_of_patch_map_and_overlay():
    arrays = _arrays()
    figure = saliency_maps.draw(arrays, labels=LABELS)
    images = figure.axes[0].get_images()
    assert len(images) == 9
    for i, picture in enumerate(arrays["picture"]):
        np.testing.assert_array_equal(images[3 * i].get_array(), picture)
        np.testing.assert_array_equal(images[3 * i + 1].get_array(), arrays["map"][i])
    strongest = np.abs(arrays["map"]).max()
    assert {image.get_clim() for image in images[1::3]} == {(-strongest, strongest)}
    places = np.array([image.get_extent() for image in images])
    assert (places[:, 1] - places[:, 0] == places[:, 2] - places[:, 3]).all()
    assert places[:, 0].tolist() == [30, 54, 78, 102, 126, 150, 30, 54, 78]
    assert np.unique(places[:6, 3]).size == np.unique(places[6:, 3]).size == 1
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[-6:] == ["Patch", "Map", "Overlay"] * 2
    assert "internal validation\ntrue positive: IDC\nprobability 0.91" in texts
    assert "external validation\nfalse negative: IDC\nprobability 0.12" in texts


def test_a_place_without_evidence_shows_the_patch_as_it_is():
    arrays = _arrays()
    arrays["map"][0] = [[0, 0.5], [-1, 2]]
    arrays["map"] = np.clip(arrays["map"], -2, 2)
    overlay = saliency_maps.draw(arrays, labels=LABELS).axes[0].get_images()[2].get_array()
    patch = arrays["picture"][0].astype(int)
    changed = np.abs(overlay - patch[..., None]).max(axis=2)
    assert changed[0, 0] == 0
    red, green, blue = overlay[-1, -1] - np.round(0.3 * patch[-1, -1])
    assert red > blue > green >= 0
    red, green, blue = overlay[-1, 0] - np.round((1 - 0.7 * 0.5**0.5) * patch[-1, 0])
    assert blue > green > red >= 0


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.filterwarnings("error")
def test_long_names_leave_the_pictures_their_room(labelled, views):
    arrays = {
        name: values[[0, 2] if views == 1 else [0, 1, 2]] for name, values in _arrays().items()
    }
    if not labelled:
        arrays["y"] = arrays["y"] - 2
        arrays["case_id"] = np.char.add("0" * 40, arrays["case_id"])
    labels = Labels(negative="Ductal carcinoma in situ", positive="Invasive ductal carcinoma")
    figure = saliency_maps.draw(arrays, labels=labels)
    with style.applied():
        figure.draw_without_rendering()
        page, bar = figure.axes
        boxes = [text.get_window_extent() for text in page.texts]
        shown = [t for t in bar.get_xticklabels() if bar.viewLim.containsx(t.get_position()[0])]
        boxes += [text.get_window_extent() for text in (bar.xaxis.label, *shown)]
        described = max(
            text.get_window_extent().x1 for text in page.texts if "prob" in text.get_text()
        )
        patch = page.get_images()[0].get_window_extent()
    assert min(min(box.x0, box.y0) for box in boxes) > 0
    assert max(box.x1 for box in boxes) <= figure.bbox.width
    assert max(box.y1 for box in boxes) < figure.bbox.height
    assert patch.width * 25.4 / figure.dpi > 20
    assert described < patch.x0


def test_nothing_to_draw_is_said():
    empty = {name: values[:0] for name, values in _arrays().items()}
    figure = saliency_maps.draw(empty, labels=LABELS)
    assert "No validation case" in figure.axes[0].texts[0].get_text()


def test_a_score_that_no_place_moves_is_said():
    arrays = _arrays()
    arrays["map"] = np.zeros_like(arrays["map"])
    figure = saliency_maps.draw(arrays, labels=LABELS)
    assert "same for every case" in figure.axes[0].texts[0].get_text()


@pytest.mark.parametrize("content", [bytes(40), b"PK\x03\x04 half an archive"])
def test_damaged_maps_are_named(tmp_path, content):
    (tmp_path / "saliency.npz").write_bytes(content)
    with pytest.raises(StudyError, match=r"saliency.npz: damaged, .*; delete it"):
        saliency_maps.read(tmp_path / "saliency.npz")
