import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from microcalc.statistics import delong
from microcalc.statistics.auc import auc


def test_it_is_the_area_under_the_curve_ties_counting_one_half():
    random = np.random.default_rng(4)
    y = random.integers(0, 2, 300)
    for score in (random.normal(size=300) + y, random.integers(0, 5, 300) + y, np.zeros(300)):
        assert auc(y, score) == delong.auc_ci(y, score).auc
        assert auc(y, score) == pytest.approx(roc_auc_score(y, score), abs=1e-12)
        assert auc(1 - y, -score) == auc(y, score)


def test_a_class_must_not_be_empty():
    with pytest.raises(ValueError, match="3 positive and 0 negative"):
        auc(np.ones(3), np.arange(3.0))
