import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from microcalc import features
from microcalc.config.network_settings import PreprocessingSettings
from microcalc.core.errors import StudyError
from microcalc.features import backbone, preprocessing, weights
from microcalc.features.preprocessing import IMAGENET, Preprocessing

GRAY = PreprocessingSettings(mean=(0.4,), std=(0.2,), channels=1)


def prepared(tmp_path, name, state, **how):
    torch.save(state, tmp_path / "a.pth")
    got = weights.prepare(name, str(tmp_path / "a.pth"), seed=0, **how)
    weights.write(got, tmp_path / "a.safetensors")
    return got, backbone.load(name, tmp_path / "a.safetensors")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize(
    "stated", [None, PreprocessingSettings(), PreprocessingSettings(std=IMAGENET.std, size=224)]
)
def test_a_file_without_stated_preprocessing_is_refused_with_the_lines_to_write(
    suffix, stated, tmp_path
):
    path = tmp_path / f"a.{suffix}"
    (torch.save if suffix == "pth" else save_file)({"a": torch.ones(1)}, path)
    with pytest.raises(StudyError) as told:
        weights.prepare("resnet18", str(path), seed=0, preprocessing=stated)
    text = str(told.value)
    assert text.startswith(f"features.<name>.preprocessing: a.{suffix} does not say what its")
    assert "preprocessing: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}" in text


def test_what_file_and_config_say_must_not_differ(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(
        {"a": torch.ones(1)}, path, {"preprocessing": Preprocessing((0.5,), (0.5,)).to_json()}
    )
    with pytest.raises(StudyError, match=r"mean: is \[0\.4\], but a\.safetensors says .* \[0\.5\]"):
        weights.prepare("resnet18", str(path), seed=0, preprocessing=GRAY)


def test_constants_of_published_weights_stand_unless_others_are_stated():
    known = Preprocessing((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))
    assert preprocessing.of_weights(None, known, source="x") == known
    stated = PreprocessingSettings(size=384)
    assert preprocessing.of_weights(stated, known, source="x") == Preprocessing(
        known.mean, known.std, 384
    )
    with pytest.raises(StudyError, match=r"channels is 1, but there are 3 means and 3 SDs"):
        preprocessing.of_weights(PreprocessingSettings(channels=1), known, source="x")


def test_a_gray_network_gets_the_patch_once(tmp_path, patches):
    torch.manual_seed(1)
    model = torchvision.models.resnet18(weights=None)
    model.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    model.eval()
    got, network = prepared(tmp_path, "resnet18", model.state_dict(), preprocessing=GRAY)
    assert got.preprocessing == Preprocessing((0.4,), (0.2,))
    model.fc = torch.nn.Identity()
    with torch.inference_mode():
        expected = model((torch.from_numpy(patches[:2])[:, None] - 0.4) / 0.2)
    np.testing.assert_allclose(
        features.extract(network, patches[:2]), expected, rtol=1e-4, atol=1e-5
    )


def test_patches_are_resampled_to_the_stated_size(tmp_path, prepared_at, patches):
    _, network = prepared_at(96)
    assert network.preprocessing.size == 96
    resampled = torch.nn.functional.interpolate(
        torch.from_numpy(patches[:3])[:, None], (96, 96), mode="bilinear", antialias=True
    )[:, 0]
    _, plain = prepared_at(None)
    np.testing.assert_array_equal(
        features.extract(network, patches[:3]), features.extract(plain, resampled.numpy())
    )
    assert not np.allclose(
        features.extract(network, patches[:3]), features.extract(plain, patches[:3])
    )


@pytest.fixture
def prepared_at(tmp_path):
    torch.manual_seed(1)
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()

    def prepare(size):
        said = {"mean": IMAGENET.mean, "std": IMAGENET.std, **({"size": size} if size else {})}
        stated = PreprocessingSettings(**said)
        return prepared(tmp_path, "squeezenet1_1", state, preprocessing=stated)

    return prepare


def test_the_digest_follows_the_size_and_the_plain_form_is_as_before(prepared_at):
    assert prepared_at(96)[0].digest() != prepared_at(None)[0].digest()
    assert IMAGENET.to_json() == ('{"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}')
    sized = Preprocessing((0.5,), (0.25,), 384)
    assert Preprocessing.from_json(sized.to_json()) == sized


@pytest.mark.parametrize(
    "text",
    [
        '{"mean": [1, 2], "std": [1, 2]}',
        '{"mean": [1], "std": [0]}',
        '{"mean": [1], "std": [1, 1]}',
    ],
)
def test_constants_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match="three means and three positive SDs, or one of each"):
        Preprocessing.from_json(text)
    with pytest.raises(ValueError, match="number of pixels, not 'big'"):
        Preprocessing.from_json('{"mean": [1], "std": [1], "size": "big"}')
