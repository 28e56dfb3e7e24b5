"""Which deep score a map of the image adds up to.

Every job on a cluster reads this again, so it imports the standard library alone.
"""

from collections.abc import Mapping
from typing import Any

from microcalc.networks import OWN_NETWORK

NEEDED = {"layers": ["penultimate"], "pool_views": "mean", "harmonize": "none"}
"""Only of such features is a map of the image a map of the deep score."""


def model(config: Mapping[str, Any]) -> str | None:
    """Return the first model that is the deep score alone; None where no map adds up to it."""
    names = [
        name
        for name, spec in config["models"].items()
        if (spec["clinical"], spec["deep"], spec["network"]) == ("none", "score", OWN_NETWORK)
    ]
    chosen = {key: config["features"][key] for key in NEEDED}
    return names[0] if names and chosen == NEEDED else None
