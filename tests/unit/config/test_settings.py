import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.configs import SMALLEST

from microcalc.config import json_schema, reference
from microcalc.config.settings import complete, problems
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError

ROOT = Path(__file__).parents[3]
SCHEMA = json_schema.of_config()
NETWORK = {"kind": "network", "weights": "random"}


@pytest.fixture
def demo() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    return config


def test_the_demo_config_spells_out_every_key_and_agrees_with_the_defaults(
    demo: dict[str, Any],
) -> None:
    written = copy.deepcopy(demo)
    completed = complete(demo).plain()
    for key in ("images", "features", "selection", "screening", "threshold", "evaluation"):
        assert completed[key] == written[key], key
    # The tables are written out too, and are what a study has that leaves them out.
    defaults = StudyConfig.model_fields
    for key in ("scores", "models"):
        assert getattr(complete(demo), key) == defaults[key].default, key


def test_nested_defaults_are_filled_without_touching_the_users_values(
    demo: dict[str, Any],
) -> None:
    del demo["selection"], demo["images"]
    demo["threshold"] = {}
    completed = complete(demo).plain()
    assert completed["selection"]["mrmr"]["n_features"] == 30
    assert completed["images"]["patch_mm"] == 22.4
    assert "selection" not in demo


def test_weights_have_no_default(demo: dict[str, Any]) -> None:
    del demo["features"]["deep"]["weights"]
    with pytest.raises(StudyError, match=r"features\.deep\.weights: is missing\n +IMAGENET1K_V1"):
        complete(demo).plain()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("selection.mrmr.shceme", "MIQ", r"no such key \(did you mean 'scheme'\?\)"),
        ("selection.mrmr.scheme", "MIX", r"selection\.mrmr\.scheme: 'MIX' is not one of MIQ, MID"),
        ("images.shards", 0, r"images\.shards: 0 is too small; expected at least 1"),
        ("images.shards", "four", r"images\.shards: 'four' is not a whole number"),
        ("threads", 8, r"threads: no such key"),
        ("threshold.rule", "sensitivity", r"threshold\.at_least: is empty; expected a number"),
        ("labels.positive", "DCIS", "negative and positive are the same"),
        ("evaluation.comparisons", [["deep", "clincal"]], r"'clincal' is no model \(did you mean"),
        ("clinical.age", {"kind": "categorical"}, r"clinical\.age\.levels: is missing"),
        ("selection.mrmr", {"engine": "pymrmr", "scheme": "relevance"}, "pymrmr has no scheme"),
        ("features.deep.stability.readers", ["bob"], r"images\.reader must name whose regions"),
        ("models.clinical.clinical", ["agee"], r"'agee' is no clinical variable \(did you mean"),
        ("models.combined.without", ["birad"], r"models\.combined\.without: 'birad' is no"),
        ("models.reader", {"kind": "external_score"}, r"models\.reader\.column: is missing"),
        ("models.reader", {"column": "age"}, "belongs to kind external_score alone"),
        (
            "models.reader",
            {"kind": "external_score", "column": "age"},
            r"clinical\.age\.candidate: must be false",
        ),
        ("clinical.palpable.knots", 3, r"clinical\.palpable\.knots: only a continuous"),
        ("models.deep.scores", ["densnet"], r"'densnet' is not in scores; there are deep"),
        (
            "features.other",
            {"kind": "network", "backbone": "densenet121"},
            r"features\.other\.weights: is missing",
        ),
        ("features.Main", {"kind": "network"}, r"features\.Main: cannot be a name"),
        ("features.deep\n", {"kind": "network"}, "cannot be a name"),
        ("screening.method", "fixed", r"screening\.variables: method fixed needs"),
        ("screening.variables", ["aeg"], r"screening\.variables: 'aeg' is no clinical variable"),
        ("study", "../elsewhere", "study: '../elsewhere' is not allowed here"),
    ],
)
def test_each_wrong_key_or_value_is_named(
    demo: dict[str, Any], path: str, value: Any, message: str
) -> None:
    *parents, last = path.split(".")
    section = demo
    for name in parents:
        section = section[name]
    section[last] = value
    with pytest.raises(StudyError, match=message):
        complete(demo).plain()


def test_every_key_of_the_schema_is_described() -> None:
    def undescribed(schema: dict[str, Any], place: str) -> list[str]:
        found = []
        for form in json_schema.branches(schema):
            for name, part in form.get("properties", {}).items():
                found += [f"{place}{name}"] * ("description" not in part)
                found += undescribed(part, f"{place}{name}.")
            for row in json_schema.rows(form):
                found += undescribed(row, f"{place}<name>.")
        return found

    assert undescribed(SCHEMA, "") == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"features": {"resnet": NETWORK}},
            "scores: must be written, since the default takes a set called deep; write deep: "
            "{features: [resnet]}",
        ),
        (
            {"scores": {"resnet": {"features": ["deep"]}}},
            "models: must be written, since the default ones take a score called deep",
        ),
        (
            {"models": {"age": {"clinical": ["age"]}, "deep": {"scores": ["deep"]}}},
            "evaluation.comparisons: must be written, since the default compares models called "
            "deep, clinical, combined; there are age, deep",
        ),
    ],
)
def test_a_default_of_no_use_is_told_once(changes: dict[str, Any], line: str) -> None:
    plain = {**SMALLEST, "clinical": {"age": {"kind": "continuous"}}}
    assert problems(plain) == []
    assert problems(plain | changes) == [line]


def test_a_config_of_fine_tuned_networks_alone_lacks_what_they_start_from() -> None:
    plain = SMALLEST | {"clinical": {"age": {"kind": "continuous"}}}
    assert problems(plain | {"features": {"deep": {"kind": "finetuned", "network": "resnet"}}}) == [
        "features.deep.network: 'resnet' is not in features; there are none"
    ]


def test_the_keys_of_a_scores_own_selection_have_no_default_of_their_own() -> None:
    rows = next(json_schema.rows(SCHEMA["properties"]["scores"]))
    own, common = rows["properties"]["selection"], SCHEMA["properties"]["selection"]
    assert own["properties"].keys() == common["properties"].keys()
    assert common["properties"]["folds"]["default"] == 5
    assert "default" not in own["properties"]["folds"]
    assert "default" not in own["properties"]["mrmr"]["properties"]["scheme"]


def test_every_kind_of_row_has_a_table_of_its_own_and_a_scores_selection_none() -> None:
    page = reference.page()
    assert "| `scores.<name>.selection` | section, as `selection` | none |" in page
    assert "scores.<name>.selection." not in page
    sections = page.split("### `features.<name>` of kind `")[1:]
    by_kind = {section.partition("`")[0]: section for section in sections}
    row = next(json_schema.rows(SCHEMA["properties"]["features"]))
    assert [*by_kind] == [*json_schema.tagged(row)]
    of_network, of_finetuned = by_kind["network"], by_kind["finetuned"]
    own = [line.split("`")[1] for line in of_network.splitlines() if line.startswith("| `")]
    assert own[:3] == [f"features.<name>.{key}" for key in ("kind", "weights", "backbone")]
    assert {"features.<name>.region", "features.<name>.stability.icc_min"} <= {*own}
    assert "`features.<name>.layers`" not in of_finetuned.split("## ")[0]
