"""Networks of timm, of random weights: of residual blocks, of windows, and of tokens."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from microcalc import features
from microcalc.config.network_settings import PreprocessingSettings
from microcalc.core.errors import StudyError
from microcalc.features import (
    adabn,
    backbone,
    cam,
    fetch,
    generated,
    kinds,
    network_features,
    timm_models,
    weights,
)
from microcalc.features.pooled_network import Network
from microcalc.features.preprocessing import Preprocessing

VIT = "test_vit"
"""timm's own for tests: 160 px, 64 features, one class token."""
STATED = PreprocessingSettings(mean=(0.5,) * 3, std=(0.25,) * 3)


@pytest.fixture
def pictures():
    return generated.patches(5, n=2, size=160)


def whole(name, **options):
    torch.manual_seed(3)
    return timm.create_model(name, num_classes=11, **options).eval()


def of_file(folder, name, state, *, tokens=None, layers=("penultimate",), **how):
    torch.save(state, folder / "net.pth")
    how = {"preprocessing": STATED, **how}
    got = weights.prepare(f"timm/{name}", str(folder / "net.pth"), seed=0, tokens=tokens, **how)
    weights.write(got, folder / "w.safetensors")
    return backbone.load(f"timm/{name}", folder / "w.safetensors", tokens=tokens, layers=layers)


def normalized(pictures):
    return (torch.from_numpy(pictures)[:, None].expand(-1, 3, -1, -1) - 0.5) / 0.25


FAMILIES = {
    "test_resnet": 384,
    "test_convnext": 64,
    "test_efficientnet": 256,
    "test_nfnet": 256,
    "test_byobnet": 256,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_features_are_what_goes_into_timms_head(name, tmp_path, pictures):
    model = whole(name)
    network = of_file(tmp_path, name, model.state_dict())
    got = features.extract(network, pictures)
    with torch.inference_mode():
        maps = model.forward_features(normalized(pictures))
        expected = model.forward_head(maps, pre_logits=True)
    assert got.shape == (2, backbone.build(f"timm/{name}")[1])
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", ["cls", "mean"])
def test_tokens_are_pooled_by_the_stated_rule(rule, tmp_path, pictures):
    model = whole(VIT)
    network = of_file(tmp_path, VIT, model.state_dict(), tokens=rule)
    with torch.inference_mode():
        tokens = model.forward_features(normalized(pictures))
    expected = tokens[:, 0] if rule == "cls" else tokens[:, 1:].mean(dim=1)
    np.testing.assert_allclose(features.extract(network, pictures), expected, rtol=1e-4, atol=1e-5)
    both = of_file(tmp_path, VIT, model.state_dict(), tokens=rule, layers=("blocks.0", "norm"))
    got = features.extract(both, pictures)
    np.testing.assert_allclose(got[:, 64:], expected, rtol=1e-4, atol=1e-5)


def test_register_tokens_are_no_patch_tokens(tmp_path, pictures):
    model = whole(VIT, reg_tokens=4)
    assert model.num_prefix_tokens == 5
    network = Network(model, Preprocessing((0.5,) * 3, (0.25,) * 3), tokens="mean")
    with torch.inference_mode():
        expected = model.forward_features(normalized(pictures))[:, 5:].mean(dim=1)
    np.testing.assert_allclose(
        features.extract(network.eval(), pictures), expected, rtol=1e-4, atol=1e-5
    )


def test_tokens_without_a_rule_or_with_one_that_does_not_suit_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"tokens: cls +# the class token\n +or\n +tokens: mean"):
        of_file(tmp_path, VIT, whole(VIT).state_dict())
    with pytest.raises(StudyError, match="gives maps and no tokens; take it out"):
        of_file(tmp_path, "test_resnet", whole("test_resnet").state_dict(), tokens="mean")
    model = whole(VIT, class_token=False, global_pool="avg")
    network = Network(model, Preprocessing((0.5,) * 3, (0.25,) * 3), tokens="cls")
    with pytest.raises(StudyError, match=r"no class token .*; set tokens: mean"):
        features.extract(network.eval(), generated.patches(5, n=1, size=160))


