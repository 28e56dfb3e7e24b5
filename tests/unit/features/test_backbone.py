import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from safetensors import safe_open

from microcalc import features
from microcalc.config.network_settings import PreprocessingSettings
from microcalc.core.errors import StudyError
from microcalc.features import backbone, generated, weights
from microcalc.features.pooled_network import Network
from microcalc.features.preprocessing import IMAGENET

STATED = PreprocessingSettings(mean=IMAGENET.mean, std=IMAGENET.std)
WIDTHS = {
    "resnet18": 512,
    "resnet50": 2048,
    "resnet101": 2048,
    "densenet121": 1024,
    "efficientnet_b0": 1280,
    "convnext_tiny": 768,
    "vit_b_16": 768,
    "squeezenet1_1": 512,
    "mobilenet_v3_small": 1024,
    "swin_t": 768,
    "regnet_y_400mf": 440,
}


@pytest.mark.parametrize(("name", "width"), WIDTHS.items())
def test_the_head_is_found_by_rule(name, width):
    body, got = backbone.build(name)
    assert got == width
    assert all(parameter.is_meta for parameter in body.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", backbone.names())
def test_any_classification_network_goes(name):
    body, width = backbone.build(name)
    body.eval().to("meta")
    size = getattr(body, "image_size", 224)
    with torch.inference_mode():
        assert body(torch.empty((2, 3, size, size), device="meta")).shape == (2, width)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "efficientnet_b0", "squeezenet1_1"])
def test_features_are_what_goes_into_the_head(name, tmp_path, patches):
    torch.manual_seed(3)
    model = torchvision.models.get_model(name, weights=None).eval()
    seen = []
    head = dict(model.named_modules())[backbone.head_name(name)]
    head.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    images = (
        torch.from_numpy(patches[:2]).unsqueeze(1) - torch.tensor(IMAGENET.mean).view(3, 1, 1)
    ) / torch.tensor(IMAGENET.std).view(3, 1, 1)
    with torch.inference_mode():
        model(images)
    expected = seen[0].mean(dim=(2, 3)) if seen[0].ndim == 4 else seen[0]

    torch.save(model.state_dict(), tmp_path / "model.pt")
    weights.write(
        weights.prepare(name, str(tmp_path / "model.pt"), seed=0, preprocessing=STATED),
        tmp_path / "w.safetensors",
    )
    network = backbone.load(name, tmp_path / "w.safetensors")
    got = features.extract(network, patches[:2], batch_size=2)
    assert got.shape == (2, WIDTHS[name])
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


LISTED = [
    *("resnet50", "resnet101"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("convnext_tiny", "vit_b_16")),
]


@pytest.mark.parametrize("name", LISTED)
def test_listed_backbones_extract_from_random_weights(name, tmp_path, monkeypatch):
    """The other three listed are above; these take a real file through the whole way, once."""
    size = 224 if name == "vit_b_16" else 64
    monkeypatch.setattr(generated, "PATCH_PX", size)
    monkeypatch.setattr(generated, "N_PATCHES", 2)
    weights.write(weights.prepare(name, "random", seed=1), tmp_path / "w.safetensors")
    network = backbone.load(name, tmp_path / "w.safetensors")
    pictures = generated.patches(3, n=3, size=size)
    got = features.extract(network, pictures, batch_size=3)
    assert got.shape == (3, WIDTHS[name])
    assert len(np.unique(got.round(4), axis=0)) == 3
    alone = features.extract(network, pictures[2:], batch_size=1)
    assert np.abs(alone - got[2:]).max() <= 1e-5 * np.abs(got).max()


def test_nothing_is_initialized_only_to_be_overwritten(weights_path, monkeypatch):
    def only_meta(tensor, *_args, **_kwargs):
        assert tensor.is_meta
        return tensor

    for name in ("kaiming_normal_", "kaiming_uniform_", "constant_", "uniform_", "ones_", "zeros_"):
        monkeypatch.setattr(torch.nn.init, name, only_meta)
    network = backbone.load("resnet18", weights_path)
    assert not any(tensor.is_meta for tensor in network.parameters())
    assert not any(tensor.is_meta for tensor in network.buffers())


def test_loaded_network_is_ready_for_inference(network, weights_path):
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network.body.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    with safe_open(weights_path, framework="pt") as file:
        assert torch.equal(network.body.conv1.weight, file.get_tensor("conv1.weight"))


def test_weights_of_another_backbone_are_refused(weights_path):
    with pytest.raises(StudyError, match=r"prepared for resnet18, but .* is resnet34"):
        backbone.load("resnet34", weights_path)


def test_tensors_of_another_version_are_listed(prepared, tmp_path):
    tensors = {key: value for key, value in prepared.tensors.items() if key != "bn1.bias"}
    path = tmp_path / "w.safetensors"
    weights.write(weights.Prepared("resnet18", "x", IMAGENET, tensors), path)
    with pytest.raises(StudyError, match=r"missing or too many[^$]*bn1\.bias"):
        backbone.load("resnet18", path)


def test_a_network_of_one_size_says_so(tmp_path):
    network = Network(backbone.build("vit_b_16")[0], IMAGENET)
    with pytest.raises(StudyError, match=r"224 x 224 pixels, the patches have 64 x 64"):
        network.check_size(64)
    network.check_size(224)


def test_layers_are_pooled_side_by_side(weights_path, network, patches):
    both = backbone.load("resnet18", weights_path, layers=["layer2", "penultimate", "layer1.0"])
    got = features.extract(both, patches[:3], batch_size=2)
    assert got.shape == (3, 128 + 512 + 64)
    np.testing.assert_allclose(
        got[:, 128:640], features.extract(network, patches[:3], batch_size=2), rtol=1e-5, atol=1e-6
    )
    with torch.inference_mode():
        images = next(_normalized(network, patches[:3]))
        body = both.body
        stem = body.maxpool(body.relu(body.bn1(body.conv1(images))))
        stage = body.layer2(body.layer1(stem)).mean(dim=(2, 3))
    np.testing.assert_allclose(got[:, :128], stage, rtol=1e-5, atol=1e-6)


def _normalized(network, patches):
    mean, std = (
        torch.tensor(values).view(3, 1, 1)
        for values in (network.preprocessing.mean, network.preprocessing.std)
    )
    yield (torch.from_numpy(patches).unsqueeze(1) - mean) / std


def test_layers_of_all_shapes_are_pooled():
    for name, layer, width in (("swin_t", "features.1", 96), ("vit_b_16", "encoder", 768)):
        body, _ = backbone.build(name)
        network = Network(body.eval(), IMAGENET, [layer])
        with torch.inference_mode():
            assert network(torch.empty((2, 3, 224, 224), device="meta")).shape == (2, width)


def test_a_layer_that_is_not_there_lists_those_that_are(weights_path):
    with pytest.raises(StudyError, match=r"names 'layer9'.* conv1, bn1, layer1, .*penultimate"):
        backbone.load("resnet18", weights_path, layers=["layer9"])


@pytest.mark.slow
def test_torchs_compiler_is_not_imported(weights_path):
    code = (
        "import sys\n"
        "from microcalc.features import backbone\n"
        f"backbone.load('resnet18', {str(weights_path)!r})\n"
        "assert 'torch._dynamo' not in sys.modules, 'the compiler costs a second per job'\n"
        "import torch._dynamo.utils as utils\n"
        "assert utils.is_compile_supported.__module__ == 'torch._dynamo.utils'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
