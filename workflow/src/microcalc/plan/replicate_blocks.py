"""Blocks of replicates: which of a design's replicates each job makes, numbered from 0.

Every job on a cluster reads this again, so it imports the standard library alone.
"""

from collections.abc import Mapping
from typing import Any

DESIGNS = ("bootstrap", "split_lottery", "permutation")

Settings = Mapping[str, Any]


def numbers(settings: Settings, design: str) -> range:
    """Return the numbers of a design's blocks; none where it is off.

    Parameters
    ----------
    settings
        The config's `evaluation`.
    design
        One of `DESIGNS`.
    """
    return range(-(-settings[design] // settings["replicates_per_job"]))


def of_block(settings: Settings, design: str, block: int) -> list[int]:
    """Return the numbers of the replicates in a block: [first, last)."""
    size = settings["replicates_per_job"]
    first = block * size
    return [first, min(first + size, settings[design])]


def is_any(settings: Settings) -> bool:
    """Return whether any design is on."""
    return any(settings[design] for design in DESIGNS)
