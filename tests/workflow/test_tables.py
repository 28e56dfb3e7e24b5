"""Studies of several sets, scores and models: what is planned, what reruns, what is fitted."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from microcalc.config import feature_sets
from microcalc.config.settings import complete
from tests.unit.kinds_of_study import KINDS
from tests.workflow.elsewhere import write_elsewhere
from tests.workflow.test_leakage import EXTREME, FITTED, read, write
from tests.workflow.test_reruns import first_image, invert_one_pixel_block
from tests.workflow.tiny import Study, lay_out

PREDICTIONS = "results/tiny/models/predictions.csv"


def several(config: dict[str, Any]) -> None:
    """Let the study have two sets, three scores and a model of every make."""
    middle = {"kind": "network", "backbone": "resnet18", "weights": "random", "layers": ["layer3"]}
    config["features"]["middle"] = {**middle, "harmonize": "combat"}
    config["scores"] |= {
        "both": {"features": ["deep", "middle"]},
        "sparse": {"features": ["deep"], "selection": {"mrmr": {"n_features": 3}}},
    }
    config["models"] |= {
        "both": {"scores": ["both"]},
        "two": {"clinical": "screened", "scores": ["deep", "both"]},
        "one_by_one": {"clinical": ["age"], "features_of": ["sparse"]},
    }


@pytest.fixture(scope="module")
def predicted(finished: Study, shared: Callable[[str, Callable[[Path], None]], Path]) -> Study:
    """The finished tiny study with further rows, predicted."""

    def fill(folder: Path) -> None:
        shutil.copytree(finished.folder, folder, symlinks=True, dirs_exist_ok=True)
        study = Study(folder)
        study.configure(several)
        study.snakemake(PREDICTIONS)

    return Study(shared("several", fill))


@pytest.fixture
def own(predicted: Study, tmp_path: Path) -> Study:
    shutil.copytree(predicted.folder, tmp_path / "own", symlinks=True)
    return Study(tmp_path / "own")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_study_is_planned_whole(kind: str, tmp_path: Path) -> None:
    study = lay_out(tmp_path)
    images = read(study, "images")
    write(
        pd.concat([images.assign(reader=reader) for reader in ("first", "second")]),
        study,
        "images",
    )

    def change(config: dict[str, Any]) -> None:
        del config["scores"], config["models"]
        rows = {key: value for key, value in KINDS[kind].items() if key != "clinical"}
        config["clinical"] |= {
            name: row
            for name, row in KINDS[kind].get("clinical", {}).items()
            if name not in config["clinical"]
        }
        config["evaluation"]["comparisons"] = []
        config["images"]["reader"] = "first"
        for section, value in rows.items():
            known = config.get(section)
            is_merged = section not in ("features", "scores", "models") and known
            config[section] = {**known, **value} if is_merged else value

    study.configure(change)
    write_elsewhere(study)
    config = complete(study.config)
    planned = study.planned()
    measured = feature_sets.measured(config, lambda tuned, member: f"{tuned}/{member}")
    used = {*feature_sets.taken(config), *feature_sets.trained(config)} & measured.keys()
    given = {*feature_sets.from_tables(measured)} & used
    without_torch = {*feature_sets.without_torch(measured)} & used
    assert planned.get("extract_features", 0) == 3 * len(used - given - without_torch)
    assert planned.get("measure_images", 0) == 3 * len(without_torch)
    assert planned.get("read_columns", 0) == len(given)
    assert planned["select_features"] == len(feature_sets.selecting(config))
    assert planned.get("train_network", 0) == len(feature_sets.trained(config))
    assert planned.get("crossfit_logits", 0) == len(feature_sets.of_logits(config))
    assert planned["fit_models"] == planned["write_report"] == planned["write_manuscript"] == 1


def test_a_replaced_dicom_is_measured_once_in_each_set(own: Study) -> None:
    _, image_id = first_image(own, "train")
    invert_one_pixel_block(own, image_id)
    planned = own.planned(PREDICTIONS)
    assert (planned["extract_patches"], planned["extract_features"]) == (1, 2)
    assert (planned["gather_features"], planned["select_features"]) == (2, 3)
    own.snakemake(
        *(f"results/tiny/features/{name}/features.parquet" for name in ("deep", "middle"))
    )
    for name in ("deep", "middle"):
        logs = [own.log(f"extract_features/{name}-{k}") for k in "012"]
        assert sum("measured 1, kept" in log for log in logs) == 1, name


def test_a_scores_setting_fits_that_score_and_what_stands_right_of_it(own: Study) -> None:
    def change(config: dict[str, Any]) -> None:
        config["scores"]["sparse"]["selection"]["mrmr"]["n_features"] = 4

    own.configure(change)
    planned = own.planned(PREDICTIONS)
    assert planned == {"select_features": 1, "fit_models": 1, "predict": 1}


def test_the_common_selection_fits_every_score(own: Study) -> None:
    own.configure(lambda config: config["selection"]["lasso"].update(n_lambdas=25))
    planned = own.planned(PREDICTIONS)
    assert planned == {"select_features": 3, "fit_models": 1, "predict": 1}


def test_a_sets_own_option_measures_that_set_alone(own: Study) -> None:
    own.configure(lambda config: config["features"]["middle"].update(pool_views="max"))
    planned = own.planned(PREDICTIONS)
    # Pooling is of cases: no image is measured again, and one score takes the set.
    assert planned == {
        **{"gather_features": 1, "select_features": 1, "fit_models": 1, "predict": 1},
    }


@pytest.mark.slow
def test_validation_cases_change_nothing_fitted_in_any_row(own: Study) -> None:
    """Pixels, clinical values and labels of validation cases, in every set, score and model."""
    splits = pd.read_csv(own.results / "cohort" / "eligible.csv", dtype=str)
    splits = splits.set_index("case_id").split
    cases = read(own, "cases")
    cases = cases.assign(split=splits[cases.case_id].to_numpy()).set_index("case_id")
    for split in ("internal", "external"):
        case_id, image_id = first_image(own, split)
        invert_one_pixel_block(own, image_id)
        cases.loc[case_id, list(EXTREME)] = list(EXTREME.values())
    held_out = cases.split != "train"
    cases.loc[held_out, "label"] = cases.label[held_out].map({"IDC": "DCIS", "DCIS": "IDC"})
    before, predictions = own.contents(*FITTED), own.contents("predictions.csv", "scores.csv")
    assert {"selection/both/selected.csv", "models/two.json"} <= before.keys()
    write(cases.reset_index(), own, "cases")
    own.snakemake(PREDICTIONS)
    after = own.contents(*FITTED)
    assert [name for name in before if before[name] != after[name]] == []
    again = own.contents("predictions.csv", "scores.csv")
    assert all(predictions[name] != again[name] for name in predictions)


@pytest.mark.slow
def test_a_study_of_several_rows_runs_to_the_end(own: Study) -> None:
    own.configure(lambda config: config["evaluation"].update(split_lottery=1, permutation=1))
    own.snakemake()
    models = set(own.config["models"])
    for table in ("metrics", "optimism", "split_lottery", "permutation"):
        found = pd.read_csv(own.results / "evaluation" / f"{table}.csv")
        assert set(found["model"]) == models, table
    audited = pd.read_csv(own.results / "evaluation" / "confounding.csv")
    assert {"deep features", "middle features"} < set(audited["predictors"])
    scores = pd.read_csv(own.results / "models" / "scores.csv")
    assert set(scores["score"]) == {"deep", "both", "sparse"}
    page = (own.results / "report" / "report.html").read_text()
    assert page.count("Transductive (ComBat).") > 20
