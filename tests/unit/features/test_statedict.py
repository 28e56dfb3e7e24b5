"""Files of other programs in the layouts that are met: each gives the network that is in it."""

import argparse
import os
import sys
from types import ModuleType

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from microcalc.config.network_settings import PreprocessingSettings
from microcalc.core.errors import StudyError
from microcalc.features import statedict, weights
from microcalc.features.preprocessing import IMAGENET

STATED = PreprocessingSettings(mean=IMAGENET.mean, std=IMAGENET.std)


def resnet(seed):
    torch.manual_seed(seed)
    return torchvision.models.resnet18(weights=None)


@pytest.fixture(scope="module")
def model():
    return resnet(1)


@pytest.fixture(scope="module")
def sibling():
    """Another network of the same names, as a student's beside its teacher's."""
    return resnet(2).state_dict()


def under(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def headless(state):
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def numbered(model):
    return torch.nn.Sequential(*list(model.children())[:-1]).state_dict()


LAYOUTS = {
    # RadImageNet's `Backbone`: self.backbone = nn.Sequential(*list(model.children())[:-1])
    "RadImageNet": (lambda m, _: under("backbone.", numbered(m)), None, "backbone."),
    "a Sequential": (lambda m, _: numbered(m), None, ""),
    "a classifier behind it": (
        lambda m, _: under("backbone.0.", m.state_dict()),
        None,
        "backbone.0.",
    ),
    "stated": (lambda m, _: under("backbone.0.", m.state_dict()), "backbone.0.", "backbone.0."),
    "MoCo": (
        lambda m, other: {
            "epoch": 200,
            "arch": "resnet18",
            "state_dict": under("module.encoder_q.", headless(m.state_dict()))
            | under("module.encoder_k.", headless(other))
            | {"module.encoder_q.fc.0.weight": torch.ones(3), "module.queue": torch.ones(2, 2)},
            "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": []},
        },
        None,
        "module.encoder_q.",
    ),
    "MoCo 3": (
        lambda m, other: {
            "state_dict": under("module.base_encoder.", m.state_dict())
            | under("module.momentum_encoder.", other)
        },
        None,
        "module.base_encoder.",
    ),
    "MoCo's keys": (
        lambda m, other: under("encoder_q.", m.state_dict()) | under("encoder_k.", other),
        "encoder_k.",
        "encoder_k.",
    ),
    "DINO": (
        lambda m, other: {
            "student": under("module.backbone.", headless(other)),
            "teacher": under("backbone.", headless(m.state_dict()))
            | {"head.mlp.0.weight": torch.ones(2, 2)},
            "optimizer": {"state": {}, "param_groups": []},
            "epoch": 100,
            "args": argparse.Namespace(arch="resnet18", lr=0.1),
            "dino_loss": {"center": torch.zeros(1, 2)},
        },
        None,
        "teacher.backbone.",
    ),
    "Lightning": (
        lambda m, _: {
            "epoch": 3,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": under("model.", m.state_dict()) | {"loss.weight": torch.ones(2)},
            "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
            "hyper_parameters": attributes(lr=0.1),
        },
        None,
        "model.",
    ),
    "Mammo-CLIP": (
        lambda m, _: {
            "model": under("image_encoder.", m.state_dict())
            | {"text_encoder.embeddings.weight": torch.ones(3, 2), "logit_scale": torch.ones(())}
        },
        "image_encoder.",
        "image_encoder.",
    ),
}


