"""What is said of a study of several sets and scores, and of sets that are not called deep."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from tests.unit.configs import changed

from microcalc.config.feature_kinds import FeatureSet
from microcalc.config.study_config import StudyConfig
from microcalc.core.files import read_csv, write_csv, write_json
from microcalc.models import notes
from microcalc.report import (
    applied,
    captions,
    finetuning_text,
    inputs,
    limitations,
    manuscript,
    narrative,
    page,
    score_text,
    table_registry,
)
from microcalc.report.study import Study
from microcalc.report.verdicts import data_verdicts

TEMPLATES = Path(__file__).parents[3] / "workflow" / "report"
VERSIONS = {"microcalc": "0.1.0", "python": "3.12.1"}


@pytest.fixture(scope="module")
def files(ordinary, fake, tmp_path_factory):
    return fake["several"](ordinary, tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def several(files, fake):
    return Study.read(files, config=fake["SEVERAL"])


def draft(study):
    return manuscript.write(study, TEMPLATES / "manuscript/manuscript.md.j2", VERSIONS)


def checklist(study):
    return manuscript.checklist(study, TEMPLATES / "manuscript/checklist.md.j2", VERSIONS)


def under(heading, text):
    """Return the paragraphs under the first such heading."""
    return text.partition(f"### {heading}\n")[2].partition("\n### ")[0]


def without_deep(config: StudyConfig) -> StudyConfig:
    """Return a study of one set and one score of other names."""
    plain = config.plain()
    plain["features"] = {"whole_breast": plain["features"]["deep"]}
    plain["scores"] = {"fusion": {"features": ["whole_breast"]}}
    plain["models"] = {
        "clinical": plain["models"]["clinical"],
        "deep": {"scores": ["fusion"]},
        "combined": {"clinical": "screened", "scores": ["fusion"]},
    }
    return StudyConfig.of(plain)


@pytest.fixture
def renamed(fake, tmp_path):
    """Return a function that gives the study of `without_deep` from given files."""

    def of(paths):
        config = without_deep(fake["CONFIG"])
        known = {name: path for name, path in paths.items() if "selection" not in str(path)}
        known["selected"], known["funnel"] = (
            tmp_path / f"selection/fusion/{name}.csv" for name in ("selected", "funnel")
        )
        for name in ("selected", "funnel"):
            write_csv(read_csv(paths[name]), known[name])
        known["models"] = [tmp_path / f"models/{name}.json" for name in config.models]
        for path, old in zip(known["models"], paths["models"], strict=True):
            text = Path(old).read_text().replace('"deep_score"', '"fusion_score"')
            model = json.loads(text)
            for part in model["scores"]:
                part |= {"name": "fusion", "tables": ["whole_breast"]}
            if "deep" in model["tables"]:
                model["tables"] = {"whole_breast": model["tables"]["deep"]}
            write_json(model, path)
        return Study.read(known, config=config)

    return of


def test_every_kind_of_set_has_a_text():
    union, _ = get_args(FeatureSet)
    kinds = {get_args(row.model_fields["kind"].annotation)[0] for row in get_args(union)}
    assert "network" in kinds
    for kind in kinds - {"finetuned"}:
        assert (TEMPLATES / f"methods/sets/{kind}.j2").is_file()


def test_each_set_is_described_and_its_columns_counted_where_they_are_known(
    several, ordinary, fake
):
    text = under("Deep features", draft(several))
    assert "The deep features were the pooled output of resnet101 before" in text
    assert "over the views of a case, 2,048 per case. The network computed" in text
    # Of densenet alone no score is made, so that nothing here counts its columns.
    assert "The densenet features were the pooled output of densenet121 before" in text
    assert "over the views of a case. The network computed" in text
    assert "IMAGENET1K_V1) and was not trained further." in text
    assert "Features were" not in text
    alone = under("Deep features", draft(Study.read(ordinary, config=fake["CONFIG"])))
    assert alone.strip().startswith("Features were the pooled output of resnet101")


def with_table(study, **row):
    """Return a study with a set of kind table, which its last score is made of too."""
    plain = study.config.plain()
    plain["features"]["mri"] = {"kind": "table", "path": "mri.csv", **row}
    plain["scores"][list(plain["scores"])[-1]]["features"] += ["mri"]
    return replace(study, config=StudyConfig.of(plain))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, "read from a table without missing values."),
        (
            {"per": "image", "pool_views": "max"},
            "read from a table without missing values, their maximum over the views of a case.",
        ),
    ],
)
def test_of_features_computed_elsewhere_only_the_table_is_known(several, row, told):
    study = with_table(several, **row)
    text = under("Features", draft(study))
    assert f"The mri features were computed elsewhere and {told}" in text
    asked = "**[With which software, its version and settings, and from which images and regions "
    assert f"{asked}the mri features were computed.]**" in text
    assert "densenet121, mri features (computed elsewhere), mRMR" in checklist(study)
    stops = "A case without all features that were computed elsewhere stops the run."
    assert stops in checklist(study)
    assert stops not in checklist(several)
    (note,) = [f for f in limitations.of_run(study) if f.title == "Features computed elsewhere"]
    assert note.kind == "note"
    assert note.text.startswith("The mri features were read from tables of the authors")
    assert "(features.mri.path)" in note.text
    assert "Features computed elsewhere" not in {f.title for f in limitations.of_run(several)}


def test_a_patch_is_for_what_is_measured_in_it(several):
    assert score_text.purpose_of_patches(several.config) == "goes on to the network"
    both = with_table(several).config
    assert score_text.purpose_of_patches(both) == "features are measured in"
    alone = both.plain()
    alone["features"] = {"mri": alone["features"]["mri"]}
    alone["scores"] = {"deep": {"features": ["mri"]}}
    assert score_text.purpose_of_patches(StudyConfig.of(alone)) == "was cut around them"


def test_what_is_selected_from_several_sets_is_named_once():
    assert notes.feature_words(["deep"]) == "deep features"
    assert notes.feature_words(["deep", "tuned/logits"]) == "deep and tuned features"
    assert notes.feature_words(["deep", "whole_breast", "us"]) == (
        "deep, whole breast and us features"
    )


def test_stability_is_told_of_the_sets_that_it_is_asked_of(several):
    asked = {"stability": {"perturbations": 3}}
    one = replace(several, config=changed(several.config, features={"densenet": asked}))
    text = draft(one)
    assert text.count("had to survive") == 1
    assert "The densenet features had to survive a region drawn a little differently" in text
    assert "change with the drawing of the region" in checklist(one)
    both = changed(several.config, features={"densenet": asked, "deep": asked})
    text = draft(replace(several, config=both))
    assert text.count("had to survive") == 1
    assert "Features had to survive a region" in text
    assert "change with the drawing of the region" not in checklist(several)


def test_harmonized_sets_are_named_and_every_caption_is_labelled(several):
    one = replace(
        several, config=changed(several.config, features={"densenet": {"harmonize": "combat"}})
    )
    assert "each external center's densenet features were shifted" in draft(one)
    (limit,) = (f for f in limitations.nature(one) if f.title.startswith("Transductive"))
    assert limit.title == "Transductive (ComBat)"
    assert "(features.densenet.harmonize: combat)" in limit.text
    methods = {"deep": {"harmonize": "adabn"}, "densenet": {"harmonize": "combat"}}
    two = replace(several, config=changed(several.config, features=methods))
    text = draft(two)
    assert "passed the batch-norm layers of the deep features with statistics" in text
    caption = captions.write("performance", two, TEMPLATES, kind="table")
    assert caption.title.startswith("Transductive (AdaBN and ComBat). ")


def test_random_weights_of_several_networks_are_one_limit(several):
    (one,) = (f for f in limitations.nature(several) if f.title == "Random network weights")
    assert one.text.startswith("The resnet101 that made the deep features has random weights")
    config = changed(several.config, features={"densenet": {"weights": "random"}})
    (both,) = (
        f
        for f in limitations.nature(replace(several, config=config))
        if f.title == "Random network weights"
    )
    assert both.text.startswith(
        "The resnet101 and densenet121 that made the deep and densenet features have random "
        "weights (features.deep.weights and features.densenet.weights: random); they were trained"
    )


def test_each_score_is_told_with_its_own_selection(several):
    text = under("Selection of features", draft(several))
    first, second = text.index("For the deep score, on the"), text.index("For the both score, on")
    assert "(lambda min)" in text[first:second]
    assert "(lambda 1SE)" in text[second:]
    assert "(lambda 1SE)" not in text[:second]
    assert "The both score was made of the deep and densenet features, side by side" in text
    plain = several.config.plain()
    del plain["scores"]["both"]["selection"]
    alike = replace(several, config=StudyConfig.of(plain))
    text = under("Selection of features", draft(alike))
    assert text.count("features were standardized") == 1
    assert "The deep score was made of the deep features." in text
    assert "On the training set alone, features were" in text


def test_refits_and_apparent_scores_name_the_scores_they_concern(several):
    own = {"both": {"selection": {"refit": "ridge"}}}
    config = changed(several.config, scores=own, selection={"training_scores": "apparent"})
    text = draft(replace(several, config=config))
    assert "coefficients of the both score are those of the selected features in a ridge" in text
    assert "coefficients of the deep score" not in text
    assert "such models trust the both score more than it deserves" in text


def test_the_results_of_each_selection_are_told(several):
    results = draft(several).partition("## Results")[2]
    assert "For the both score, 30 of 3,072 features were ranked and 2 had a coefficient" in results
    assert f"and {several.n_selected} had a coefficient" in results
    assert "2,048 features for the deep score and 3,072 features for the both" in checklist(several)


def test_a_score_that_kept_nothing_is_told_by_its_name(several):
    selected = several.of_scores["both"]["selected"].iloc[:1]
    of_both = several.of_scores["both"] | {"selected": selected}
    study = replace(several, of_scores={**several.of_scores, "both": of_both})
    (found,) = limitations.of_run(study)
    assert found.title == "The LASSO kept no deep or densenet feature for the both score"
    assert "an AUC of 0.50 for the both model is what this means" in found.text
    assert found.text.endswith("It concerns the both and two model.")
    assert "For the both score the LASSO kept none of 3,072 features" in draft(study)


def test_a_table_says_what_each_score_is_made_of(several, files, fake, ordinary):
    cells = [row.cells for row in table_registry.make("scores", several).rows]
    assert cells == [
        ("Deep", "deep features", "LASSO", "2,048", str(several.n_selected), "Deep, Combined, Two"),
        ("Both", "deep and densenet features", "LASSO", "3,072", "2", "Both, Two"),
    ]
    html = page.build(
        files, config=fake["SEVERAL"], template=TEMPLATES / "page.html.j2", versions=VERSIONS,
        times="no/such/folder", rules={},
    )  # fmt: skip
    assert html.index("The scores of the study") < html.index("How many deep features each step")
    assert table_registry.make("scores", Study.read(ordinary, config=fake["CONFIG"])) is None


def test_the_tables_of_a_score_are_its_own(several):
    """Files of two scores have one name; the main score's are those that figures are of."""
    assert several.left_after("extracted", "deep") == 2048
    assert several.left_after("extracted", "both") == 3072
    assert several.kept("both") == 2
    assert several.tables["funnel"]["n_features"].iloc[0] == 2048


