from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from microcalc.config.network_settings import ExtractionSettings
from microcalc.core.errors import StudyError
from microcalc.features import adabn, backbone, forward, network_features, shard_features
from microcalc.features.pooled_network import Network
from microcalc.features.preprocessing import IMAGENET
from microcalc.models import provenance

SETTINGS = ExtractionSettings.of(
    {
        **{"backbone": "resnet18", "layers": ["penultimate"], "device": "cpu"},
        **{"precision": "float32", "batch_size": 2},
    }
)


@pytest.fixture
def study(patches):
    """Training a and b, internal c, external d and e of center B, one image each, two shards."""
    included = pd.DataFrame(
        {
            "case_id": list("abcde"),
            "center": list("AAABB"),
            "split": ["train", "train", "internal", "external", "external"],
            "y": [0, 1, 0, 1, 0],
        }
    )
    made = [
        SimpleNamespace(
            image_id=np.array([f"i{c}" for c in cases]),
            case_id=np.array(list(cases)),
            view=np.array(["CC"] * len(cases)),
            status=np.array(["ok"] * len(cases)),
            patch=patches[first : first + len(cases)].copy(),
        )
        for first, cases in ((0, "dbx"), (3, "eca"))
    ]
    return SimpleNamespace(included=included, shards=made)


def _fit(study, weights_path):
    return adabn.fit(study.shards, study.included, weights_path, SETTINGS, threads=1)


def test_each_domain_has_the_statistics_of_its_own_images(study, weights_path, network):
    found = _fit(study, weights_path)
    assert found.domain == {
        "a": "training", "b": "training", "c": "training", "d": "center B", "e": "center B",
    }  # fmt: skip
    of_b = np.stack([study.shards[0].patch[0], study.shards[1].patch[0]])
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET.mean, IMAGENET.std))
    with torch.inference_mode():
        seen = network.body.conv1((torch.from_numpy(of_b).unsqueeze(1) - mean) / std)
    statistics = found.statistics["center B"]
    np.testing.assert_allclose(
        statistics["bn1.running_mean"], seen.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(statistics["bn1.running_var"], seen.var(dim=(0, 2, 3)), rtol=1e-4)
    assert found.digest["center B"] != found.digest["training"]


def test_neither_labels_nor_internal_validation_describe_a_domain(study, weights_path):
    before = _fit(study, weights_path).digest
    study.included["y"] = 1 - study.included["y"]
    study.shards[1].patch[1] *= 0.5
    assert _fit(study, weights_path).digest == before
    study.shards[1].patch[2] *= 0.5
    after = _fit(study, weights_path).digest
    assert after["training"] != before["training"]
    assert after["center B"] == before["center B"]


def test_written_and_read_it_is_the_same_and_so_are_the_bytes(study, weights_path, tmp_path):
    adaptation = _fit(study, weights_path)
    for name in ("x", "y"):
        adabn.write(adaptation, tmp_path / name)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    again = adabn.read([tmp_path / "x"])
    assert (again.domain, again.digest) == (adaptation.domain, adaptation.digest)
    for domain, tensors in adaptation.statistics.items():
        assert all(torch.equal(again.statistics[domain][k], v) for k, v in tensors.items())
    assert adabn.read([]) is None
    recorded = provenance.weights(weights_path, [tmp_path / "x"])
    assert recorded["adapted"] == adaptation.digest["training"]
    assert "adapted" not in provenance.weights(weights_path)


def test_an_image_is_seen_with_its_own_domains_statistics(study, weights_path, tmp_path):
    adaptation = _fit(study, weights_path)
    path = tmp_path / "shard-0.parquet"
    measured = network_features.DeepFeatures(SETTINGS, str(weights_path), adaptation)
    shard_features.update(path, study.shards[0], measured, cache=True)
    table = shard_features.read(path)[0]
    assert table["case_id"].tolist() == ["b", "d"]  # x is not included
    network = backbone.load("resnet18", weights_path)
    for row, (case_id, place) in enumerate((("b", 1), ("d", 0))):
        adaptation.apply(network, adaptation.domain[case_id])
        expected = forward.extract(network, study.shards[0].patch[[place]])[0]
        np.testing.assert_allclose(
            table.iloc[row, 4:].astype(float), expected, rtol=1e-4, atol=1e-5
        )
    plain = tmp_path / "plain.parquet"
    unadapted = network_features.DeepFeatures(SETTINGS, str(weights_path), None)
    shard_features.update(plain, study.shards[0], unadapted, cache=True)
    assert not set(shard_features.read(plain)[0]["key"]) & set(table["key"])


def test_the_weights_file_is_left_alone(study, weights_path):
    before = weights_path.read_bytes()
    _fit(study, weights_path)
    assert weights_path.read_bytes() == before


def test_a_backbone_without_batch_norm_says_so():
    body, _ = backbone.build("convnext_tiny")
    network = Network(body, IMAGENET)
    with pytest.raises(StudyError, match="no batch-norm layers"):
        adabn._statistics(network, [], [])
