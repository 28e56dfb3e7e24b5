from typing import Any

import pytest
from tests.unit.configs import changed, study_config

from microcalc.plan import cam_model

CONFIG: dict[str, Any] = {
    "features": {
        "deep": {"kind": "network", "backbone": "resnet50", "weights": "random"},
        "small": {"kind": "network", "backbone": "resnet18", "weights": "random"},
    },
    "scores": {"deep": {"features": ["deep"]}, "small": {"features": ["small"]}},
    "models": {
        "combined": {"clinical": "screened", "scores": ["deep"]},
        "small": {"scores": ["small"]},
        "deep": {"scores": ["deep"]},
    },
}


def test_the_first_score_that_is_a_model_alone_is_mapped() -> None:
    config = study_config(**CONFIG)
    assert (cam_model.name(config), cam_model.set_of(config)) == ("deep", "deep")
    without = {name: row for name, row in CONFIG["models"].items() if name != "deep"}
    config = study_config(**CONFIG | {"models": without})
    assert (cam_model.name(config), cam_model.set_of(config)) == ("small", "small")


@pytest.mark.parametrize(
    "features",
    [
        *({"pool_views": "max"}, {"layers": ["layer3"]}, {"harmonize": "combat"}),
        {"backbone": "vit_b_16"},
        {"source": "timm", "backbone": "vit_tiny_patch16_224", "tokens": "mean"},
        {"source": "onnx", "backbone": "mine", "weights": "mine.onnx"},
    ],
)
def test_no_map_adds_up_to_a_score_of_other_features(features: dict[str, Any]) -> None:
    config = study_config(**CONFIG)
    assert cam_model.name(changed(config, features={"deep": features})) == "small"
    both = {"deep": features, "small": features}
    assert cam_model.name(changed(config, features=both)) is None


def test_no_map_adds_up_to_a_score_of_two_sets() -> None:
    scores = {"deep": {"features": ["deep", "small"]}}
    models = {"deep": {"scores": ["deep"]}}
    config = study_config(**CONFIG | {"scores": scores, "models": models})
    assert (cam_model.name(config), cam_model.set_of(config)) == (None, None)
