"""The order of the page: rooms from left to right, and what hangs in each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """One section of the page.

    Attributes
    ----------
    name
        The room, and the section's anchor.
    title
        Its heading.
    items
        Names of tables and stems of figures, in reading order. An item that the study has
        no file for is left out.
    """

    name: str
    title: str
    items: tuple[str, ...]


FRONT = Room(
    "results", "Main results", ("performance", "roc_internal", "roc_external", "roc_train")
)
ROOMS = (
    Room("cohort", "Cohort", ("flow", "exclusions", "table1")),
    Room("images", "Images", ()),
    Room("features", "Features", ()),
    Room("selection", "Selection", ("funnel", "lasso_path", "lasso_cv", "selected")),
    Room("models", "Models", ("univariable", "multivariable", "equations")),
    Room(
        "evaluation",
        "Evaluation",
        ("performance_full", "performance_more", "delong", "published", "saliency"),
    ),
)
