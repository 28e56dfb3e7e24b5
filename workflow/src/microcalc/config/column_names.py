"""Names of columns in tables of cases that no feature, variable or score of a study can have.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Collection

OWN_COLUMNS = ("case_id", "patient_id", "center", "split", "label", "y")
"""Columns of the cases that are there in every study."""

LATER_COLUMNS = ("n_images", "status", "reason", "detail")
"""Columns that the rooms add to them."""

BESIDE_FEATURES = ("case_id", "copy", "n_views", "stand_in")
"""Columns of a table of cases' features that are no features."""


def is_numbered(name: str, sets: Collection[str]) -> bool:
    """Return whether a set among `sets` could have a numbered column of this name: deep_0000."""
    set_name, _, number = name.rpartition("_")
    return number.isdecimal() and len(number) >= 4 and set_name in sets