def test_a_model_of_two_scores_is_described_and_so_is_one_that_does_without(several):
    model = several.models["two"]
    assert narrative.described(several, model) == (
        "a logistic regression of age, palpable, the deep score and the both score"
    )
    note = f"the both {notes.LEFT_OUT}: beside the other predictors its coefficient is not above 0"
    left = {**model, "terms": model["terms"][:-1], "notes": [note]}
    study = replace(several, models={**several.models, "two": left})
    assert narrative.described(study, left) == (
        "a logistic regression of age, palpable and the deep score; the both score was left out, "
        "since its coefficient would not be above 0"
    )
    (found,) = limitations.of_run(study)
    assert found.title == "Two model without the both score"
    assert "The coefficient of a score beside other predictors was held at 0" in draft(study)


def test_features_that_enter_one_by_one_are_no_score(several):
    scores = {"features_of": ["both"], "scores": []}
    config = changed(several.config, models={"two": scores})
    model = several.models["two"]
    own = {**model, "terms": [*model["terms"][:2], model["terms"][-1]]}
    study = replace(several, config=config, models={**several.models, "two": own})
    assert narrative.described(study, own) == (
        "a logistic regression of age, palpable and 2 deep and densenet features"
    )
    assert "The two model takes the selected deep and densenet features one by one" in draft(study)
    # Its score has coefficients of its own, so that the common axis would not be its.
    assert study.nomogram_model == "combined"


