import pytest

from microcalc.core.errors import StudyError
from microcalc.core.files import write_csv, write_json
from microcalc.evaluation import predictions as module


def test_reading_keeps_identifiers_as_text(tmp_path, predictions):
    predictions["case_id"] = "00" + predictions["case_id"].str[-3:]
    predictions["patient_id"] = "NA"
    predictions["center"] = "01"
    train = predictions[predictions["split"] == "train"]
    write_csv(train, tmp_path / "predictions.csv")
    read = module.read(tmp_path / "predictions.csv")
    assert read["case_id"].iloc[3] == "00003"
    assert set(read["patient_id"]) == {"NA"}
    assert set(read["center"]) == {"01"}
    assert read["probability"].tolist() == train["probability"].tolist()


def test_every_problem_is_listed_at_once(predictions):
    predictions.loc[0, "probability"] = float("nan")
    predictions.loc[1, "y"] = 2
    predictions.loc[2, "kind"] = "held_out"
    predictions.loc[4, "case_id"] = predictions.loc[3, "case_id"]
    with pytest.raises(StudyError) as error:
        module.check(predictions)
    message = str(error.value)
    for words in ("train000, model clinical", "train001", "train002", "train003"):
        assert words in message
    for words in ("not in [0, 1]", "neither 0 nor 1", "are none of", "stands twice"):
        assert words in message


def test_an_absent_column_is_named(predictions):
    with pytest.raises(StudyError, match="no column 'kind'"):
        module.check(predictions.drop(columns="kind"))


def test_sets_come_in_reading_order(predictions):
    shuffled = predictions.sample(frac=1, random_state=1)
    found = [(split, kind) for split, kind, _ in module.sets(shuffled)]
    assert found == list(module.SETS)[:4]


def test_models_are_read_by_name(tmp_path):
    write_json({"name": "deep", "threshold": 0.4}, tmp_path / "deep.json")
    assert module.read_models([tmp_path / "deep.json"])["deep"]["threshold"] == 0.4
