import hashlib
import json
import socket
import struct
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from microcalc.config.network_settings import PreprocessingSettings, WeightsSettings
from microcalc.core.errors import StudyError
from microcalc.features import backbone, fetch, generated, weights
from microcalc.features.preprocessing import IMAGENET, Preprocessing

STATED = PreprocessingSettings(mean=IMAGENET.mean, std=IMAGENET.std)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return torchvision.models.resnet18(weights=None)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(generated, "PATCH_PX", 64)
    monkeypatch.setattr(generated, "N_PATCHES", 4)


def test_random_is_a_pure_function_of_backbone_and_seed(small):
    digests = []
    for threads, noise in ((1, 0), (2, 99)):
        torch.set_num_threads(threads)
        torch.manual_seed(noise)
        digests.append(weights.prepare("resnet18", "random", seed=3).digest())
        assert torch.get_num_threads() == threads
    assert digests[0] == digests[1]
    assert weights.prepare("resnet18", "random", seed=4).digest() != digests[0]


def test_random_leaves_torchs_own_random_numbers_alone(small):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    weights.prepare("resnet18", "random", seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_random_starts_residual_branches_at_zero(prepared):
    assert not prepared.tensors["layer3.1.bn2.weight"].any()
    assert prepared.tensors["layer3.1.bn1.weight"].all()


def test_random_statistics_are_those_of_the_generated_patches(prepared):
    images = generated._normalized(generated.patches(7, n=64, size=64), IMAGENET)
    with torch.inference_mode():
        into_bn = torch.nn.functional.conv2d(
            images, prepared.tensors["conv1.weight"], stride=2, padding=3
        )
    np.testing.assert_allclose(
        prepared.tensors["bn1.running_mean"], into_bn.mean(dim=(0, 2, 3)), atol=1e-5
    )
    np.testing.assert_allclose(
        prepared.tensors["bn1.running_var"], into_bn.var(dim=(0, 2, 3)), rtol=1e-4
    )


def test_generated_patches_have_the_power_law_spectrum():
    pictures = generated.patches(1, n=64, size=128)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert (pictures.reshape(64, -1).std(axis=1) > 0.02).all()
    power = np.median(np.abs(np.fft.rfft2(pictures)) ** 2, axis=0)[:, 0]
    band = np.arange(2, 12)  # below the spots' frequencies
    slope = np.polyfit(np.log(band), np.log(power[band]), 1)[0]
    assert -3.6 < slope < -2.4


def test_written_file_is_plain_safetensors_with_a_description(prepared, tmp_path):
    path = tmp_path / "w.safetensors"
    weights.write(prepared, path)
    loaded = load_file(path)
    assert loaded.keys() == prepared.tensors.keys()
    assert all(torch.equal(loaded[key], prepared.tensors[key]) for key in loaded)
    described = backbone.describe(path)
    assert described.backbone == "resnet18"
    assert described.source == "random (seed 7)"
    assert described.preprocessing == IMAGENET
    assert described.digest == prepared.digest()


def test_written_bytes_are_the_same_in_every_process(tmp_path):
    tensors = {"b": torch.arange(3), "a": torch.ones(3, 2), "c": torch.tensor(2)}
    prepared = weights.Prepared("x", "y", IMAGENET, tensors)
    path = tmp_path / "w.safetensors"
    weights.write(prepared, path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert list(header) == ["__metadata__", "b", "c", "a"]  # wide types first, then by name
    assert list(header["__metadata__"]) == ["backbone", "source", "digest", "preprocessing"]
    assert header["a"] == {"dtype": "F32", "shape": [3, 2], "data_offsets": [32, 56]}
    assert load_file(path)["c"] == 2


def test_digest_follows_tensors_constants_and_backbone(prepared):
    changed = dict(prepared.tensors)
    changed["conv1.weight"] = changed["conv1.weight"] + 1e-7
    other = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    variants = [
        prepared,
        weights.Prepared("resnet18", "x", IMAGENET, changed),
        weights.Prepared("resnet18", "x", other, prepared.tensors),
        weights.Prepared("resnet34", "x", IMAGENET, prepared.tensors),
    ]
    assert len({variant.digest() for variant in variants}) == 4
    renamed = weights.Prepared("resnet18", "another name", IMAGENET, prepared.tensors)
    assert renamed.digest() == prepared.digest()


def _plain(state):
    return state


def _data_parallel(state):
    return OrderedDict((f"module.{key}", value) for key, value in state.items())


def _compiled_data_parallel(state):
    return {f"_orig_mod.module.{key}": value for key, value in state.items()}


def _no_fc(state):
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def _other_fc(state):
    return _no_fc(state) | {"fc.0.weight": torch.ones(2, 512), "fc.3.bias": torch.ones(2)}


def _checkpoint(state):
    return {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}}


def _no_counters(state):
    return {key: value for key, value in state.items() if "num_batches" not in key}


@pytest.mark.parametrize(
    "shape",
    [
        _plain,
        _data_parallel,
        _compiled_data_parallel,
        _no_fc,
        _other_fc,
        _checkpoint,
        _no_counters,
    ],
)
def test_state_dicts_of_all_shapes_give_the_same_weights(shape, model, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(shape(model.state_dict()), path)
    got = weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)
    assert got.source.split(" (")[0] == "mine.pt"
    assert "fc.weight" not in got.tensors
    assert torch.equal(got.tensors["layer1.0.conv1.weight"], model.layer1[0].conv1.weight)
    assert got.tensors.keys() == _no_counters(_no_fc(model.state_dict())).keys()


def test_old_torch_format_is_read(model, tmp_path):
    path = tmp_path / "old.pth"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    got = weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)
    assert torch.equal(got.tensors["conv1.weight"], model.conv1.weight)