def test_the_weights_of_every_network_are_digested(files, fake, tmp_path):
    (tmp_path / "cases.csv").write_text("case_id\nC1\n")
    found = inputs.describe(
        tables={"case table": tmp_path / "cases.csv"},
        features=[],
        shards=[],
        models=files["models"],
        config=fake["SEVERAL"],
    )["digests"]
    assert {name: digest for name, digest in found.items() if name.startswith("network")} == {
        "network weights, resnet101": "ab" * 32,
        "network weights, densenet121 (densenet)": "ef" * 32,
    }


@pytest.mark.parametrize("kept", [True, False])
def test_a_study_without_a_set_called_deep_says_nothing_of_one(ordinary, nothing, renamed, kept):
    study = renamed(ordinary if kept else nothing)
    text = draft(study) + checklist(study)
    names = ("funnel", "selected", "lasso_path", "feature_heatmap", "embedding", "score_waterfall")
    for name in (*names, "equations", "contributions", "unlike", "nomogram"):
        kind = "table" if table_registry.find(name) else "figure"
        caption = captions.write(name, study, TEMPLATES, kind=kind)
        text += f"{caption.title} {caption.text} {caption.alt}"
    text += " ".join(f"{f.title} {f.text}" for f in limitations.warnings(study))
    text += " ".join(f"{f.title} {f.text}" for f in limitations.nature(study))
    assert not re.findall(r"[Dd]eep scores?|deep features?", text)
    assert "The fusion score was made of the whole breast features." in text
    assert "How many whole breast features each step" in text
    assert "The deep model was the fusion score alone" in text
    said = "kept no whole breast feature", "the fusion score was the same for every case"
    assert all((part in text) is not kept for part in said)


