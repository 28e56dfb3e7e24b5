"""The study's two tables, checked whole before anything is computed."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema
import yaml

from microcalc.cohort import image_rows
from microcalc.config import views
from microcalc.config.clinical_settings import ClinicalVariable, ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.errors import StudyError, did_you_mean, shown
from microcalc.core.spreadsheet import NUMBER
from microcalc.core.table_reader import MISSING, Table, read_table

Row = dict[str, Any]
Cell = str | float | int | None
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Cohort:
    """The checked tables of a study.

    Attributes
    ----------
    cases
        One dictionary per case: `case_id`, `patient_id`, `center`, `label` (None where there is
        none), `split` where the user gave it, and the clinical variables (float, text or None).
    images
        One dictionary per row of the images table, without any path.
    """

    cases: tuple[Row, ...]
    images: tuple[Row, ...]


def read_cohort(
    cases: str | os.PathLike[str],
    images: str | os.PathLike[str],
    *,
    schemas: tuple[str, str],
    clinical: ClinicalVariables,
    labels: Labels,
    other_columns: Iterable[str] = (),
    label_required: bool = True,
) -> Cohort:
    """Return the study's tables, or raise one error that lists all that is wrong with them.

    Where a column is missing without which a row says nothing, the rows are not read.

    Parameters
    ----------
    cases, images
        Paths of the two tables.
    schemas
        Paths of the JSON Schemas of one row of the case table and of the images table.
    clinical
        The config's clinical variables: `kind` (continuous, categorical or ordinal) and, for the
        latter two, `levels`; any level will do where they are left out.
    labels
        The config's `positive`, `negative` and `excluded` labels.
    other_columns
        Columns of the case table that are kept out of the study on purpose.
    label_required
        Whether the case table must have the column label.

    Returns
    -------
    Cohort
        Cases sorted by case_id, images by image_id and reader.

    Raises
    ------
    StudyError
        When a table is missing or not well-formed; else listing file, line and column of every
        problem found in either table.
    """
    case_table, image_table = read_table(cases), read_table(images)
    case_schema, image_schema = map(_read_schema, schemas)
    if not label_required:
        required = [name for name in case_schema["required"] if name != "label"]
        case_schema = {**case_schema, "required": required}
    columns = [*case_schema["properties"], *clinical, *other_columns]
    problems = _column_problems(case_table, columns, case_schema["required"])
    problems += _column_problems(
        image_table, list(image_schema["properties"]), image_schema["required"]
    )
    problems += [
        f"{case_table.name}: no column {name!r}, which the config declares under `clinical`"
        for name in clinical
        if name not in case_table.columns
    ]
    tables = ((case_table, case_schema), (image_table, image_schema))
    if any(set(part["required"]) - set(table.columns) for table, part in tables):
        raise StudyError.listing("The study's tables cannot be used as they are", problems)

    schema = _with_clinical(case_schema, clinical, labels)
    case_rows, case_problems = _typed_rows(case_table, schema, set(other_columns))
    of_images, image_problems = _typed_rows(image_table, image_schema, set())
    problems += case_problems + image_problems
    problems += _repeated(case_table, "case_id") + image_rows.problems(image_table)
    problems += _spelled_twice(case_table, "patient_id") + _spelled_twice(case_table, "center")
    problems += _patient_problems(case_table) + _link_problems(case_table, image_table)
    if problems:
        raise StudyError.listing("The study's tables cannot be used as they are", problems)
    return Cohort(
        cases=tuple(sorted(case_rows, key=lambda row: str(row["case_id"]))),
        images=tuple(
            sorted(
                (_kept(row) for row in of_images),
                key=lambda row: (str(row["image_id"]), str(row.get("reader") or "")),
            )
        ),
    )


def _column_problems(table: Table, known: list[str], required: Iterable[str]) -> list[str]:
    problems = [
        f"{table.name}: column {name!r} is missing{did_you_mean(name, table.columns)}"
        for name in required
        if name not in table.columns
    ]
    return problems + [
        f"{table.name}: column {shown(name)} is not known{did_you_mean(name, known)}; declare it "
        "under `clinical`, or under `cohort.other_columns` to leave it out"
        for name in table.columns
        if name not in known
    ]


def _read_schema(path: str) -> Schema:
    """Return a JSON Schema that is written as YAML."""
    with open(path, encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def _with_clinical(schema: Schema, clinical: ClinicalVariables, labels: Labels) -> Schema:
    allowed = [labels.negative, labels.positive, *labels.excluded]
    columns = {name: _variable_schema(variable) for name, variable in clinical.items()}
    label = {**schema["properties"]["label"], "enum": [*allowed, None]}
    return {**schema, "properties": {**schema["properties"], **columns, "label": label}}


def _variable_schema(variable: ClinicalVariable) -> dict[str, Any]:
    if variable.is_continuous:
        return {"type": ["number", "null"], **variable.part("minimum", "maximum")}
    return {"enum": [*variable.levels, None]} if variable.levels else {"type": ["string", "null"]}


def _typed_rows(table: Table, schema: Schema, ignored: set[str]) -> tuple[list[Row], list[str]]:
    # Unknown columns are a problem of the table, not of each of its rows.
    read = schema["properties"].keys() - ignored
    columns = {
        name: _column(name, schema["properties"][name]) for name in table.columns if name in read
    }
    rows: list[Row] = []
    problems: list[str] = []
    for cells, line in zip(table.rows, table.lines, strict=True):
        typed = {name: column(cells[name]) for name, column in columns.items()}
        rows.append({name: value for name, (value, _) in typed.items()})
        problems += [
            f"{table.name}, line {line}, column {name!r}: {problem}"
            for name, (_, wrong) in sorted(typed.items(), key=lambda item: item[0])
            for problem in wrong
        ]
    return rows, problems


def _column(name: str, schema: Schema) -> Callable[[str], tuple[Cell, tuple[str, ...]]]:
    """Return a function from a column's cell to its value and what is wrong with it."""
    validator = jsonschema.Draft202012Validator(schema)

    # Most columns say the same few things in very many rows.
    @lru_cache(maxsize=1000)
    def typed(cell: str) -> tuple[Cell, tuple[str, ...]]:
        value = _value(cell, schema)
        # Hospitals write names in paths.
        said = "(not shown)" if _is_path(name) and cell not in MISSING else cell
        return value, tuple(_explain(error, said) for error in validator.iter_errors(value))

    return typed


