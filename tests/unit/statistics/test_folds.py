import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcalc.core.errors import StudyError
from microcalc.statistics.folds import assign_folds


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=12, max_size=40),
    n_folds=st.integers(2, 6),
    seed=st.integers(0, 10),
)
def test_patients_stay_whole_and_classes_are_even(
    sizes: list[int], n_folds: int, seed: int
) -> None:
    patients = np.repeat([f"p{i}" for i in range(len(sizes))], sizes)
    y = np.repeat([i % 3 == 0 for i in range(len(sizes))], sizes).astype(int)
    folds = assign_folds(y, patients, n_folds=n_folds, seed=seed)
    assert set(folds) == set(range(n_folds))
    for patient in set(patients):
        assert len(set(folds[patients == patient])) == 1
    for label in (0, 1):
        counts = np.bincount(folds[y == label], minlength=n_folds)
        assert counts.max() - counts.min() <= 3


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    patients = np.array([f"p{i // 2}" for i in range(60)])
    y = (np.arange(60) // 2) % 2
    folds = assign_folds(y, patients, n_folds=5, seed=3)
    shuffled = rng.permutation(60)
    again = assign_folds(y[shuffled], patients[shuffled], n_folds=5, seed=3)
    assert again.tolist() == folds[shuffled].tolist()


def test_the_seed_matters() -> None:
    patients, y = np.arange(40).astype(str), np.arange(40) % 2
    first = assign_folds(y, patients, n_folds=5, seed=1)
    assert first.tolist() != assign_folds(y, patients, n_folds=5, seed=2).tolist()


def test_more_folds_than_patients() -> None:
    with pytest.raises(StudyError, match="3 patients cannot be dealt into 4 folds"):
        assign_folds([0, 1, 1], ["a", "b", "c"], n_folds=4, seed=0)