def test_what_tells_the_center_is_named():
    row = {"question": "which center?", "outcome": "center A", "cases": "all", "verdict": "told",
           "auc": 0.85, "low": 0.8, "high": 0.9}  # fmt: skip
    deep, other = row | {"predictors": "deep features"}, row | {"predictors": "densenet features"}
    (one,) = data_verdicts.confounding([deep])
    assert one.title == "The deep features tell the center"
    assert one.text.endswith("AUC: center A, all cases, 0.85 (0.80–0.90).")
    (both,) = data_verdicts.confounding([deep, other])
    assert both.title == "The deep features and densenet features tell the center"
    assert "densenet features, center A, all cases, 0.85" in both.text
    metadata = row | {"question": "which label?", "predictors": "acquisition metadata"}
    (found,) = data_verdicts.confounding([metadata])
    assert found.title == "Acquisition metadata tell the label"


def test_each_score_of_a_case_is_taken_apart(several):
    rows = pd.DataFrame(
        [
            ("C1", "two", "log odds", "age", "50", "", 1.5),
            ("C1", "two", "log odds", "both_score", "0.5", "", 0.25),
            ("C1", "two", "deep_score", "(intercept)", "", "", 0.5),
            ("C1", "two", "both_score", "(intercept)", "", "", 0.5),
            ("C1", "two", "both_score", "densenet_0001", "1.75", "", 0.375),
            ("C1", "both", "both_score", "(intercept)", "", "", 0.5),
            ("C1", "both", "both_score", "densenet_0001", "1.75", "", 0.375),
        ],
        columns=["case_id", "model", "part_of", "term", "case_value", "stands_in", "contribution"],
    )
    study = replace(several, tables={**several.tables, "contributions": rows})
    cells = [row.cells for row in table_registry.make("contributions", study).rows]
    assert cells == [
        ("Two",),
        ("Age (years)", "50", "1.500"),
        ("Both score", "0.500", "0.250"),
        ("Log odds", "", "1.750"),
        ("Two: inside the deep score",),
        ("Intercept", "", "0.500"),
        ("Deep score", "", "0.500"),
        ("Two: inside the both score",),
        ("Intercept", "", "0.500"),
        ("densenet_0001", "1.750", "0.375"),
        ("Both score", "", "0.875"),
    ]


