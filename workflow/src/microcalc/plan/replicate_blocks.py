"""Blocks of replicates: which of a design's replicates each job makes, numbered from 0.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from microcalc.config.evaluation_settings import EvaluationSettings

DESIGNS = ("bootstrap", "split_lottery", "permutation")


def numbers(settings: EvaluationSettings, design: str) -> range:
    """Return the numbers of a design's blocks; none where it is off.

    Parameters
    ----------
    settings
        The config's `evaluation`.
    design
        One of `DESIGNS`.

    Examples
    --------
    >>> from microcalc.config.evaluation_settings import EvaluationSettings
    >>> from microcalc.plan import replicate_blocks
    >>> settings = EvaluationSettings(bootstrap=250, replicates_per_job=100)
    >>> list(replicate_blocks.numbers(settings, "bootstrap"))
    [0, 1, 2]
    >>> replicate_blocks.of_block(settings, "bootstrap", 2)
    [200, 250]
    """
    return range(-(-getattr(settings, design) // settings.replicates_per_job))


def of_block(settings: EvaluationSettings, design: str, block: int) -> list[int]:
    """Return the numbers of the replicates in a block: [first, last).

    Parameters
    ----------
    settings
        The config's `evaluation`.
    design
        One of `DESIGNS`.
    block
        Its number, from `numbers`.
    """
    size = settings.replicates_per_job
    first = block * size
    return [first, min(first + size, getattr(settings, design))]


def is_any(settings: EvaluationSettings) -> bool:
    """Return whether any design is on."""
    return any(getattr(settings, design) for design in DESIGNS)
