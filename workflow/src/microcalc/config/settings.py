"""The study's config: checked against its models, with their defaults filled in."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from microcalc.config import cross_field_checks, old_form, schema_messages
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError, shown

UNUSABLE = "The config cannot be used as it is (every key is described in docs/configuration.md)"


def complete(config: Mapping[str, Any]) -> StudyConfig:
    """Return a study's config as its rooms take it, with every default filled in.

    Parameters
    ----------
    config
        What the user wrote.

    Returns
    -------
    StudyConfig
        Frozen.

    Raises
    ------
    StudyError
        Listing every key that is unknown, missing, of the wrong type or out of range, with the
        nearest valid name, and all that contradicts something else.
    """
    found = problems(config)
    if found:
        raise StudyError.listing(UNUSABLE, found)
    return StudyConfig.of(config)


def problems(config: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a config, each problem beginning with the key's place.

    Parameters
    ----------
    config
        What the user wrote.

    Returns
    -------
    list of str
        Empty where `complete` will take it. What contradicts something else is looked for once
        every key is right by itself.

    Examples
    --------
    >>> from microcalc.config import settings
    >>> config = {"study": "mine", "seed": 1, "clinical": {}, "featurs": {}}
    >>> config["labels"] = {"negative": "DCIS", "positive": "IDC"}
    >>> config["cohort"] = {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"}
    >>> for problem in settings.problems(config):
    ...     print(problem.splitlines()[0])
    features: is missing
    featurs: no such key (did you mean 'features'?)
    """
    unwritten = list(_no_text(config))
    if unwritten:
        return unwritten
    before_tables = old_form.problems(config)
    if before_tables:
        return before_tables
    try:
        study = StudyConfig.of(config)
    except ValidationError as error:
        return schema_messages.lines(error)
    return list(cross_field_checks.found(study))


def _no_text(value: Any, place: str = "") -> Iterator[str]:
    """Yield what no model speaks of: keys that are no text, and text that cannot be shown."""
    if isinstance(value, str) and not value.replace("\n", "").isprintable():
        yield f"{place}: {shown(value)} holds a character that cannot be shown; remove it"
    for key, part in value.items() if isinstance(value, Mapping) else ():
        inner = schema_messages.join(place, key)
        yield from _no_text(part, inner)
        if not isinstance(key, str):
            yield f"{inner}: the key {schema_messages.kind_problem(key, ['string'])}"
    for i, entry in enumerate(value if isinstance(value, list) else ()):
        yield from _no_text(entry, f"{place}, entry {i + 1}")
