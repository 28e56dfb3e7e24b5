"""What the report says when networks were fine-tuned; nothing of it otherwise."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tests.unit.configs import changed

from microcalc.core.files import read_csv, write_csv, write_json
from microcalc.figures import learning_curves
from microcalc.figures.save import save
from microcalc.report import finetuning_text, manuscript, narrative, page, table_registry
from microcalc.report.study import Study
from microcalc.report.tables import performance_tables

WORKFLOW = Path(__file__).parents[3] / "workflow"
TEMPLATE = WORKFLOW / "report" / "page.html.j2"


@pytest.fixture
def given(ordinary, fake, tmp_path):
    """Files and config of the invented study, now with a fine-tuned model that was chosen."""
    config = changed(
        fake["CONFIG"],
        features={"nets": {"kind": "finetuned", "network": "deep"}},
        scores={"tuned": {"features": ["nets"], "learner": "network"}},
        models={"tuned": {"scores": ["tuned"]}},
    )
    metrics = read_csv(ordinary["metrics"])
    own = metrics[metrics.model == "deep"].assign(model="tuned")
    metrics = pd.concat([metrics, own]).assign(selected_on="no")
    metrics.loc[(metrics.model == "tuned") & (metrics.split == "internal"), "selected_on"] = "yes"
    files = dict(ordinary) | {"metrics": tmp_path / "metrics.csv"}
    write_csv(metrics, files["metrics"])
    choice = {
        "chosen": "tuned", "score": "tuned", "selected_on": "internal",
        "candidates": [
            {"model": "deep", "score": "deep", "auc": 0.6},
            {"model": "tuned", "score": "tuned", "auc": 0.7},
        ],
    }  # fmt: skip
    write_json(choice, tmp_path / "choice.json")
    compared = pd.DataFrame(
        [("internal", "tuned", "deep", 0.7, 0.6, 0.1, 0.02, 0.18, 0.01),
         ("train", "tuned", "deep", 0.65, 0.6, 0.05, -0.05, 0.15, 0.3)],
        columns=["split", "model_a", "model_b", "auc_a", "auc_b", "delta", "delta_low",
                 "delta_high", "p"],
    )  # fmt: skip
    write_csv(compared, tmp_path / "finetuning.csv")
    scale = pd.DataFrame(
        [("out of fold", "train", 90, 0.1, 1.1), ("fold-0", "internal", 40, 0.0, 1.0),
         ("fold-1", "internal", 40, 0.2, 1.2), ("mean", "internal", 40, 0.1, 0.88)],
        columns=["scored_by", "split", "n", "mean", "sd"],
    )  # fmt: skip
    of_score = tmp_path / "selection/tuned/scale.csv"
    write_csv(scale, of_score)
    optional = {"finetuning": [tmp_path / "finetuning.csv"], "scale": [of_score]}
    return files | optional | {"choice": [tmp_path / "choice.json"]}, config


@pytest.fixture
def tuned(given) -> Study:
    files, config = given
    return Study.read(files, config=config)


def test_it_is_silent_where_nothing_was_fine_tuned(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    assert finetuning_text.paragraphs(study) == []
    assert table_registry.make("finetuning", study) is None


def test_the_choice_and_what_it_costs_are_said(tuned):
    text = finetuning_text.worth(tuned)
    assert "The AUC of the tuned model was higher than that of the deep model (0.70 vs 0.60" in text
    assert "P = .01" in text
    assert "before any external case was predicted" in text
    assert "too large an estimate" in text
    assert "0.65" not in text  # out-of-fold scores took no part in the choice


def test_a_difference_that_is_not_shown_is_not_claimed(tuned):
    rows = tuned.tables["finetuning"]
    rows.loc[rows["split"] == "internal", "p"] = 0.2
    assert "No difference in AUC between the tuned and the deep model" in finetuning_text.worth(
        tuned
    )


def test_the_shift_in_scale_is_stated(tuned):
    text = finetuning_text.scale(tuned, "tuned")
    assert "the mean had an SD of 0.88 and one network 1.10 on average (ratio 0.80)" in text
    assert "out-of-fold logits of training cases had a mean of 0.10 and an SD of 1.10" in text


def test_the_routes_are_told_apart_where_the_classical_one_ran(tuned):
    assert finetuning_text.routes(tuned) == ""
    scores = {"classical": {"features": ["nets"]}}
    classical = {"scores": ["classical"]}
    both = changed(tuned.config, scores=scores, models={"classical_route": classical})
    assert "Both ran here" in finetuning_text.routes(replace(tuned, config=both))
    alone = changed(tuned.config, scores=scores, models={"tuned": classical})
    assert "Both ran here" not in finetuning_text.routes(replace(tuned, config=alone))
    assert "Two routes" in finetuning_text.routes(replace(tuned, config=alone))


def test_the_internal_auc_of_the_chosen_model_is_labelled(tuned):
    table = performance_tables.performance(tuned)
    labelled = [row.cells for row in table.rows if "selected on" in " ".join(row.cells)]
    assert [cells[0] for cells in labelled] == ["Tuned"]
    assert labelled[0][1].endswith(", selected on")
    assert narrative.performance(tuned, "internal").count("selected on") == 1
    assert "selected on" not in narrative.performance(tuned, "external")
    compared = table_registry.make("finetuning", tuned)
    assert {row.cells[0] for row in compared.rows} == {
        "Training, out-of-fold", "Internal validation"
    }  # fmt: skip


def test_page_and_manuscript_tell_it(given, tuned, tmp_path):
    files, config = given
    save(
        learning_curves.draw({("nets", "fold-0"): learning_curve()}),
        tmp_path / "learning_curves.svg",
    )
    files["figures"] = [*files["figures"], tmp_path / "learning_curves.svg"]
    versions = {"microcalc": "0.1.0", "python": "3.11"}
    html = page.build(
        files,
        config=config,
        template=TEMPLATE,
        versions=versions,
        times=tmp_path / "times",
        rules={},
    )
    text = manuscript.write(tuned, TEMPLATE.parent / "manuscript" / "manuscript.md.j2", versions)
    for sentence in (
        "The backbone was also fine-tuned on the training set, in 5 networks",
        "was chosen for external validation before any external case was predicted",
        "The tuned score is the logit of the fine-tuned networks behind the nets features",
        "brought to probabilities by a logistic regression on out-of-fold scores",
        "(ratio 0.80)",
    ):
        assert sentence in html
        assert sentence in text
    assert "Learning curves of the fine-tuned networks" in html
    assert "Frozen and fine-tuned deep models by DeLong&#39;s test" in html


def test_the_checklist_tells_what_fine_tuning_did(tuned, ordinary, fake):
    template = TEMPLATE.parent / "manuscript" / "checklist.md.j2"
    frozen = manuscript.checklist(
        Study.read(ordinary, config=fake["CONFIG"]), template, {"microcalc": "0.1.0"}
    )
    text = manuscript.checklist(tuned, template, {"microcalc": "0.1.0"})
    for item, without, with_it in (
        ("13 Class imbalance", "No resampling or weighting", "weighted to count alike"),
        ("25 Training", "The network was not trained here", "learning curves"),
        ("26 Selection of the final model", "None was chosen", "by the AUC on internal validation"),
        ("27 Ensembling", "None.", "the mean of 5 networks"),
    ):
        line = next(line for line in text.splitlines() if line.startswith(f"- **{item}"))
        assert with_it in line
        assert without not in line
        assert without in next(
            line for line in frozen.splitlines() if line.startswith(f"- **{item}")
        )


def learning_curve():
    return pd.DataFrame(
        [(0, "head", 0.7, 0.7, False), (1, "stages", 0.6, 0.65, True)],
        columns=["epoch", "phase", "loss_learn", "loss_stop", "is_best"],
    )
