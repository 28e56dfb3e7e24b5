"""Baseline characteristics: `table1.csv`, per split and class."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from microcalc.config.clinical_settings import ClinicalVariable, ClinicalVariables
from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.statistics import arrays, baseline_tests, resampling
from microcalc.statistics.baseline_tests import Difference

SPLITS = ("train", "internal", "external")
COLUMNS = (
    "split", "variable", "unit", "level", "statistic", "overall", "negative", "positive",
    "test", "p", "smd", "test_train", "p_train", "smd_train",
)  # fmt: skip


def describe(included: pd.DataFrame, clinical: ClinicalVariables, *, seed: int) -> pd.DataFrame:
    """Return the baseline table: rows per split, variable and level, as text for people.

    Parameters
    ----------
    included
        The cases that are analyzed, with `case_id`, `patient_id` (without it each case is of a
        patient of its own), `split`, `y` and the clinical columns. A missing value is empty.
    clinical
        The config's `clinical`.
    seed
        The study's seed, for the permutation tests.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`. `overall`, `negative` and `positive` hold "n", "mean (SD)",
        "median [Q1, Q3]" or "n (%)" as `statistic` says (percentages of the cases that have a
        value), and a row "missing, n (%)" follows a variable that has any missing. `test`, `p`
        and `smd` compare the classes within the split, `test_train`, `p_train` and `smd_train`
        the split with train; they stand in a variable's first row. The rule that chooses the
        test is written in `baseline_tests`; where a patient has more than one of the compared
        cases, patients are permuted and `test` says so. A continuous SMD is positive when the
        positive class (or the split) has the larger mean; a categorical one has no sign.

    Raises
    ------
    StudyError
        When a clinical column is absent, or holds a value that is no number or declared level.
    """
    patients = included.get("patient_id", included["case_id"]).to_numpy(dtype=str)
    columns = {name: _values(included, name, clinical[name]) for name in clinical}
    positive = included["y"].to_numpy() == 1
    normal = {
        name: variable.is_continuous
        and baseline_tests.looks_normal(
            *(columns[name][positive == of].dropna() for of in (False, True))
        )
        for name, variable in clinical.items()
    }
    there = set(included["split"])
    rows: list[dict[str, Any]] = []
    for split in [name for name in SPLITS if name in there]:
        here = (included["split"] == split).to_numpy()
        train = (included["split"] == "train").to_numpy() if split != "train" else here & False
        counts = [here.sum(), (here & ~positive).sum(), (here & positive).sum()]
        rows.append({"split": split, "variable": "cases", "statistic": "n", **_cells(counts)})
        for name, variable in clinical.items():
            values = columns[name]
            groups = [values[here], values[here & ~positive], values[here & positive]]
            tests = [
                _test(
                    values[among],
                    second[among],
                    patients[among],
                    variable,
                    normal=normal[name],
                    rng=stream(seed, "evaluation.table1", split, name, question),
                )
                for question, among, second in (
                    ("classes", here, positive), ("train", here | train, here)
                )
            ]  # fmt: skip
            made = (
                _continuous(groups, values[train], tests, normal=normal[name])
                if variable.is_continuous
                else _categorical(groups, values[train], tests, variable.categories)
            )
            if values.isna().any():
                made.append(_missing(groups))
            common = {"split": split, "variable": name, "unit": variable.unit or ""}
            rows += [common | row for row in made]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    words = ["unit", "level", "test", "test_train"]
    table[words] = table[words].fillna("")
    return table


def _values(included: pd.DataFrame, name: str, variable: ClinicalVariable) -> "pd.Series[Any]":
    column: pd.Series[Any] = arrays.column(included, name)
    if variable.is_continuous:
        values: pd.Series[Any] = pd.to_numeric(column, errors="coerce")
        wrong = values.isna() & column.notna()
        expected = "a number"
    else:
        values = column.map(_text, na_action="ignore")
        wrong = column.notna() & ~values.isin(variable.categories)
        expected = "one of " + ", ".join(variable.categories)
    if wrong.any():
        case = included.loc[wrong, "case_id"].iloc[0]
        found = column[wrong].iloc[0]
        raise StudyError(f"case {case}: {name} is {found!r}; expected {expected}")
    return values


def _text(value: Any) -> str:
    """Return a level's text; pandas reads the levels 0 and 1 of a gappy column as 0.0 and 1.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _cells(texts: Any) -> dict[str, str]:
    return dict(zip(("overall", "negative", "positive"), map(str, texts), strict=True))


