"""The demo's two promises: what clinical variables reach, and what simple measures reach."""

import numpy as np
import pytest
from tests.unit.simulate.simulated_reader import (
    MEASURES,
    clinical_matrix,
    measure,
    validated_auc,
)

from microcalc.simulate import cohort, shard
from microcalc.simulate.__main__ import DEMO_SEED

CLINICAL = [
    "age",
    "menopausal_status",
    "lesion_type",
    "birads",
    "breast_density",
    "morphology",
    "distribution",
    "size_mm",
    "palpable",
]


def truth(cases):
    return (cases["label"] == "IDC").to_numpy(), (cases["center"] == "A").to_numpy()


def test_clinical_variables_reach_what_such_models_reach_in_the_demo():
    cases = cohort.draw(DEMO_SEED).cases
    inside, outside = validated_auc(clinical_matrix(cases, CLINICAL), *truth(cases))
    assert 0.65 <= inside <= 0.75
    assert 0.65 <= outside <= 0.75


@pytest.mark.slow
def test_clinical_variables_reach_it_over_seeds_too():
    reached = []
    for seed in range(6):
        cases = cohort.draw(seed).cases
        reached.append(validated_auc(clinical_matrix(cases, CLINICAL), *truth(cases)))
    inside, outside = np.mean(reached, axis=0)
    assert 0.63 < inside < 0.75
    assert 0.65 < outside < 0.76


@pytest.mark.slow
def test_simple_measures_tell_the_classes_apart_on_a_subsample(tmp_path):
    tables = cohort.draw(6, n_negative=26, n_positive=26, field_mm=cohort.TINY_FIELD_MM)
    views = tables.images["view"] == "CC"
    shard.write(tables.phantoms[views].to_dict("records"), tmp_path, seed=6)
    found = measure(tables.images[views], tmp_path).loc[tables.cases["case_id"], MEASURES]
    positive, _ = truth(tables.cases)
    everyone = np.tile([True, False], len(positive))
    inside, _ = validated_auc(found.loc[found.index.repeat(2)], positive.repeat(2), everyone, C=1.0)
    assert 0.65 < inside < 0.95


@pytest.mark.slow
def test_simple_measures_reach_what_the_readme_says_in_the_demo(tmp_path):
    tables = cohort.draw(DEMO_SEED)
    shard.write(tables.phantoms.to_dict("records"), tmp_path, seed=DEMO_SEED)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 700e6
    found = measure(tables.images, tmp_path).loc[tables.cases["case_id"], MEASURES]
    inside, outside = validated_auc(found, *truth(tables.cases))
    assert 0.75 <= inside <= 0.92
    assert 0.75 <= outside <= 0.92
