import pandas as pd
import pytest
from tests.unit.models.test_frozen import MODEL

from microcalc.models.predict import predict

NO_FEATURES: dict[str, pd.DataFrame] = {}


def test_unseen_levels_and_missing_values(caplog: pytest.LogCaptureFixture) -> None:
    cases = pd.DataFrame(
        {"case_id": ["a", "b", "c"], "age": ["54", None, "54"], "palpable": ["no", None, "maybe"]}
    )
    found = predict([MODEL], cases, NO_FEATURES)
    assert found["probability"].nunique() == 1
    assert "1 cases have palpable = 'maybe'" in caplog.text


def test_no_cases() -> None:
    cases = pd.DataFrame({"case_id": [], "age": [], "palpable": []}, dtype=str)
    assert predict([MODEL], cases, NO_FEATURES).empty