def test_safetensors_may_state_its_own_preprocessing(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    own = Preprocessing((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    halves = {key: value.half() for key, value in _no_counters(model.state_dict()).items()}
    save_file(halves, path, {"preprocessing": own.to_json()})
    got = weights.prepare("resnet18", str(path), seed=0)
    assert got.preprocessing == own
    assert got.tensors["conv1.weight"].dtype == torch.float32


def test_prepared_file_can_be_given_again(prepared, weights_path):
    again = weights.prepare("resnet18", str(weights_path), seed=0)
    assert again.digest() == prepared.digest()


def test_bad_preprocessing_is_refused(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file(
        _no_counters(model.state_dict()), path, {"preprocessing": '{"mean": [1], "std": [0]}'}
    )
    with pytest.raises(StudyError, match=r"mine\.safetensors, preprocessing: .*three means"):
        weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)


def test_wrong_architecture_lists_what_does_not_fit(model, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(model.state_dict(), path)
    with pytest.raises(StudyError) as caught:
        weights.prepare("resnet50", str(path), seed=0, preprocessing=STATED)
    text = str(caught.value)
    assert "mine.pt does not fit features.<name>.backbone resnet50" in text
    assert "missing: layer1.0.conv3.weight" in text
    assert "shape: layer1.0.conv1.weight has shape (64, 64, 3, 3), expected (64, 64, 1, 1)" in text
    assert "missing: ... and " in text
    torch.save({"encoder." + key: value for key, value in model.state_dict().items()}, path)
    weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)
    state = model.state_dict() | {"gate.weight": torch.ones(1)}
    torch.save(state, path)
    with pytest.raises(StudyError, match=r"unknown: gate\.weight"):
        weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)


@pytest.mark.parametrize("content", ["model", "junk", "list", "numbers"])
def test_files_that_are_no_state_dict_are_refused_unexecuted(content, model, tmp_path):
    path = tmp_path / "mine.pt"
    if content == "junk":
        path.write_bytes(b"not a state dict")
    else:
        torch.save({"model": model, "list": [1, 2], "numbers": {"lr": 0.1}}[content], path)
    with pytest.raises(
        StudyError, match=r"features\.<name>\.weights: mine\.pt .*(state dict|state_dict)"
    ):
        weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)


def test_missing_file_names_three_ways_out(tmp_path):
    with pytest.raises(StudyError) as caught:
        weights.prepare("resnet18", str(tmp_path / "none.pt"), seed=0)
    _assert_three_ways_out(str(caught.value))


def _assert_three_ways_out(text: str) -> None:
    assert "Three ways out" in text
    assert "path of a state dict" in text
    assert "machine with a network" in text
    assert "features.<name>.weights: random" in text


def test_unknown_published_weights_list_the_known_ones():
    with pytest.raises(StudyError, match=r"no IMAGENET1K_V2 for resnet18; it has IMAGENET1K_V1"):
        weights.prepare("resnet18", "IMAGENET1K_V2", seed=0)


def test_unknown_backbone_lists_the_known_ones(tmp_path):
    path = tmp_path / "mine.pt"
    torch.save({"a": torch.ones(1)}, path)
    for source in ("random", "IMAGENET1K_V1", str(path)):
        with pytest.raises(StudyError, match=r"(?i)resnet1001"):
            weights.prepare("resnet1001", source, seed=0, preprocessing=STATED)


@pytest.fixture
def published(monkeypatch, model, tmp_path):
    """A stand-in for torchvision's enum whose one entry is served from a local folder."""
    served = tmp_path / "served"
    served.mkdir()
    torch.save(model.state_dict(), served / "whole.pth")
    digest = hashlib.sha256((served / "whole.pth").read_bytes()).hexdigest()
    file = served / f"resnet18-{digest[:8]}.pth"
    (served / "whole.pth").rename(file)
    transforms = SimpleNamespace(mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])
    entry = SimpleNamespace(url=file.as_uri(), transforms=lambda: transforms)
    monkeypatch.setattr(weights, "published_entry", lambda backbone, source: entry)
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    return file


