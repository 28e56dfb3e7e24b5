import pytest
from tests.unit.selection.study import draw

from microcalc.core.errors import StudyError
from microcalc.selection.training import feature_matrix, training_cases


def test_only_training_cases_in_the_order_of_their_ids() -> None:
    included, features = draw()
    cases = training_cases(included.sample(frac=1, random_state=1), features[::-1])
    assert cases.case_ids.tolist() == sorted(included.loc[included["split"] == "train", "case_id"])
    assert cases.feature_names[0] == "deep_0000"
    assert cases.X.shape == (len(cases.y), 60)
    first = features.set_index("case_id").loc[cases.case_ids[0], "deep_0007"]
    assert cases.X[0, 7] == first


def test_a_case_without_features_is_named() -> None:
    included, features = draw()
    train = included.loc[included["split"] == "train", "case_id"].iloc[3]
    with pytest.raises(StudyError, match=f"case {train}"):
        training_cases(included, features[features["case_id"] != train])


def test_one_class_is_refused() -> None:
    included, features = draw()
    with pytest.raises(StudyError, match="0 negative patients"):
        training_cases(included.assign(y=1), features)


def test_another_backbone_is_noticed() -> None:
    included, features = draw()
    with pytest.raises(StudyError, match="deep_0999"):
        feature_matrix(features, included["case_id"], ("deep_0001", "deep_0999"))
