"""Configs of the form before features, scores and models were three tables, as they are now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from microcalc.config import schema_messages
from microcalc.core.errors import did_you_mean, shown

Section = Mapping[str, Any]

TABLES = ("features", "scores", "models")
OWN, FINETUNED, FINETUNED_LASSO = "main", "finetuned", "finetuned_lasso"
INHERITED = ("device", "precision", "batch_size", "stability", "harmonize")
"""Keys that further networks shared with the study's own."""
OF_OWN = ("backbone", "weights", "layers", "pool_views", *INHERITED)
OF_FEATURES = (*OF_OWN, "finetune", "further_networks")
NEVER_STRAY = ("backbone", "weights", "layers", "finetune", "further_networks")
"""Those that stand beside rows of the new form in a mixture of both, and not by a slip."""
SECTIONS = ("stability", "finetune", "further_networks")
OF_A_MODEL = ("deep", "network")
TAKEN = {"score": "scores", "features": "features_of"}
"""Where the new form has what `deep` of a model said."""


def problems(config: Section) -> list[str]:
    """Return what to write in the place of a config's old form; nothing for one of the new form.

    Parameters
    ----------
    config
        What the user wrote.
    """
    features, models = config.get("features"), config.get("models")
    old = _old_keys(features)
    if not _are_old(features, old) and not any(map(_is_old_row, _rows(models).values())):
        return []
    wrong = [*_no_sections(config, old), *_no_words(_rows(models))]
    if wrong:
        return wrong
    there = [name for name in TABLES if name in config]
    lines = "".join(f"        {line}\n" for line in rewritten(config).splitlines())
    is_of, place = ("are", "their") if there[1:] else ("is", "its")
    return [
        f"{' and '.join(there)}: {is_of} of an earlier form; features, scores and models are three "
        f"tables now. Write in {place} place:\n\n{lines}".rstrip()
    ]


def rewritten(config: Section) -> str:
    """Return the sections `features`, `scores` and `models` of a config of the old form, as YAML.

    Parameters
    ----------
    config
        What the user wrote. One of the three may be of the new form already; a network that no
        model takes is left out, as it was.
    """
    features, given = config["features"], dict(config.get("scores") or {})
    old = _old_keys(features)
    kept = {name: row for name, row in features.items() if name not in old}
    if not any("kind" in _rows(row) for row in kept.values()):
        old, kept = old | kept, {}  # misspelt keys of the old form
    further = old.pop("further_networks", None) or {}
    tuning = old.pop("finetune", None)
    taken = {*kept, *further}
    own = _unused(("deep", "own", "own_network"), taken) if old else _first(kept, "network")
    tuned = _unused(("tuned", "trained", "own_tuned"), taken)
    inherited = {key: old[key] for key in INHERITED if key in old}
    sets: dict[str, Any] = {own: {"kind": "network", **old}} if old else {}
    sets |= {n: {"kind": "network", **_rows(row), **inherited} for n, row in further.items()}
    sets |= kept
    if tuning is not None:
        sets[tuned] = {"kind": "finetuned", "network": own, **tuning}
    else:
        tuned = _first(kept, "finetuned")
    score = next(iter(given), own) if own not in given else own
    rows = {
        name: dict(_model(row, score)) if _is_old_row(row) else row
        for name, row in _rows(config.get("models")).items()
    }
    if not rows and score != "deep":
        rows = _default_models(score)
    used = [score, *(name for row in rows.values() for name in _scores(row))]
    scores = given | {name: _score(name, tuned) for name in used if name not in given}
    drawn = [name for row in scores.values() for name in _names(_rows(row).get("features"))]
    idle = [name for name in further if name not in drawn]
    written = {"features": {name: row for name, row in sets.items() if name not in idle}}
    if scores != {"deep": {"features": ["deep"]}}:
        written["scores"] = scores
    if rows:
        written["models"] = rows
    return "".join(
        [*(f"# {name} is left out: no model takes it\n" for name in idle), *_lines(written)]
    )


def _rows(section: Any) -> Section:
    return section if isinstance(section, Mapping) else {}


def _old_keys(features: Any) -> dict[str, Any]:
    """Return what stands under keys that only the old form had.

    A set of features may have the name of such a key; it is a section with a kind.
    """
    return {
        key: value
        for key, value in _rows(features).items()
        if key in OF_FEATURES
        and (not isinstance(value, Mapping) or (key in SECTIONS and "kind" not in value))
    }


def _are_old(features: Any, old: Section) -> bool:
    rows = [row for row in _rows(features).values() if "kind" in _rows(row)]
    return any(key in NEVER_STRAY for key in old) or bool(old and not rows)


def _is_old_row(row: Any) -> bool:
    return any(key in _rows(row) for key in OF_A_MODEL)


def _no_sections(config: Section, old: Section) -> Iterator[str]:
    """Yield what is no section and had to be one in either form."""
    named: dict[str, Any] = {"models": config.get("models", {}), "scores": config.get("scores", {})}
    if "features" in config:
        named["features"] = config["features"]
    else:
        yield "features: is missing"
    named["features.further_networks"] = old.get("further_networks", {})
    for place, value in named.items():
        if not isinstance(value, Mapping):
            yield f"{place}: {schema_messages.kind_problem(value, ['object'])}"
    tuning = old.get("finetune")
    if not isinstance(tuning, Mapping | None):
        yield f"features.finetune: {schema_messages.kind_problem(tuning, ['object', 'null'])}"


def _no_words(models: Section) -> Iterator[str]:
    words = ("none", *TAKEN)
    for name, row in models.items():
        said = _rows(row).get("deep", "none")
        if said not in words:
            near = did_you_mean(said, words)
            yield f"models.{name}.deep: {shown(said)} is not one of {', '.join(words)}{near}"


def _unused(names: Iterable[str], taken: Iterable[str]) -> str:
    return next(name for name in names if name not in taken)


def _first(rows: Section, kind: str) -> str:
    """Return the row `deep` of this kind, else the first one; deep where there is none."""
    names = [name for name, row in rows.items() if _rows(row).get("kind") == kind]
    return "deep" if "deep" in names or not names else names[0]


def _default_models(score: str) -> dict[str, Any]:
    return {
        "clinical": {"clinical": "screened"},
        "deep": {"scores": [score]},
        "combined": {"clinical": "screened", "scores": [score]},
    }


def _model(row: Section, own: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a row of `models` in the new form."""
    network = str(row.get("network", OWN))
    for key, value in row.items():
        if key == "deep" and value in TAKEN:
            yield TAKEN[value], [own if network == OWN else network]
        elif key not in OF_A_MODEL and (key, value) != ("clinical", "none"):
            yield key, value


def _scores(row: Any) -> list[str]:
    """Return the scores that a row of `models` of the new form takes."""
    return [name for key in TAKEN.values() for name in _names(_rows(row).get(key))]


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _score(name: str, tuned: str) -> dict[str, Any]:
    if name == FINETUNED:
        return {"features": [tuned], "learner": "network"}
    return {"features": [tuned if name == FINETUNED_LASSO else name]}


def _lines(written: Section) -> Iterator[str]:
    """Yield the lines of some tables, every row on one."""
    for section, rows in written.items():
        yield f"{section}:\n"
        for name, row in rows.items():
            text = yaml.safe_dump(
                {name: row},
                default_flow_style=True,
                sort_keys=False,
                allow_unicode=True,
                width=10**6,
            )
            yield f"  {text.strip()[1:-1]}\n"