def test_a_transformers_size_is_stated_or_refused(tmp_path):
    model = whole(VIT, img_size=96)
    stated = PreprocessingSettings(**{**STATED.plain(), "size": 96})
    network = of_file(tmp_path, VIT, model.state_dict(), tokens="cls", preprocessing=stated)
    pictures = generated.patches(5, n=2, size=64)
    assert features.extract(network, pictures).shape == (2, 64)
    with pytest.raises(StudyError, match=r"pos_embed has shape .*\n.*features\.<name>\.preproc"):
        of_file(tmp_path, VIT, model.state_dict(), tokens="cls")
    network = of_file(tmp_path, VIT, whole(VIT).state_dict(), tokens="cls")
    with pytest.raises(StudyError, match=r"160 x 160 pixels, .* 64 x 64; .*\.size: 160"):
        features.extract(network, pictures)


def test_a_gray_network(tmp_path, pictures):
    model = whole("test_convnext", in_chans=1)
    stated = PreprocessingSettings(mean=(0.5,), std=(0.25,), channels=1)
    network = of_file(tmp_path, "test_convnext", model.state_dict(), preprocessing=stated)
    with torch.inference_mode():
        maps = model.forward_features(normalized(pictures)[:, :1])
        expected = model.forward_head(maps, pre_logits=True)
    np.testing.assert_allclose(features.extract(network, pictures), expected, rtol=1e-4, atol=1e-5)


LAYOUTS = {
    "teacher.backbone.": lambda state: {
        "student": {f"backbone.{k}": torch.zeros_like(v) for k, v in state.items()},
        "teacher": {f"backbone.{k}": v for k, v in state.items()},
    },
    "image_encoder.": lambda state: (
        {f"image_encoder.{k}": v for k, v in state.items()} | {"text_encoder.x": torch.ones(1)}
    ),
    "backbone.0.": lambda state: {"state_dict": {f"backbone.0.{k}": v for k, v in state.items()}},
    # A masked autoencoder's and DINOv2's own tensors are of no use afterwards.
    "": lambda state: (
        state
        | {
            "mask_token": torch.ones(1),
            "decoder_blocks.0.x": torch.ones(1),
            "head.weight": torch.ones(2),
        }
    ),
}


@pytest.mark.parametrize("prefix", LAYOUTS)
@pytest.mark.parametrize("stated", [True, False])
def test_transformers_are_found_in_the_layouts_of_foundation_models(
    prefix, stated, tmp_path, pictures
):
    model = whole(VIT)
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("head.")}
    how = {"weights_prefix": prefix} if stated else {}
    network = of_file(tmp_path, VIT, LAYOUTS[prefix](state), tokens="cls", **how)
    with torch.inference_mode():
        expected = model.forward_features(normalized(pictures))[:, 0]
    np.testing.assert_allclose(features.extract(network, pictures), expected, rtol=1e-4, atol=1e-5)
    end = f" ({prefix})" if prefix else ""
    assert backbone.describe(tmp_path / "w.safetensors").source == f"net.pth{end}"


