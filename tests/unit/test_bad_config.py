"""Every key of the config made wrong in every way that its schema can see, and in pairs."""

import copy
import re
from collections.abc import Callable, Iterator
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml

from microcalc.config import json_schema, reference, settings, yaml_file
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core.errors import StudyError
from microcalc.features import backbone

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema.of_config()
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "section of keys",
    "null": "null",
}
OF_TYPE: dict[str, Any] = {
    "string": "text",
    "integer": 3,
    "number": 3.5,
    "boolean": True,
    "array": [[]],
    "object": {"key": {}},
    "null": None,
}

SELECTION = SelectionSettings().plain()
"""Every key of `selection`, which a score may have too."""

Key = tuple[str, ...]


def whole() -> dict[str, Any]:
    """Return a config without a fault in which every part of the schema is used."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["labels"] |= {"excluded": ["LCIS"], "surrogate": "for want of another"}
    config["features"]["small"] = {"kind": "network", "backbone": "resnet18", "weights": "a"}
    config["features"]["tuned"] = {"kind": "finetuned", "network": "deep"}
    config["features"]["mri"] = {"kind": "table", "path": "mri.csv", "columns": ["original_*"]}
    config["scores"] = {
        "deep": {"features": ["deep"]},
        "both": {"features": ["deep", "small"], "selection": SELECTION},
        "mri": {"features": ["mri"]},
        "tuned": {"features": ["tuned"], "learner": "network"},
        "tuned_lasso": {"features": ["tuned"]},
    }
    config["clinical"]["size_mm"]["knots"] = 3
    config["clinical"]["suspicion"] = {"kind": "continuous", "candidate": False}
    config["models"]["reader"] = {"kind": "external_score", "column": "suspicion"}
    config["models"]["both"] = {"scores": ["deep", "both"]}
    config["models"]["mri"] = {"scores": ["mri"]}
    config["models"]["tuned"] = {"scores": ["tuned"]}
    config["models"]["one_by_one"] = {"clinical": ["age"], "features_of": ["tuned_lasso"]}
    return settings.complete(config).plain()


WHOLE = whole()


def parts(schema: dict[str, Any], value: Any, keys: Key = ()) -> Iterator[tuple[Key, Any, Any]]:
    """Yield place, schema and value of every key of the config, the sections before their keys."""
    for name, inner in (value or {}).items() if isinstance(value, dict) else ():
        described = json_schema.inner(schema, name)
        if forms := json_schema.tagged(described):
            described = forms[inner["kind"]] | {"description": schema["description"]}
        if described:
            yield (*keys, name), described, inner
            yield from parts(described, inner, (*keys, name))


PARTS = {".".join(keys): (keys, schema, value) for keys, schema, value in parts(SCHEMA, WHOLE)}
NAMED = {
    key: keys
    for key, (keys, _, _) in PARTS.items()
    if not re.match(r"(clinical|features|scores|models)\.\w+$", key)
    and not re.match(r"published\.sets\.|evaluation\.subgroups\.columns\.", key)
}
"""Keys that MicroCalc names; the others are the user's own names."""


def with_value(keys: Key, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(WHOLE)
    place(config, keys, value)
    return config


def place(config: dict[str, Any], keys: Key, value: Any) -> None:
    for name in keys[:-1]:
        config = config[name]
    config[keys[-1]] = value


def problems(config: dict[str, Any]) -> list[str]:
    with pytest.raises(StudyError) as raised:
        settings.complete(config)
    heading, *lines = str(raised.value).split("\n  - ")
    assert "every key is described in docs/configuration.md" in heading
    return lines


def only(config: dict[str, Any]) -> str:
    (line,) = problems(config)
    return line


def test_the_whole_config_has_no_fault_and_leaves_nothing_of_the_schema_out() -> None:
    assert settings.complete(WHOLE).plain() == WHOLE
    undescribed = {key for key, (_, schema, _) in PARTS.items() if "description" not in schema}
    assert not undescribed & NAMED.keys()
    assert len(PARTS) > 180
    assert {row["kind"] for row in WHOLE["features"].values()} == {*KINDS}


def test_every_misspelt_key_is_named_with_the_nearest_one() -> None:
    config, expected = copy.deepcopy(WHOLE), []
    for *section, name in NAMED.values():
        misspelt = name[:2] + name[1:]
        place(config, (*section, misspelt), 1)
        expected.append(f"{'.'.join([*section, misspelt])}: no such key (did you mean {name!r}?)")
    assert sorted(settings.problems(config)) == sorted(expected)


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("mrmr", "selection.mrmr"),
        ("patch_mm", "images.patch_mm"),
        ("selection.n_features", "selection.mrmr.n_features"),
        ("images.weights", "features.<name>.weights"),
        ("backbone", "features.<name>.backbone"),
        ("scores.both.mrmr", "scores.both.selection.mrmr"),
        ("scores.both.selection.n_features", "scores.both.selection.mrmr.n_features"),
        ("features.deep.icc_min", "features.deep.stability.icc_min"),
    ],
)
def test_a_key_in_the_wrong_section_is_told_where_it_belongs(key: str, right: str) -> None:
    found = only(with_value(tuple(key.split(".")), 1))
    assert found == f"{key}: no such key (did you mean {right!r}?)"


