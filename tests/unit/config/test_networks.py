"""Which networks a study has, which of them its models take, and which a refit can use again."""

from typing import Any

import pytest
from tests.unit.configs import study_config

from microcalc.config import networks
from microcalc.config.study_config import StudyConfig

FROZEN = {
    "backbone": "resnet50",
    "weights": "random",
    "layers": ["layer4"],
    "pool_views": "max",
    "device": "cpu",
}
SCORE = {"clinical": "none", "deep": "score"}
MODELS: dict[str, Any] = {
    "clinical": {"clinical": "screened", "deep": "none", "network": "main"},
    "deep": {**SCORE, "network": "main"},
}
TUNED_MODELS: dict[str, Any] = {
    "tuned": {**SCORE, "network": "finetuned"},
    "tuned_combined": {"clinical": "screened", "deep": "score", "network": "finetuned"},
    "tuned_lasso": {**SCORE, "network": "finetuned_lasso"},
}
SMALL = {"backbone": "resnet18", "weights": "small.pth"}


def study(
    models: dict[str, Any], *, finetune: dict[str, Any] | None = None, **further: Any
) -> StudyConfig:
    features = {**FROZEN, "finetune": finetune, "further_networks": further}
    return study_config(features=features, models=models)


PLAIN = study(MODELS)
FURTHER = study({**MODELS, "small": {**SCORE, "network": "small"}}, small=SMALL)
TUNED = study(MODELS | TUNED_MODELS, finetune={"folds": 3})


def of_member(member: str) -> str:
    return f"{member}.safetensors"


def test_a_plain_study_has_its_own_network_alone() -> None:
    found = networks.settings(PLAIN, of_member)
    assert networks.extracted(found) == networks.given(found) == [""]
    assert found[""] == PLAIN.features
    assert networks.at_work(PLAIN) == networks.refittable(PLAIN) == [""]
    assert networks.refittable_models(PLAIN) == list(MODELS)
    assert networks.members_of(PLAIN) == networks.trained(PLAIN) == ()
    assert networks.variants(PLAIN) == ["deep"]
    assert not networks.must_choose(PLAIN)


def test_a_further_network_has_what_it_does_not_say_from_the_own_one() -> None:
    found = networks.settings(FURTHER, of_member)["small/"]
    assert (found.backbone, found.weights) == ("resnet18", "small.pth")
    assert (found.device, found.pool_views) == ("cpu", "mean")
    assert networks.at_work(FURTHER) == networks.refittable(FURTHER) == ["", "small/"]
    assert networks.names(networks.at_work(FURTHER)) == ["main", "small"]
    assert networks.of_model(FURTHER, "small") == "small/"
    # it was not trained here, so that nothing is chosen between it and the own one
    assert networks.variants(FURTHER) == ["deep"]


def test_a_further_network_that_no_model_takes_is_not_at_work() -> None:
    config = study(MODELS, small=SMALL)
    assert networks.given(networks.settings(config, of_member)) == ["", "small/"]
    assert networks.at_work(config) == [""]


def test_a_trained_network_is_extracted_from_and_never_given() -> None:
    found = networks.settings(TUNED, of_member)
    trained = ["finetuned/fold-0/", "finetuned/fold-1/", "finetuned/fold-2/", "finetuned/whole/"]
    assert networks.given(found) == [""]
    assert networks.extracted(found) == ["", *trained]
    assert [found[folder].weights for folder in trained] == [
        *("fold-0.safetensors", "fold-1.safetensors", "fold-2.safetensors", "whole.safetensors")
    ]
    for folder in (*trained, "finetuned/", "finetuned_lasso/"):
        assert (found[folder].layers, found[folder].pool_views) == (("penultimate",), "mean")


def test_no_refit_sees_a_trained_network() -> None:
    assert networks.at_work(TUNED) == ["", "finetuned/", "finetuned_lasso/"]
    assert networks.refittable(TUNED) == [""]
    assert networks.refittable_models(TUNED) == list(MODELS)


def test_one_is_chosen_among_the_deep_scores_of_frozen_and_trained_networks() -> None:
    assert networks.variants(TUNED) == ["deep", "tuned", "tuned_lasso"]
    assert networks.must_choose(TUNED)


@pytest.mark.parametrize(
    ("model", "trained"),
    [
        ("tuned", ("fold-0", "fold-1", "fold-2")),
        ("tuned_lasso", ("whole", "fold-0", "fold-1", "fold-2")),
    ],
)
def test_the_network_of_no_fold_is_trained_for_the_classical_route(
    model: str, trained: tuple[str, ...]
) -> None:
    config = study({model: TUNED_MODELS[model]}, finetune={"folds": 3})
    assert networks.trained(config) == trained
