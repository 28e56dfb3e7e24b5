"""Fine-tuning in a whole study: its networks, scores, choice and report."""

import json
import re
import shutil

import pandas as pd
import pytest

from tests.workflow import test_apply
from tests.workflow.test_reruns import first_image, invert_one_pixel_block
from tests.workflow.tiny import Study, fine_tune

MEMBERS = ("fold-0", "fold-1", "fold-2", "whole")


def test_it_adds_one_training_per_fold_and_is_off_by_default(study: Study) -> None:
    assert not (study.results / "features" / "tuned").exists()
    study.configure(fine_tune)
    planned = study.planned("results/tiny/models/predictions.csv")
    assert planned == {
        **{"train_network": 4, "prepare_tuned": 4, "extract_features": 12},
        **{"gather_features": 4, "join_heads": 1, "compute_logits": 1, "join_features": 1},
        **{"crossfit_logits": 1, "select_finetuned": 1, "fit_models": 1, "choose_variant": 1},
        "predict": 1,
    }


@pytest.fixture(scope="module")
def tuned(finished: Study, shared) -> Study:
    """The finished tiny study with both fine-tuned routes beside the frozen network."""

    def fill(folder) -> None:
        shutil.copytree(finished.folder, folder, symlinks=True, dirs_exist_ok=True)
        study = Study(folder)
        study.configure(fine_tune)
        study.snakemake()

    return Study(shared("tuned", fill))


@pytest.fixture
def own(tuned: Study, tmp_path) -> Study:
    shutil.copytree(tuned.folder, tmp_path / "own", symlinks=True)
    return Study(tmp_path / "own")


def digests(study: Study) -> dict[str, str]:
    folder = study.results / "features" / "tuned"
    return {m: json.loads((folder / f"{m}.json").read_text())["digest"] for m in MEMBERS}


@pytest.mark.slow
def test_scores_choice_and_report_of_a_whole_study(tuned: Study) -> None:
    models = tuned.results / "models"
    predictions = pd.read_csv(models / "predictions.csv")
    scores = pd.read_csv(models / "scores.csv")
    logits = pd.read_parquet(tuned.results / "features" / "tuned" / "logits.parquet")
    own = scores[scores.score == "finetuned"].merge(logits, on="case_id")
    columns = [f"tuned_logit_000{k}" for k in range(3)]
    held_out = own[own.kind == "held_out"]
    assert held_out.value.to_numpy() == pytest.approx(held_out[columns].mean(axis=1))
    crossfit = pd.read_csv(tuned.results / "selection" / "finetuned" / "crossfit.csv")
    fold = crossfit.drop_duplicates("case_id").set_index("case_id").fold
    for row in own[own.kind == "out_of_fold"].itertuples():
        assert row.value == pytest.approx(getattr(row, columns[fold[row.case_id]]))
        report = tuned.results / "features" / "tuned" / f"fold-{fold[row.case_id]}.json"
        assert row.case_id not in json.loads(report.read_text())["cases"]

    choice = json.loads((models / "choice.json").read_text())
    names = [candidate["model"] for candidate in choice["candidates"]]
    assert names == ["deep", "tuned", "tuned_lasso"]
    assert choice["chosen"] == max(choice["candidates"], key=lambda c: c["auc"])["model"]
    metrics = pd.read_csv(tuned.results / "evaluation" / "metrics.csv")
    internal = metrics[(metrics.split == "internal") & metrics.model.isin(names)]
    assert internal.set_index("model").auc.to_dict() == pytest.approx(
        {candidate["model"]: candidate["auc"] for candidate in choice["candidates"]}
    )
    marked = metrics[metrics.selected_on == "yes"]
    assert choice["chosen"] in set(marked.model)
    assert set(marked.split) == {"internal"}
    compared = pd.read_csv(tuned.results / "evaluation" / "finetuning.csv")
    assert set(compared.split) == {"train", "internal"}
    assert set(predictions.model) == set(tuned.config["models"])

    page = (tuned.results / "report" / "report.html").read_text()
    assert ", selected on" in page
    for sentence in (
        "deep models were compared on internal validation",
        "was chosen for external validation before any external case was predicted",
        "Two routes lead from fine-tuned networks to a deep score",
        "a validation case&#39;s the mean of 3",
        "Learning curves of the fine-tuned networks",
    ):
        assert sentence in page, sentence
    optimism = pd.read_csv(tuned.results / "evaluation" / "optimism.csv")
    assert set(optimism.model) == {"clinical", "deep", "combined"}