def _test(
    values: "pd.Series[Any]",
    second: Any,
    patients: Any,
    variable: ClinicalVariable,
    *,
    normal: bool,
    rng: np.random.Generator,
) -> Difference:
    """Test whether a variable differs between the second group and the other cases."""
    known = values.notna().to_numpy()
    x, group, ids = values[known], second[known], patients[known]
    continuous, repeated = variable.is_continuous, resampling.has_clusters(ids)
    if continuous and repeated:
        return baseline_tests.permuted_continuous(x, group, ids, normal=normal, rng=rng)
    if continuous:
        return baseline_tests.continuous(x[~group], x[group], normal=normal)
    if repeated:
        codes = pd.Index(variable.categories).get_indexer(pd.Index(x))
        return baseline_tests.permuted_categorical(codes, group, ids, rng=rng)
    counts = [[(x[of] == level).sum() for of in (~group, group)] for level in variable.categories]
    return baseline_tests.categorical(counts)


def _compared(tests: Sequence[Difference], class_smd: float, smd: float) -> dict[str, Any]:
    classes, train = tests
    return {
        "test": classes.test, "p": classes.p_value, "smd": class_smd,
        "test_train": train.test, "p_train": train.p_value, "smd_train": smd,
    }  # fmt: skip


def _continuous(
    groups: list["pd.Series[Any]"],
    train: "pd.Series[Any]",
    tests: Sequence[Difference],
    *,
    normal: bool,
) -> list[Any]:
    here, negative, positive = (group.dropna().to_numpy(dtype=float) for group in groups)
    known = train.dropna().to_numpy(dtype=float)
    summary = _mean_sd if normal else _median_quartiles
    return [
        {
            "statistic": "mean (SD)" if normal else "median [Q1, Q3]",
            **_cells(summary(group) for group in (here, negative, positive)),
            **_compared(
                tests,
                baseline_tests.smd_continuous(negative, positive),
                baseline_tests.smd_continuous(known, here),
            ),
        }
    ]


def _categorical(
    groups: list["pd.Series[Any]"],
    train: "pd.Series[Any]",
    tests: Sequence[Difference],
    levels: Sequence[str],
) -> list[Any]:
    counts = np.array([[(group == level).sum() for group in groups] for level in levels])
    versus_train = np.array([[(train == level).sum() for level in levels], counts[:, 0]]).T
    totals = counts.sum(axis=0)
    rows: list[Any] = [
        {"level": level, "statistic": "n (%)", **_cells(map(_share, row, totals))}
        for level, row in zip(levels, counts, strict=True)
    ]
    rows[0] |= _compared(
        tests,
        baseline_tests.smd_categorical(counts[:, 1:]),
        baseline_tests.smd_categorical(versus_train),
    )
    return rows


def _missing(groups: list["pd.Series[Any]"]) -> dict[str, str]:
    texts = [_share(int(group.isna().sum()), len(group)) for group in groups]
    return {"level": "missing", "statistic": "missing, n (%)", **_cells(texts)}


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.1f})" if total else f"{count}"


def _mean_sd(values: Any) -> str:
    if not values.size:
        return ""
    sd = values.std(ddof=1) if values.size > 1 else math.nan
    return f"{values.mean():.1f} ({sd:.1f})"


def _median_quartiles(values: Any) -> str:
    if not values.size:
        return ""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{median:.1f} [{low:.1f}, {high:.1f}]"
