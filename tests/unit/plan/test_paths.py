"""Files whose place, or whose being there, depends on the config."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.configs import changed, study_config

from microcalc.plan.paths import Paths


def of(**wildcards: str) -> Any:
    return SimpleNamespace(**wildcards)


CONFIG: dict[str, Any] = {
    "features": {"deep": {"kind": "network", "backbone": "resnet50", "weights": "random"}},
    "models": {"deep": {"scores": ["deep"]}},
    "evaluation": {
        **{"bootstrap": 0, "split_lottery": 0, "permutation": 0},
        "replicates_per_job": 10,
    },
}
SMALL = {"kind": "network", "backbone": "resnet18", "weights": "IMAGENET1K_V1"}
TUNED: dict[str, Any] = {
    "features": {"tuned": {"kind": "finetuned", "network": "deep", "folds": 3}},
    "scores": {
        "logits": {"features": ["tuned"], "learner": "network"},
        "lasso": {"features": ["tuned"]},
    },
    "models": {"tuned": {"scores": ["logits"]}, "tuned_lasso": {"scores": ["lasso"]}},
}


def paths(*, frozen: Path | None = None, **deep: Any) -> Paths:
    return Paths(changed(study_config(**CONFIG), features={"deep": deep}), frozen)


def tuned(frozen: Path | None = None) -> Paths:
    return Paths(changed(study_config(**CONFIG), **TUNED), frozen)


def test_a_study_has_results_logs_and_times_of_its_own() -> None:
    assert paths().shard(3) == "results/mine/images/shard-3.npz"
    assert paths().log("predict") == "results/mine/logs/predict.log"
    assert paths().time("predict") == "results/mine/history/times/predict.tsv"


@pytest.mark.parametrize(
    ("wildcards", "log", "time"),
    [
        (["shard"], "extract/{shard}", "extract/{shard}"),
        (["redraw", "shard"], "extract/{redraw}-{shard}", "extract/{redraw}-{shard}"),
        (["set", "shard"], "extract/{set}-{shard}", "extract/{set}-{shard}"),
        (["set"], "extract/{set}", "extract/{set}"),
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
        ("IMAGENET1K_V2", ["results/mine/features/deep/weights/resnet50.fetched.json"]),
    ],
)
def test_weights_are_generated_given_or_fetched(weights: str, source: list[str]) -> None:
    assert paths(weights=weights).source("deep", "resnet50") == source


def test_a_set_has_weights_of_its_own_backbone() -> None:
    found = Paths(
        changed(
            study_config(**CONFIG),
            features={"small": SMALL},
            scores={"small": {"features": ["small"]}},
        )
    )
    assert found.weights("deep") == ["results/mine/features/deep/weights/resnet50.safetensors"]
    assert found.weights_behind("deep") == found.weights("deep")
    place = "results/mine/features/small/weights"
    assert found.weights_behind("small") == [f"{place}/resnet18.safetensors"]
    assert found.source("small", "resnet18") == [f"{place}/resnet18.fetched.json"]
    assert found.tables_of("small", "deep", "small") == [
        "results/mine/features/small/features.parquet",
        "results/mine/features/deep/features.parquet",
    ]


def test_a_fine_tuned_score_comes_from_the_heads_and_its_features_from_the_whole() -> None:
    found, place = tuned(), "results/mine/features/tuned"
    assert found.trained("tuned", "fold-1") == f"{place}/fold-1.safetensors"
    assert found.source("tuned/fold-1", "resnet50") == [found.trained("tuned", "fold-1")]
    assert found.start("tuned") == found.weights("deep")
    heads = f"{place}/weights/resnet50.safetensors"
    assert found.weights_behind("tuned/logits") == [found.heads("tuned")] == [heads]
    assert found.weights_behind("tuned") == [f"{place}/whole/weights/resnet50.safetensors"]
    assert found.tables_of("logits") == [f"{place}/logits.parquet"]
    assert found.tables_of("lasso") == [f"{place}/features.parquet"]


def test_where_models_are_applied_nothing_is_trained_or_chosen() -> None:
    found = tuned(frozen=Path("results/theirs"))
    place = "results/theirs/features/tuned"
    assert found.trained("tuned", "fold-1") == f"{place}/fold-1/weights/resnet50.safetensors"
    assert found.heads("tuned") == f"{place}/weights/resnet50.safetensors"
    assert found.weights_behind("deep") == [
        "results/mine/features/deep/weights/resnet50.safetensors"
    ]
    assert found.choice() == []


def test_fine_tuning_is_chosen_among_and_drawn() -> None:
    assert tuned().choice() == ["results/mine/models/choice.json"]
    assert "results/mine/figures/learning_curves.svg" in tuned().optional_figures()
    assert paths().choice() == []


def test_adapted_weights_are_there_with_adabn_alone() -> None:
    place = "results/mine/features/deep"
    assert paths(harmonize="adabn").adapted("deep") == [f"{place}/adapted.safetensors"]
    assert paths(harmonize="none").adapted("deep") == []
    assert paths(harmonize="combat").adapted("deep") == []


def test_redrawn_features_are_those_that_are_asked_for() -> None:
    assert paths().redrawn("deep") == []
    both = paths(stability={"perturbations": 2, "readers": ["bob"]}).redrawn("deep")
    assert both == [
        "results/mine/features/deep/perturbed.parquet",
        "results/mine/features/deep/other_readers.parquet",
    ]


def test_maps_are_drawn_where_they_add_up_to_a_score() -> None:
    assert paths().optional_figures() == ["results/mine/figures/saliency.svg"]
    assert paths().mapped_case(of(case="C7")) == ["results/mine/figures/case-C7/case_map.svg"]
    assert paths(pool_views="max").mapped_case(of(case="C7")) == []


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
    assert simulated.simulated_shard(of(shard="2")) == ["results/mine/simulate/shard-2.json"]
    assert paths().simulated_shard(of(shard="2")) == []
