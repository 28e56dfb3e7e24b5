import sys

import numpy as np
import pytest

from microcalc.features import backbone, cam, cam_cache, generated, weights

COEFFICIENTS = {3: 0.5, 100: -2.0}


@pytest.fixture
def cases(patches):
    return {"b": patches[:2], "a": patches[2:3]}


def described(path):
    return vars(backbone.describe(path))


@pytest.fixture
def loads(monkeypatch):
    """Count how often the network is loaded, and of how many cases it gives maps."""
    counted = {"load": 0, "last_maps": 0}

    def counting(module, name):
        function = getattr(module, name)

        def count(*arguments, **named):
            counted[name] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, count)

    counting(backbone, "load")
    counting(cam, "last_maps")
    return counted


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for case, one in found.items():
        np.testing.assert_array_equal(one.maps, expected[case].maps)
        assert (one.score, one.method) == (expected[case].score, expected[case].method)


def test_the_network_runs_once_for_any_number_of_models(cases, weights_path, tmp_path, loads):
    given = weights_path, described(weights_path)
    kept = tmp_path / "kept.npz"
    first = cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=kept)
    written = kept.read_bytes()
    assert loads == {"load": 1, "last_maps": 2}
    assert_same(cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=kept), first)
    other = cam_cache.of_cases(cases, {7: 1.0}, *given, kept=kept)
    assert loads == {"load": 1, "last_maps": 2}
    assert kept.read_bytes() == written
    loads |= {"load": 0, "last_maps": 0}
    assert_same(cam_cache.of_cases(cases, {7: 1.0}, *given, kept=kept, cache=False), other)
    assert loads == {"load": 1, "last_maps": 2}
    assert_same(cam_cache.of_cases(cases, {7: 1.0}, *given), other)
    assert loads == {"load": 2, "last_maps": 4}
    assert {one.method for one in other.values()} == {"exact"}


def test_a_changed_view_costs_its_case(cases, weights_path, tmp_path, loads):
    given = weights_path, described(weights_path)
    kept = tmp_path / "kept.npz"
    cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=kept)
    cases["b"] = cases["b"].copy()
    cases["b"][1, 0, 0] += 0.25
    found = cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=kept)
    assert loads == {"load": 2, "last_maps": 3}
    assert_same(found, cam_cache.of_cases(cases, COEFFICIENTS, *given))
    # What no case has any more is not kept: the file is that of a run that starts with nothing.
    cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=tmp_path / "fresh.npz")
    assert kept.read_bytes() == (tmp_path / "fresh.npz").read_bytes()


def test_other_weights_and_a_damaged_file_start_anew(cases, weights_path, tmp_path, loads):
    kept = tmp_path / "kept.npz"
    told = described(weights_path)
    cam_cache.of_cases(cases, COEFFICIENTS, weights_path, told, kept=kept)
    cam_cache.of_cases(cases, COEFFICIENTS, weights_path, told | {"digest": "x"}, kept=kept)
    assert loads["last_maps"] == 4
    whole = kept.read_bytes()
    for content in (whole[:1000], b"", b"nothing like it"):
        kept.write_bytes(content)
        loads["last_maps"] = 0
        cam_cache.of_cases(cases, COEFFICIENTS, weights_path, told | {"digest": "x"}, kept=kept)
        assert loads["last_maps"] == 2
        assert kept.read_bytes() == whole


def test_maps_to_first_order_are_made_for_each_model(patches, tmp_path, loads):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "PATCH_PX", 64)
        patch.setattr(generated, "N_PATCHES", 4)
        prepared = weights.prepare("mobilenet_v3_small", "random", seed=1)
    weights.write(prepared, tmp_path / "w.safetensors")
    given = tmp_path / "w.safetensors", described(tmp_path / "w.safetensors")
    kept = tmp_path / "kept.npz"
    found = [
        cam_cache.of_cases({"a": patches[:1]}, coefficients, *given, kept=kept)["a"]
        for coefficients in (COEFFICIENTS, {5: 1.0})
    ]
    assert loads == {"load": 2, "last_maps": 2}
    assert [one.method for one in found] == ["grad-cam", "grad-cam"]
    assert not np.allclose(found[0].maps, found[1].maps)
    with np.load(kept) as file:
        assert not file.files


def test_nothing_imports_torch_where_all_is_kept(cases, weights_path, tmp_path, monkeypatch):
    given = weights_path, described(weights_path)
    kept = tmp_path / "kept.npz"
    cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=kept)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cam_cache.of_cases(cases, COEFFICIENTS, *given, kept=kept).keys() == cases.keys()
