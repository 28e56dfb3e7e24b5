import numpy as np
import pandas as pd
import pytest
from tests.unit.selection.study import SETTINGS, draw

from microcalc.core import seeds
from microcalc.core.errors import StudyError
from microcalc.selection import chain, crossfit
from microcalc.selection.training import training_cases


@pytest.fixture(scope="module")
def cases():
    return training_cases(*draw())


def scores(cases, **changes) -> pd.DataFrame:
    arguments = {"X": cases.X, "settings": SETTINGS} | changes
    return crossfit.scores(
        arguments["X"],
        cases.y,
        cases.patients,
        case_ids=cases.case_ids,
        feature_names=cases.feature_names,
        settings=arguments["settings"],
        seed=1,
    )


@pytest.fixture(scope="module")
def table(cases) -> pd.DataFrame:
    return scores(cases)


def test_every_case_has_a_score_per_fold(cases, table: pd.DataFrame) -> None:
    assert len(table) == 5 * len(cases.y)
    assert not table.duplicated(["case_id", "also_left_out"]).any()
    assert (table.groupby("case_id")["fold"].nunique() == 1).all()
    assert table["score"].notna().all()


def test_a_score_is_that_of_the_chain_without_both_folds(cases, table: pd.DataFrame) -> None:
    fold = table.drop_duplicates("case_id").set_index("case_id").loc[cases.case_ids, "fold"]
    rest = ~fold.isin([1, 3]).to_numpy()
    fitted = chain.fit(
        cases.X[rest],
        cases.y[rest],
        cases.patients[rest],
        feature_names=cases.feature_names,
        settings=SETTINGS,
        seed=seeds.derive(1, "crossfit", 1, 3),
    )
    for own, other in ((1, 3), (3, 1)):
        rows = table[(table["fold"] == own) & (table["also_left_out"] == other)]
        place = np.searchsorted(cases.case_ids, rows["case_id"])
        np.testing.assert_array_equal(rows["score"], fitted.score(cases.X[place]))


def test_a_case_does_not_touch_the_chains_that_leave_it_out(cases, table: pd.DataFrame) -> None:
    changed = cases.X.copy()
    changed[0] += 100
    again = scores(cases, X=changed)
    own = table.loc[table["case_id"] == cases.case_ids[0], "fold"].iloc[0]
    others = table["case_id"] != cases.case_ids[0]
    blind = others & ((table["fold"] == own) | (table["also_left_out"] == own))
    pd.testing.assert_frame_equal(table[blind], again[blind])
    assert (table[others & ~blind]["score"] != again[others & ~blind]["score"]).any()


def test_more_folds_than_patients_are_too_many(cases) -> None:
    with pytest.raises(StudyError, match="999"):
        scores(cases, settings=SETTINGS.model_copy(update={"folds": 999}))
