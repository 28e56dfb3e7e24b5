import numpy as np
import pytest
import torch

from microcalc import features
from microcalc.core.errors import StudyError
from microcalc.features import backbone, cam
from microcalc.features.pooled_network import Network
from microcalc.features.preprocessing import IMAGENET


@pytest.fixture(scope="module")
def coefficients():
    return np.random.default_rng(4).normal(size=512)


def exact_maps(network, patches, coefficients):
    return cam.exact(cam.last_maps(network, patches), coefficients)


def test_maps_and_constant_sum_to_the_logit(network, patches, coefficients):
    """The logit as the models room has it: standardized features of the views' mean."""
    random = np.random.default_rng(5)
    mean, sd = random.normal(size=512), random.uniform(0.1, 2, 512)
    per_sd, intercept = random.normal(size=512), 0.7
    case = features.extract(network, patches[:2]).astype(float).mean(axis=0)
    logit = intercept + per_sd @ ((case - mean) / sd)

    found = exact_maps(network, patches[:2], per_sd / sd)
    constant = intercept - per_sd @ (mean / sd)
    assert found.method == "exact"
    assert found.maps.shape == (2, 2, 2)
    np.testing.assert_allclose(found.maps.sum() + constant, logit, rtol=1e-5)
    np.testing.assert_allclose(found.score, found.maps.sum(), rtol=1e-5)


def test_each_view_has_its_own_part(network, patches, coefficients):
    both = exact_maps(network, patches[:2], coefficients).maps
    for view in range(2):
        alone = exact_maps(network, patches[view : view + 1], coefficients).maps[0]
        np.testing.assert_allclose(both[view], alone / 2, rtol=1e-4, atol=1e-6)


def _random(name):
    torch.manual_seed(1)
    body, width = backbone.build(name, device="cpu")
    network = Network(body, IMAGENET).eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last), width


@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b0"])
def test_other_pooled_networks_are_exact_too(name, patches):
    network, width = _random(name)
    weights = np.random.default_rng(6).normal(size=width)
    found = exact_maps(network, patches[:1], weights)
    assert found.method == "exact"
    expected = features.extract(network, patches[:1])[0] @ weights
    np.testing.assert_allclose(found.maps.sum(), expected, rtol=1e-3)


def test_what_is_not_linear_gets_grad_cam(patches):
    network, width = _random("mobilenet_v3_small")
    weights = np.random.default_rng(6).normal(size=width)
    assert cam.last_maps(network, patches[:2]) is None
    found = cam.grad_cam(network, patches[:2], weights)
    assert found.method == "grad-cam"
    assert found.maps.shape[0] == 2
    assert np.abs(found.maps).max() > 0


def test_grad_cam_of_a_linear_network_is_its_map(network, patches, coefficients):
    """To first order is exactly, where there is no higher order."""
    exact = exact_maps(network, patches[:2], coefficients)
    gradient = cam.grad_cam(network, patches[:2], coefficients).maps
    # Both views share the score's mean, which Grad-CAM does not divide by.
    ratio = gradient / exact.maps
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)


def test_a_network_without_positions_says_so(patches):
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64 * 64, 4))
    network = Network(flat, IMAGENET).eval()
    with pytest.raises(StudyError, match="no layer of this backbone has positions"):
        cam.last_maps(network, patches[:1])
