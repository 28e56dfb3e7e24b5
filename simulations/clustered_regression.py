"""Regressions on clinical variables where some patients have several lesions.

Studies of 60 and 138 lesions, with levels as rare as 7 %, in which no patient, one, a tenth or
three tenths of them have two lesions (or three). Each variable alone is tested as the screening
tests it, by the likelihood ratio and by Wald's test, and once more as if no lesions shared a
patient (`_of_cases`). In `shared` cells the lesions of one patient have their findings and their
label in common, the hardest case there is. In cells with an odds ratio the outcome depends on
the variable under test: on 20 years of age, on one level of the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from microcalc.config.clinical_settings import (
    ClinicalVariable,
    ClinicalVariables,
    ScreeningSettings,
)
from microcalc.models import logistic, regression

CLINICAL = ClinicalVariable.each_of(
    {
        "age": {"kind": "continuous"},
        "birads": {"kind": "categorical", "levels": ["4A", "4B", "4C", "5"]},
        "palpable": {"kind": "categorical", "levels": ["no", "yes"]},
        "morphology": {"kind": "categorical", "levels": ["p", "q", "r", "s"]},
    }
)
BENT = ClinicalVariable.each_of(
    {
        "age": {"kind": "continuous", "knots": 3},
        "birads": {"kind": "ordinal", "levels": ["4A", "4B", "4C", "5"]},
    }
)
SHARES = {
    "birads": [0.1, 0.45, 0.38, 0.07],
    "palpable": [0.93, 0.07],
    "morphology": [0.4, 0.3, 0.25, 0.05],
}
SETTINGS = ScreeningSettings(indicator_from=None)
RAISED = {"birads": "4C", "palpable": "yes", "morphology": "r"}
LEVEL, LIMIT, MEAN, KEPT = 0.05, 0.07, 0.055, 0.9
# Below this power a share of it says nothing.
ENOUGH = 0.2


def _cell(n: int, repeated: str, within: str, **other: Any) -> dict[str, Any]:
    return {
        "n": n,
        "repeated": repeated,
        "lesions": 2,
        "within": within,
        "odds_ratio": 1,
        "analysis": "alone",
        **other,
    }


CELLS = [
    *(_cell(n, "none", "independent") for n in (60, 138)),
    *(
        _cell(n, repeated, within)
        for n in (60, 138)
        for repeated in ("one", "10%", "30%")
        for within in ("independent", "shared")
    ),
    *(_cell(n, "30%", "label") for n in (60, 138)),
    *(_cell(n, "30%", "shared", lesions=3) for n in (60, 138)),
    *(
        _cell(n, repeated, "independent", odds_ratio=3)
        for n in (60, 138)
        for repeated in ("one", "10%", "30%")
    ),
    *(
        _cell(n, repeated, "shared", analysis=analysis)
        for analysis, n in (("together", 60), ("together", 138), ("bent", 60))
        for repeated in ("none", "30%")
    ),
]
REPLICATES, SAMPLE = 4000, 60


def simulate(cell: dict[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, float]:
    """Return how often each variable was found below 0.05, by the test and what it knew."""
    clinical = BENT if cell["analysis"] == "bent" else CLINICAL
    counts = {name + suffix: [0, 0] for name in clinical for suffix in ("", "_wald", "_of_cases")}
    for _ in range(replicates):
        for name, p in _study(cell, clinical, rng):
            counts[name][0] += p < LEVEL
            counts[name][1] += 1
    found = {name: below / tests for name, (below, tests) in counts.items() if tests}
    return {name: found.get(name, np.nan) for name in _columns()}


def _is_judged(cell: Mapping[str, Any]) -> bool:
    """Return whether a cell's false positives are held against the limit."""
    return cell["odds_ratio"] == 1 and cell["analysis"] == "alone" and cell["repeated"] != "none"


def _columns() -> list[str]:
    return [name + suffix for suffix in ("", "_wald", "_of_cases") for name in CLINICAL]


def _study(
    cell: dict[str, Any], clinical: ClinicalVariables, rng: np.random.Generator
) -> Iterator[tuple[str, float]]:
    """Simulate one study; yield the p values of its variables, by column."""
    together = cell["analysis"] == "together"
    for names in [list(clinical)] if together else [[name] for name in clinical]:
        table = _cases(cell, names, rng)
        if table["y"].nunique() < 2:
            continue
        fitted = regression.fit([table], names, clinical, SETTINGS, confidence=regression.UNSHOWN)
        ignored = not together and cell["repeated"] != "none"
        for name in {term.variable for term in fitted.coding.terms}:
            yield name, fitted.test(name, "likelihood_ratio").p
            yield f"{name}_wald", fitted.test(name, "wald").p
            if ignored:
                X, marks = fitted.matrices[0], fitted.coding.tested(name)
                yield (
                    f"{name}_of_cases",
                    logistic.drop_test(X, fitted.y, marks, full=fitted.of_cases[0]).p,
                )


