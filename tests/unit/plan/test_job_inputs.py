"""What the jobs of a set, a score and fine-tuned networks are given."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.unit.configs import changed, study_config
from tests.unit.listed_set import Listed, study_of
from tests.unit.plan.test_paths import CONFIG, TUNED

from microcalc.config import feature_sets
from microcalc.plan.code_digest import code_digest
from microcalc.plan.job_inputs import OfScore, OfSet, OfTuned
from microcalc.plan.paths import Paths

PATHS = Paths(
    changed(
        study_config(**CONFIG),
        **TUNED,
        images={"reader": "ann"},
        selection={"mrmr": {"n_features": 40}, "folds": 4},
    )
)


def of(**wildcards: str) -> Any:
    return SimpleNamespace(**wildcards)


def test_features_of_other_drawings_are_in_the_order_of_drawings_and_shards() -> None:
    asked = {"perturbations": 2, "readers": ["bob"], "icc_min": 0.9}
    paths = Paths(changed(PATHS.config, features={"deep": {"stability": asked}}))
    own, place = OfSet(paths, range(2)), "results/mine/features/deep"
    assert own.perturbed(of(set="deep")) == [
        f"{place}/perturbed-{redraw}-{shard}.parquet" for redraw in (0, 1) for shard in (0, 1)
    ]
    assert own.drawn_by_readers(of(set="deep")) == [
        f"{place}/reader-bob-{k}.parquet" for k in (0, 1)
    ]
    assert OfScore(paths).least_iccs(of(score="deep")) == [0.9, 0.9]
    # Fine-tuned networks are not asked for stability, whatever they start from.
    assert own.perturbed(of(set="tuned/fold-0")) == []


def test_a_set_of_training_centers_alone_reads_no_cases() -> None:
    own = OfSet(PATHS, range(1))
    assert own.combat_cases(of(set="deep")) == []
    even = Paths(changed(PATHS.config, features={"deep": {"harmonize": "combat"}}))
    assert OfSet(even, [0]).combat_cases(of(set="deep")) == ["results/mine/images/included.csv"]


def test_a_table_of_the_users_is_read_again_with_its_content(tmp_path: Path) -> None:
    table = tmp_path / "mri.csv"
    table.write_text("case_id,volume\nC1,1\n")
    own = OfSet(Paths(study_of(Listed(path=str(table)))), range(1))
    assert own.table(of(set="mri")) == str(table)
    before = own.table_digest(of(set="mri"))
    table.write_text("case_id,volume\nC1,2\n")
    assert own.table_digest(of(set="mri")) != before


def test_the_code_of_a_kind_is_that_of_its_module_alone() -> None:
    own = OfSet(Paths(study_of(Listed(path="mri.csv"))), range(1))
    package = Path(feature_sets.__file__).parents[1]
    digests = {name: code_digest(str(package / "features" / f"{module}.py"))
               for name, module in (("deep", "network_features"), ("mri", "pool"))}  # fmt: skip
    assert {name: own.kind_digest(of(set=name)) for name in digests} == digests
    assert digests["deep"] != digests["mri"]


def test_a_score_selects_as_its_row_says_and_else_as_all_do() -> None:
    sparse = {"lasso": {"choose": "lambda_1se"}, "mrmr": {"scheme": "MID"}}
    config = changed(PATHS.config, scores={"sparse": {"features": ["deep"], "selection": sparse}})
    found = OfScore(Paths(config)).selection(of(score="sparse"))
    assert (found["lasso"]["choose"], found["mrmr"]["scheme"]) == ("lambda_1se", "MID")
    assert (found["mrmr"]["n_features"], found["folds"]) == (40, 4)
    assert OfScore(Paths(config)).selection(of(score="deep"))["lasso"]["choose"] == "lambda_min"


def test_fine_tuned_networks_are_those_of_their_row() -> None:
    own, place = OfTuned(PATHS), "results/mine/features/tuned"
    without = [f"fold-{k}" for k in range(3)]
    assert own.trained(of(tuned="tuned")) == [f"{place}/{name}.safetensors" for name in without]
    assert own.features(of(tuned="tuned")) == [
        f"{place}/{name}/features.parquet" for name in without
    ]
    whole = own.features_with_whole(of(tuned="tuned"))
    assert whole == [f"{place}/whole/features.parquet", *own.features(of(tuned="tuned"))]
    assert own.trained_one(of(tuned="tuned", member="whole")) == f"{place}/whole.safetensors"
    assert OfScore(PATHS).n_folds(of(score="logits")) == 3
