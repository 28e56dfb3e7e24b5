"""What a study of each kind measures, makes scores of and can fit again."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.kinds_of_study import KINDS, written

from microcalc.config import feature_sets, settings
from microcalc.config.feature_settings import StabilitySettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.study_config import StudyConfig


@dataclass(frozen=True)
class Said:
    """What `feature_sets` is to say of a study."""

    tables: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"deep": ("deep",)})
    measured: tuple[str, ...] = ("deep",)
    given: tuple[str, ...] = ()
    taken: tuple[str, ...] = ("deep",)
    main: tuple[str, str] = ("deep", "deep")
    refittable: tuple[str, ...] = ("clinical", "deep", "combined")
    variants: tuple[str, ...] = ()
    harmonized: str = "none"


SAID: dict[str, Said] = {
    "frozen": Said(),
    "two_scores": Said(
        tables={"deep": ("deep",), "densenet": ("densenet",)},
        measured=("deep", "densenet"),
        taken=("deep", "densenet"),
        refittable=("clinical", "deep", "combined", "dense", "two"),
    ),
    "one_score_of_two_sets": Said(
        tables={"deep": ("deep", "densenet")},
        measured=("deep", "densenet"),
        taken=("deep", "densenet"),
    ),
    "own_selection": Said(
        tables={"deep": ("deep",), "sparse": ("deep",)},
        refittable=("clinical", "deep", "combined", "sparse"),
    ),
    "fine_tuned": Said(
        tables={
            **{"deep": ("deep",), "finetuned": ("tuned/logits",)},
            "finetuned_lasso": ("tuned",),
        },
        measured=("deep", "tuned/whole", "tuned/fold-0", "tuned/fold-1", "tuned/fold-2"),
        taken=("deep", "tuned"),
        variants=("deep", "finetuned", "finetuned_lasso"),
    ),
    "computed_elsewhere": Said(
        tables={"deep": ("deep",), "mri": ("mri",), "fusion": ("deep", "mri", "ultrasound")},
        measured=("deep", "mri", "ultrasound"),
        given=("mri", "ultrasound"),
        taken=("deep", "mri", "ultrasound"),
        refittable=("clinical", "deep", "combined", "mri", "fusion"),
        harmonized="combat",
    ),
    "features_one_by_one": Said(refittable=("clinical", "deep", "combined", "paper")),
    "score_from_elsewhere": Said(refittable=("clinical", "deep", "combined", "radiologist")),
    "clinical_alone": Said(refittable=("prespecified",)),
    "harmonized_and_stable": Said(
        tables={"deep": ("deep", "densenet")},
        measured=("deep", "densenet"),
        taken=("deep", "densenet"),
        harmonized="adabn, combat",
    ),
    "other_names": Said(
        tables={"texture": ("weights",), "logits": ("backbone/logits",)},
        measured=("weights", "backbone/fold-0", "backbone/fold-1", "backbone/fold-2"),
        taken=("weights", "backbone"),
        main=("texture", "weights"),
        refittable=("texture",),
        variants=("texture", "logits"),
    ),
}


def weights_of(name: str, member: str) -> str:
    return f"{name}/{member}.safetensors"


def study(kind: str) -> StudyConfig:
    return settings.complete(written(kind))


def test_every_kind_is_looked_at() -> None:
    assert SAID.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_no_fault_and_means_the_same_once_it_is_completed(kind: str) -> None:
    assert settings.problems(written(kind)) == []
    completed = study(kind)
    again = settings.complete(completed.plain())
    assert again == completed
    assert again.plain() == completed.plain()
    for score in completed.scores:
        assert again.selection_of(score) == completed.selection_of(score)


@pytest.mark.parametrize("kind", KINDS)
def test_its_sets_scores_and_models_are_known(kind: str) -> None:
    config, said = study(kind), SAID[kind]
    assert {name: feature_sets.tables_of(config, name) for name in config.scores} == said.tables
    assert feature_sets.tables(config, *config.scores) == list(
        dict.fromkeys(name for names in said.tables.values() for name in names)
    )
    measured = feature_sets.measured(config, weights_of)
    assert tuple(measured) == said.measured
    assert tuple(feature_sets.from_tables(measured)) == said.given
    assert {*feature_sets.of_images(measured)} == {*said.measured} - {*said.given}
    assert tuple(feature_sets.taken(config)) == said.taken
    assert (feature_sets.main_score(config), feature_sets.main_set(config)) == said.main
    assert tuple(feature_sets.refittable_models(config)) == said.refittable
    assert tuple(feature_sets.variants(config)) == said.variants
    assert feature_sets.must_choose(config) is bool(said.variants)
    assert feature_sets.harmonized(config) == said.harmonized


def test_no_model_of_clinical_variables_takes_a_score_and_one_is_drawn() -> None:
    config = study("clinical_alone")
    assert feature_sets.scores_taken(config) == []
    assert feature_sets.main_score(config) == "deep"
    assert feature_sets.scores_taken(study("two_scores")) == ["deep", "densenet"]
    assert feature_sets.scores_taken(study("features_one_by_one")) == ["deep"]


def test_what_a_score_says_of_its_selection_lies_over_the_common_one() -> None:
    config = study("own_selection")
    common, own = config.selection_of("deep"), config.selection_of("sparse")
    assert common == config.selection
    assert (own.mrmr.n_features, own.mrmr.scheme, own.lasso.choose) == (5, "MID", "lambda_1se")
    assert own.folds == common.folds
    assert config.plain()["scores"] == {
        "deep": {"features": ["deep"], "learner": "lasso"},
        "sparse": {
            **{"features": ["deep"], "learner": "lasso"},
            "selection": {"mrmr": {"n_features": 5}, "lasso": {"choose": "lambda_1se"}},
        },
    }


@pytest.mark.parametrize("value", [30, 5])
def test_a_value_that_is_the_default_is_laid_over_another_one_too(value: int) -> None:
    """30 is the default of n_features, which is not that of this study."""
    plain = written("own_selection")
    scores: dict[str, Any] = {"deep": {"features": ["deep"]}, "sparse": {"features": ["deep"]}}
    scores["sparse"]["selection"] = {"mrmr": {"n_features": value}}
    config = settings.complete(settings.complete(plain | {"scores": scores}).plain())
    assert config.selection_of("sparse").mrmr.n_features == value
    assert config.selection_of("deep").mrmr.n_features == 20


def test_a_trained_network_is_measured_as_its_head_was_trained() -> None:
    config = study("other_names")
    found = feature_sets.measured(config, weights_of)
    assert found["weights"] == config.features["weights"]
    for member in ("fold-0", "fold-1", "fold-2"):
        row = found[f"backbone/{member}"]
        assert isinstance(row, NetworkSettings)
        assert (row.backbone, row.weights) == ("resnet18", f"backbone/{member}.safetensors")
        assert (row.layers, row.pool_views) == (("penultimate",), "mean")
        assert row.stability == StabilitySettings()


@pytest.mark.parametrize(
    ("scores", "trained"),
    [
        ({"tuned": {"features": ["tuned"], "learner": "network"}}, ["fold-0", "fold-1", "fold-2"]),
        ({"tuned": {"features": ["tuned"]}}, ["whole", "fold-0", "fold-1", "fold-2"]),
    ],
)
def test_the_network_of_no_fold_is_trained_where_a_lasso_selects(
    scores: dict[str, Any], trained: list[str]
) -> None:
    plain = written("fine_tuned")
    models = {"deep": {"scores": ["deep"]}, "tuned": {"scores": ["tuned"]}}
    plain |= {"scores": {"deep": {"features": ["deep"]}} | scores, "models": models}
    config = settings.complete(plain | {"evaluation": {"comparisons": []}})
    assert feature_sets.trained(config) == [f"tuned/{member}" for member in trained]


def test_a_fine_tuned_score_is_named_by_how_it_comes_about() -> None:
    config = study("fine_tuned")
    assert feature_sets.selecting(config) == ["deep"]
    assert feature_sets.selecting_finetuned(config) == ["finetuned_lasso"]
    assert feature_sets.of_logits(config) == ["finetuned"]
    assert feature_sets.of_table("tuned/logits") == feature_sets.of_table("tuned") == "tuned"


def test_members_are_named_by_the_fold_that_they_never_see() -> None:
    assert feature_sets.folds(3) == ("fold-0", "fold-1", "fold-2")
    assert [feature_sets.left_out(name) for name in ("fold-2", "whole")] == [2, -1]


@pytest.mark.parametrize(("names", "matches"), [(["deep", "a.b"], ["deep", "a.b"]), ([], [])])
def test_a_pattern_matches_its_names_alone(names: list[str], matches: list[str]) -> None:
    pattern = feature_sets.pattern(names)
    assert [n for n in ("deep", "a.b", "axb", "deepx", "") if re.fullmatch(pattern, n)] == matches
