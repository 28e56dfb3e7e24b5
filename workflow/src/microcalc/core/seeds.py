"""One seed in the config, one independent random stream per consumer."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for the stream called `names`.

    The stream depends on its own name alone, so adding a consumer shifts no other's numbers.

    Parameters
    ----------
    seed
        The study's one seed.
    names
        What the stream is called, from the general to the particular.

    Returns
    -------
    int
        The first 63 bits of the SHA-256 of seed and names.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> seeds.derive(2025, "bootstrap", 0) == seeds.derive(2025, "bootstrap", 1)
    False
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *names: str | int) -> "np.random.Generator":
    """Return numpy's generator for the stream called `names` (`numpy.random.SeedSequence`).

    Parameters
    ----------
    seed, names
        See `derive`.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> first, again = (seeds.stream(2025, "bootstrap", 0).random() for _ in range(2))
    >>> float(first) == float(again)
    True
    """
    import numpy as np

    return np.random.default_rng(np.random.SeedSequence(derive(seed, *names)))
