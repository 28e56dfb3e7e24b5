"""The config that a collection's study begins with."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from microcalc.ingest.outcome import Outcome
from microcalc.ingest.record import Case, pseudonym
from microcalc.ingest.vocabulary import declared

_SEED = 2025
_WIDTH = 98


def text(outcome: Outcome, target: Path, source: str) -> str:
    """Return the study's config as YAML, headed by what a user must know.

    Parameters
    ----------
    outcome
        What was taken.
    target
        The folder of the study's tables; its name becomes the study's.
    source
        The collection's folder.

    Raises
    ------
    RuntimeError
        When an adapter has a clinical variable of its own, see `vocabulary.declared`.
    """
    collection, cases = outcome.collection, outcome.cases.values()
    clinical, idle = declared(case.clinical for case in cases)
    labels = {"negative": collection.negative, "positive": collection.positive}
    if collection.surrogate:
        labels["surrogate"] = collection.surrogate
    cohort: dict[str, Any] = {
        "cases": (target / "cases.csv").as_posix(),
        "images": (target / "images.csv").as_posix(),
        "image_folder": source,
    }
    if not any(case.split for case in cases):
        cohort["development_centers"] = [_largest_center(cases)]
    if idle:
        cohort["other_columns"] = idle
    config = {
        "study": pseudonym(target.name) or collection.name,
        "seed": _SEED,
        "labels": labels,
        "cohort": cohort,
        "features": {
            "deep": {"kind": "network", "backbone": "resnet101", "weights": "IMAGENET1K_V2"}
        },
        "clinical": clinical,
    }
    if collection.images:
        config["images"] = dict(collection.images)
    if not clinical:
        config["models"] = {"deep": {"scores": ["deep"]}}
        config["evaluation"] = {"comparisons": []}
    heading = [
        f"{collection.title}, ingested by MicroCalc. Every key that is left out takes the default "
        "in docs/configuration.md.",
        *collection.remarks,
    ]
    body = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "#\n".join(map(_comment, heading)) + "\n" + body


def _largest_center(cases: Iterable[Case]) -> str:
    """Return the center with most patients; the first by name of several."""
    patients: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        patients[case.center].add(case.patient_id)
    return min(patients, key=lambda center: (-len(patients[center]), center))


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH - 2))
