"""Every estimate has an interval that holds it, and an n."""

import pandas as pd
import pytest

from microcalc.config.evaluation_settings import EvaluationSettings
from microcalc.evaluation import metrics, optimism, repeated_splits, replicates, result_tables

SETTINGS = EvaluationSettings.of(
    {
        "confidence": 0.95,
        "comparisons": [["deep", "clinical"]],
        "auc_interval": "wilson",
        "resamples": 200,
        "calibration_resamples": 60,
        "prevalence": 0.3,
        "equivalence": {"margin": 0.05, "alpha": 0.05},
        "subgroups": {"columns": {"center": None}, "min_per_class": 5},
        "recalibrate": True,
        "net_benefit": {"low": 0.1, "high": 0.6, "step": 0.1},
        "reclassification": {"cuts": [0.5]},
    }
)
# What is no estimate: tests, settings, and figures whose own table holds their interval.
TESTS = {"z", "p", "p_holm", "q", "df", "p_interaction", "p_non_inferior", "p_equivalent"}
TESTS |= {"spiegelhalter_z", "spiegelhalter_p", "hl_chi2", "hl_df", "hl_p", "null_p95", "ici_p"}
SET = {"threshold", "prevalence", "margin", "alpha", "probability", "bin_low", "bin_high"}
ELSEWHERE = {"auc_a", "auc_b", "a", "b", "mean_probability", "auc_exact_low", "auc_exact_high"}
# A distribution is shown whole, and what the optimism is made of stands beside what it makes.
SHOWN = {"mean", "sd", "minimum", "p2_5", "median", "p97_5", "maximum", "study_auc"}
SHOWN |= {"null_mean", "null_sd", "apparent", "optimism", "out_of_bag"}
# Bounds that bear no estimate's name.
PLAIN = {
    "equivalence": "delta", "mcnemar": "difference", "net_benefit": "net_benefit",
    "calibration_curve": "observed", "calibration_groups": "observed", "subgroups": "auc",
    "reclassification": "estimate",
}  # fmt: skip
RENAMED = {"avoided_per_100": "avoided"}


@pytest.fixture
def made(predictions):
    cases = predictions.drop_duplicates("case_id")[["case_id", "center", "split", "y"]]
    thresholds = {name: {"threshold": 0.5} for name in ("clinical", "deep")}
    rows = [
        [i, model, name, 8, 7, *(center + 0.01 * (7 * i % 23 - 11) for _ in range(3))]
        for i in range(40)
        for model in thresholds
        for name, center in {"apparent": 0.8, "original": 0.7, "out_of_bag": 0.65}.items()
    ]
    bootstrap = pd.DataFrame(rows, columns=list(replicates.COLUMNS))
    internal = bootstrap[bootstrap["set"] == "original"].assign(set="internal")
    return {
        **result_tables.discrimination(
            predictions, thresholds, cases, settings=SETTINGS, paper=None, seed=1
        ),
        **result_tables.probabilities(predictions, settings=SETTINGS, seed=1),
        "optimism": optimism.table(predictions, bootstrap, confidence=0.95),
        "split_lottery": repeated_splits.table(predictions, internal, confidence=0.95),
    }


def test_every_estimate_lies_in_its_interval(made):
    assert "f1" in metrics.COLUMNS
    seen = 0
    for name, table in made.items():
        floats = set(table.select_dtypes("float").columns) - TESTS - SET - ELSEWHERE - SHOWN
        bounds = {column for column in floats if column.endswith(("low", "high"))}
        for column in sorted(floats - bounds):
            stem = RENAMED.get(column, column)
            low, high = (
                (f"{side}" if PLAIN.get(name) == column else f"{stem}_{side}")
                for side in ("low", "high")
            )
            assert {low, high} <= bounds, f"{name}.{column} has no interval"
            known = table[[column, low, high]].dropna(subset=[column, low])
            assert len(known) or table[column].isna().all(), f"{name}.{column}"
            inside = known[column].between(known[low] - 1e-12, known[high] + 1e-12)
            assert inside.all(), known[~inside]
            seen += len(known)
    assert seen > 500


def test_every_table_says_of_how_many(made):
    for name, table in made.items():
        counted = {"n", "n_pos", "n_called", "replicates", "splits"} & set(table.columns)
        assert counted or table.empty, name