def test_a_key_like_no_other_is_told_which_there_are() -> None:
    found = only(with_value(("threshold", "zzz"), 1))
    assert found == "threshold.zzz: no such key; there are rule, at_least, scores"


def wrong_values(schema: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """Yield values that a part of the schema forbids, each with words that its message has."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    allowed = {*kinds} | ({"integer"} if "number" in kinds else set())
    if allowed:
        for kind, value in OF_TYPE.items():
            if kind not in allowed:
                for expected in kinds:
                    yield value, WORDS[expected]
    if allowed & {"integer", "number"}:
        texts = () if "string" in allowed else ("1e-3", "0,5")
        yield from ((value, "is not") for value in (float("nan"), float("inf"), *texts))
    if "integer" in kinds:
        yield 4.0, "4.0 is not"
    for choice in schema.get("enum", []):
        misspelt = f"{choice}{str(choice)[-1]}"
        if misspelt not in map(str, schema["enum"]):
            yield misspelt, f"(did you mean {str(choice)!r}?)"
    if "enum" in schema:
        yield from ((value, "is n") for value in ([], {}, 2.5))
    for bound, beyond in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            yield schema[bound] + beyond, f"expected at {'least' if beyond < 0 else 'most'} "
        bound = f"exclusive{bound.capitalize()}"
        if bound in schema:
            yield schema[bound], "expected more" if beyond < 0 else "expected less"
            yield schema[bound] + beyond, f"than {schema[bound]}"
    if "minItems" in schema:
        yield [], "is too short"
    if schema.get("uniqueItems"):
        yield ["name", "name"], "holds an entry twice"
    if "pattern" in schema:
        yield from ((value, "is not allowed here") for value in ("", "../x", "a/b", "a b", "-x"))


def test_every_wrong_value_is_named_with_what_is_allowed_and_what_the_key_is_for() -> None:
    tried, missed = 0, []
    for batch in zip_longest(*(list(mistakes(key)) for key in PARTS)):
        made = [mistake for mistake in batch if mistake is not None]
        tried += len(made)
        for mistakes_together in ([m for m in made if m[3]], *([m] for m in made if not m[3])):
            config = copy.deepcopy(WHOLE)
            for key, value, _, _ in mistakes_together:
                place(config, PARTS[key][0], value)
            lines = settings.problems(config)
            for key, value, words, _ in mistakes_together:
                purpose = " ".join(str(PARTS[key][1].get("description", "")).split())
                own = [line for line in lines if re.match(rf"{re.escape(key)}\b", line)]
                if not any(words in line and purpose in line for line in own):
                    missed.append((key, value, words, own))
    assert missed == []
    assert tried > 900


def mistakes(key: str) -> Iterator[tuple[str, Any, str, bool]]:
    """Yield a key's wrong values with their words, and whether others fit into one config."""
    _, schema, value = PARTS[key]
    for wrong, words in wrong_values(schema):
        # Without a kind nothing is said of a row's other keys.
        hides_others = isinstance(value, dict) or re.fullmatch(r"features\.\w+\.kind", key)
        yield key, wrong, words, not hides_others


@pytest.mark.parametrize(
    "key",
    [
        *("study", "seed", "labels", "labels.negative", "labels.positive", "cohort", "features"),
        *("cohort.cases", "cohort.images", "cohort.image_folder", "clinical", "clinical.age.kind"),
        *("simulate.phantoms", "published.citation", "published.sets", "features.small.weights"),
        *("features.tuned.network", "scores.both.features"),
    ],
)
def test_every_key_without_a_default_is_missed(key: str) -> None:
    *section, name = PARTS[key][0]
    config = copy.deepcopy(WHOLE)
    within = config
    for part in section:
        within = within[part]
    del within[name]
    line = next(line for line in problems(config) if line.startswith(f"{key}: is missing"))
    assert " ".join(PARTS[key][1]["description"].split()) in line


Change = Callable[[dict[str, Any]], object]


def put(**at: Any) -> Change:
    """Return a change that sets keys, their places written with two underscores."""

    def change(config: dict[str, Any]) -> None:
        for keys, value in at.items():
            place(config, tuple(keys.split("__")), value)

    return change


def keep(rows: dict[str, Any], *names: str) -> None:
    """Take all other rows out, of whatever kinds there are."""
    for name in set(rows) - set(names):
        del rows[name]


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "one label for both": (
        put(labels__positive="dcis"),
        "labels: negative and positive are the same label",
    ),
    "a class that is excluded": (
        put(labels__excluded=["IDC"]),
        "labels.excluded: 'IDC' is one of the two classes; take it out of one place",
    ),
    "a label that means missing": (
        put(labels__negative="NA"),
        "labels.negative: 'NA' stands for a missing value in every table; choose another word",
    ),
    "a label with a space at its end": (
        put(labels__negative="DCIS "),
        "labels.negative: 'DCIS ' begins or ends with a space, which is taken off every cell",
    ),
    "one file for both tables": (
        put(cohort__images="workflow/demo/cases.csv"),
        "cohort: cases and images are the same file; a study has a table of either",
    ),
    "a column declared and left out": (
        put(cohort__other_columns=["age"]),
        "cohort.other_columns: 'age' is declared under `clinical`; take it out of one of the two",
    ),
    "the label column left out": (
        put(cohort__other_columns=["label"]),
        "cohort.other_columns: 'label' is needed and cannot be left out",
    ),
    "a clinical variable called label": (
        put(clinical__label={"kind": "categorical", "levels": ["a", "b"]}),
        "clinical.label: MicroCalc has a column of this name itself; rename yours in the table",
    ),
    "a clinical variable called n_images": (
        put(clinical__n_images={"kind": "continuous"}),
        "clinical.n_images: MicroCalc has a column of this name itself; rename yours in the table",
    ),
    "a spline of levels": (
        put(clinical__palpable__knots=3),
        "clinical.palpable.knots: only a continuous variable can be a spline",
    ),
    "levels of a number": (
        put(clinical__age__levels=["young", "old"]),
        "clinical.age.levels: a continuous variable has none; is it categorical or ordinal?",
    ),
    "a unit of levels": (
        put(clinical__birads__unit="mm"),
        "clinical.birads.unit: belongs to continuous variables alone",
    ),
    "limits of levels": (
        put(clinical__birads__maximum=5),
        "clinical.birads.maximum: belongs to continuous variables alone",
    ),
    "limits the wrong way round": (
        put(clinical__age__minimum=111),
        "clinical.age: minimum is not below maximum",
    ),
    "a level that means missing": (
        put(clinical__palpable__levels=["NA", "yes"]),
        "clinical.palpable.levels: 'NA' stands for a missing value in every table; choose another "
        "word",
    ),
    "a model without a predictor": (
        put(models__nothing={}),
        "models.nothing: has no predictor; set clinical, or scores, or kind: external_score",
    ),
    "a column without an external score": (
        put(models__deep__column="suspicion"),
        "models.deep.column: belongs to kind external_score alone",
    ),
    "an external score that is screened too": (
        put(clinical__suspicion__candidate=True),
        "clinical.suspicion.candidate: must be false, since suspicion is the external score of the "
        "model reader; the screening would choose it too",
    ),
    "an external score of no column": (
        put(models__reader__column="suspition"),
        "models.reader.column: 'suspition' is no clinical variable (did you mean 'suspicion'?)",
    ),
    "a model of a column that nobody declared": (
        put(models__clinical__clinical=["weight"]),
        "models.clinical.clinical: 'weight' is no clinical variable; there are age, ",
    ),
    "a list and what to leave aside": (
        put(models__clinical={"clinical": ["age"], "without": ["birads"]}),
        "models.clinical.without: nothing is screened for this model (clinical: screened)",
    ),
    "all candidates left aside": (
        lambda config: config["models"]["clinical"].update(without=list(config["clinical"])),
        "models.clinical.clinical: there is no variable to screen; declare some under `clinical`",
    ),
    "a variable called like a score's column": (
        put(clinical__both_score={"kind": "continuous"}),
        "clinical.both_score: MicroCalc has a column of this name itself; rename yours in the "
        "table",
    ),
    "a variable called like a feature": (
        put(clinical__small_0001={"kind": "continuous"}),
        "clinical.small_0001: MicroCalc has a column of this name itself; rename yours in the "
        "table",
    ),
    "a score of a set that is not there": (
        put(scores__both__features=["deep", "smal"]),
        "scores.both.features: 'smal' is not in features (did you mean 'small'?)",
    ),
    "a set that no score is made of": (
        put(features__idle={"kind": "network", "weights": "random"}),
        "features.idle: no score is made of it; add a row to scores such as "
        "idle: {features: [idle]}, or take it out",
    ),
    "a score that no model takes": (
        put(scores__idle={"features": ["deep"]}),
        "scores.idle: no model takes it; add a row to models such as idle: {scores: [idle]}, or "
        "take it out",
    ),
    "networks that are fine-tuned for no model": (
        lambda config: config["models"].pop("tuned"),
        "scores.tuned: no model takes it; add a row to models such as tuned: {scores: [tuned]}, or "
        "take it out",
    ),
    "fine-tuned networks that no score is made of": (
        put(features__idle={"kind": "finetuned", "network": "small"}),
        "features.idle: no score is made of it; add a row to scores such as "
        "idle: {features: [idle]}, or take it out",
    ),
    "fine-tuned networks that start from nothing": (
        put(features__tuned__network="dep"),
        "features.tuned.network: 'dep' is not in features (did you mean 'deep'?)",
    ),
    "fine-tuned networks that start from fine-tuned ones": (
        put(features__tuned__network="tuned"),
        "features.tuned.network: 'tuned' is not of kind network; there are deep, small",
    ),
    "fine-tuned networks that start from a harmonized set": (
        put(features__deep__harmonize="combat"),
        "features.deep.harmonize: must be none, since networks of kind finetuned start from it and "
        "are not trained on harmonized features",
    ),
    "a score of a frozen and a fine-tuned set": (
        put(scores__both__features=["deep", "small", "tuned"]),
        "scores.both.features: 'tuned' is of kind finetuned, whose training cases have their "
        "features from another network in each fold; make it a score of its own",
    ),
    "the logits of a frozen and a fine-tuned set": (
        put(scores__tuned__features=["deep", "tuned"]),
        "scores.tuned.features: 'tuned' is of kind finetuned, whose training cases have their "
        "features from another network in each fold; make it a score of its own",
    ),
    "the logits of a frozen network": (
        put(scores__tuned__features=["deep"]),
        "scores.tuned.learner: network is for sets of kind finetuned; choose lasso",
    ),
    "a selection among logits": (
        put(scores__tuned__selection={"folds": 7}),
        "scores.tuned.selection: nothing is selected with learner network; take it out",
    ),
    "folds of a selection among features of fine-tuned networks": (
        put(scores__tuned_lasso__selection={"folds": 7}),
        "scores.tuned_lasso.selection.folds: the folds are those of the networks; set "
        "features.tuned.folds",
    ),
    "training scores of one score": (
        put(scores__both__selection={"training_scores": "apparent"}),
        "scores.both.selection.training_scores: is one for all scores; set "
        "selection.training_scores",
    ),
    "a model of scores in different folds": (
        put(scores__both__selection={"folds": 7}),
        "models.both: 'deep' and 'both' are cross-fitted in 5 and 7 folds; give both the same "
        "selection.folds",
    ),
    "a model of a frozen and a fine-tuned score": (
        put(models__new={"scores": ["tuned"], "features_of": ["deep"]}),
        "models.new: 'tuned' and 'deep' are cross-fitted in different folds, since fine-tuned "
        "networks have folds of their own; take them into models of their own",
    ),
    "a score's scheme that the engine lacks": (
        put(scores__both__selection={"mrmr": {"engine": "pymrmr", "scheme": "relevance"}}),
        "scores.both.selection.mrmr: the engine pymrmr has no scheme 'relevance'; choose MIQ or "
        "MID, or the engine native",
    ),
    "a score's engine that lacks the common scheme": (
        put(
            selection__mrmr={"scheme": "relevance"},
            scores__both__selection={"mrmr": {"engine": "pymrmr"}},
        ),
        "scores.both.selection.mrmr: the engine pymrmr has no scheme 'relevance'; choose MIQ or "
        "MID, or the engine native",
    ),
    "no score that a refit could select again": (
        lambda config: (
            keep(config["scores"], "tuned", "tuned_lasso"),
            keep(config["features"], "deep", "tuned"),
            config.update(models={"tuned": {"scores": ["tuned", "tuned_lasso"]}}),
            config["evaluation"].update(comparisons=[]),
        ),
        "scores: at least one must select among features that saw no label, such as "
        "deep: {features: [deep]}",
    ),
    "a model of a score that is not there": (
        put(models__both__scores=["deep", "bth"]),
        "models.both.scores: 'bth' is not in scores (did you mean 'both'?)",
    ),
    "a model of a score like no other": (
        put(models__both__scores=["radiomics"]),
        "models.both.scores: 'radiomics' is not in scores; there are deep, both, mri, tuned, "
        "tuned_lasso",
    ),
    "features of a score that is not there": (
        put(models__one_by_one__features_of=["deeep"]),
        "models.one_by_one.features_of: 'deeep' is not in scores (did you mean 'deep'?)",
    ),
    "selected features of logits": (
        put(models__one_by_one__features_of=["tuned_lasso", "tuned"]),
        "models.one_by_one.features_of: 'tuned' is what networks say; it selects no features",
    ),
    "a score and its features": (
        put(models__both__features_of=["both"]),
        "models.both.features_of: 'both' is among its scores already",
    ),
    "features that two scores could select": (
        put(models__new={"features_of": ["deep", "both"]}),
        "models.new.features_of: 'deep' and 'both' are both made of 'deep', whose features "
        "could stand there twice; name one of them",
    ),
    "fixed predictors, none named": (
        put(screening__method="fixed"),
        "screening.variables: method fixed needs the predictors named",
    ),
    "predictors named, none fixed": (
        put(screening__variables=["age"]),
        "screening.variables: method p_values finds the predictors itself; choose method fixed, or "
        "name none",
    ),
    "a fixed predictor that is kept out": (
        put(screening__method="fixed", screening__variables=["age", "suspicion"]),
        "screening.variables: 'suspicion' is kept out by clinical.suspicion.candidate: false",
    ),
    "a patch of no pixel": (
        put(images__patch_mm=0.05),
        "images.patch_mm: 0.05 mm in steps of images.spacing_mm, 0.1 mm, are 0.5 pixels; expected "
        "32 to 4096",
    ),
    "a patch of more pixels than memory": (
        put(images__spacing_mm=1e-6),
        "images.patch_mm: 22.4 mm in steps of images.spacing_mm, 1e-06 mm, are 2.24e+07 pixels; "
        "expected 32 to 4096",
    ),
    "modifiers of no view": (
        put(images__views=["SPOT", "MAG"]),
        "images.views: lists what is particular to views and no view; add CC, MLO, or another of",
    ),
    "other readers than nobody": (
        put(features__deep__stability__readers=["bob"]),
        "features.deep.stability.readers: images.reader must name whose regions they repeat",
    ),
    "a reader beside himself": (
        put(images__reader="bob", features__small__stability__readers=["bob"]),
        "features.small.stability.readers: 'bob' is images.reader; name others",
    ),
    "perturbations that move nothing": (
        put(
            features__deep__stability={
                **{"perturbations": 3, "shift_mm": 0, "scale": 0, "rotate_deg": 0}
            }
        ),
        "features.deep.stability.perturbations: shift_mm, scale and rotate_deg are all 0, so that "
        "nothing would be perturbed",
    ),
    "half precision on a processor": (
        put(features__deep__precision="float16", features__deep__device="cpu"),
        "features.deep.precision: float16 needs device cuda; choose bfloat16 or float32 on a cpu",
    ),
    "a scheme that the engine lacks": (
        put(selection__mrmr={"engine": "pymrmr", "scheme": "relevance"}),
        "selection.mrmr: the engine pymrmr has no scheme 'relevance'; choose MIQ or MID, or the "
        "engine native",
    ),
    "a minimum that Youden does not ask for": (
        put(threshold__at_least=0.9),
        "threshold.at_least: the rule youden asks for no minimum; choose the rule sensitivity or "
        "specificity, or leave it null",
    ),
    "a comparison with nobody": (
        put(evaluation__comparisons=[["deep", "radiologist"]]),
        "evaluation.comparisons: 'radiologist' is no model; there are clinical, deep, combined, ",
    ),
    "a comparison with itself": (
        put(evaluation__comparisons=[["deep", "deep"]]),
        "evaluation.comparisons: 'deep' is compared with itself",
    ),
    "a comparison made twice": (
        put(evaluation__comparisons=[["deep", "clinical"], ["clinical", "deep"]]),
        "evaluation.comparisons: 'clinical' and 'deep' are compared twice",
    ),
    "thresholds the wrong way round": (
        put(evaluation__net_benefit={"low": 0.9, "high": 0.1}),
        "evaluation.net_benefit: low is above high",
    ),
    "risk categories that fall": (
        put(evaluation__reclassification__cuts=[0.7, 0.3]),
        "evaluation.reclassification.cuts: are not rising",
    ),
    "a subgroup of no column": (
        put(evaluation__subgroups__columns={"brads": None}),
        "evaluation.subgroups.columns.brads: 'brads' is no column of the case table (did you mean "
        "'birads'?)",
    ),
    "cut points between levels": (
        put(evaluation__subgroups__columns={"birads": [4]}),
        "evaluation.subgroups.columns.birads: has no numbers to cut; write null, and each value is "
        "a group",
    ),
    "cut points that fall": (
        put(evaluation__subgroups__columns={"age": [60, 50]}),
        "evaluation.subgroups.columns.age: the cut points are not rising",
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_contradiction_is_named_and_nothing_else(what: str) -> None:
    change, message = CONTRADICTIONS[what]
    config = copy.deepcopy(WHOLE)
    change(config)
    assert only(config).startswith(message)


KINDS = [*json_schema.tagged(next(json_schema.rows(SCHEMA["properties"]["features"])))]
LISTED = ", ".join(KINDS)

MISTAKES_OF_YAML = [
    ("clinical: {no: {kind: continuous}}", "clinical.False: the key False is not text; a bare yes"),
    ("clinical: {a: {kind: ordinal, levels: [no, yes]}}", 'write "yes" or "no"'),
    ("labels: {negative: 0, positive: 1}", '0 is not text; put it in quotes: "0"'),
    ("study: 2025-01-01", 'is not text; put it in quotes: "2025-01-01"'),
    ("images: {views: ML}", "images.views: 'ML' is not all or a list in brackets, [one, two]"),
    ("images: {views: [CC, MLX]}", "images.views, entry 2: 'MLX' is none of the 26 there are"),
    ("images: {views: [CC, MLX]}", "(did you mean 'ML'?)"),
    ("images: {views: []}", "images.views: [] is too short"),
    ("images: {views: [CC, CC]}", "images.views: ['CC', 'CC'] holds an entry twice"),
    ("images: {spacing_mm: 1e-1}", "'1e-1' is not a number; write 0.1, without quotes"),
    ("images: {spacing_mm: '0,1'}", "'0,1' is not a number; write 0.1, without quotes"),
    ("screening: {p_univariable: 1e-7}", "'1e-7' is not a number; write 1.0e-07, without quotes"),
    ("evaluation: {resamples: '12345678'}", "write 12345678, without quotes"),
    ("images:", "images: is empty; expected a section of keys"),
    ("cohort: {development_centers: A}", "'A' is not a list in brackets, [one, two]"),
    ("evaluation: {comparisons: [deep, clinical]}", "entry 1: 'deep' is not a list in brackets"),
    ('labels: {negative: "DC\\x01IS"}', "holds a character that cannot be shown"),
    ("models: {clinical: {clinical: screend}}", "(did you mean 'screened'?)"),
    ("models: {clinical: {clinical: [1]}}", "models.clinical.clinical, entry 1: 1 is not text"),
    ("models: {../../x: {scores: [deep]}}", "models.../../x: cannot be a name; expected letters"),
    ("models: {a|b: {scores: [deep]}}", "models.a|b: cannot be a name; expected letters"),
    ("clinical: {=cmd(): {kind: continuous}}", "clinical.=cmd(): cannot be a name"),
    (
        "features: {deep: {backbone: ../../x}}",
        "features.deep.backbone: '../../x' is not one of alexnet, ",
    ),
    ("features: {deep: {backbone: resnet-101}}", "is none of the 80 there are (did you mean 'resn"),
    ("features: {deep: {backbon: x}}", "features.deep.backbon: no such key (did you mean 'backbo"),
    ("features: {tuned: {stage: 2}}", "features.tuned.stage: no such key (did you mean 'stages'?)"),
    ("features: {deep: {epochs: 2}}", "deep.epochs: no such key; rows of kind finetuned have it"),
    ("features: {tuned: {layers: [a]}}", "d.layers: no such key; rows of kind network have it"),
    ("features: {deep: {zzz: 2}}", "features.deep.zzz: no such key; there are "),
    (
        "features: {new: {}}",
        f"features.new.kind: is missing; expected {' or '.join(KINDS)}\n      ",
    ),
    ("features: {new: {weights: random}}", "features.new.kind: is missing; expected network or "),
    ("features: {new: {kind: }}", f"features.new.kind: is empty; expected {' or '.join(KINDS)}\n"),
    ("features: {new: {kind: 3}}", f"features.new.kind: 3 is not one of {LISTED}\n"),
    ("features: {new: {kind: [network]}}", f"new.kind: ['network'] is not one of {LISTED}"),
    ("features: {new: {kind: no}}", f"features.new.kind: False is not one of {LISTED}"),
    ("features: {new: {kind: finetune}}", f"s.new.kind: 'finetune' is not one of {LISTED}"),
    ("features: {new: {kind: netwrk}}", f"{LISTED} (did you mean 'network'?)"),
    ("features: {new: }", "features.new: is empty; expected a section of keys"),
    ("features: {new: network}", "features.new: 'network' is not a section of keys"),
    ("features: {new: [network]}", "features.new: ['network'] is not a section of keys"),
    (
        "features: {Deep: {kind: network, weights: a}}",
        "features.Deep: cannot be a name; expected lo",
    ),
    ("features: [deep]", "features: ['deep'] is not a section of keys"),
    ("features:", "features: is empty; expected a section of keys"),
    ("scores:", "scores: is empty; expected a section of keys"),
    ("scores: {new: }", "scores.new: is empty; expected a section of keys"),
    ("scores: {new: {}}", "scores.new.features: is missing\n      the sets of features whose"),
    ("scores: {new: {features: deep}}", "scores.new.features: 'deep' is not a list in brackets"),
    ("scores: {new: {features: []}}", "scores.new.features: [] is too short; expected at least so"),
    (
        "scores: {new: {features: [deep, deep]}}",
        "s.new.features: ['deep', 'deep'] holds an entry t",
    ),
    ("scores: {new: {features: [Deep]}}", "scores.new.features, entry 1: 'Deep' is not allowed he"),
    ("scores: {new: {features: [3]}}", "scores.new.features, entry 1: 3 is not text"),
    (
        "scores: {New: {features: [deep]}}",
        "scores.New: cannot be a name; expected lower-case lette",
    ),
    (
        "scores: {deep: {learner: lasoo}}",
        "scores.deep.learner: 'lasoo' is not one of lasso, network",
    ),
    (
        "scores: {deep: {selection: }}",
        "scores.deep.selection: is empty; expected a section of keys",
    ),
    ("scores: {deep: {selection: {fold: 3}}}", "n.fold: no such key (did you mean 'folds'?)"),
    (
        "scores: {deep: {selection: {mrmr: {levels: 1}}}}",
        "mrmr.levels: 1 is too small; expected at",
    ),
    ("models: {deep: {scores: deep}}", "models.deep.scores: 'deep' is not a list in brackets"),
    (
        "models: {deep: {scores: [deep, deep]}}",
        "s.deep.scores: ['deep', 'deep'] holds an entry twi",
    ),
    ("models: {deep: {score: [deep]}}", "models.deep.score: no such key (did you mean 'scores'?)"),
    ("models: {reader: {scores: [deep]}}", "r.scores: ['deep'] does not go with the rest of this"),
    ("published: {sets: {extern: {}}}", "(did you mean 'external'?)"),
    ("published: {sets: {train: {deep: {spec: 1}}}}", "(did you mean 'specificity'?)"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES_OF_YAML)
def test_what_yaml_makes_of_a_line_is_explained(text: str, message: str) -> None:
    section: dict[str, Any] = yaml.safe_load(text)
    config = copy.deepcopy(WHOLE)
    for name, value in section.items():
        within = isinstance(value, dict)
        config[name] = config[name] | value if within else value
        for key, inner in value.items() if within else ():
            if isinstance(inner, dict) and isinstance(WHOLE[name].get(key), dict):
                config[name][key] = WHOLE[name][key] | inner
    assert any(message in line for line in problems(config))


@pytest.mark.parametrize("text", ["1,000", "2.5", "nan", "many"])
def test_no_number_is_proposed_that_may_not_be_meant(text: str) -> None:
    said = f"evaluation.resamples: {text!r} is not a whole number"
    assert only(with_value(("evaluation", "resamples"), text)).split("\n")[0] == said


def test_entries_of_a_list_are_told_in_order() -> None:
    told = problems(with_value(("cohort", "development_centers"), list(range(12))))
    assert [line.partition(":")[0].rpartition(" ")[2] for line in told] == [
        str(number) for number in range(1, 13)
    ]


def test_a_key_without_a_description_is_refused() -> None:
    with pytest.raises(TypeError, match="no docstring below example"):
        json_schema._properties({"example": {}}, {"example": ""}, {})


def test_a_key_that_stands_twice_is_found_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("labels: {positive: a}\nmodels:\n  deep: {}\n  deep: {}\nlabels: {}\n")
    with pytest.raises(StudyError) as raised:
        yaml_file.refuse_slips(path)
    _, *lines = str(raised.value).split("\n  - ")
    assert lines == [
        "models.deep: stands on line 4 and on line 3; keep one",
        "labels: stands on line 5 and on line 1; keep one",
    ]
    path.write_text((ROOT / "config.yaml").read_text())
    yaml_file.refuse_slips(path)


LAUGHS = [
    "a: &a [x, x, x, x, x, x, x, x, x, x]",
    *(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in pairwise("abcdefghi")),
]
SLIPS = {
    "study: a\nlabels: {negative: a\ncohort:\n": "line 3, column 7: expected ',' or '}'",
    "study: a\n\tseed: 1\n": "line 2, column 1: a tab; YAML is indented by spaces alone",
    "study: a\nlabels: {negative: 'a}\n": "found unexpected end of stream",
    "study: *b\n": "line 1, column 8: found undefined alias",
    "[" * 100_000: "sections within sections without end",
    "\n".join(LAUGHS): "its aliases (*name) make more than 100,000 keys and values of it",
    "a: &a [*a]\n": "its aliases (*name) make more than 100,000 keys and values of it",
}


@pytest.mark.parametrize("text", SLIPS, ids=lambda text: text[:20])
def test_what_is_no_config_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as raised:
        yaml_file.refuse_slips(path)
    assert SLIPS[text] in str(raised.value)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_line_that_slipped_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("study: a\nlabels: {negative: a\ncohort:\n")
    with pytest.raises(StudyError) as raised:
        yaml_file.refuse_slips(path)
    _, line, mark = str(raised.value).split("\n")
    assert (line.strip(), line[mark.index("^")]) == ("cohort:", ":")


def test_bytes_that_are_no_utf_8_are_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("study: Mädchen\n".encode("cp1252"))
    with pytest.raises(StudyError, match="byte 9 is no text in UTF-8"):
        yaml_file.refuse_slips(path)


def test_what_is_written_of_the_models_is_up_to_date() -> None:
    assert (ROOT / reference.SCHEMA).read_text() == reference.schema(), "run `make docs`"
    assert (ROOT / reference.PAGE).read_text() == reference.page(), "run `make docs`"


def test_the_schema_knows_every_network_of_torchvision() -> None:
    assert PARTS["features.small.backbone"][1]["enum"] == backbone.names()
