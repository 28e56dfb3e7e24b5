"""The names of the networks that are trained; every job on a cluster reads this again."""

WHOLE = "whole"
"""The network that leaves no fold out, whose features the classical route selects from."""


def members(n_folds: int) -> tuple[str, ...]:
    """Return the names of the networks that leave a fold out: fold-0, fold-1, ..."""
    return tuple(f"fold-{k}" for k in range(n_folds))


def left_out(member: str) -> int:
    """Return the fold that a network never sees; -1, which is none, for `WHOLE`."""
    return -1 if member == WHOLE else int(member.removeprefix("fold-"))