def attributes(**options):
    """Return a dictionary as Lightning files one, under the name that it has there."""
    module = ModuleType("pytorch_lightning.utilities.parsing")
    kind = type("AttributeDict", (dict,), {"__module__": module.__name__})
    module.AttributeDict = kind
    for name in ("pytorch_lightning", "pytorch_lightning.utilities"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules[module.__name__] = module
    return kind(**options)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_network_of_a_layout_is_found_under_its_names(name, model, sibling, tmp_path):
    layout, prefix, found = LAYOUTS[name]
    path = tmp_path / "net.pth"
    torch.save(layout(model, sibling), path)
    for loaded in [key for key in sys.modules if key.startswith("pytorch_lightning")]:
        del sys.modules[loaded]
    tensors, _ = statedict.read(path)
    got = statedict.fit(tensors, "resnet18", source="net.pth", prefix=prefix)
    assert got.prefix == found
    expected = sibling if prefix == "encoder_k." else model.state_dict()
    assert len(got.tensors) == 100
    assert all(torch.equal(tensor, expected[key]) for key, tensor in got.tensors.items())


def test_the_prefix_is_part_of_what_the_weights_are_called(model, tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(under("image_encoder.", model.state_dict()), path)
    got = weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)
    assert got.source == "net.safetensors (image_encoder.)"


def test_of_two_networks_that_fit_one_must_be_named(model, sibling):
    both = under("left.", model.state_dict()) | under("right.", sibling)
    with pytest.raises(StudyError, match=r"holds 2 networks that fit.*weights_prefix") as told:
        statedict.fit(both, "resnet18", source="net.pth")
    assert "- 'left.'" in str(told.value)
    assert "- 'right.'" in str(told.value)
    got = statedict.fit(both, "resnet18", source="net.pth", prefix="right.")
    assert torch.equal(got.tensors["conv1.weight"], sibling["conv1.weight"])


def test_a_prefix_that_nothing_has_lists_those_there_are(model):
    state = under("image_encoder.", model.state_dict())
    with pytest.raises(StudyError, match=r"no tensor of a\.pth begins with 'teacher\.'") as told:
        statedict.fit(state, "resnet18", source="a.pth", prefix="teacher.")
    assert "its 102 tensors begin with" in str(told.value)
    assert "- image_encoder.conv1" in str(told.value)


def test_a_prefix_that_is_too_short_is_told_the_right_one(model):
    state = under("teacher.backbone.", model.state_dict())
    with pytest.raises(StudyError, match=r"Set features\.<name>\.weights_prefix: 'teacher\.back"):
        statedict.fit(state, "resnet18", source="a.pth", prefix="teacher.")


def test_gray_networks_are_told_their_channels(model):
    state = dict(model.state_dict())
    state["conv1.weight"] = state["conv1.weight"][:, :1]
    with pytest.raises(StudyError, match=r"0 tensors missing, 0 unknown, 1 of another") as told:
        statedict.fit(state, "resnet18", source="a.pth")
    assert "conv1.weight has shape (64, 1, 7, 7), expected (64, 3, 7, 7)" in str(told.value)
    assert "set features.<name>.preprocessing.channels: 1" in str(told.value)


def test_names_of_timm_under_torchvisions_are_told_their_source():
    state = {"blocks.0.attn.qkv.weight": torch.ones(3, 1), "patch_embed.proj.weight": torch.ones(1)}
    with pytest.raises(StudyError, match=r"set features\.<name>\.source: timm"):
        statedict.fit(state, "vit_b_16", source="a.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_that_are_not_finite_are_refused_at_once(value, dtype, model, tmp_path):
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    state["layer2.0.conv1.weight"] = state["layer2.0.conv1.weight"].to(dtype)
    state["layer2.0.conv1.weight"][3, 1] = value
    state["bn1.running_var"][:] = value
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(StudyError, match=r"not finite .*in 2 of 100 tensors") as told:
        weights.prepare("resnet18", str(tmp_path / "a.pth"), seed=0, preprocessing=STATED)
    assert "layer2.0.conv1.weight: 9 of 73728 numbers" in str(told.value)
    state["fc.weight"] = torch.full((1000, 512), value)  # the head's are not used
    state |= {key: model.state_dict()[key] for key in ("layer2.0.conv1.weight", "bn1.running_var")}
    torch.save(state, tmp_path / "a.pth")
    weights.prepare("resnet18", str(tmp_path / "a.pth"), seed=0, preprocessing=STATED)


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("content", ["code", "network", "cut"])
def test_code_in_a_file_is_not_run_and_torchs_advice_to_run_it_not_passed_on(
    content, old, model, tmp_path
):
    path, trace = tmp_path / "a.pth", tmp_path / "trace"
    saved = {"code": model.state_dict() | {"x": Runs(trace)}, "network": model}
    torch.save(saved.get(content, model.state_dict()), path, _use_new_zipfile_serialization=not old)
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(StudyError, match=r"a\.pth is no state dict that can be read") as told:
        weights.prepare("resnet18", str(path), seed=0, preprocessing=STATED)
    assert not trace.exists()
    text = str(told.value)
    assert "weights_only" not in text
    assert "trust" not in text
    if content != "cut":
        foreign = {"code": "system", "network": "torchvision.models.resnet.ResNet"}[content]
        assert foreign in text
