"""Sets whose columns come per case from a table of the user's."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.listed_set import Listed, study_of

from microcalc.config import cross_field_checks, feature_sets
from microcalc.config.feature_settings import StabilitySettings
from microcalc.config.table_settings import TableSettings
from microcalc.core.files import write_json


def test_a_set_of_a_table_passes_no_image_and_no_torch() -> None:
    config = study_of(Listed(path="a/mri.csv"))
    measured = feature_sets.measured(config, lambda tuned, member: "")
    assert feature_sets.of_images(measured) == feature_sets.with_torch(measured) == ["deep"]
    assert feature_sets.without_torch(measured) == []
    assert feature_sets.from_tables(measured) == ["mri"]
    assert feature_sets.tables_given(config) == {"mri": "a/mri.csv"}


def test_a_cohort_has_its_own_table_of_the_same_name() -> None:
    row = Listed(path="a/mri.csv", level=2)
    applied = row.applied(Path("results/mine/features/mri"), Path("b/new"))
    assert (applied.path, applied.table, applied.level) == ("b/new/mri.csv", "b/new/mri.csv", 2)
    # Where the table lies is not what its columns are.
    assert row.measured_by == {"kind": "listed", "path": "a/mri.csv", "level": 2}
    assert row.deployed_by == applied.deployed_by
    assert row.deployed_by["level"] == 2
    assert "path" not in row.deployed_by


@pytest.mark.parametrize(
    ("key", "value"), [("pool_views", "max"), ("stability", StabilitySettings(perturbations=2))]
)
def test_what_is_for_images_is_refused(key: str, value: Any) -> None:
    row = Listed(path="mri.csv").model_copy(update={key: value})
    (line,) = cross_field_checks.found(study_of(row))
    assert line == (
        f"features.mri.{key}: is for sets that are measured in images; the columns of kind listed "
        "come per case from a table, take it out"
    )


def test_views_are_pooled_where_a_row_is_of_an_image() -> None:
    plain = {"kind": "table", "path": "us.csv", "pool_views": "max"}
    assert cross_field_checks.found(study_of(TableSettings.of({**plain, "per": "image"}))) == []
    (line,) = cross_field_checks.found(study_of(TableSettings.of(plain)))
    assert line.startswith("features.mri.pool_views: is for sets that are measured in images; the")
    asked = {**plain, "per": "image", "stability": {"perturbations": 3}}
    (line,) = cross_field_checks.found(study_of(TableSettings.of(asked)))
    assert line == (
        "features.mri.stability: is for sets that are measured in images; the columns of kind "
        "table come per image from a table, take it out"
    )


def test_what_a_frozen_model_holds_of_a_table_is_how_it_is_read() -> None:
    row = TableSettings.of({"kind": "table", "path": "a/mri.csv", "columns": ["stat_*"]})
    assert row.deployed_by == {
        **{"kind": "table", "per": "case", "id_column": None},
        **{"region": "lesion", "pool_views": "mean", "harmonize": "none"},
    }


@pytest.mark.parametrize(
    ("how", "names"),
    [
        ({}, ["mri_stat_T2*", "mri_x"]),
        ({"per": "image"}, ["mri_stat_T2*", "mri_x"]),
        (
            {"per": "image", "pool_views": "concat"},
            ["mri_CC_stat_T2*", "mri_CC_x", "mri_MLO_stat_T2*", "mri_MLO_x"],
        ),
    ],
)
def test_of_a_cohort_s_table_those_columns_are_taken_that_the_study_had(
    tmp_path: Path, how: dict[str, str], names: list[str]
) -> None:
    asked = {"kind": "table", "path": "a/mri.csv", "without": ["y"], **how}
    row, folder = TableSettings.of(asked), tmp_path / "features" / "mri"
    without = row.applied(folder, Path("new"))
    assert (without.path, without.columns, without.without) == ("new/mri.csv", "numeric", ("y",))
    (tmp_path / "models").mkdir()
    write_json({"features": {"mri": {"names": names}}}, tmp_path / "models" / "domain.json")
    applied = row.applied(folder, Path("new"))
    assert (applied.path, applied.columns, applied.without) == (
        "new/mri.csv",
        ("stat_T2*", "x"),
        (),
    )
    assert applied.deployed_by == row.deployed_by


def test_centers_may_be_evened_out_by_combat_alone() -> None:
    assert cross_field_checks.found(study_of(Listed(path="mri.csv", harmonize="combat"))) == []
    (line,) = cross_field_checks.found(study_of(Listed(path="mri.csv", harmonize="adabn")))
    assert line == "features.mri.harmonize: adabn is for networks; choose combat or none"
