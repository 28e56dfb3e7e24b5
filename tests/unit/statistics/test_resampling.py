import numpy as np
import pytest

from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.statistics import resampling


def test_patients_are_drawn_as_wholes():
    codes = resampling.patient_codes(["b", "a", "b", "c"])
    weights = np.concatenate([*resampling.case_weights(codes, stream(1, "x"), resamples=50)])
    assert weights.shape == (50, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_chunks_do_not_change_the_replicates(monkeypatch):
    codes = np.arange(30)
    whole = np.concatenate([*resampling.case_weights(codes, stream(1, "x"), resamples=40)])
    monkeypatch.setattr(resampling, "CHUNK", 100)
    cut = np.concatenate([*resampling.case_weights(codes, stream(1, "x"), resamples=40)])
    assert (whole == cut).all()


def test_cell_counts_have_the_moments_of_the_case_bootstrap():
    cells = np.eye(3, dtype=int)[[0] * 6 + [1] * 3 + [2]]
    counts = resampling.cell_counts(cells, np.arange(10), stream(2, "x"), resamples=20_000)
    assert (counts.sum(axis=1) == 10).all()
    assert counts.mean(axis=0) == pytest.approx([6, 3, 1], abs=0.05)
    assert counts.var(axis=0) == pytest.approx([2.4, 2.1, 0.9], rel=0.05)


def test_cell_counts_of_clusters_vary_by_patient():
    cells = np.eye(2, dtype=int)[[0, 0, 1, 1]]
    counts = resampling.cell_counts(cells, np.array([0, 0, 1, 1]), stream(3, "x"), resamples=500)
    assert set(counts[:, 0]) == {0, 2, 4}


def test_the_draw_is_among_distinct_patients_in_their_order():
    random = np.random.default_rng(4)
    codes = np.unique(random.integers(40, size=60), return_inverse=True)[1]
    cells = np.eye(3, dtype=int)[random.integers(3, size=60)]
    counts = resampling.cell_counts(cells, codes, stream(5, "x"), resamples=30)
    patients = np.array([cells[codes == code].sum(axis=0) for code in range(codes.max() + 1)])
    kinds, number = np.unique(patients, axis=0, return_counts=True)
    drawn = stream(5, "x").multinomial(len(patients), number / len(patients), size=30)
    np.testing.assert_array_equal(counts, drawn @ kinds)


def test_percentiles_are_replicates_and_keep_infinity():
    values = [*range(1, 98), np.inf, np.inf, np.inf]
    assert resampling.percentile(values, confidence=0.95) == (3, np.inf)


def test_pointwise_intervals_are_those_of_each_column():
    replicates = np.random.default_rng(6).normal(size=(200, 5))
    replicates[:, 1] = np.round(replicates[:, 1])
    replicates[:3, 2] = np.nan
    replicates[:150, 3] = np.nan
    replicates[:9, 4] = np.inf
    low, high = resampling.pointwise(replicates, confidence=0.9)
    alone = [resampling.percentile(column, confidence=0.9) for column in replicates.T]
    np.testing.assert_array_equal(np.column_stack([low, high]), alone)


def test_too_many_undefined_replicates_give_no_interval():
    low, high = resampling.percentile([1.0, 2.0, np.nan], confidence=0.95)
    assert np.isnan(low)
    assert np.isnan(high)


def test_too_few_replicates_are_refused():
    with pytest.raises(StudyError, match="expected at least 20"):
        resampling.check_resamples(19)


def test_clusters_are_seen():
    assert resampling.has_clusters(["a", "b", "a"])
    assert not resampling.has_clusters(["a", "b"])


def test_replicates_that_agree_are_no_interval():
    assert np.isnan(resampling.percentile([2.0] * 50, confidence=0.95)).all()
    assert np.isnan(resampling.percentile([np.inf] * 50, confidence=0.95)).all()
    # one odd replicate of a hundred lies outside the middle
    assert np.isnan(resampling.percentile([1.0] * 99 + [3.0], confidence=0.95)).all()
    low, high = resampling.pointwise(np.array([[1.0, 1], [1, 2], [1, 3]]), confidence=0.5)
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] < high[1]
    assert np.isnan(resampling.centered(0.3, [2.0] * 50, confidence=0.95)).all()
