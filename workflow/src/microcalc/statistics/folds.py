"""Folds that keep a patient's cases together and each class spread evenly."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microcalc.core import seeds
from microcalc.core.errors import StudyError


def assign_folds(
    y: ArrayLike, patients: ArrayLike, *, n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold (0 … n_folds - 1) of each case, shape (n,).

    Within a class, patients are shuffled by `seed` and each goes to the fold with the fewest
    cases of that class so far (then with the fewest cases at all, then the lowest number).
    The order of the rows does not matter.

    Parameters
    ----------
    y
        0 or 1, shape (n,). A patient with cases of both classes counts as positive.
    patients
        Patient of each case, shape (n,).
    n_folds
        At least 2.
    seed
        The stream's seed.

    Returns
    -------
    numpy.ndarray
        Whole numbers, shape (n,).

    Raises
    ------
    StudyError
        When there are fewer patients than folds.

    Examples
    --------
    >>> from microcalc.statistics.folds import assign_folds
    >>> patients = ["a", "a", "b", "c", "d", "e", "e", "f"]
    >>> assign_folds([1, 1, 1, 1, 0, 0, 0, 0], patients, n_folds=2, seed=3)
    array([0, 0, 1, 1, 1, 0, 0, 1])
    """
    outcome = np.asarray(y)
    names, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; expected at least 2")
    if len(names) < n_folds:
        raise StudyError(
            f"{len(names)} patients cannot be dealt into {n_folds} folds; use fewer folds "
            "(selection.folds, selection.lasso.folds, features.<name>.folds) or more patients"
        )
    positive = np.zeros(len(names), dtype=bool)
    np.logical_or.at(positive, patient, outcome == 1)
    sizes = np.bincount(patient)
    order = seeds.stream(seed, "folds").permutation(len(names))
    place = np.zeros(len(names), dtype=np.int64)
    total = [0] * n_folds
    for stratum in (True, False):
        members = [i for i in order if positive[i] == stratum]
        members.sort(key=lambda i: -sizes[i])  # large patients first, while folds can even out
        of_class = [0] * n_folds
        for i in members:
            fold = min(zip(of_class, total, range(n_folds), strict=True))[2]
            place[i] = fold
            of_class[fold] += int(sizes[i])
            total[fold] += int(sizes[i])
    return place[patient.reshape(-1)]