def _value(cell: str, schema: Schema) -> Cell:
    if cell in MISSING:
        return None
    kinds = schema.get("type", "string")
    wanted = {kinds} if isinstance(kinds, str) else set(kinds)
    if wanted & {"number", "integer"}:
        # float() alone would also take 4_3, nan, and digits of every script.
        number = float(cell) if NUMBER.fullmatch(cell) else math.nan
        if not math.isfinite(number):
            return cell
        return int(number) if "integer" in wanted and number.is_integer() else number
    return cell


def _explain(error: jsonschema.ValidationError, cell: str | None) -> str:
    found = shown(cell)
    schema: Any = error.schema
    limit: Any = error.validator_value
    if cell in MISSING:
        return "is empty; a value is required"
    if error.validator == "enum":
        choices = [str(choice) for choice in limit if choice is not None]
        return f"{found} is not one of {', '.join(choices)}{did_you_mean(cell, choices)}"
    if error.validator == "type":
        comma = " (write a decimal point, not a comma)" if cell and "," in cell else ""
        return f"{found} is not a {_type_name(limit)}{comma}"
    if error.validator == "pattern":
        return f"{found} is not allowed here: {schema.get('description', limit)}"
    if error.validator in ("minimum", "exclusiveMinimum"):
        return f"{found} is too small; expected at least {limit:g}"
    if error.validator in ("maximum", "exclusiveMaximum"):
        return f"{found} is too large; expected at most {limit:g}"
    return str(error.message)


def _type_name(kinds: str | list[str]) -> str:
    named = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return "whole number" if named == ["integer"] else " or ".join(named)


def _repeated(table: Table, column: str) -> list[str]:
    first: dict[str, tuple[int, str]] = {}
    problems = []
    for row, line in zip(table.rows, table.lines, strict=True):
        value = row[column]
        folded = value.casefold()
        if folded in first:
            line_before, value_before = first[folded]
            how = (
                "stands"
                if value == value_before
                else f"differs from {shown(value_before)} only in case and stands"
            )
            problems.append(
                f"{table.name}, line {line}, column {column!r}: {shown(value)} {how} on line "
                f"{line_before} already; every {column} must be its own"
            )
        first.setdefault(folded, (line, value))
    return problems


def _spelled_twice(table: Table, column: str) -> list[str]:
    """Return a sentence for each spelling that differs from an earlier one only in case."""
    first: dict[str, tuple[str, int]] = {}
    problems = {}
    for row, line in zip(table.rows, table.lines, strict=True):
        value = row[column]
        before, line_before = first.setdefault(value.casefold(), (value, line))
        if value != before and value not in problems:
            problems[value] = (
                f"{table.name}, line {line}, column {column!r}: {shown(value)} differs from "
                f"{shown(before)} "
                f"on line {line_before} only in case; write the same one the same way"
            )
    return list(problems.values())


def _patient_problems(table: Table) -> list[str]:
    problems = []
    for column in ("center", "split"):
        first: dict[str, tuple[str, int]] = {}
        for row, line in zip(table.rows, table.lines, strict=True):
            value, line_before = first.setdefault(row["patient_id"], (row.get(column, ""), line))
            if row.get(column, "") != value:
                problems.append(
                    f"{table.name}, line {line}, column {column!r}: patient "
                    f"{shown(row['patient_id'])} is in {shown(row[column])} here and in "
                    f"{shown(value)} on line {line_before}; all cases of a patient belong to one "
                    f"{column}"
                )
    return problems


def _link_problems(cases: Table, images: Table) -> list[str]:
    known = {row["case_id"] for row in cases.rows}
    folded = {case_id.casefold(): case_id for case_id in known}
    return [
        f"{images.name}, line {line}, column 'case_id': {shown(row['case_id'])} is not in "
        f"{cases.name}{_but_for_case(row['case_id'], folded)}"
        for row, line in zip(images.rows, images.lines, strict=True)
        if row["case_id"] not in known
    ]


def _but_for_case(case_id: str, folded: Mapping[str, str]) -> str:
    # A neighbor's id is one letter away too.
    near = folded.get(case_id.casefold())
    return f" (did you mean {near!r}?)" if near else ""


def _kept(row: Row) -> Row:
    """Return a row of the images table without its paths, its view in the canonical words."""
    kept = {name: v for name, v in row.items() if not _is_path(name)}
    return kept | {"view": views.canonical(kept["view"])} if kept.get("view") else kept


def _is_path(column: str) -> bool:
    return column == "path" or column.endswith("_path")
