"""A whole study in other people's words: two other classes, and levels that are no plain names."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from microcalc.core.spreadsheet import neutral
from tests.workflow.tiny import Study, lay_out

pytestmark = pytest.mark.slow

SURROGATE = "Benign may be either; histology was not read again."
LEVELS = ["=no", "<script>alert(1)</script>"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The tiny study, its labels and a clinical variable that predicts them perfectly renamed."""
    study = lay_out(tmp_path_factory.mktemp("other"))
    table = study.folder / "cases.csv"
    cases = pd.read_csv(table, dtype=str, keep_default_na=False)
    palpable = np.where(cases.label == "IDC", *LEVELS[::-1])
    # Wrong in two external cases, so that it is no recoding of the label.
    wrong = np.flatnonzero(cases.center == "B")[:2]
    palpable[wrong] = [LEVELS[palpable[i] == LEVELS[0]] for i in wrong]
    labels = cases.label.map({"DCIS": "benign", "IDC": "malignant"})
    cases.assign(label=labels, palpable=palpable).to_csv(table, index=False)

    def change(config: dict[str, Any]) -> None:
        config["labels"] = {"negative": "benign", "positive": "malignant", "surrogate": SURROGATE}
        config["clinical"]["palpable"] = {"kind": "categorical", "levels": LEVELS, "label": "$x_1$"}
        config["evaluation"]["subgroups"] = {"columns": {"palpable": None}, "min_per_class": 2}

    study.configure(change)
    study.snakemake()
    return study


def read(path: Path) -> str:
    return re.sub(r"data:[^\"]+", "", path.read_text(encoding="utf-8"))


def test_no_other_study_s_classes_are_spoken_of(other: Study) -> None:
    texts = [
        path
        for kind in ("html", "md", "tex", "csv", "json")
        for path in other.results.rglob(f"*.{kind}")
    ]
    named = {path.name for path in texts}
    assert {"report.html", "manuscript.md", "checklist.md", "metrics.csv", "deep.json"} <= named
    for path in texts:
        assert not re.search(r"\b(DCIS|IDC)\b", read(path)), path
    for document in ("report.html", "manuscript.md"):
        first_page = read(other.results / "report" / document).split("Study sample")[0]
        assert SURROGATE in first_page
        assert "Benign versus malignant on mammograms" in first_page


def test_a_perfect_predictor_is_a_warning_before_the_first_number(other: Study) -> None:
    page = read(other.results / "report" / "report.html")
    warning = page.index("Predictors that separate the classes")
    assert warning < page.index('<section id="results"')
    assert "$x_1$ (alone)" in page
    assert "Firth" in (other.results / "models" / "univariable.csv").read_text()


def test_a_level_is_text_wherever_it_stands(other: Study) -> None:
    page = read(other.results / "report" / "report.html")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    met = 0
    for path in other.results.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for cell in (cell for row in csv.reader(file) for cell in row):
                met += cell == "'=no"
                assert cell.startswith("'") or cell == neutral(cell), path
    assert met > 20
    tables = other.results / "report" / "tables"
    assert r"\$x\_1\$" in (tables / "univariable.tex").read_text()
