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


def test_the_deep_score_alone_of_the_own_network_is_mapped() -> None:
    assert cam_model.name(study_config(**CONFIG)) == "deep"


@pytest.mark.parametrize(
    "features", [{"pool_views": "max"}, {"layers": ["layer3"]}, {"harmonize": "combat"}]
)
def test_no_map_adds_up_to_a_score_of_other_features(features: dict[str, Any]) -> None:
    assert cam_model.name(changed(study_config(**CONFIG), features={"deep": features})) is None


def test_without_such_a_model_nothing_is_mapped() -> None:
    models = {name: CONFIG["models"][name] for name in ("combined", "small")}
    assert cam_model.name(study_config(**CONFIG | {"models": models})) is None
