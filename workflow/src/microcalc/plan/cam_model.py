"""The model that class activation maps (CAM) explain: the deep score that a map adds up to.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from microcalc.config.networks import OWN_NETWORK
from microcalc.config.study_config import StudyConfig

NEEDED = {"layers": ("penultimate",), "pool_views": "mean", "harmonize": "none"}
"""Only of such features is a map of the image a map of the deep score."""


def name(config: StudyConfig) -> str | None:
    """Return the first model that is the deep score alone; None where no map adds up to it."""
    names = [
        name
        for name, spec in config.models.items()
        if (spec.clinical, spec.deep, spec.network) == ("none", "score", OWN_NETWORK)
    ]
    chosen = {key: getattr(config.features, key) for key in NEEDED}
    return names[0] if names and chosen == NEEDED else None
