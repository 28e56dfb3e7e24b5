"""The whole chain fitted again: the same as the study's, by patient, whatever job makes it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.config.cohort_settings import Labels
from microcalc.config.model_settings import ModelSettings, ThresholdSettings
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import write_csv
from microcalc.evaluation import (
    optimism,
    permutation_test,
    refit,
    repeated_splits,
    replicate_files,
    replicates,
)
from microcalc.models import equation
from microcalc.models.clinical import training_rows
from microcalc.models.fit import fit_model
from microcalc.models.recipe import Recipe, ScoreInput
from microcalc.models.training_tables import ScoreTables, Tables
from microcalc.selection import select
from microcalc.statistics import delong

SEED = 5
CLINICAL = {
    "age": ClinicalVariable(kind="continuous"),
    "birads": ClinicalVariable(kind="categorical", levels=("4", "5")),
}
SCREENING = ScreeningSettings(p_univariable=0.5, p_multivariable=0.5, indicator_from=None)
SELECTION = SelectionSettings.of(
    {"folds": 3, "mrmr": {"n_features": 5}, "lasso": {"n_lambdas": 20, "folds": 3}}
)
MODELS = {
    "clinical": ModelSettings(clinical="screened"),
    "deep": ModelSettings(scores=("deep",)),
    "combined": ModelSettings(clinical="screened", scores=("deep",)),
}
LABELS = Labels(negative="DCIS", positive="IDC")
YOUDEN = ThresholdSettings()
WEIGHTS = {"backbone": "resnet18", "source": "random", "digest": "0" * 64}
PREPROCESSING = {"images": {}, "features": {}, "digest": "0" * 64}
PART = {"kind": "network", "weights": WEIGHTS, "preprocessing": PREPROCESSING}
PLAN = refit.Plan(MODELS, CLINICAL, SCREENING, {"deep": SELECTION}, "out_of_fold")
SCORES = {"deep": {"tables": ["deep"], "learner": "lasso"}}


def draw(n=90, p=12, signal=1.0):
    """Return included.csv and features of n cases; each third patient has two."""
    rng = np.random.default_rng(3)
    patients = [f"P{i - (i % 3 == 1):03d}" for i in range(n)]
    by_patient = {name: rng.integers(2) for name in patients}
    y = np.array([by_patient[name] for name in patients])
    split = np.where(np.arange(n) % 9 < 6, "train", "internal")
    split[60:] = "external"
    included = pd.DataFrame(
        {
            "case_id": [f"C{i:03d}" for i in range(n)],
            "patient_id": patients,
            "center": np.where(np.arange(n) < 60, "A", "B"),
            "split": split,
            "y": y,
            "age": [f"{value:.1f}" for value in 50 + 4 * y * signal + rng.normal(0, 8, n)],
            "birads": np.where(rng.random(n) < 0.3 + 0.4 * y * signal, "5", "4"),
        }
    )
    X = rng.normal(size=(n, p))
    X[:, :3] += signal * y[:, None]
    features = pd.DataFrame(X, columns=[f"deep_{j:04d}" for j in range(p)])
    features.insert(0, "case_id", included["case_id"])
    return included, features


@pytest.fixture(scope="module")
def drawn():
    return draw()


def gather(included, features, redrawn=()):
    return refit.gather(included, SCORES, {"deep": features}, redrawn)


@pytest.fixture(scope="module")
def cases(drawn):
    return gather(*drawn)


@pytest.fixture
def three_models(predictions):
    combined = predictions[predictions["model"] == "deep"].assign(model="combined")
    return pd.concat([predictions, combined], ignore_index=True)


def test_on_the_training_cases_it_is_the_study_itself(drawn, cases):
    included, features = drawn
    study = select.select(included, features, settings=SELECTION, seed=SEED)
    again = refit.fit(cases.where("train"), PLAN, seed=SEED)
    pd.testing.assert_frame_equal(again.chains["deep"].selected, study.chain.selected)
    own = study.crossfit[study.crossfit["fold"] == study.crossfit["also_left_out"]]
    values = own["score"].to_numpy()
    deep = ScoreInput("deep", "lasso", values, study.chain.selected, features)
    how = (CLINICAL, SCREENING, "out_of_fold", SEED)
    recipe = Recipe("combined", MODELS["combined"], *how)
    expected = recipe.fit(training_rows(included), {"deep": deep}).equation
    assert again.models["combined"].equation == expected
    assert ("clinical variable", "birads") in again.selected


def test_a_refit_leaves_the_deep_score_out_where_the_study_does():
    """Features that tell nothing: some of these studies leave the score out, others do not."""
    included, features = draw(signal=0.0)
    models = {"combined": ModelSettings(clinical=("age",), scores=("deep",))}
    left_out = []
    for seed in range(4):
        chosen = select.select(included, features, settings=SELECTION, seed=seed)
        own = (features, chosen.chain.selected, chosen.crossfit, chosen.crossfit_selected)
        tables = Tables(included, {"deep": ScoreTables("lasso", {"deep": PART}, *own)})
        how = (CLINICAL, SCREENING, "out_of_fold", seed)
        recipe = Recipe("combined", models["combined"], *how)
        model, _ = fit_model(recipe, tables, threshold=YOUDEN, labels=LABELS)
        plan = replace(PLAN, models=models)
        again = refit.fit(gather(included, features).where("train"), plan, seed=seed)
        own = equation.from_json(model)
        assert again.models["combined"].equation.coefficients == pytest.approx(own.coefficients)
        left_out.append(bool(again.models["combined"].left_out))
    assert set(left_out) == {True, False}


def test_copies_of_a_patient_share_a_fold(cases, monkeypatch):
    dealt = []
    plain = refit.assign_folds

    def watched(y, patients, **options):
        dealt.append((patients, plain(y, patients, **options)))
        return dealt[-1][1]

    monkeypatch.setattr(refit, "assign_folds", watched)
    training, sets = replicates.DESIGNS["bootstrap"](cases, 11)
    assert training.rows["case_id"].duplicated().any()
    refit.fit(training, PLAN, seed=11)
    ((patients, fold),) = dealt
    assert pd.Series(fold).groupby(patients).nunique().eq(1).all()
    assert not set(sets["out_of_bag"].patients) & set(training.patients)
    assert set(sets["original"].rows["split"]) == {"train"}


def test_a_patient_is_drawn_with_all_its_cases(cases):
    train = cases.where("train")
    sample, out = replicates.bootstrap_sample(train, 4)
    times = train.rows["case_id"].map(sample.rows["case_id"].value_counts()).fillna(0)
    assert times.groupby(train.patients).nunique().eq(1).all()
    assert set(out) == set(np.flatnonzero(times == 0))


def test_copies_are_patients_to_the_regressions(cases):
    train = cases.where("train")
    sizes = train.rows.groupby("patient_id").size()
    sample, _ = replicates.bootstrap_sample(train, 4)
    copies = sample.rows.groupby(["original_patient", "patient_id"]).size()
    assert (copies == sizes.reindex(copies.index.get_level_values(0)).to_numpy()).all()
    assert len(copies) == len(sizes)


def test_a_replicate_is_the_same_in_any_job(cases):
    together, chosen = replicates.run("bootstrap", range(3), cases, PLAN, seed=SEED)
    alone, chosen_alone = replicates.run("bootstrap", [2], cases, PLAN, seed=SEED)
    pd.testing.assert_frame_equal(
        together[together["replicate"] == 2].reset_index(drop=True), alone
    )
    assert chosen_alone["name"].tolist() == chosen.query("replicate == 2")["name"].tolist()
    assert together["auc"].nunique() > 10


def test_validation_cases_reach_no_bootstrap_replicate(drawn, cases):
    included, features = drawn
    changed = features.copy()
    changed.loc[included["split"] != "train", "deep_0000"] += 100
    one, _ = replicates.run("bootstrap", [0], cases, PLAN, seed=SEED)
    other, _ = replicates.run("bootstrap", [0], gather(included, changed), PLAN, seed=SEED)
    pd.testing.assert_frame_equal(one, other)


def test_the_lottery_splits_patients_like_the_study(cases):
    training, sets = replicates.DESIGNS["split_lottery"](cases, 21)
    internal = sets["internal"]
    assert not set(training.patients) & set(internal.patients)
    assert set(training.rows["center"]) == {"A"}
    share = len(set(training.patients)) / 40
    assert share == pytest.approx(28 / 40, abs=0.06)
    other, _ = replicates.DESIGNS["split_lottery"](cases, 22)
    assert set(other.patients) != set(training.patients)


def test_the_lottery_needs_an_internal_set(cases):
    with pytest.raises(StudyError, match=r"evaluation\.split_lottery is on"):
        replicates.DESIGNS["split_lottery"](cases.where("train", "external"), 1)


def test_perturbed_images_filter_again_in_every_sample(drawn):
    included, features = drawn
    train = included.loc[included["split"] == "train", "case_id"]
    own = features[features["case_id"].isin(train)]
    shaken = own.copy()
    rng = np.random.default_rng(6)
    for name in ("deep_0000", "deep_0001"):  # informative, but another value each time
        shaken[name] = rng.normal(size=len(shaken))
    shaken.insert(0, "copy", 0)
    _, free = replicates.run("bootstrap", [0], gather(included, features), PLAN, seed=SEED)
    strict = gather(included, features, [(shaken, 0.8)])
    _, selected = replicates.run("bootstrap", [0], strict, PLAN, seed=SEED)
    assert {"deep_0000", "deep_0001"} & set(free["name"])
    assert not {"deep_0000", "deep_0001"} & set(selected["name"])


def test_the_lottery_filters_by_stability_with_internal_cases_too(drawn):
    included, features = drawn
    development = included.loc[included["split"] != "external", "case_id"]
    shaken = features[features["case_id"].isin(development)].copy()
    rng = np.random.default_rng(6)
    shaken["deep_0000"] = rng.normal(size=len(shaken))
    shaken.insert(0, "copy", 0)
    cases = gather(included, features, [(shaken, 0.8)])
    measured, selected = replicates.run("split_lottery", range(3), cases, PLAN, seed=SEED)
    assert measured["auc"].notna().all()
    assert "deep_0000" not in set(selected["name"])
    assert "deep_0001" in set(selected["name"])


def test_rows_of_every_kind_are_refitted(drawn):
    """A reader's score and another set's features go through all designs as the rest do."""
    included, features = drawn
    rng = np.random.default_rng(8)
    read = included.assign(reader=[f"{v:.2f}" for v in included["y"] + rng.normal(0, 1, 90)])
    other = features.rename(columns=lambda name: name.replace("deep", "densenet"))
    other["densenet_0000"] = rng.normal(size=90)  # that network does not see what the first sees
    models = MODELS | {
        "reader": ModelSettings(kind="external_score", column="reader"),
        "other": ModelSettings(scores=("densenet",)),
    }
    clinical = CLINICAL | {"reader": ClinicalVariable(kind="continuous", candidate=False)}
    selections = {"deep": SELECTION, "densenet": SELECTION}
    plan = replace(PLAN, models=models, clinical=clinical, selections=selections)
    scores = SCORES | {"densenet": {"tables": ["densenet"], "learner": "lasso"}}
    cases = refit.gather(read, scores, {"deep": features, "densenet": other})
    for design in replicates.DESIGNS:
        measured, selected = replicates.run(design, range(2), cases, plan, seed=SEED)
        assert set(measured["model"]) == set(models)
        assert measured["auc"].notna().all()
        for score in scores:
            own = selected.loc[selected["kind"] == f"{score} feature", "name"]
            assert len(own)
            assert own.str.startswith(f"{score}_").all()
        assert "reader" not in set(selected["name"])
    # The score itself is not learned, so that a refit ranks the training cases as it does.
    bootstrap, _ = replicates.run("bootstrap", range(2), cases, plan, seed=SEED)
    own = bootstrap[(bootstrap["model"] == "reader") & (bootstrap["set"] == "original")]
    train = read[read["split"] == "train"]
    expected = delong.auc_ci(train["y"], train["reader"].astype(float)).auc
    np.testing.assert_allclose(own["auc"], expected, atol=1e-12)
    # What is asked of the first network does not depend on the second.
    alone, _ = replicates.run("bootstrap", range(2), gather(*drawn), PLAN, seed=SEED)
    kept = bootstrap[bootstrap["model"].isin(MODELS)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, kept)


def test_permuted_labels_keep_each_set_and_each_patient(cases):
    shuffled = replicates.permuted(cases, 9)
    before, after = cases.rows, shuffled.rows
    assert (before["y"] != after["y"]).any()
    for index in before.groupby(["center", "split"]).groups.values():
        assert before.loc[index, "y"].sum() == after.loc[index, "y"].sum()
    assert after.groupby("patient_id")["y"].nunique().eq(1).all()


def test_a_replicate_that_cannot_be_fitted_is_counted(cases, three_models, caplog):
    tight = replace(PLAN, selections={"deep": SELECTION.model_copy(update={"folds": 99})})
    measured, selected = replicates.run("bootstrap", [0], cases, tight, seed=SEED)
    assert measured["model"].isna().all()
    assert selected.empty
    assert "bootstrap 0 could not be fitted" in caplog.text
    good, _ = replicates.run("bootstrap", [1, 2], cases, PLAN, seed=SEED)
    table = optimism.table(three_models, pd.concat([measured, good]), confidence=0.95)
    assert set(table["failed"]) == {1}
    assert set(table["replicates"]) == {2}


def test_plus_632_is_efrons():
    # By hand from equations 27 to 32: R = 0.8, w = 0.632 / (1 - 0.368 * 0.8) = 0.895691...
    assert optimism.plus_632(0.0, 0.4, 0.5) == pytest.approx(0.358276643990930, abs=1e-12)
    assert optimism.plus_632(0.1, 0.6, 0.5) == pytest.approx(0.5)  # no better than chance: R = 1
    assert optimism.plus_632(0.2, 0.1, 0.5) == pytest.approx(0.368 * 0.2 + 0.632 * 0.1)


def test_no_information_brier_is_the_mean_over_all_pairs():
    y, p = np.array([0, 1, 1]), np.array([0.1, 0.4, 0.9])
    pairs = [(a - b) ** 2 for a in y for b in p]
    assert optimism.no_information_brier(y, p) == pytest.approx(np.mean(pairs), abs=1e-14)


def made_up(design_sets, n=30):
    rng = np.random.default_rng(1)
    rows = [
        [i, model, name, 8, 7, *values]
        for i in range(n)
        for model in ("clinical", "deep")
        for name, center in design_sets.items()
        for values in [center + rng.normal(0, 0.05, 3)]
    ]
    return pd.DataFrame(rows, columns=list(replicates.COLUMNS))


def test_optimism_is_apparent_less_original(predictions):
    measured = made_up({"apparent": 0.9, "original": 0.7, "out_of_bag": 0.65})
    table = optimism.table(predictions, measured, confidence=0.95).set_index(["model", "measure"])
    assert len(table) == 6
    own = measured[measured["model"] == "deep"].groupby("set")["auc"].mean()
    row = table.loc[("deep", "auc")]
    assert row["optimism"] == pytest.approx(own["apparent"] - own["original"])
    assert row["corrected"] == pytest.approx(row["apparent"] - row["optimism"])
    assert row["corrected_low"] < row["corrected"] < row["corrected_high"]
    assert row["out_of_bag"] <= row["plus632"] <= row["apparent"]
    widths = [row[f"{name}_high"] - row[f"{name}_low"] for name in ("corrected", "plus632")]
    assert widths[0] == pytest.approx(widths[1])  # one spread, put around either estimate
    assert row["plus632_low"] < row["plus632"] < row["plus632_high"]
    assert np.isnan(table.loc[("deep", "slope"), "plus632"])
    assert table.loc[("clinical", "brier"), "corrected_high"] <= 1
    few = optimism.table(predictions, measured[measured["replicate"] < 19], confidence=0.95)
    assert few["corrected_low"].isna().all()
    assert few["corrected"].notna().all()
    assert optimism.table(predictions, measured.iloc[:0], confidence=0.95).empty


def test_chance_tables(predictions):
    measured = made_up({"internal": 0.5})
    lots = repeated_splits.table(predictions, measured, confidence=0.95)
    assert lots["splits"].tolist() == [30, 30]
    assert (lots["minimum"] < lots["median"]).all()
    assert lots["study_rank"].between(lots["study_rank_low"], lots["study_rank_high"]).all()
    null = permutation_test.table(predictions, measured, confidence=0.95).set_index("model")
    as_well = measured[measured["model"] == "deep"]["auc"] >= null.loc["deep", "auc"]
    assert null.loc["deep", "p"] == pytest.approx((1 + as_well.sum()) / 31)
    assert null.loc["deep", "p"] < 0.1


def test_parts_are_joined_whatever_their_number(tmp_path, cases, three_models):
    def tables(*blocks):
        measured, selected = [], []
        for number, block in enumerate(blocks):
            made = replicates.run("bootstrap", block, cases, PLAN, seed=SEED)
            for paths, table, kind in zip((measured, selected), made, ("m", "s"), strict=True):
                paths.append(tmp_path / f"{len(blocks)}-{number}-{kind}.csv")
                write_csv(table, paths[-1])
        off = {"split_lottery": [], "permutation": []}
        return replicate_files.summarize(
            three_models,
            {
                "deep": {
                    "scores": [
                        {"name": "deep", "tables": ["deep"], "features": [{"name": "deep_0011"}]}
                    ],
                    "terms": [],
                }
            },
            {"bootstrap": measured[::-1], **off},
            {"bootstrap": selected, **off},
            confidence=0.95,
        )

    one, three = tables(range(3)), tables([0], [1], [2])
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, three[name], obj=name)
    often = one["selection_frequency"]
    assert often.loc[often["name"] == "deep_0011", "in_final"].tolist() == ["yes"]
    assert often["frequency"].between(0, 1).all()
    assert one["permutation"].empty


def test_a_class_of_one_patient_is_refused_instead_of_drawn_for_ever(cases):
    train = cases.where("train")
    positive = np.flatnonzero(train.y == 1)
    few = train.take(np.concatenate([np.flatnonzero(train.y == 0), positive[:1]]))
    with pytest.raises(StudyError, match="fewer than 2 patients of a class"):
        replicates.bootstrap_sample(few, 4)
