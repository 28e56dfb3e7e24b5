from types import SimpleNamespace

import pandas as pd
import pytest
from tests.scripts import run_script

from microcalc.core.files import read_json, write_csv, write_json


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.excepthook", None)

    def run(script, inputs, outputs, **params):
        out = {name: str(tmp_path / name) for name in outputs}
        params = {"harmonize": "none", **params}
        run_script(script, log=tmp_path / "log.txt", input=inputs, output=out, params=params)
        return SimpleNamespace(**out)

    return run


CONFIDENT = {"confidence": 0.95, "resamples": 20, "comparisons": [["deep", "clinical"]]}


@pytest.fixture
def made_predictions(tmp_path, predictions):
    path = tmp_path / "predictions.csv"
    write_csv(predictions, path)
    return str(path)


def test_evaluate_models(tmp_path, run, predictions, made_predictions):
    models = []
    for name in ("clinical", "deep"):
        models.append(str(tmp_path / f"{name}.json"))
        write_json({"name": name, "threshold": 0.5}, models[-1])
    cases = predictions.drop_duplicates("case_id")[["case_id", "center", "split", "y"]]
    cases = cases.assign(n_images="2", status="included", age=range(len(cases)))
    lost = cases.iloc[:1].assign(case_id="lost", status="excluded")
    write_csv(pd.concat([cases, lost]), tmp_path / "included.csv")
    (tmp_path / "funnel.csv").write_text("step,n_features\nextracted,512\nmRMR,30\n")
    made = run(
        "evaluate_models",
        {
            "predictions": made_predictions,
            "models": models,
            "included": str(tmp_path / "included.csv"),
            "funnels": [str(tmp_path / "funnel.csv")],
            "choice": [],
        },
        ["metrics", "delong", "equivalence", "mcnemar", "precision_recall", "subgroups",
         "sample_size", "published"],
        settings=CONFIDENT | {
            "auc_interval": "logit",
            "prevalence": None,
            "equivalence": {"margin": 0.05, "alpha": 0.05},
            "subgroups": {"columns": {"n_images": None}, "min_per_class": 5},
        },
        sample_size={"expected_auc": 0.8},
        scores=["deep"],
        screening={"missing": "impute"},
        models={"clinical": {"clinical": "screened"}, "deep": {"scores": ["deep"]}},
        clinical={"age": {"kind": "continuous"}},
        published={"citation": "A study", "sets": {"external": {"deep": {"auc": 0.8}}}},
        seed=1,
    )  # fmt: skip
    metrics = pd.read_csv(made.metrics)
    assert len(metrics) == 8
    assert set(metrics["auc_method"]) == {"DeLong, logit interval"}
    assert len(pd.read_csv(made.delong)) == len(pd.read_csv(made.equivalence)) == 4
    assert len(pd.read_csv(made.mcnemar)) == 12
    assert len(pd.read_csv(made.subgroups)) == 8
    sizes = pd.read_csv(made.sample_size)
    assert sizes.groupby("model")["parameters"].first().to_dict() == {"clinical": 1, "deep": 512}
    assert sizes.loc[sizes["set"] == "train", "n"].unique().tolist() == [40]
    assert len(pd.read_csv(made.published)) == 1


@pytest.mark.parametrize(("recalibrate", "harmonize"), [(False, "none"), (True, "combat")])
def test_assess_probabilities(run, made_predictions, recalibrate, harmonize):
    made = run(
        "assess_probabilities",
        {"predictions": made_predictions},
        ["calibration", "calibration_curve", "calibration_groups", "calibration_histogram",
         "recalibration", "net_benefit", "reclassification"],
        settings=CONFIDENT
        | {"recalibrate": recalibrate, "calibration_resamples": 20}
        | {"net_benefit": {"low": 0.1, "high": 0.3, "step": 0.1}}
        | {"reclassification": {"cuts": [0.5]}},
        seed=1,
        harmonize=harmonize,
    )  # fmt: skip
    for table in vars(made).values():
        said = pd.read_csv(table).get("transductive", pd.Series("none")).unique().tolist()
        assert said == [harmonize]
    assert len(pd.read_csv(made.recalibration)) == 2 * recalibrate
    kinds = set(pd.read_csv(made.calibration)["kind"])
    assert ("recalibrated" in kinds) == recalibrate
    for table in (made.calibration_curve, made.calibration_groups, made.calibration_histogram):
        assert set(pd.read_csv(table)["kind"]) == kinds
    assert set(pd.read_csv(made.net_benefit)["threshold"]) == {0.1, 0.2, 0.3}
    assert len(pd.read_csv(made.reclassification)) == 3 * (4 + recalibrate)


def test_describe_cohort(tmp_path, run):
    cases = pd.DataFrame(
        {
            "case_id": [f"0{i}" for i in range(12)],
            "patient_id": [f"P{i // 3}" for i in range(12)],
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
        seed=1,
    )
    table = pd.read_csv(made.table1)
    age = table.query("split == 'train' and variable == 'age'").iloc[0]
    assert age["test"] == "difference of means, 9,999 permutations of patients"
    assert table.query("split == 'train' and variable == 'cases'")["overall"].tolist() == ["8"]
    assert read_json(made.flow)["steps"][-1] == {"step": "included", "cases": 11, "images": 1}
    assert read_json(made.flow)["exclusions"][0]["case_id"] == "011"