@pytest.mark.slow
def test_the_choice_comes_before_any_external_prediction(tuned: Study) -> None:
    dot = tuned.snakemake("--rulegraph", "dot").stdout
    names = dict(re.findall(r'^\s*(\d+)\s*\[\s*label = "(\w+)"', dot, re.M))
    arrows = {(names[a], names[b]) for a, b in re.findall(r"^\s*(\d+) -> (\d+)", dot, re.M)}
    assert ("choose_variant", "predict") in arrows
    assert ("predict", "choose_variant") not in arrows


@pytest.mark.slow
def test_what_is_fitted_does_not_know_validation_cases(own: Study) -> None:
    fitted = ("selection/**/*.csv", "models/*.training.csv", "features/tuned/*.json")
    before, networks = own.contents(*fitted), digests(own)
    cases = pd.read_csv(own.folder / "cases.csv", dtype=str).set_index("case_id")
    for split in ("internal", "external"):
        case_id, image_id = first_image(own, split)
        invert_one_pixel_block(own, image_id)
        cases.loc[case_id, "age"] = "99"
    cases.reset_index().to_csv(own.folder / "cases.csv", index=False)
    own.snakemake("results/tiny/models/predictions.csv")
    after = own.contents(*fitted)
    changed = [name for name in before if before[name] != after[name]]
    # How the logits of validation cases lie is measured there.
    assert changed == ["selection/finetuned/scale.csv"]
    assert digests(own) == networks
    for member in MEMBERS:
        assert "kept as it is" in own.log(f"train_network/tuned-{member}")


@pytest.mark.slow
def test_a_changed_training_image_trains_what_sees_it_and_says_why(own: Study) -> None:
    networks = digests(own)
    case_id, image_id = first_image(own, "train")
    crossfit = pd.read_csv(own.results / "selection" / "finetuned" / "crossfit.csv")
    invert_one_pixel_block(own, image_id)
    done = own.snakemake(*(f"results/tiny/features/tuned/{member}.json" for member in MEMBERS))
    unseen = f"fold-{crossfit.set_index('case_id').fold[case_id].iloc[0]}"
    for member in set(MEMBERS) - {unseen}:
        assert f"{member} is trained: other images: {case_id}" in done.stderr
    assert f"{unseen} is trained" not in done.stderr
    # A network that has the case in its inner hold-out may end as it was.
    different = {member for member, digest in digests(own).items() if digest != networks[member]}
    assert different
    assert unseen not in different


@pytest.mark.slow
def test_training_again_from_nothing_gives_the_same_bytes(own: Study) -> None:
    folder = own.results / "features" / "tuned"
    before = {path.name: path.read_bytes() for path in folder.glob("fold-0.*")}
    for name in before:
        (folder / name).unlink()
    own.snakemake("results/tiny/features/tuned/fold-0.safetensors", cores=1)
    assert {path.name: path.read_bytes() for path in folder.glob("fold-0.*")} == before
    assert len(before) == 3


@pytest.mark.slow
def test_frozen_fine_tuned_models_predict_new_cases_as_the_study_did(own: Study) -> None:
    test_apply.lay_out(own)
    done = test_apply.apply(own, "apply")
    assert "train_network" not in done.stdout + done.stderr
    register = pd.read_csv(own.folder / "results" / "tiny-on-new" / "history" / "register.csv")
    predictions = pd.read_csv(own.results / "models" / "predictions.csv")
    both = register.merge(predictions[predictions.split == "external"], on=["case_id", "model"])
    assert set(both.model) == set(own.config["models"])
    assert both.probability_x.to_numpy() == pytest.approx(both.probability_y.to_numpy())
