import numpy as np
import pytest
import torch
from tests.unit.features import onnx_files

from microcalc import features
from microcalc.config.network_settings import PreprocessingSettings
from microcalc.core.errors import StudyError
from microcalc.features import backbone, kinds, network_features, shard_features, weights

KERNEL = np.random.default_rng(1).normal(size=(5, 3, 3, 3)).astype(np.float32)
STATED = PreprocessingSettings(mean=(0.5, 0.4, 0.3), std=(0.25, 0.5, 1.0))
ANY = ["n", 3, "h", "w"]
SETTINGS = {
    **{"backbone": "onnx/mine", "layers": ["penultimate"], "device": "auto"},
    **{"precision": "float32", "batch_size": 2},
}


@pytest.fixture
def write(tmp_path):
    def write(content, *, tokens=None, stated=STATED):
        path = tmp_path / "mine.onnx"
        path.write_bytes(content)
        got = weights.prepare("onnx/mine", str(path), seed=0, preprocessing=stated, tokens=tokens)
        weights.write(got, tmp_path / "mine.safetensors")
        return tmp_path / "mine.safetensors"

    return write


def expected(patches):
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (STATED.mean, STATED.std))
    images = (torch.from_numpy(patches)[:, None] - mean) / std
    return torch.nn.functional.conv2d(images, torch.from_numpy(KERNEL), padding=1)


@pytest.mark.parametrize("form", ["features", "maps"])
def test_features_are_those_of_the_graph(form, write, patches):
    path = write(onnx_files.convolution(KERNEL, ANY, form=form))
    network = backbone.load_any("onnx/mine", path)
    got = features.extract(network, patches, batch_size=2)
    np.testing.assert_allclose(got, expected(patches).mean(dim=(2, 3)), rtol=1e-4, atol=1e-6)


def test_outputs_are_layers(write, patches, tmp_path):
    with pytest.raises(StudyError, match=r"outputs can be named, which are features, maps"):
        write(onnx_files.convolution(KERNEL, ANY, form="both"))
    # One is chosen where features are extracted.
    whole = onnx_files.convolution(KERNEL, ANY, form="both")
    network = backbone.of_tensors(
        "onnx/mine",
        {"onnx": torch.frombuffer(bytearray(whole), dtype=torch.uint8)},
        network_of(write).preprocessing,
        layers=["maps", "features"],
    )
    got = features.extract(network, patches[:2])
    assert got.shape == (2, 10)
    np.testing.assert_allclose(got[:, :5], got[:, 5:], rtol=1e-4, atol=1e-6)


def network_of(write):
    path = write(onnx_files.convolution(KERNEL, ANY, form="features"))
    return backbone.load_any("onnx/mine", path)


def test_tokens_of_a_graph_are_pooled_by_what_is_stated(write, patches):
    content = onnx_files.convolution(KERNEL, ANY, form="tokens")
    network = backbone.load_any("onnx/mine", write(content, tokens="cls"), tokens="cls")
    got = features.extract(network, patches[:2])
    np.testing.assert_allclose(got, expected(patches[:2])[:, :, 0, 0], rtol=1e-4, atol=1e-6)
    for rule in (None, "mean"):
        with pytest.raises(StudyError, match="which of them are patch tokens an ONNX file does"):
            write(content, tokens=rule)


def test_batches_of_one_size_are_filled(write, patches):
    path = write(onnx_files.convolution(KERNEL, [4, 3, 64, 64], form="features"))
    network = backbone.load_any("onnx/mine", path)
    got = features.extract(network, patches[:7], batch_size=7)
    np.testing.assert_allclose(got, expected(patches).mean(dim=(2, 3)), rtol=1e-4, atol=1e-6)
    with pytest.raises(StudyError, match=r"takes images of 64 x 64 pixels, and gets 32 x 32"):
        features.extract(network, patches[:1, :32, :32])


def test_what_cannot_be_is_refused_in_words(write, tmp_path):
    broken = {
        b"no graph": "onnxruntime cannot read this file",
        onnx_files.convolution(KERNEL, ANY, form="foreign"): "onnxruntime cannot read this file",
        onnx_files.convolution(
            KERNEL[:, :1], ["n", 1, "h", "w"]
        ): r"takes 1 channel\(s\), and 3 are",
        onnx_files.convolution(KERNEL * np.nan, ANY): "not finite",
    }
    for content, said in broken.items():
        with pytest.raises(StudyError, match=said):
            write(content)
    with pytest.raises(StudyError, match=r"mine\.onnx does not say what its network was trained"):
        write(onnx_files.convolution(KERNEL, ANY), stated=None)
    with pytest.raises(StudyError, match=r"there is no file .*\n.*\n.*an ONNX file of mine"):
        weights.prepare("onnx/mine", str(tmp_path / "none.onnx"), seed=0, preprocessing=STATED)


def test_its_layers_are_for_nobody_else(write):
    path = write(onnx_files.convolution(KERNEL, ANY))
    with pytest.raises(StudyError, match="it has no layers to train, adapt or map"):
        backbone.load("onnx/mine", path)


def test_a_prepared_file_is_the_same_again(write):
    path = write(onnx_files.convolution(KERNEL, ANY))
    again = weights.prepare("onnx/mine", str(path), seed=0)
    assert again.digest() == backbone.describe(path).digest
    assert again.source == "mine.onnx"


def test_a_shard_is_measured_and_its_key_holds_the_runtime(write, shard, tmp_path):
    path = write(onnx_files.convolution(KERNEL, ANY, form="features"))
    files = kinds.Files(weights=[str(path)])
    measurement = network_features.measurement(SETTINGS, files, threads=1)
    shard_features.update(tmp_path / "s.parquet", shard, measurement, cache=True)
    table, circumstances = shard_features.read(tmp_path / "s.parquet")
    assert circumstances["device"] == "cpu"
    assert circumstances["onnxruntime"]
    usable = shard.patch[[1, 3, 2, 0]]  # sorted by their ids
    assert table["image_id"].tolist() == ["i1", "i2", "i3", "i4"]
    got = table.filter(like="0").to_numpy()
    np.testing.assert_allclose(got, expected(usable).mean(dim=(2, 3)), rtol=1e-4, atol=1e-6)
