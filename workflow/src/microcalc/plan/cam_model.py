"""The model that class activation maps (CAM) explain: the score that a map adds up to.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from microcalc.config.network_settings import NetworkSettings
from microcalc.config.study_config import StudyConfig

NEEDED = {"layers": ("penultimate",), "pool_views": "mean", "harmonize": "none"}
"""Only of such features is a map of the image a map of the score.

Nor is there one of a network without positions: tokens were pooled, or an ONNX file shows none.
"""


def name(config: StudyConfig) -> str | None:
    """Return the model that is one network's score alone; None where no map adds up to any.

    Of several it is that of the score that stands first among `scores`.
    """
    alone = {spec.scores[0]: name for name, spec in config.models.items() if spec.is_score_alone}
    mapped = [score for score in config.scores if _network(config, score) and score in alone]
    return alone[mapped[0]] if mapped else None


def set_of(config: StudyConfig) -> str | None:
    """Return the set of features behind that model; None where there is none."""
    model = name(config)
    return config.scores[config.models[model].scores[0]].features[0] if model else None


def _network(config: StudyConfig, score: str) -> NetworkSettings | None:
    row = config.scores[score]
    network = config.features[row.features[0]] if len(row.features) == 1 else None
    if not isinstance(network, NetworkSettings) or not network.has_positions:
        return None
    return network if {key: getattr(network, key) for key in NEEDED} == NEEDED else None
