"""Configs of either form with mistakes at random places: told in words, whatever they are."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.unit.configs import SMALLEST
from tests.unit.kinds_of_study import KINDS, written

from microcalc.config import feature_sets, old_form, settings

TABLES = ("features", "scores", "models", "selection")
OF_OLD_FORM: dict[str, Any] = {
    **SMALLEST,
    "features": {
        **{"backbone": "resnet50", "weights": "random", "stability": {"perturbations": 2}},
        **{"finetune": {"folds": 3}, "harmonize": "none"},
        "further_networks": {"dense": {"backbone": "densenet121", "weights": "random"}},
    },
    "clinical": {"age": {"kind": "continuous"}},
    "models": {
        "deep": {"deep": "score"},
        "dense": {"deep": "features", "network": "dense", "clinical": ["age"]},
        "tuned": {"deep": "score", "network": "finetuned"},
    },
    "evaluation": {"comparisons": []},
}
VALUES: list[Any] = [
    *(None, True, 3, 2.5, "x", "none", "deep", "tuned", [], [[]], [None], ["deep"], ["x", 3]),
    *(["deep", "deep"], [{}], {}, {"a": {}}, {"kind": []}, {"kind": "network"}, {"weights": "x"}),
    *({"kind": "finetuned", "network": "deep"}, {"features": ["deep"]}, {"deep": "score"}),
]
KEYS = [
    *("deep", "tuned", "kind", "weights", "backbone", "network", "finetune", "stability"),
    *("further_networks", "features", "scores", "features_of", "selection", "x"),
]
Place = tuple[Any, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        yield (*place, key)
        if isinstance(part, dict | list):
            yield from places(part, (*place, key))


def make_a_mistake(config: dict[str, Any], draw: random.Random) -> None:
    """Take a part of the tables out, put another value there, or a further key beside it."""
    *around, key = draw.choice([place for place in places(config) if place[0] in TABLES])
    section: Any = config
    for name in around:
        section = section[name]
    what, value = draw.random(), copy.deepcopy(draw.choice(VALUES))
    if what < 0.2 and around:
        del section[key]
    elif what < 0.8 or not isinstance(section, dict) or not around:
        section[key] = value
    else:
        section[draw.choice(KEYS)] = value


@pytest.mark.parametrize("kind", [*KINDS, "old form"])
def test_whatever_is_wrong_is_told_and_each_thing_once(kind: str) -> None:
    draw, n_wrong = random.Random(kind), 0
    for _ in range(150):
        config = copy.deepcopy(OF_OLD_FORM if kind == "old form" else written(kind))
        for _ in range(draw.choice((1, 1, 2, 3))):
            make_a_mistake(config, draw)
        found = settings.problems(config)
        assert len(found) == len({*found}), found
        n_wrong += bool(found)
        if not found:
            looked_at(config)
        elif "of an earlier form" in found[0]:
            lines = yaml.safe_load(old_form.rewritten(config))
            assert old_form.problems(config | lines) == []
    assert n_wrong > 50


def looked_at(config: dict[str, Any]) -> None:
    """Ask of a config without fault what planning asks."""
    study = settings.complete(config)
    assert settings.complete(study.plain()) == study
    assert feature_sets.main_set(study) in study.features
    assert {*feature_sets.measured(study, "{}/{}".format)} >= {
        name for name in feature_sets.taken(study) if name not in feature_sets.finetuned(study)
    }
    assert {*feature_sets.variants(study)} <= study.models.keys()
