import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from microcalc.config import json_schema
from microcalc.config.settings import complete
from microcalc.core.errors import StudyError

ROOT = Path(__file__).parents[3]
SCHEMA = json_schema.of_config()


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
    del demo["features"]["weights"]
    with pytest.raises(StudyError, match=r"features\.weights: is missing\n +IMAGENET1K_V1"):
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
        ("features.stability.readers", ["bob"], r"images\.reader must name whose regions"),
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
        ("models.deep.network", "densnet", r"'densnet' is not in features\.further_networks"),
        (
            "features.further_networks",
            {"other": {"backbone": "densenet121"}},
            r"further_networks\.other\.weights: is missing",
        ),
        ("features.further_networks", {"main": {}}, r"further_networks\.main: cannot be a name"),
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


def test_a_further_network_is_for_models_with_deep_features(demo: dict[str, Any]) -> None:
    further = {"densenet": {"backbone": "densenet121", "weights": "random"}}
    demo["features"]["further_networks"] = further
    demo["models"]["densenet"] = {"deep": "score", "network": "densenet"}
    completed = complete(demo).plain()
    assert completed["features"]["further_networks"]["densenet"]["pool_views"] == "mean"
    assert completed["models"]["deep"]["network"] == "main"
    demo["models"]["densenet"]["deep"] = "none"
    with pytest.raises(StudyError, match=r"models\.densenet\.network: the model takes no deep"):
        complete(demo).plain()


def test_every_key_of_the_schema_is_described() -> None:
    def undescribed(schema: dict[str, Any], place: str) -> list[str]:
        found = []
        for name, part in schema.get("properties", {}).items():
            found += [f"{place}{name}"] * ("description" not in part)
            found += undescribed(part, f"{place}{name}.")
        return found

    assert undescribed(SCHEMA, "") == []


def test_fine_tuning_and_the_models_that_take_it_go_together(demo: dict[str, Any]) -> None:
    demo["features"]["finetune"] = {}
    with pytest.raises(StudyError, match=r"features\.finetune: is on, but no row of models"):
        complete(demo).plain()
    demo["models"]["tuned"] = {"deep": "score", "network": "finetuned"}
    assert complete(demo).plain()["features"]["finetune"]["folds"] == 5
    demo["features"]["harmonize"] = "combat"
    with pytest.raises(StudyError, match=r"features\.harmonize: must be none with"):
        complete(demo).plain()
    demo["features"] |= {"harmonize": "none", "finetune": None}
    with pytest.raises(StudyError, match=r"models\.tuned\.network: .*set features\.finetune"):
        complete(demo).plain()
