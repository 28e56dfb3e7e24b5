import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from microcalc.core.errors import StudyError
from microcalc.features import pool, shard_features

SAME = {"weights": "abc", "device": "cpu"}


def _write(path, rows, circumstances=SAME):
    columns = {name: [row[i] for row in rows] for i, name in enumerate(shard_features.ID_COLUMNS)}
    features = [np.array(row[4], dtype=np.float32) for row in rows]
    names = ["0000", "0001"] if rows else []
    shard_features._write(columns, names, features, circumstances, path)
    return path


@pytest.fixture
def paths(tmp_path):
    return [
        _write(
            tmp_path / "0.parquet", [("i9", "b", "CC", "k", [1, 2]), ("i8", "c", "CC", "k", [5, 5])]
        ),
        _write(tmp_path / "1.parquet", []),
        _write(
            tmp_path / "2.parquet",
            [("i1", "a", "CC", "k", [0.1, 4]), ("i2", "a", "MLO", "k", [0.2, 8])],
        ),
    ]


def test_cases_are_the_mean_over_their_views(paths):
    table = pool.cases(paths, "deep", how="mean")
    assert table["case_id"].tolist() == ["a", "b", "c"]
    assert table["n_views"].tolist() == [2, 1, 1]
    np.testing.assert_allclose(
        table[["deep_0000", "deep_0001"]], [[0.15, 6], [1, 2], [5, 5]], rtol=1e-6
    )
    assert (table.dtypes.iloc[2:] == np.float32).all()


def test_order_of_shards_does_not_matter(paths):
    pd.testing.assert_frame_equal(
        pool.cases(paths, "deep", how="mean"), pool.cases(paths[::-1], "deep", how="mean")
    )


def test_written_twice_is_the_same_bytes_and_reads_back(paths, tmp_path):
    table = pool.cases(paths, "deep", how="mean")
    for name in ("x", "y"):
        pool.write(table, tmp_path / name)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "x"), table)


def test_shards_of_different_devices_are_never_mixed(paths, tmp_path):
    rows = [("i5", "e", "CC", "k", [1, 2])]
    paths.append(_write(tmp_path / "3.parquet", rows, {**SAME, "device": "cuda"}))
    with pytest.raises(StudyError, match=r"different circumstances[^$]*'device': 'cuda'"):
        pool.cases(paths, "deep", how="mean")


def test_no_usable_image_at_all_is_an_error(tmp_path):
    with pytest.raises(StudyError, match="no shard holds a usable image"):
        pool.cases([_write(tmp_path / "0.parquet", [])], "deep", how="mean")


def test_parquet_has_nothing_but_the_columns(paths, tmp_path):
    pool.write(pool.cases(paths, "deep", how="mean"), tmp_path / "x.parquet")
    schema = pa.parquet.read_schema(tmp_path / "x.parquet")
    assert schema.names == ["case_id", "n_views", "deep_0000", "deep_0001"]
    assert schema.metadata is None


def _numbers(table):
    return table.filter(like="deep_").to_numpy().tolist()


def test_maximum_over_views(paths):
    assert _numbers(pool.cases(paths, "deep", how="max")) == [[np.float32(0.2), 8], [1, 2], [5, 5]]


