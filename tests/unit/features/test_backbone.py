import numpy as np
import pytest
import torch
import torchvision
from safetensors import safe_open

from microcalc import features
from microcalc.errors import StudyError
from microcalc.features import backbone, weights
from microcalc.features.preprocessing import IMAGENET

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
}


@pytest.mark.parametrize(("name", "width"), WIDTHS.items())
def test_the_head_is_found_by_rule(name, width):
    body, got = backbone.build(name)
    assert got == width
    assert all(parameter.is_meta for parameter in body.parameters())


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
        weights.prepare(name, str(tmp_path / "model.pt"), seed=0), tmp_path / "w.safetensors"
    )
    network = backbone.load(name, tmp_path / "w.safetensors")
    got = features.extract(network, patches[:2], batch_size=2)
    assert got.shape == (2, WIDTHS[name])
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


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
    network = backbone.Network(backbone.build("vit_b_16")[0], IMAGENET)
    with pytest.raises(StudyError, match=r"224 x 224 pixels, the patches have 64 x 64"):
        network.check_size(64)
    network.check_size(224)
