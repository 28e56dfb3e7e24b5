"""Configs of the form before features, scores and models were three tables: what to write instead."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Section = Mapping[str, Any]

OWN, FINETUNED, FINETUNED_LASSO = "main", "finetuned", "finetuned_lasso"
OF_FEATURES = ("backbone", "weights", "layers", "finetune", "further_networks")
OF_A_MODEL = ("deep", "network")
INHERITED = ("device", "precision", "batch_size", "stability", "harmonize")
"""Keys that further networks shared with the study's own."""


def problem(config: Section) -> str | None:
    """Return what to write in a config of the old form, as one problem; None for another.

    Parameters
    ----------
    config
        What the user wrote.
    """
    features, models = config.get("features"), config.get("models", {})
    if not isinstance(features, Mapping) or not isinstance(models, Mapping):
        return None
    rows = [row for row in models.values() if isinstance(row, Mapping)]
    is_old = any(
        key in features and (key != "weights" or not isinstance(features[key], Mapping))
        for key in OF_FEATURES
    ) or any(key in row for row in rows for key in OF_A_MODEL)
    if not is_old:
        return None
    lines = "".join(f"        {line}\n" for line in rewritten(features, models).splitlines())
    return (
        "features and models: are of an earlier form; features, scores and models are three tables "
        "now. Write these lines in the place of both sections:\n\n" + lines
    ).rstrip()


def rewritten(features: Section, models: Section) -> str:
    """Return the sections `features`, `scores` and `models` of a config of the old form, as YAML.

    Parameters
    ----------
    features, models
        The sections of the old form; a study without `models` has the default ones.
    """
    further = features.get("further_networks") or {}
    own = "deep" if "deep" not in further else "own"
    kept = {k: v for k, v in features.items() if k not in ("finetune", "further_networks")}
    sets: dict[str, Any] = {own: {"kind": "network", **kept}}
    inherited = {key: features[key] for key in INHERITED if key in features}
    for name, row in further.items():
        sets[str(name)] = {"kind": "network", **row, **inherited}
    tuned = "tuned" if "tuned" not in further else "trained"
    if features.get("finetune"):
        sets[tuned] = {"kind": "finetuned", "network": own, **features["finetune"]}
    rows = {
        str(name): dict(_model(row, own)) if isinstance(row, Mapping) else row
        for name, row in models.items()
    }
    used = [own, *(s for row in rows.values() for s in _scores(row))]
    scores = {name: _score(name, tuned) for name in dict.fromkeys(used)}
    written: dict[str, Any] = {"features": sets}
    if scores != {"deep": {"features": ["deep"]}}:
        written["scores"] = scores
    if rows:
        written["models"] = rows
    return "".join(_lines(written))


def _model(row: Section, own: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a row of `models` in the new form."""
    network = str(row.get("network", OWN))
    score = own if network == OWN else network
    for key, value in row.items():
        if key == "deep" and value in ("score", "features"):
            yield ("scores" if value == "score" else "features_of"), [score]
        elif key not in OF_A_MODEL and (key, value) != ("clinical", "none"):
            yield key, value


def _scores(row: Any) -> list[str]:
    return [*row.get("scores", []), *row.get("features_of", [])] if isinstance(row, dict) else []


def _score(name: str, tuned: str) -> dict[str, Any]:
    if name == FINETUNED:
        return {"features": [tuned], "learner": "network"}
    return {"features": [tuned if name == FINETUNED_LASSO else name]}


def _lines(written: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of some tables, every row on one."""
    for section, rows in written.items():
        yield f"{section}:\n"
        for name, row in rows.items():
            text = yaml.safe_dump(
                row, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
            )
            yield f"  {name}: {text}" if text.endswith("\n") else f"  {name}: {text}\n"