def test_published_weights_are_downloaded_once_and_bring_their_constants(
    published, model, tmp_path
):
    cache = tmp_path / "cache"
    got = weights.prepare("resnet18", "IMAGENET1K_V1", seed=0, cache=cache)
    assert got.source == f"IMAGENET1K_V1 ({published.name})"
    assert got.preprocessing == Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    assert torch.equal(got.tensors["conv1.weight"], model.conv1.weight)
    published.unlink()
    again = weights.prepare("resnet18", "IMAGENET1K_V1", seed=0, cache=cache)
    assert again.digest() == got.digest()


def test_the_network_only_step_says_which_file_it_brought(published, tmp_path):
    cache = tmp_path / "cache"
    got = weights.fetched(
        WeightsSettings(backbone="resnet18", weights="IMAGENET1K_V1"), cache=cache
    )
    assert got["file"] == published.name
    assert got["sha256"] == hashlib.sha256(published.read_bytes()).hexdigest()
    published.unlink()  # a compute node without a network
    assert weights.prepare("resnet18", "IMAGENET1K_V1", seed=0, cache=cache).source


def test_real_entries_have_a_hash_in_their_name_and_constants():
    entry = weights.published_entry("resnet101", "IMAGENET1K_V2")
    assert fetch._hash_in(fetch.name_of(entry.url)) == "cd907fc2"
    assert weights._published_preprocessing(entry) == IMAGENET


def test_no_network_names_three_ways_out(published, tmp_path):
    published.unlink()
    with pytest.raises(StudyError) as caught:
        weights.prepare("resnet18", "IMAGENET1K_V1", seed=0, cache=tmp_path / "cache")
    _assert_three_ways_out(str(caught.value))
    assert published.name in str(caught.value)


def test_metadata_of_another_file_are_refused(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file(_no_counters(model.state_dict()), path)
    with pytest.raises(StudyError, match=r"not a prepared weights file"):
        backbone.describe(path)


def test_socket_is_never_opened_for_random(monkeypatch, small):
    def refuse(*_args, **_kwargs):
        raise AssertionError("random weights must not use the network")

    monkeypatch.setattr(socket, "socket", refuse)
    weights.prepare("resnet18", "random", seed=1)


def test_preprocessing_round_trips():
    value = Preprocessing((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert Preprocessing.from_json(value.to_json()) == value
    assert json.loads(value.to_json())["std"] == [0.4, 0.5, 0.6]
