"""Configs of the form before the three tables: what is told, and that it means the same."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.configs import SMALLEST
from tests.unit.kinds_of_study import KINDS, written

from microcalc.config import feature_sets, old_form, settings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.study_config import StudyConfig

ROOT = Path(__file__).parents[3]
AGE = {"age": {"kind": "continuous"}, "suspicion": {"kind": "continuous", "candidate": False}}
SCORE = {"clinical": "none", "deep": "score"}
DENSE = {"backbone": "densenet121", "weights": "IMAGENET1K_V1"}
OWN = {"backbone": "resnet50", "weights": "random", "device": "cpu"}
DEFAULT_MODELS = {
    "clinical": {"clinical": "screened", "deep": "none"},
    "deep": SCORE,
    "combined": {"clinical": "screened", "deep": "score"},
}


def old(**sections: Any) -> dict[str, Any]:
    """Return a whole config of the old form."""
    plain = {**SMALLEST, "clinical": AGE, "features": OWN, "evaluation": {"comparisons": []}}
    return plain | sections


def told(config: dict[str, Any]) -> str:
    """Return the one problem of a config of the old form."""
    (line,) = settings.problems(config)
    return line


def laid_in(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config with the lines that it is told to write in the place of its own."""
    first, _, lines = told(config).partition("\n\n")
    assert "of an earlier form; features, scores and models are three tables now." in first
    rest = {name: value for name, value in config.items() if name not in old_form.TABLES}
    return rest | yaml.safe_load(lines)


def new(config: dict[str, Any]) -> StudyConfig:
    """Return the study that a config of the old form means."""
    mended = laid_in(config)
    assert settings.problems(mended) == []
    return settings.complete(mended)


def network(config: StudyConfig, name: str) -> dict[str, Any]:
    row = config.features[name]
    assert isinstance(row, NetworkSettings)
    return row.plain()


def models(config: StudyConfig) -> dict[str, Any]:
    """Return each model's clinical variables, scores and scores whose features it takes."""
    rows = config.models.items()
    return {name: (row.clinical, row.scores, row.features_of) for name, row in rows}


@pytest.mark.parametrize(
    "path", ["config.yaml", "workflow/demo/finetune.yaml", "workflow/new_study/config.yaml"]
)
def test_the_configs_that_come_with_microcalc_are_what_their_old_form_becomes(path: str) -> None:
    today = yaml.safe_load((ROOT / path).read_text())
    assert new(with_old(today)).plain() == settings.complete(today).plain()


