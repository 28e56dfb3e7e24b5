from pathlib import Path

import pytest

from microcalc.core.errors import StudyError
from microcalc.ingest import ingest_request


def test_the_keys_of_an_ingest_are_taken_out_of_the_config() -> None:
    config = {"ingest": "cmmd", "source": "CMMD", "spacing_mm": 0.1, "study": "demo"}
    found = ingest_request.taken_out(config)
    assert config == {"study": "demo"}
    assert found == ingest_request.Asked("cmmd", "CMMD", "studies/cmmd", "0.1")
    assert found.file("cases.csv") == "studies/cmmd/cases.csv"


def test_a_target_of_ones_own_is_taken() -> None:
    found = ingest_request.taken_out({"ingest": "cmmd", "target": "mine"})
    assert found.file("cases.csv") == "mine/cases.csv"


def test_a_config_that_names_no_collection_stays_as_it_is() -> None:
    config = {"study": "demo", "source": "a key that the schema will refuse"}
    assert ingest_request.taken_out(config).collection == ""
    assert config == {"study": "demo", "source": "a key that the schema will refuse"}


def test_cases_that_are_there_are_never_written_over(tmp_path: Path) -> None:
    found = ingest_request.taken_out({"ingest": "cmmd", "target": str(tmp_path)})
    found.refuse_to_start()
    (tmp_path / "cases.csv").touch()
    with pytest.raises(StudyError, match=r"cases\.csv is there already.*target="):
        found.refuse_to_start()