def test_side_by_side_says_which_view_is_missing(tmp_path, caplog):
    caplog.set_level("INFO", logger="microcalc")
    rows = [
        ("i1", "a", "MLO", "k", [1, 2]),
        ("i2", "a", "CC", "k", [3, 4]),
        ("i3", "a", "CC", "k", [5, 6]),
        ("i4", "b", "MLO", "k", [7, 8]),
        ("i5", "c", "CC", "k", [9, 10]),
        ("i6", "d", "ML", "k", [11, 12]),
        # Beside both views a lateral one has no part.
        ("i7", "a", "ML", "k", [99, 99]),
        ("i8", "e", "CC SPOT", "k", [1, 2]),
        ("i9", "e", "MLO MAG", "k", [3, 4]),
    ]
    table = pool.cases([_write(tmp_path / "0.parquet", rows)], "deep", how="concat")
    assert table["case_id"].tolist() == ["a", "b", "c", "d", "e"]
    assert table["stand_in"].tolist() == ["", "CC", "MLO", "CC", ""]
    names = ["deep_CC_0000", "deep_CC_0001", "deep_MLO_0000", "deep_MLO_0001"]
    assert table.columns[3:].tolist() == names
    assert _numbers(table) == [
        *([4, 5, 1, 2], [7, 8, 7, 8], [9, 10, 9, 10], [11, 12, 11, 12]),
        [1, 2, 3, 4],
    ]
    assert [m.split(":")[0] for m in caplog.messages] == [
        "2 cases have no CC view",
        "2 cases have no MLO view",
    ]


def test_copies_are_numbered(paths, tmp_path):
    moved = _write(tmp_path / "m.parquet", [("i9", "b", "CC", "k", [3, 3])])
    empty = _write(tmp_path / "e.parquet", [])
    table = pool.copies([*paths, moved, empty, empty], "deep", n_copies=2, how="mean")
    assert table["copy"].tolist() == [0, 0, 0, 1]
    assert table["case_id"].tolist() == ["a", "b", "c", "b"]
    assert _numbers(table)[-1] == [3, 3]


def test_readers_count_where_they_drew_all_of_a_case(paths, tmp_path, caplog):
    caplog.set_level("INFO", logger="microcalc")
    half = _write(tmp_path / "b.parquet", [("i1", "a", "CC", "k", [9, 9])])
    ann = [_write(tmp_path / "a.parquet", [("i9", "b", "CC", "k", [3, 4])]), half]
    whole = [("i1", "a", "CC", "k", [1, 1]), ("i2", "a", "MLO", "k", [2, 3])]
    # An image that the study could not use, of a case without another.
    whole += [("i7", "z", "CC", "k", [0, 0])]
    bob = [_write(tmp_path / "c.parquet", []), _write(tmp_path / "d.parquet", whole)]
    table = pool.of_readers([*ann, *bob], paths, "deep", readers=["ann", "bob"], how="mean")
    assert table["copy"].tolist() == [0, 1]
    assert table["case_id"].tolist() == ["b", "a"]
    assert _numbers(table) == [[3, 4], [1.5, 2]]
    assert caplog.messages == [
        "reader ann: 1 of 3 cases drawn",
        "reader bob: 1 of 3 cases drawn",
    ]
    with pytest.raises(StudyError, match="eve drew the regions of no case in all its"):
        pool.of_readers([half], paths, "deep", readers=["eve"], how="mean")


@pytest.fixture
def included(tmp_path):
    """Cases a and b go on; c was excluded."""
    cases = {"case_id": ["a", "b", "c"], "status": ["included", "included", "excluded"]}
    path = tmp_path / "included.csv"
    pd.DataFrame({**cases, "split": "train"}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("volume", [[2.0, 1.0, 3.0], ["2", "1.0", "3e0"]])
def test_columns_computed_elsewhere_are_called_after_their_set(included, volume):
    # x is no case of the study, and c none that goes on.
    table = pd.DataFrame({"volume": volume, "case_id": ["b", "a", "x"]})
    made = pool.given(table, "mri", included)
    assert made.columns.tolist() == ["case_id", "mri_volume"]
    assert made["case_id"].tolist() == ["a", "b"]
    assert made["mri_volume"].dtype == np.float32
    assert made["mri_volume"].tolist() == [1, 2]


def test_a_word_of_a_case_that_does_not_go_on_is_not_read(included):
    table = pd.DataFrame({"case_id": ["a", "b", "c", "c"], "volume": ["1", "2", "?", "?"]})
    assert pool.given(table, "mri", included)["case_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            {"case_id": ["a", "a", "b"], "volume": [1, 2, 3]},
            "one row per case; twice there:\n  - a",
        ),
        ({"case_id": ["a"], "volume": [1]}, "no row of these included cases; add them, or exclude"),
        ({"case_id": ["a", "b"], "volume": [20200101, 20200102]}, "column volume: 20200101 to"),
        ({"case_id": ["a", "b"], "volume": [1e-50, 2e-50]}, "cannot tell the values of these"),
        (
            {"case_id": ["a", "b"], "volume": [np.nan, 1]},
            "finite numbers; found\n  - case a, column",
        ),
        ({"case_id": ["a", "b"], "volume": ["1", "1e39"]}, "case b, column volume: '1e39'"),
        ({"case_id": ["a", "b"], "volume": ["1", "1,5"]}, "case b, column volume: '1,5'"),
        ({"case_id": ["a", "b"], "volume": ["", "1"]}, "case a, column volume: ''"),
        ({"case": ["a", "b"], "volume": ["1", "1"]}, "expected column case_id and at least one"),
        ({"case_id": ["a", "b"]}, "expected column case_id and at least one"),
    ],
)
def test_columns_computed_elsewhere_are_one_finite_row_per_case(included, table, told):
    with pytest.raises(StudyError) as raised:
        pool.given(pd.DataFrame(table), "mri", included)
    assert str(raised.value).startswith("features.mri: ")
    assert told in str(raised.value)