def test_random_weights_are_a_function_of_network_and_seed(monkeypatch):
    monkeypatch.setattr(generated, "PATCH_PX", 64)
    monkeypatch.setattr(generated, "N_PATCHES", 4)
    digests = [
        weights.prepare("timm/test_resnet", "random", seed=seed).digest() for seed in (1, 1, 2)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_names_that_are_not_there_are_told_the_nearest():
    with pytest.raises(
        StudyError, match=r"timm [\d.]+ does not have \(did you mean 'test_vit'\?\)"
    ):
        weights.prepare("timm/test_vitt", "random", seed=1)
    with pytest.raises(StudyError, match=r"timm publishes no r161_in1k for test_vit; it has r160_"):
        weights.prepare("timm/test_vit", "r161_in1k", seed=1)


def test_its_version_is_part_of_every_images_key(tmp_path):
    of_file(tmp_path, VIT, whole(VIT).state_dict(), tokens="mean")
    settings = {
        **{"backbone": f"timm/{VIT}", "layers": ["penultimate"], "device": "cpu"},
        **{"precision": "float32", "batch_size": None, "tokens": "mean"},
    }
    files = kinds.Files(weights=[str(tmp_path / "w.safetensors")])
    circumstances = network_features.measurement(settings, files, threads=1).circumstances
    assert circumstances["timm"] == timm.__version__
    assert circumstances["tokens"] == "mean"
    assert circumstances["backbone"] == "timm/test_vit"


def test_layers_with_channels_last_are_averaged_over_their_positions(pictures):
    model = timm.create_model(
        "swin_tiny_patch4_window7_224",
        num_classes=0,
        img_size=64,
        window_size=2,
        depths=(1, 1),
        embed_dim=8,
        num_heads=(1, 1),
    ).eval()
    network = Network(
        model, Preprocessing((0.5,) * 3, (0.25,) * 3), layers=["patch_embed.proj", "layers.1"]
    )
    images = normalized(pictures[:, :64, :64])
    with torch.inference_mode():
        got = network(images)
        stem = model.patch_embed(images)
        expected = model.layers(stem).mean(dim=(1, 2))
    assert got.shape == (2, 8 + 16)
    np.testing.assert_allclose(got[:, 8:], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        got[:, :8], model.patch_embed.proj(images).mean(dim=(2, 3)).detach(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("name", "method"), [("test_resnet", "exact"), ("test_convnext", "grad")])
def test_class_activation_maps_of_networks_with_maps(name, method, tmp_path, pictures):
    network = of_file(tmp_path, name, whole(name).state_dict())
    last = cam.last_maps(network, pictures)
    assert (last is not None) == (method == "exact")
    if last is None:
        coefficients = np.random.default_rng(1).normal(size=backbone.build(f"timm/{name}")[1])
        assert cam.grad_cam(network, pictures, coefficients).maps.shape[0] == 2
    else:
        np.testing.assert_allclose(last.maps.mean(axis=(2, 3)), last.features, rtol=1e-3, atol=1e-4)


def test_adabn_of_a_transformer_is_refused_in_words(tmp_path, shard):
    network = of_file(tmp_path, VIT, whole(VIT).state_dict(), tokens="cls")
    with pytest.raises(StudyError, match="no batch-norm layers; use combat or none"):
        adabn._statistics(network, [shard], [(0, 0)])


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Weights of timm's smallest transformer, in a hub's cache that is a folder here."""
    model = timm.create_model(VIT)
    path = tmp_path / "model.safetensors"
    save_file(model.state_dict(), path)
    asked = []

    def from_hub(repository, *, folder=None):
        asked.append((repository, folder))
        return path

    monkeypatch.setattr(fetch, "from_hub", from_hub)
    return SimpleNamespace(model=model, path=path, asked=asked)


def test_published_weights_bring_their_constants_and_are_loaded_by_timm(published):
    got = weights.prepare(f"timm/{VIT}", "r160_in1k", seed=0, tokens="cls", cache="folder")
    assert published.asked == [("timm/test_vit.r160_in1k", "folder")]
    assert got.source == "r160_in1k (timm/test_vit.r160_in1k)"
    assert got.preprocessing == Preprocessing((0.5,) * 3, (0.5,) * 3, 160)
    assert not any(key.startswith("head.") for key in got.tensors)
    expected = published.model.state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in got.tensors.items())
    told = weights.fetched(weights.WeightsSettings(backbone=f"timm/{VIT}", weights="r160_in1k"))
    assert told["file"] == "timm/test_vit.r160_in1k"
    assert told["sha256"] == hashlib.sha256(published.path.read_bytes()).hexdigest()


def test_published_weights_that_are_not_of_the_network_are_refused(published):
    save_file({"a": torch.ones(1)}, published.path)
    with pytest.raises(StudyError, match=r"timm cannot load model\.safetensors as r160_in1k of te"):
        weights.prepare(f"timm/{VIT}", "r160_in1k", seed=0, tokens="cls")


def test_a_hub_that_cannot_be_reached_leaves_three_ways_out(monkeypatch):
    def unreachable(*_, **__):
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr(fetch, "from_hub", unreachable)
    with pytest.raises(StudyError, match=r"\(no route to host\)\nThree ways out") as told:
        weights.prepare(f"timm/{VIT}", "r160_in1k", seed=0, tokens="cls")
    assert "random" in str(told.value)


def test_timm_is_asked_for_where_it_is_not(monkeypatch):
    monkeypatch.setattr(timm_models, "import_module", lambda name: __import__("no_such_" + name))
    with pytest.raises(StudyError, match=r"pip install 'microcalc\[features\]'"):
        timm_models.library()