def with_old(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config of a frozen network, and of networks tuned from it, in the old form."""
    features = {key: value for key, value in config["features"]["deep"].items() if key != "kind"}
    features.pop("region", None)
    tuned = config["features"].get("tuned", {})
    tuning = {key: value for key, value in tuned.items() if key not in ("kind", "network")}
    rows = {}
    for name, row in config["models"].items():
        rows[name] = {"clinical": row.get("clinical", "none"), "deep": "none"}
        for score in row.get("scores", []):
            rows[name] |= {"deep": "score", "network": "main" if score == "deep" else score}
    changed = {"features": features | ({"finetune": tuning} if tuned else {}), "models": rows}
    return {name: value for name, value in config.items() if name != "scores"} | changed


def test_the_lines_of_a_plain_study_are_these() -> None:
    assert told(old(models=DEFAULT_MODELS)) == (
        "features and models: are of an earlier form; features, scores and models are three tables "
        "now. Write in their place:\n"
        "\n"
        "        features:\n"
        "          deep: {kind: network, backbone: resnet50, weights: random, device: cpu}\n"
        "        models:\n"
        "          clinical: {clinical: screened}\n"
        "          deep: {scores: [deep]}\n"
        "          combined: {clinical: screened, scores: [deep]}"
    )


def test_a_study_without_models_needs_none() -> None:
    assert told(old()) == (
        "features: is of an earlier form; features, scores and models are three tables now. Write "
        "in its place:\n"
        "\n"
        "        features:\n"
        "          deep: {kind: network, backbone: resnet50, weights: random, device: cpu}"
    )
    assert models(new(old())) == models(new(old(models=DEFAULT_MODELS)))


def test_a_further_network_is_a_set_and_a_score_with_what_it_shared() -> None:
    stability = {"perturbations": 2, "icc_min": 0.9}
    shared = {"precision": "bfloat16", "stability": stability, "harmonize": "combat"}
    further = {"densenet": {**DENSE, "pool_views": "max"}}
    config = new(
        old(
            features={**OWN, **shared, "pool_views": "concat", "further_networks": further},
            models=DEFAULT_MODELS
            | {
                "dense": {**SCORE, "network": "densenet"},
                "paper": {"clinical": ["age"], "deep": "features", "network": "densenet"},
            },
        )
    )
    own, dense = network(config, "deep"), network(config, "densenet")
    for key in ("device", "precision", "batch_size", "stability", "harmonize"):
        assert own[key] == dense[key], key
    assert (own["backbone"], own["weights"], own["pool_views"]) == ("resnet50", "random", "concat")
    assert (dense["backbone"], dense["weights"]) == ("densenet121", "IMAGENET1K_V1")
    assert (dense["pool_views"], dense["device"], dense["precision"]) == ("max", "cpu", "bfloat16")
    assert dense["stability"]["icc_min"] == 0.9
    assert {name: row.features for name, row in config.scores.items()} == {
        **{"deep": ("deep",), "densenet": ("densenet",)},
    }
    assert models(config) == {
        "clinical": ("screened", (), ()),
        "deep": ("none", ("deep",), ()),
        "combined": ("screened", ("deep",), ()),
        "dense": ("none", ("densenet",), ()),
        "paper": (("age",), (), ("densenet",)),
    }
    assert feature_sets.main_score(config) == "deep"


def test_a_further_network_that_no_model_takes_is_left_out_as_it_was() -> None:
    config = old(features=OWN | {"further_networks": {"densenet": DENSE}}, models=DEFAULT_MODELS)
    assert "        # densenet is left out: no model takes it\n" in told(config)
    assert list(new(config).features) == ["deep"]


@pytest.mark.parametrize("rows", [None, DEFAULT_MODELS | {"other": {**SCORE, "network": "deep"}}])
def test_a_further_network_called_deep_keeps_its_name(rows: dict[str, Any] | None) -> None:
    features = OWN | {"further_networks": {"deep": DENSE, "own": DENSE, "tuned": DENSE}}
    config = new(old(features=features, models=rows) if rows else old(features=features))
    assert network(config, "own_network")["backbone"] == "resnet50"
    assert config.models["deep"].scores == config.models["combined"].scores == ("own_network",)
    assert feature_sets.main_set(config) == "own_network"
    assert ("other" in config.models) is bool(rows)
    if rows:
        assert config.models["other"].scores == ("deep",)
        assert network(config, "deep")["backbone"] == "densenet121"


def test_both_fine_tuned_routes_are_scores_of_one_set() -> None:
    tuning = {"folds": 3, "epochs": 4, "augmentation": {"flip": False}}
    rows = DEFAULT_MODELS | {
        "tuned": {**SCORE, "network": "finetuned"},
        "lasso": {**SCORE, "network": "finetuned_lasso"},
        "paper": {"deep": "features", "network": "finetuned_lasso"},
    }
    further = {"tuned": DENSE}
    features = OWN | {"finetune": tuning, "further_networks": further}
    config = new(old(features=features, models=rows | {"dense": {**SCORE, "network": "tuned"}}))
    (name,) = feature_sets.finetuned(config)
    assert name == "trained"  # since a further network is called tuned
    row = feature_sets.finetuned(config)[name]
    assert (row.network, row.folds, row.epochs, row.augmentation.flip) == ("deep", 3, 4, False)
    assert feature_sets.trained(config) == [
        *("trained/whole", "trained/fold-0", "trained/fold-1", "trained/fold-2")
    ]
    assert feature_sets.of_logits(config) == ["finetuned"]
    assert feature_sets.selecting_finetuned(config) == ["finetuned_lasso"]
    assert config.models["paper"].features_of == ("finetuned_lasso",)
    assert feature_sets.variants(config) == ["deep", "tuned", "lasso"]
    assert feature_sets.must_choose(config)


def test_fine_tuning_by_defaults_was_on() -> None:
    rows = DEFAULT_MODELS | {"tuned": {**SCORE, "network": "finetuned"}}
    config = new(old(features=OWN | {"finetune": {}}, models=rows))
    assert feature_sets.finetuned(config)["tuned"].folds == 5
    off = new(old(features=OWN | {"finetune": None}, models=DEFAULT_MODELS))
    assert list(off.features) == ["deep"]


def test_what_is_no_matter_of_networks_stays() -> None:
    rows = DEFAULT_MODELS | {
        "radiologist": {"kind": "external_score", "column": "suspicion", "deep": "none"},
        "fixed": {"clinical": ["age"], "deep": "none", "network": "main"},
        "without": {"clinical": "screened", "without": ["suspicion"], "deep": "score"},
        "no": {"clinical": ["age"]},
    }
    config = new(old(models=rows))
    assert config.models["radiologist"].column == "suspicion"
    assert config.models["fixed"].clinical == ("age",)
    assert config.models["without"].without == ("suspicion",)
    assert list(config.models) == list(rows)


def test_words_that_yaml_would_take_for_others_are_quoted() -> None:
    weights = "my weights: {new}, #2 [1e-3].safetensors"
    config = new(old(features={"backbone": "resnet18", "weights": weights, "layers": ["layer3"]}))
    row = network(config, "deep")
    assert (row["weights"], row["layers"]) == (weights, ["layer3"])
    assert network(new(old(features={"weights": "no"})), "deep")["weights"] == "no"


# ------------------------------------------------------------------------- mixtures of both forms


NETWORK = {"kind": "network", "weights": "random"}
LAYERS = {"layers": {**NETWORK, "backbone": "densenet121"}}


def test_old_models_beside_features_of_the_new_form() -> None:
    rows = {"deep": SCORE, "dense": {**SCORE, "network": "layers"}, "age": {"clinical": ["age"]}}
    config = old(features={"deep": NETWORK, **LAYERS}, models=rows)
    assert told(config).startswith("features and models: are of an earlier form")
    study = new(config)
    assert models(study) == {
        "deep": ("none", ("deep",), ()),
        "dense": ("none", ("layers",), ()),
        "age": (("age",), (), ()),
    }
    assert network(study, "layers")["backbone"] == "densenet121"


def test_old_models_beside_features_and_scores_of_the_new_form() -> None:
    scores = {"texture": {"features": ["deep"], "selection": {"folds": 3}}}
    tuned = {"kind": "finetuned", "network": "deep"}
    rows = {"deep": SCORE, "tuned": {**SCORE, "network": "finetuned"}}
    study = new(old(features={"deep": NETWORK, "own": tuned}, scores=scores, models=rows))
    assert models(study) == {
        "deep": ("none", ("texture",), ()),
        "tuned": ("none", ("finetuned",), ()),
    }
    assert study.scores["finetuned"].features == ("own",)
    assert feature_sets.main_score(study) == "texture"
    assert study.selection_of("texture").folds == 3


def test_new_models_beside_features_of_the_old_form() -> None:
    rows = {"clinical": {"clinical": "screened"}, "deep": {"scores": ["deep"]}}
    assert models(new(old(models=rows))) == {
        "clinical": ("screened", (), ()),
        "deep": ("none", ("deep",), ()),
    }


def test_old_keys_beside_a_row_of_the_new_form() -> None:
    features = {"deep": NETWORK, "finetune": {"folds": 3}}
    rows = {"deep": SCORE, "tuned": {**SCORE, "network": "finetuned"}}
    study = new(old(features=features, models=rows))
    assert feature_sets.finetuned(study)["tuned"].network == "deep"
    features = {"dense": {**NETWORK, "backbone": "densenet121"}, **OWN}
    rows = {"deep": SCORE, "dense": {"scores": ["dense"]}}
    study = new(old(features=features, models=rows))
    assert list(study.features) == ["deep", "dense"]
    assert models(study)["dense"] == ("none", ("dense",), ())


@pytest.mark.parametrize(
    ("sections", "lines"),
    [
        (
            {"models": {"a": {"deep": "scor"}, "b": {"deep": None}, "c": {"deep": ["score"]}}},
            [
                "models.a.deep: 'scor' is not one of none, score, features (did you mean 'score'?)",
                "models.b.deep: None is not one of none, score, features (did you mean 'none'?)",
                "models.c.deep: ['score'] is not one of none, score, features (did you mean "
                "'score'?)",
            ],
        ),
        ({"models": None}, ["models: is empty; expected a section of keys"]),
        ({"models": ["deep"]}, ["models: ['deep'] is not a section of keys"]),
        ({"models": "deep"}, ["models: 'deep' is not a section of keys"]),
        ({"scores": ["deep"]}, ["scores: ['deep'] is not a section of keys"]),
        (
            {"features": None, "models": DEFAULT_MODELS},
            ["features: is empty; expected a section of keys"],
        ),
        (
            {"features": ["deep"], "models": DEFAULT_MODELS},
            ["features: ['deep'] is not a section of keys"],
        ),
        (
            {"features": OWN | {"further_networks": None}},
            ["features.further_networks: is empty; expected a section of keys"],
        ),
        (
            {"features": OWN | {"further_networks": ["densenet"]}},
            ["features.further_networks: ['densenet'] is not a section of keys"],
        ),
        (
            {"features": OWN | {"finetune": True}},
            ["features.finetune: True is not a section of keys or null"],
        ),
    ],
)
def test_what_no_form_can_read_is_told_first(sections: dict[str, Any], lines: list[str]) -> None:
    assert settings.problems(old(**sections)) == lines


def test_a_config_without_features_is_told_so() -> None:
    config = old(models=DEFAULT_MODELS)
    del config["features"]
    assert settings.problems(config) == ["features: is missing"]


@pytest.mark.parametrize(
    ("features", "rows", "line"),
    [
        ({"weights": ["a"]}, {}, "features.deep.weights: ['a'] is not text"),
        ({"weights": None}, {}, "features.deep.weights: is empty; expected text"),
        ({"backbone": "resnet18"}, {}, "features.deep.weights: is missing"),
        ({**OWN, "layer": ["a"]}, {}, "features.deep.layer: no such key (did you mean 'layers'?)"),
        ({"device": "gpu"}, {}, "features.deep.device: 'gpu' is not one of auto, cpu, cuda"),
        (
            {**OWN, "further_networks": {"small": 3}},
            {"small": {**SCORE, "network": "small"}},
            "features.small.weights: is missing",
        ),
        (
            OWN,
            {"small": {**SCORE, "network": "smal"}},
            "scores.smal.features: 'smal' is not in features; there are deep",
        ),
        (OWN, {"small": 3}, "models.small: 3 is not a section of keys"),
        (OWN, {"a": {"deep": "score", "scors": []}}, "models.a.scors: no such key (did you mean"),
    ],
)
def test_further_mistakes_are_told_once_the_lines_are_written(
    features: dict[str, Any], rows: dict[str, Any], line: str
) -> None:
    mended = laid_in(old(features=features, models=rows) if rows else old(features=features))
    assert any(found.startswith(line) for found in settings.problems(mended))


# ------------------------------------------------------------------------------ no old form at all


@pytest.mark.parametrize("kind", KINDS)
def test_no_study_of_the_new_form_is_taken_for_an_old_one(kind: str) -> None:
    assert old_form.problems(written(kind)) == []
    assert old_form.problems(settings.complete(written(kind)).plain()) == []


@pytest.mark.parametrize("name", old_form.OF_FEATURES)
def test_a_set_may_be_called_like_a_key_of_the_old_form(name: str) -> None:
    scores = {"deep": {"features": [name]}}
    assert settings.problems(old(features={name: NETWORK}, scores=scores)) == []
    found = settings.problems(old(features={name: {**NETWORK, "kind": "netwrk"}}, scores=scores))
    assert [line.split(":")[0] for line in found] == [f"features.{name}.kind"]


@pytest.mark.parametrize("name", ["deep", "network"])
def test_models_and_scores_may_be_called_like_keys_of_the_old_form(name: str) -> None:
    changes = {"scores": {name: {"features": ["deep"]}}, "models": {name: {"scores": [name]}}}
    assert settings.problems(old(features={"deep": NETWORK}, **changes)) == []


def test_a_key_of_a_row_beside_its_row_is_a_slip_and_no_old_form() -> None:
    (found,) = settings.problems(old(features={"deep": NETWORK, "device": "cpu"}))
    assert found.startswith("features.device: 'cpu' is not a section of keys")
    (found,) = settings.problems(old(features={"deep": NETWORK, "stability": {"icc_min": 1}}))
    assert found.startswith("features.stability.kind: is missing")
