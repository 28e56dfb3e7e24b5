"""A public collection, as the registry knows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from microcalc.ingest.ledger import Ledger


@dataclass(frozen=True)
class Collection:
    """What is particular to a collection.

    Attributes
    ----------
    name
        What `ingest=` calls it.
    title
        Its own name.
    read
        Takes or leaves every row and file of the collection, in the ledger it is given, which knows
        the folder. A row that is no case of the study's question is left with its reason; a
        StudyError says that the collection's tables are not there or are not its own.
    negative, positive
        The label's two values.
    surrogate
        Why the label stands in for another endpoint; empty where it is the endpoint itself.
    images
        What its images ask for of the config's `images`.
    remarks
        What a user must know of labels, regions and terms of use; they head the config.
    """

    name: str
    title: str
    read: Callable[[Ledger], None]
    negative: str = "DCIS"
    positive: str = "IDC"
    surrogate: str = ""
    images: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


BENIGN_OR_MALIGNANT = (
    "The label of {title} is benign or malignant. It stands in for the question of in situ against "
    "invasive cancer, which the collection cannot answer: a malignant case may be either, and no "
    "benign case is DCIS."
)
