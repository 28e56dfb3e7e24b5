"""What every section of a config is: a frozen pydantic model that takes no unknown key."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import PydanticCustomError, core_schema

T = TypeVar("T")

# Kinds of errors beside pydantic's own; `schema_messages` has a sentence for each.
NULL: Final = "null"
REPEATED: Final = "repeated"
NO_NAME: Final = "no_name"
MISSING_KEY: Final = "missing_key"
NULL_KEY: Final = "null_key"
OTHER_VALUE: Final = "other_value"
NOT_ONE_OF: Final = "literal_error"
"""Pydantic's own word for a value that is none of some literals."""


class Section(BaseModel):
    """A section of a study's config.

    The docstring of a field says what its key is for: JSON Schema, docs/configuration.md and
    messages are made of it.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        # A job checks one section or two of those that it imports.
        defer_build=True,
    )

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Return the section that a mapping of plain values describes, such as a rule's param.

        Parameters
        ----------
        plain
            Values that YAML and JSON can hold, by key; keys with a default may be left out.

        Returns
        -------
        Section
            Frozen.

        Raises
        ------
        pydantic.ValidationError
            Where the mapping is no such section; of a whole config see
            `microcalc.config.settings.complete`.
        """
        return cls.model_validate(plain)

    @classmethod
    def each_of(cls, plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Self]:
        """Return the sections that a mapping of names to plain values describes.

        Parameters
        ----------
        plain
            By name, the plain values of a section.

        Returns
        -------
        dict of Section
            In the same order.

        Raises
        ------
        pydantic.ValidationError
            Where one of them is no such section.
        """
        return {name: cls.model_validate(section) for name, section in plain.items()}

    def plain(self) -> dict[str, Any]:
        """Return the section as values that YAML, JSON and Snakemake's params can hold."""
        return self.model_dump(mode="json")

    def part(self, *names: str) -> dict[str, Any]:
        """Return these fields alone, as plain values."""
        return self.model_dump(mode="json", include=set(names))


def _is_none(value: object) -> bool:
    return value is None


class _Check:
    """What a value of a field must be, beside its type."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: Any) -> Any:
        """Return the value, or raise a PydanticCustomError of one of the kinds above."""
        raise NotImplementedError


class _NeverNull(_Check):
    """What keeps a key, which may be left out, from being written as null."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        forms = [form for form in handler(schema)["anyOf"] if form != {"type": "null"}]
        return dict(forms[0]) if len(forms) == 1 else {"anyOf": forms}

    def _checked(self, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError(NULL, "is empty")
        return value


def _refuse_repeated(entries: Sequence[Any]) -> Sequence[Any]:
    if len(set(entries)) < len(entries):
        raise PydanticCustomError(REPEATED, "holds an entry twice")
    return entries


Unwritten = Annotated[T | None, _NeverNull(), Field(exclude_if=_is_none)]
"""A key that may be left out, and then is None, but cannot be written as null."""

Entries = Annotated[tuple[T, ...], Field(strict=False)]
"""A list of the config."""

Distinct = Annotated[
    Entries[T], AfterValidator(_refuse_repeated), Field(json_schema_extra={"uniqueItems": True})
]
"""A list of the config that holds no entry twice."""

PSEUDONYM = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
"""A fraction that may be the whole."""

Probability = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class OneOf(_Check):
    """What makes a text one of many names.

    Attributes
    ----------
    names
        Those there are.
    """

    names: tuple[str, ...]

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return how JSON Schema says it."""
        return {"enum": list(self.names)}

    def _checked(self, value: Any) -> Any:
        if value not in self.names:
            raise PydanticCustomError(NOT_ONE_OF, "is not one of the names")
        return value


@dataclass(frozen=True)
class NamedLike(_Check):
    """What makes a key of a section a name of the user's own.

    Attributes
    ----------
    pattern
        Regular expression of the whole name.
    expected
        The same in words.
    """

    pattern: str
    expected: str

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return how JSON Schema says it."""
        return {"type": "string", "pattern": self.pattern, "description": self.expected}

    def _checked(self, value: Any) -> Any:
        if not re.fullmatch(self.pattern, value):
            raise PydanticCustomError(NO_NAME, "cannot be a name")
        return value


def refuse_missing(section: Section, name: str) -> None:
    """Refuse a section without a key that another key of it asks for.

    Parameters
    ----------
    section
        The section.
    name
        The key.

    Raises
    ------
    PydanticCustomError
        Where the key is not written (`MISSING_KEY`) or null (`NULL_KEY`).
    """
    if getattr(section, name) is None:
        is_written = name in section.model_fields_set
        kind = NULL_KEY if is_written else MISSING_KEY
        raise PydanticCustomError(kind, "is missing", {"key": name})


def refuse_other(section: Section, name: str, expected: str | list[str]) -> None:
    """Refuse a section where a key says anything else than what another key of it leaves.

    Parameters
    ----------
    section
        The section.
    name
        The key.
    expected
        Its only value, as plain values are.

    Raises
    ------
    PydanticCustomError
        Where it says anything else (`OTHER_VALUE`).
    """
    said = section.plain()[name]
    if said != expected:
        found = {"key": name, "found": said, "expected": expected}
        raise PydanticCustomError(OTHER_VALUE, "does not go with the rest", found)
