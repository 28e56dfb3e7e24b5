"""Copies are found through noise, contrast, shift and mirror; strangers are not."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from microcalc.core.errors import StudyError
from microcalc.evaluation import leakage
from microcalc.statistics import masked_correlation


def lesion(seed, side=128):
    rng = np.random.default_rng(seed)
    tissue = gaussian_filter(rng.normal(size=(side, side)), 4)
    patch = tissue / np.abs(tissue).max() / 2 + 0.5
    for y, x in rng.integers(10, side - 10, size=(12, 2)):
        patch[y : y + 3, x : x + 3] += 0.3
    return np.clip(patch, 0, 1)


def images(patches, splits, patients=None):
    n = len(patches)
    table = pd.DataFrame(
        {
            "image_id": [f"I{i}" for i in range(n)],
            "patient_id": patients or [f"P{i}" for i in range(n)],
            "split": splits,
            "pixel_digest": [f"d{i}" for i in range(n)],
        }
    )
    return leakage.Images(table, np.array([leakage.reduce(patch) for patch in patches]))


COPIES = {
    "noise": lambda patch: patch + np.random.default_rng(0).normal(0, 0.05, patch.shape),
    "contrast": lambda patch: patch**1.6,
    "mirror": lambda patch: patch[:, ::-1],
    "shift": lambda patch: np.roll(patch, (4, -3), axis=(0, 1)),
    "mirror and shift": lambda patch: np.roll(patch[:, ::-1], 5, axis=1),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_in_another_split_stops_the_study(change):
    patches = [lesion(i) for i in range(6)]
    found = images([*patches, COPIES[change](patches[2])], ["train"] * 6 + ["external"])
    with pytest.raises(StudyError, match=r"images I2 \(train\) and I6 \(external\)"):
        leakage.audit(found, limit=0.5, on_found="fail")
    table = leakage.audit(found, limit=0.5, on_found="report").set_index("check")
    assert table.loc["near-duplicates in two splits", "verdict"] == "found"
    assert table["found"].sum() == 1


@pytest.mark.parametrize("change", COPIES)
def test_among_very_many_images_a_copy_is_found_by_its_spectrum(change, monkeypatch):
    monkeypatch.setattr(leakage, "EXHAUSTIVE", 0)
    monkeypatch.setattr(leakage, "SPECTRA_BLOCK", 50)
    patches = [lesion(i, side=64) for i in range(120)]
    found = images([*patches, COPIES[change](patches[7])], ["train"] * 120 + ["external"])
    pairs = leakage.near_duplicates(found, 0.5).across
    assert [pair.partition(":")[0] for pair in pairs] == ["images I7 (train) and I120 (external)"]


def test_among_very_many_images_views_of_one_patient_hide_no_copy(monkeypatch):
    monkeypatch.setattr(leakage, "EXHAUSTIVE", 0)
    patches = [lesion(i, side=64) for i in range(40)]
    copies = [patches[3], patches[3] ** 1.1]
    patients = [f"P{i}" for i in range(40)] + ["P3", "other"]
    found = images([*patches, *copies], ["train"] * 41 + ["external"], patients)
    pairs = leakage.near_duplicates(found, 0.5).across
    assert any("I3 " in pair and "I41 " in pair for pair in pairs)


def test_among_more_images_than_directions_every_kind_of_copy_is_shortlisted(monkeypatch):
    monkeypatch.setattr(leakage, "EXHAUSTIVE", 0)
    monkeypatch.setattr(leakage, "SHORTLIST", 12)
    patches = [lesion(i, side=64) for i in range(400)]
    copied = range(0, 400, 27)
    kinds = list(COPIES.values())
    copies = [kinds[place % len(kinds)](patches[i]) for place, i in enumerate(copied)]
    found = images([*patches, *copies], ["train"] * 400 + ["external"] * len(copies))
    near = leakage.near_duplicates(found, 0.5)
    pairs = [sentence.partition(":")[0] for sentence in near.across]
    assert pairs == [
        f"images I{i} (train) and I{400 + place} (external)" for place, i in enumerate(copied)
    ]


def test_strangers_are_clean_and_flat_patches_are_like_none():
    patches = [*(lesion(i) for i in range(40)), np.ones((128, 128)), np.ones((128, 128))]
    found = images(patches, ["train", "external"] * 21)
    assert (leakage.audit(found, limit=0.5, on_found="fail")["found"] == 0).all()


def test_a_search_of_very_many_images_says_that_it_compared_the_likeliest(monkeypatch):
    monkeypatch.setattr(leakage, "EXHAUSTIVE", 0)
    found = images([lesion(i, side=64) for i in range(12)], ["train", "external"] * 6)
    rows = leakage.audit(found, limit=0.5, on_found="fail").set_index("check")
    said = rows.loc["near-duplicates in two splits", "statement"]
    assert said == "None among 12, each compared with the 8 likeliest."


def test_views_of_one_patient_may_be_alike():
    patch = lesion(1)
    found = images([patch, patch], ["train", "train"], patients=["P0", "P0"])
    assert (leakage.audit(found, limit=0.5, on_found="fail")["found"] == 0).all()


def test_two_patients_of_one_split_are_written_down_only():
    patch = lesion(1)
    table = leakage.audit(images([patch, patch], ["train"] * 2), limit=0.5, on_found="fail")
    row = table.set_index("check").loc["near-duplicates of two patients in one split"]
    assert row["found"] == 1
    assert "I0 (train) and I1 (train)" in row["statement"]


def test_patients_and_pixels_in_two_splits():
    found = images([lesion(0), lesion(1)], ["train", "internal"], patients=["P7", "P7"])
    found.table["pixel_digest"] = "same"
    with pytest.raises(StudyError) as error:
        leakage.audit(found, limit=0.5, on_found="fail")
    assert "patient P7: in 2 splits" in str(error.value)
    assert "image I0 (train): its pixels are in another split too" in str(error.value)


def test_read_takes_the_usable_images_of_included_cases(monkeypatch):
    class Shard:
        image_id = np.array(["b", "a", "c", "d"])
        case_id = np.array(["C1", "C1", "C2", "C9"])
        status = np.array(["ok", "ok", "excluded", "ok"])
        pixel_digest = np.array(["1", "2", "3", "4"])
        patch = np.stack([lesion(i, 64) for i in range(4)])
        qc = np.array([json.dumps({})] * 4)

    monkeypatch.setattr(leakage.shard_file, "read", lambda path: Shard)
    cases = pd.DataFrame(
        {"case_id": ["C1", "C2"], "patient_id": ["P1", "P2"], "split": ["train", "external"]}
    )
    found = leakage.read(["shard"], cases)
    assert found.table["image_id"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(found.reduced[0], leakage.reduce(Shard.patch[1]))


@pytest.mark.parametrize("side", [20, 32, 100])
def test_reduce_keeps_the_mean_level(side):
    assert leakage.reduce(np.full((side, side), 0.25)) == pytest.approx(0.25)


def tissue(seed, side=224):
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 12)
    return (0.55 + 0.06 * smooth / smooth.std()).astype(np.float32)


# What is no tissue: a strip on each side, both sides, a corner, blackened text.
BLACK = {
    "left": lambda patch: patch[:, :80],
    "right": lambda patch: patch[:, -60:],
    "top": lambda patch: patch[:90],
    "bottom": lambda patch: patch[-20:],
    "left and right": lambda patch: (patch[:, :45], patch[:, -45:]),
    "corner": lambda patch: (patch[:70], patch[:, :70]),
    "text": lambda patch: (patch[20:60, 30:160], patch[150:170, 60:200]),
    "thin": lambda patch: patch[:, :3],
}


def blackened(patch, kind, value=0.0):
    patch = patch.copy()
    parts = BLACK[kind](patch)
    for part in parts if isinstance(parts, tuple) else (parts,):
        part[:] = value
    return patch


def alike(a, b):
    return float(leakage.similarity(a[None], b[None])[0, 0])


@pytest.mark.parametrize("kind", BLACK)
def test_what_two_strangers_lack_does_not_make_them_alike(kind):
    pairs = [
        (blackened(tissue(2 * k), kind), blackened(tissue(2 * k + 1), kind)) for k in range(20)
    ]
    found = [alike(*(leakage.reduce(patch) for patch in pair)) for pair in pairs]
    assert max(found) < 0.45
    assert np.median(found) < 0.3


@pytest.mark.parametrize("value", [0.3, 1.0])
@pytest.mark.parametrize("kind", BLACK)
def test_padding_of_any_value_counts_as_little_where_a_mask_is_given(kind, value):
    valid = blackened(np.ones((224, 224)), kind) > 0
    for k in range(10):
        pair = [blackened(tissue(2 * k + i), kind, value) for i in (0, 1)]
        assert alike(*(leakage.reduce(patch, valid) for patch in pair)) < 0.45


@pytest.mark.parametrize("kind", sorted(set(BLACK) - {"thin", "bottom"}))
def test_wide_padding_of_one_value_is_seen_without_a_mask(kind):
    for k in range(10):
        pair = [blackened(tissue(2 * k + i), kind, 0.3) for i in (0, 1)]
        assert alike(*map(leakage.reduce, pair)) < 0.45


@pytest.mark.parametrize("kind", BLACK)
def test_a_copy_is_found_through_what_is_missing(kind):
    for k in range(5):
        whole = lesion(k, side=224)
        one = blackened(whole, kind)
        copies = {
            "noise": blackened(COPIES["noise"](whole), kind),
            "contrast": blackened(COPIES["contrast"](whole), kind),
            "mirror": one[:, ::-1],
            "shift": blackened(np.roll(whole, (2, -2), axis=(0, 1)), kind),
            "elsewhere": blackened(whole, "thin"),
        }
        for change, copy in copies.items():
            assert alike(leakage.reduce(one), leakage.reduce(copy)) >= 0.5, change


def test_a_mean_is_that_of_the_tissue_of_a_block():
    patch = np.full((224, 224), 0.25) + np.linspace(0, 1e-3, 224)
    patch[:, :17] = 0
    reduced = leakage.reduce(patch)
    # Two blocks and three of seven pixels are black, and the block beside fades.
    assert np.isnan(reduced[:, :4]).all()
    np.testing.assert_allclose(reduced[:, 4:].mean(), 0.2506, atol=1e-4)


def test_masked_correlation_is_that_of_the_common_places():
    """The correlation by hand, over the places where both high-passed patches are known."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 1, 32, 32)).astype(np.float32)
    b = (0.8 * a + 0.6 * b).astype(np.float32)
    a[:, :, :8], b[:, 20:26, 10:] = np.nan, np.nan
    one, other = (masked_correlation.high_pass(part) for part in (a, b))
    inside = np.s_[0, 2:-2, 2:-2]
    common = (one.mask[inside] * other.mask[inside]) > 0
    share = np.sqrt(common.sum() / masked_correlation.WINDOW**2)
    by_hand = np.corrcoef(one.values[inside][common], other.values[inside][common])[0, 1]
    values, places = masked_correlation.of_all(one, other)
    assert values[0, 0] == pytest.approx(by_hand * share, abs=1e-5)
    assert places[0, 0] >= common.sum()
    assert masked_correlation.of_pairs(one, other)[0][0] == pytest.approx(values[0, 0], abs=1e-6)


def test_pairs_with_too_little_in_common_are_counted_and_not_passed_as_clean():
    tiny = tissue(3)
    tiny[:, 40:] = 0
    patches = [tissue(1), tissue(2), tiny, tissue(4)]
    found = images(patches, ["train", "external", "train", "external"])
    rows = leakage.audit(found, limit=0.5, on_found="fail").set_index("check")
    across = rows.loc["near-duplicates in two splits"]
    assert (across["not_judged"], across["verdict"]) == (2, "not all judged")
    assert across["statement"] == (
        "None among 4. 2 pairs were not judged: too little tissue in common."
    )
    assert rows.loc["near-duplicates of two patients in one split", "not_judged"] == 1
    assert rows.loc["patients in two splits", "verdict"] == "clean"


def test_patches_that_show_different_sides_have_nothing_in_common():
    left, upper = tissue(1), tissue(2)
    left[:, 120:], upper[120:] = 0, 0
    common = masked_correlation.of_all(*(masked_correlation.high_pass(leakage.reduce(patch)[None])
                                         for patch in (left, upper)))[1]  # fmt: skip
    # About a quarter of the window.
    assert common[0, 0] < masked_correlation.COMMON
    assert alike(leakage.reduce(left), leakage.reduce(upper)) == 0
