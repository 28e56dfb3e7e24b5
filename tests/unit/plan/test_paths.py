"""Files whose place, or whose being there, depends on the config."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.configs import study_config

from microcalc.plan.paths import Paths

SCORE = {"clinical": "none", "deep": "score"}
CONFIG: dict[str, Any] = {
    "features": {"backbone": "resnet50", "weights": "random"},
    "models": {"deep": {**SCORE, "network": "main"}},
    "evaluation": {
        **{"bootstrap": 0, "split_lottery": 0, "permutation": 0},
        "replicates_per_job": 10,
    },
}
FURTHER = {"small": {"backbone": "resnet18", "weights": "IMAGENET1K_V1"}}
TUNED_MODELS = CONFIG["models"] | {
    "tuned": {**SCORE, "network": "finetuned"},
    "tuned_lasso": {**SCORE, "network": "finetuned_lasso"},
}


def paths(
    *, frozen: Path | None = None, models: dict[str, Any] | None = None, **features: Any
) -> Paths:
    config = CONFIG | {
        "features": CONFIG["features"] | features,
        "models": CONFIG["models"] | (models or {}),
    }
    return Paths(study_config(**config), frozen)


def tuned(frozen: Path | None = None) -> Paths:
    return paths(frozen=frozen, models=TUNED_MODELS, finetune={"folds": 3})


def test_a_study_has_results_logs_and_times_of_its_own() -> None:
    assert paths().shard(3) == "results/mine/images/shard-3.npz"
    assert paths().log("predict") == "results/mine/logs/predict.log"
    assert paths().time("predict") == "results/mine/history/times/predict.tsv"


@pytest.mark.parametrize(
    ("wildcards", "log", "time"),
    [
        (["shard"], "extract/{shard}", "extract/{shard}"),
        (["redraw", "shard"], "extract/{redraw}-{shard}", "extract/{redraw}-{shard}"),
        (["network", "shard"], "{network}extract/{shard}", "extract/{network}{shard}"),
        # An own network's name is empty, and its file's name may not be.
        (["network"], "{network}extract", "extract/{network}jobs"),
    ],
)
def test_each_job_has_a_log_and_a_time(wildcards: list[str], log: str, time: str) -> None:
    assert paths().log("extract", wildcards) == f"results/mine/logs/{log}.log"
    assert paths().time("extract", wildcards) == f"results/mine/history/times/{time}.tsv"


@pytest.mark.parametrize(
    ("weights", "source"),
    [
        ("random", []),
        ("given.pth", ["given.pth"]),
        ("IMAGENET1K_V2", ["results/mine/features/weights/resnet50.fetched.json"]),
    ],
)
def test_weights_are_generated_given_or_fetched(weights: str, source: list[str]) -> None:
    assert paths(weights=weights).source("", "resnet50") == source


def test_a_further_network_has_weights_of_its_own_backbone() -> None:
    found = paths(further_networks=FURTHER, models={"small": {**SCORE, "network": "small"}})
    assert found.weights() == "results/mine/features/weights/resnet50.safetensors"
    assert found.weights_behind("") == found.weights()
    assert (
        found.weights_behind("small/") == "results/mine/features/small/weights/resnet18.safetensors"
    )
    assert found.source("small/", "resnet18") == [
        "results/mine/features/small/weights/resnet18.fetched.json"
    ]


def test_a_fine_tuned_score_comes_from_the_heads_and_its_features_from_the_whole() -> None:
    found, place = tuned(), "results/mine/features/finetuned"
    assert found.trained("fold-1") == f"{place}/fold-1.safetensors"
    assert found.source("finetuned/fold-1/", "resnet50") == [found.trained("fold-1")]
    assert (
        found.weights_behind("finetuned/")
        == found.heads()
        == f"{place}/weights/resnet50.safetensors"
    )
    assert found.weights_behind("finetuned_lasso/") == f"{place}/whole/weights/resnet50.safetensors"


def test_where_models_are_applied_nothing_is_trained_or_chosen() -> None:
    found = tuned(frozen=Path("results/theirs"))
    place = "results/theirs/features/finetuned"
    assert found.trained("fold-1") == f"{place}/fold-1/weights/resnet50.safetensors"
    assert found.heads() == f"{place}/weights/resnet50.safetensors"
    assert found.weights_behind("") == "results/mine/features/weights/resnet50.safetensors"
    assert found.choice() == []


def test_fine_tuning_is_chosen_among_and_drawn() -> None:
    assert tuned().choice() == ["results/mine/models/choice.json"]
    assert "results/mine/figures/learning_curves.svg" in tuned().optional_figures()
    assert paths().choice() == []


def test_adapted_weights_are_there_with_adabn_alone() -> None:
    def adapted(method: str) -> list[str]:
        return paths(harmonize=method).harmonized("adabn", "features/adapted.safetensors")

    assert adapted("adabn") == ["results/mine/features/adapted.safetensors"]
    assert adapted("none") == adapted("combat") == []


def test_redrawn_features_are_those_that_are_asked_for() -> None:
    assert paths().redrawn() == []
    both = paths(stability={"perturbations": 2, "readers": ["bob"]}).redrawn()
    assert both == [
        "results/mine/features/{network}perturbed.parquet",
        "results/mine/features/{network}other_readers.parquet",
    ]


def test_maps_are_drawn_where_they_add_up_to_a_score() -> None:
    assert paths().optional_figures() == ["results/mine/figures/saliency.svg"]
    assert paths().mapped("C7") == ["results/mine/figures/case-C7/case_map.svg"]
    assert paths(pool_views="max").mapped("C7") == []


def test_refits_are_dealt_to_parts_and_drawn() -> None:
    found = Paths(study_config(**CONFIG | {"evaluation": CONFIG["evaluation"] | {"bootstrap": 11}}))
    assert found.parts("bootstrap", ".selected") == [
        "results/mine/evaluation/parts/bootstrap-0.selected.csv",
        "results/mine/evaluation/parts/bootstrap-1.selected.csv",
    ]
    assert found.parts("permutation") == []
    assert "results/mine/figures/resampling.svg" in found.optional_figures()


def test_phantoms_are_made_in_a_simulated_study_alone() -> None:
    simulated = Paths(study_config(**CONFIG, simulate={"phantoms": "phantoms.csv"}))
    assert simulated.simulated("2") == ["results/mine/simulate/shard-2.json"]
    assert paths().simulated("2") == []
