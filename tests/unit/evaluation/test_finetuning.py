"""Whether fine-tuning was worth it, and the mark on what was selected on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from microcalc.core.files import write_json
from microcalc.evaluation import compare, finetuning

CHOICE = {
    "chosen": "tuned",
    "score": "finetuned",
    "selected_on": "internal",
    "candidates": [
        {"model": "deep", "score": "deep", "auc": 0.6},
        {"model": "tuned", "score": "finetuned", "auc": 0.7},
        {"model": "lasso", "score": "finetuned_lasso", "auc": 0.65},
    ],
}


@pytest.fixture
def rows() -> pd.DataFrame:
    random = np.random.default_rng(2)
    tables = []
    for split, kinds in {
        "train": ("apparent", "out_of_fold"), "internal": ("held_out",), "external": ("held_out",)
    }.items():  # fmt: skip
        for kind in kinds:
            for model in ("deep", "tuned", "lasso", "clinical"):
                y = np.arange(40) % 2
                ids = [f"{split}{i:02d}" for i in range(40)]
                tables.append(
                    pd.DataFrame(
                        {
                            "case_id": ids, "patient_id": ids, "center": "A", "split": split,
                            "y": y, "model": model, "kind": kind,
                            "probability": 1 / (1 + np.exp(-random.normal(y, 1))),
                        }
                    )
                )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def test_deep_models_are_compared_where_the_choice_was_made(rows: pd.DataFrame) -> None:
    table = finetuning.table(rows, CHOICE, ("finetuned", "finetuned_lasso"), confidence=0.95)
    assert set(table["split"]) == {"train", "internal"}
    assert set(table["kind"]) == {"out_of_fold", "held_out"}
    internal = table[table["split"] == "internal"]
    pairs = set(zip(internal["model_a"], internal["model_b"], strict=True))
    assert pairs == {("tuned", "deep"), ("lasso", "deep"), ("tuned", "lasso")}
    plain = compare.table(rows, [("tuned", "deep")], confidence=0.95)
    wanted = plain[plain["split"] == "internal"].iloc[0]
    found = internal[(internal["model_a"] == "tuned") & (internal["model_b"] == "deep")].iloc[0]
    assert found["p"] == wanted["p"]
    assert found["delta"] == wanted["delta"]


def test_every_model_that_owes_its_scores_to_the_choice_is_marked(tmp_path: Path) -> None:
    write_json(CHOICE, tmp_path / "choice.json")
    models = {
        "deep": {"scores": [{"name": "deep"}]},
        "tuned": {"scores": [{"name": "finetuned"}]},
        "both": {"scores": [{"name": "deep"}, {"name": "finetuned"}]},
        "clinical": {"scores": []},
    }
    metrics = pd.DataFrame(
        [(m, s) for m in models for s in ("train", "internal", "external")],
        columns=["model", "split"],
    )
    marked = finetuning.mark(metrics, models, [tmp_path / "choice.json"])
    found = marked[marked["selected_on"] == "yes"]
    assert list(zip(found["model"], found["split"], strict=True)) == [
        ("tuned", "internal"),
        ("both", "internal"),
    ]
    assert finetuning.mark(metrics, models, []) is metrics