def _cases(cell: dict[str, Any], names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return the cases of one study, their outcome depending on the first of `names`."""
    n, more = cell["n"], cell["lesions"] - 1
    share = {"none": 0.0, "one": 0.0, "10%": 0.1, "30%": 0.3}[cell["repeated"]]
    several = 1 if cell["repeated"] == "one" else round(share * n / (1 + share * more))
    patients = n - several * more
    patient = np.concatenate([np.arange(patients), np.repeat(np.arange(several), more)])
    source = patient if cell["within"] == "shared" else np.arange(n)
    columns: dict[str, Any] = {"patient_id": [f"P{number:04d}" for number in patient]}
    for variable in names:
        if variable == "age":
            columns[variable] = rng.normal(50, 10, n).round()[source]
        else:
            levels = np.array(CLINICAL[variable].categories)
            drawn = rng.choice(len(levels), n, p=SHARES[variable])
            columns[variable] = levels[drawn[source]]
    name = names[0]
    own = columns[name]
    step = (own - 50) / 20 if name == "age" else (own == RAISED[name]).astype(float)
    chance = expit(np.log(1.5) + np.log(cell["odds_ratio"]) * (step - step.mean()))
    luck = rng.random(n)[patient if cell["within"] != "independent" else np.arange(n)]
    return pd.DataFrame(columns | {"y": (luck < chance).astype(int)})


def faults(rows: pd.DataFrame) -> list[str]:
    """Return what should not be: too many false positives, or too little power left."""
    found = list(_false_positives(rows)) + list(_lost_power(rows))
    hardest = rows[(rows["repeated"] == "30%") & (rows["within"] == "shared")]
    naive = hardest.loc[hardest["analysis"] == "alone", "age_of_cases"]
    if not (naive > LIMIT - _error(LIMIT, int(rows["replicates"].iloc[0]))).all():
        found.append("what ignores patients is not seen to be wrong: the studies are too easy")
    return found


def _error(rate: "float | pd.Series[float]", replicates: int) -> Any:
    """Return the half width of the one-sided 99 % Monte Carlo interval of a rate."""
    return ndtri(0.99) * np.sqrt(rate * (1 - rate) / replicates)


def _false_positives(rows: pd.DataFrame) -> Iterable[str]:
    null = rows[rows["odds_ratio"] == 1]
    tests = [*CLINICAL, *(f"{name}_wald" for name in CLINICAL)]
    replicates = int(rows["replicates"].iloc[0])
    # Fewer studies than the table stands on cannot show so much: they must not show the opposite.
    sign = 1 if replicates >= REPLICATES else -1
    alone = null[[_is_judged(row) for _, row in null.iterrows()]]
    for _, row in alone.iterrows():
        for test in tests:
            if row[test] + sign * _error(row[test], replicates) > LIMIT:
                yield f"{_name(row)}: {test} finds {row[test]:.1%} false positives"
    mean = alone[list(CLINICAL)].to_numpy().mean()
    if mean - _error(mean, alone[list(CLINICAL)].size * replicates) > MEAN:
        yield f"{mean:.1%} false positives on average"
    # The likelihood ratio of many columns is liberal by itself: repeats may not add to that.
    for keys, both in null[null["analysis"] != "alone"].groupby(["analysis", "n"]):
        none, some = (both[both["repeated"] == value].iloc[0] for value in ("none", "30%"))
        for test in both[tests].dropna(axis=1).columns:
            allowed = max(none[test], LEVEL)
            if some[test] - allowed > np.sqrt(2) * _error(allowed, replicates):
                yield f"{keys}: {test} finds {some[test]:.1%} with repeats, {allowed:.1%} without"


def _lost_power(rows: pd.DataFrame) -> Iterable[str]:
    for _, row in rows[rows["odds_ratio"] > 1].iterrows():
        for name in CLINICAL:
            # Lesions are independent here, so that ignoring the patients is right.
            full, left = row[f"{name}_of_cases"], row[name]
            slack = _error(full, int(row["replicates"])) * (row["replicates"] < REPLICATES)
            if full >= ENOUGH and left < KEPT * full - slack:
                yield f"{_name(row)}: {name} keeps {left / full:.0%} of the power"


def _name(row: "pd.Series[Any]") -> str:
    return f"n = {row['n']}, {row['repeated']} repeated, {row['within']}"
