"""The clinical variables that collections share, and their levels in rising suspicion."""

from collections.abc import Iterable, Mapping
from typing import Any

VARIABLES: dict[str, dict[str, Any]] = {
    "age": {"kind": "continuous", "unit": "years", "minimum": 10, "maximum": 120, "label": "Age"},
    "lesion_type": {
        "kind": "categorical",
        "levels": ["calcification only", "with mass"],
        "label": "Lesion type",
    },
    "birads": {
        "kind": "categorical",
        "levels": ["1", "2", "3", "4", "4A", "4B", "4C", "5", "6"],
        "label": "BI-RADS category",
    },
    "breast_density": {
        "kind": "categorical",
        "levels": ["A", "B", "C", "D"],
        "label": "Breast density",
    },
    "background_tissue": {
        "kind": "categorical",
        "levels": ["fatty", "fatty-glandular", "dense-glandular"],
        "label": "Background tissue",
    },
    "morphology": {
        "kind": "categorical",
        "levels": [
            *("typically benign", "amorphous", "coarse heterogeneous", "pleomorphic"),
            "fine linear-branching",
        ],
        "label": "Calcification morphology",
    },
    "distribution": {
        "kind": "categorical",
        "levels": ["diffuse", "regional", "grouped", "linear", "segmental"],
        "label": "Calcification distribution",
    },
}
"""As in the config's `clinical`. Not every collection has every variable."""

DENSITY_OF_NUMBER = {"1": "A", "2": "B", "3": "C", "4": "D"}


def most_suspicious(variable: str, values: Iterable[str]) -> str:
    """Return the value that stands last among the variable's levels; empty when none is known.

    Parameters
    ----------
    variable
        A categorical one of `VARIABLES`.
    values
        Of one case, in any order; what is no level is passed over.

    Examples
    --------
    >>> from microcalc.ingest import vocabulary
    >>> vocabulary.most_suspicious("birads", ["4B", "3", "unknown"])
    '4B'
    """
    levels = VARIABLES[variable]["levels"]
    known = [value for value in values if value in levels]
    return max(known, key=levels.index, default="")


def declared(
    cases: Iterable[Mapping[str, str]],
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the config's `clinical` for these cases, and the columns that tell nothing apart.

    Parameters
    ----------
    cases
        Clinical values by variable.

    Returns
    -------
    clinical
        Variables of which at least two values occur, with the levels that occur.
    idle
        Columns with one value or none, which no model could use.

    Raises
    ------
    RuntimeError
        When an adapter has a variable that is not in `VARIABLES`: an error of ours, never of the
        data.

    Examples
    --------
    >>> from microcalc.ingest import vocabulary
    >>> cases = [{"birads": "4A", "age": ""}, {"birads": "5", "age": "61"}]
    >>> clinical, idle = vocabulary.declared(cases)
    >>> clinical["birads"]["levels"], idle
    (['4A', '5'], ['age'])
    """
    found: dict[str, set[str]] = {}
    for case in cases:
        for name, value in case.items():
            found.setdefault(name, set()).update({value} - {""})
    unknown = sorted(found.keys() - VARIABLES.keys())
    if unknown:
        raise RuntimeError(f"no clinical variable of the vocabulary: {', '.join(unknown)}")
    clinical, idle = {}, []
    for name in (name for name in VARIABLES if name in found):
        if len(found[name]) < 2:
            idle.append(name)
            continue
        entry = dict(VARIABLES[name])
        if "levels" in entry:
            entry["levels"] = [level for level in entry["levels"] if level in found[name]]
        clinical[name] = entry
    return clinical, idle
