import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from microcalc.files import read_json, write_csv, write_json

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.excepthook", None)

    def run(script, inputs, outputs, **params):
        out = {name: str(tmp_path / name) for name in outputs}
        job = SimpleNamespace(
            log=[str(tmp_path / "log.txt")],
            input=SimpleNamespace(**inputs),
            output=SimpleNamespace(**out),
            params=SimpleNamespace(**params),
        )
        runpy.run_path(str(SCRIPTS / f"{script}.py"), init_globals={"snakemake": job})
        return SimpleNamespace(**out)

    return run


def test_evaluate_models(tmp_path, run, predictions):
    write_csv(predictions, tmp_path / "predictions.csv")
    models = []
    for name in ("clinical", "deep"):
        models.append(str(tmp_path / f"{name}.json"))
        write_json({"name": name, "threshold": 0.5}, models[-1])
    made = run(
        "evaluate_models",
        {"predictions": str(tmp_path / "predictions.csv"), "models": models},
        ["metrics", "delong", "published"],
        confidence=0.95,
        comparisons=[["deep", "clinical"]],
        published={"sets": {"external": {"deep": {"auc": 0.8}}}},
    )
    assert len(pd.read_csv(made.metrics)) == 8
    assert len(pd.read_csv(made.delong)) == 4
    assert len(pd.read_csv(made.published)) == 1


def test_describe_cohort(tmp_path, run):
    cases = pd.DataFrame(
        {
            "case_id": [f"0{i}" for i in range(12)],
            "split": ["train"] * 8 + ["external"] * 4,
            "y": [0, 1] * 6,
            "age": [50 + i for i in range(12)],
            "status": ["included"] * 11 + ["excluded"],
            "reason": [None] * 11 + ["no usable image"],
        }
    )
    gone = pd.DataFrame(columns=["room", "case_id", "image_id", "reason"])
    qc = pd.DataFrame({"image_id": ["a"], "case_id": ["00"], "status": ["ok"], "reason": [None]})
    paths = {}
    for name, table in (("included", cases), ("cohort_exclusions", gone), ("qc", qc)):
        paths[name] = str(tmp_path / f"{name}.csv")
        write_csv(table, paths[name])
    made = run(
        "describe_cohort",
        paths,
        ["table1", "flow"],
        clinical={"age": {"kind": "continuous", "unit": "years"}},
        labels={"negative": "DCIS", "positive": "IDC"},
    )
    table = pd.read_csv(made.table1)
    assert table.query("split == 'train' and variable == 'cases'")["overall"].tolist() == ["8"]
    assert read_json(made.flow)["steps"][-1] == {"step": "included", "cases": 11}
    assert read_json(made.flow)["exclusions"][0]["case_id"] == "011"