def test_frozen_models_of_random_networks_say_which(several):
    """The config of a new cohort names files of weights, whatever they were prepared from."""
    files = {"deep": {"weights": "a.safetensors"}, "densenet": {"weights": "b.safetensors"}}
    study = replace(several, config=changed(several.config, features=files))
    (limit,) = (f for f in applied._limits(study, simulated=False) if "Random" in f.title)
    assert limit.text == (
        "The network behind the deep features has random weights and was trained on nothing."
    )


BASE = {"kind": "network", "backbone": "resnet18", "weights": "IMAGENET1K_V1"}


@pytest.fixture
def tuned(several):
    """A study with two rows of fine-tuned networks, one of whose start no score takes."""
    config = changed(
        several.config,
        features={
            "base": BASE,
            "nets": {"kind": "finetuned", "network": "deep", "folds": 3},
            "small_nets": {"kind": "finetuned", "network": "base", "class_weights": "none"},
        },
        scores={
            "nets": {"features": ["nets"], "learner": "network"},
            "small": {"features": ["small_nets"], "learner": "network"},
            "classical": {"features": ["nets"]},
        },
        models={"nets": {"scores": ["nets"]}, "small": {"scores": ["small"]}},
    )
    return replace(several, config=config)


def test_fine_tuned_networks_are_told_with_what_they_start_from(tuned):
    text = under("Deep features", draft(tuned))
    assert (
        "For the nets features, resnet101 with the weights of the deep features was fine-" in text
    )
    assert (
        "For the small nets features, resnet18 (torchvision's weights IMAGENET1K_V1) was fine-"
        "tuned on the training set, in 5 networks"
    ) in text
    # Of a set that no score takes nothing else is to be said.
    assert "The base features" not in text
    line = next(line for line in checklist(tuned).splitlines() if line.startswith("- **27 "))
    assert "the mean of 3 and 5 networks" in line


def test_scores_of_fine_tuned_networks_are_told_apart(tuned):
    text = under("Selection of features", draft(tuned))
    assert "The small score is the logit of the fine-tuned networks behind the small nets" in text
    assert (
        "The classical score was made of the nets features, those of a network fine-tuned on"
        in text
    )
    assert "selections without the case's fold, one of the 3 of the networks." in text
    assert "Each of the deep, both and classical scores is the linear predictor of its own" in text
    cells = {row.cells[0]: row.cells[1:] for row in table_registry.make("scores", tuned).rows}
    assert cells["Small"] == ("small nets features", "fine-tuned networks", "", "", "Small")
    # No model takes the classical one, so that no route is told.
    assert finetuning_text.routes(tuned) == ""


def test_the_scale_of_each_network_score_is_stated(tuned):
    table = pd.DataFrame(
        [("out of fold", "train", 90, 0.1, 1.1), ("fold-0", "internal", 40, 0.0, 1.0),
         ("mean", "internal", 40, 0.1, 0.5)],
        columns=["scored_by", "split", "n", "mean", "sd"],
    )  # fmt: skip
    study = replace(tuned, of_scores={**tuned.of_scores, "small": {"scale": table}})
    assert finetuning_text.scale(study, "nets") == ""
    assert finetuning_text.scale(study, "small").startswith(
        "A training case's small score is the logit of the one network"
    )