def test_a_column_that_is_constant_or_large_is_no_fault(included):
    # What was computed twice differs in the last digits of a double.
    table = {"case_id": ["a", "b"], "x": [0.1 + 0.2, 0.3], "y": [1e6, 1e6 + 1], "z": [16777217] * 2}
    made = pool.given(pd.DataFrame(table), "mri", included)
    assert made["mri_x"].nunique() == made["mri_z"].nunique() == 1
    assert made["mri_y"].tolist() == [1e6, 1e6 + 1]


@pytest.fixture
def qc(tmp_path):
    """Images of a and b, one of them not usable, and one of c, who does not go on."""
    path = tmp_path / "qc.csv"
    rows = [
        ("a1", "a", "CC", "ok"),
        ("a2", "a", "MLO", "ok"),
        ("a3", "a", "MLO", "excluded"),
        ("b1", "b", "MLO", "ok"),
        ("c1", "c", "CC", "ok"),
    ]
    pd.DataFrame(rows, columns=["image_id", "case_id", "view", "status"]).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mean", {"case_id": ["a", "b"], "n_views": [2, 1], "us_x": [2, 7]}),
        ("max", {"case_id": ["a", "b"], "n_views": [2, 1], "us_x": [3, 7]}),
        (
            "concat",
            {
                **{"case_id": ["a", "b"], "n_views": [2, 1], "stand_in": ["", "CC"]},
                **{"us_CC_x": [1, 7], "us_MLO_x": [3, 7]},
            },
        ),
    ],
)
def test_columns_of_images_are_pooled_like_those_measured_here(included, qc, how, expected):
    table = pd.DataFrame({"image_id": ["b1", "a2", "a1", "x"], "x": ["7", "3", "1", "?"]})
    made = pool.given(table, "us", included, [qc], how=how)
    assert {name: made[name].tolist() for name in made} == expected
    assert made.iloc[:, -1].dtype == np.float32


def test_every_usable_image_of_an_included_case_has_its_row(included, qc):
    table = pd.DataFrame({"image_id": ["a1", "b1"], "x": [1, 2]})
    with pytest.raises(StudyError, match=r"no row of these included images; add[^$]*- a2"):
        pool.given(table, "us", included, [qc])
    twice = pd.DataFrame({"image_id": ["a1", "a1", "a2", "b1"], "x": [1, 1, 2, 3]})
    with pytest.raises(StudyError, match=r"one row per image; twice there:\n  - a1"):
        pool.given(twice, "us", included, [qc])
    with pytest.raises(StudyError, match="expected column image_id and at least one"):
        pool.given(twice.rename(columns={"image_id": "case_id"}), "us", included, [qc])
