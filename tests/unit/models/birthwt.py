"""Hosmer and Lemeshow's birth-weight data with R's answers, for the models room's tests."""

import json
from pathlib import Path

import pandas as pd

from microcalc.config.clinical_settings import ClinicalVariable

ORACLES = Path(__file__).parents[2] / "oracles"
LOGISTIC = json.loads((ORACLES / "logistic.json").read_text())
R = LOGISTIC["birthwt"]
EXACT = json.loads((ORACLES / "logistic_profile_exact.json").read_text())
TABLE = pd.read_csv(ORACLES / "data" / "birthwt.csv", dtype=str)
TABLE["y"] = TABLE["low"].astype(int)
YES_NO = {"kind": "categorical", "levels": ["no", "yes"]}
CLINICAL = ClinicalVariable.each_of(
    {
        "age": {"kind": "continuous"},
        "lwt": {"kind": "continuous"},
        "race": {"kind": "categorical", "levels": ["white", "black", "other"]},
        "smoke": YES_NO,
        "ptd": YES_NO,
        "ht": YES_NO,
        "ui": YES_NO,
        "ftv3": {"kind": "categorical", "levels": ["0", "1", "2+"]},
    }
)


def r_name(column: str) -> str:
    """Return R's name of a coefficient."""
    return "(Intercept)" if column == "(intercept)" else column.replace("=", "")
