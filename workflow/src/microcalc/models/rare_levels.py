"""Merging levels that too few training cases have."""

import logging
from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)


def merge_rare(
    levels: Sequence[str], counts: Mapping[str | None, int], *, below: int
) -> dict[str, str]:
    """Return the name of the level that each level becomes, itself where nothing is rare.

    The rarest level joins the rarer of its neighbors, until none is rarer than asked or one is
    left. Levels have neighbors in the order in which the config lists them.

    Parameters
    ----------
    levels
        Observed levels, in the config's order.
    counts
        Training cases of each.
    below
        A level of fewer cases is rare; 0 merges nothing.

    Returns
    -------
    dict
        By level: itself, or the names of its group joined by " or ".

    Examples
    --------
    >>> from microcalc.models.rare_levels import merge_rare
    >>> merge_rare(["3", "4", "5"], {"3": 2, "4": 9, "5": 12}, below=5)
    {'3': '3 or 4', '4': '3 or 4', '5': '5'}
    """
    groups = [[level] for level in levels]
    while len(groups) > 1:
        sizes = [sum(counts[level] for level in group) for group in groups]
        rarest = sizes.index(min(sizes))
        if sizes[rarest] >= below:
            break
        beside = [place for place in (rarest - 1, rarest + 1) if 0 <= place < len(groups)]
        other = min(beside, key=lambda place: sizes[place])
        first, second = sorted((rarest, other))
        groups[first : second + 1] = [groups[first] + groups[second]]
        logger.warning("levels %s are merged: too few training cases", " and ".join(groups[first]))
    return {level: " or ".join(group) for group in groups for level in group}
