"""The config's `scores`: how columns become one number per case."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from microcalc.config.feature_settings import SetName
from microcalc.config.section import Distinct, NamedLike, Section, Unwritten
from microcalc.config.selection_settings import SelectionSettings

ScoreName = Annotated[
    str,
    NamedLike(
        r"^[a-z][a-z0-9_]{0,63}$",
        "lower-case letters, digits and underscores, beginning with a letter",
    ),
]


class ScoreSettings(Section):
    """One score; every training case gets it from fits that never saw its patient."""

    features: Annotated[Distinct[SetName], Field(min_length=1)]
    """the sets of features whose columns it is made of; of several, all columns side by side"""
    learner: Literal["lasso", "network"] = "lasso"
    """
    lasso, mRMR and LASSO as `selection` says; network, what fine-tuned networks themselves say,
    the mean of their logits
    """
    selection: Annotated[
        Unwritten[SelectionSettings],
        Field(json_schema_extra={"x-as": "selection"}),
    ] = None
    """keys of `selection` that are other ones for this score"""

    @field_serializer("selection")
    def _as_written(self, selection: SelectionSettings | None) -> dict[str, Any] | None:
        # Only what was written is laid over the common selection, when it is read again too.
        return selection.model_dump(mode="json", exclude_unset=True) if selection else None
