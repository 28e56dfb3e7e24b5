"""The smallest config of a study, for tests that change a few of its keys."""

from collections.abc import Mapping
from typing import Any

from microcalc.config.study_config import StudyConfig

SMALLEST: dict[str, Any] = {
    "study": "mine",
    "seed": 1,
    "labels": {"negative": "DCIS", "positive": "IDC"},
    "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
    "features": {"deep": {"kind": "network", "weights": "random"}},
    "clinical": {},
}


def study_config(**sections: Any) -> StudyConfig:
    """Return the smallest config with some keys changed; sections are merged at every depth."""
    return StudyConfig.of(_merged(SMALLEST, sections))


def changed(config: StudyConfig, **sections: Any) -> StudyConfig:
    """Return a config with some keys changed; sections are merged at every depth."""
    return StudyConfig.of(_merged(config.plain(), sections))


def _merged(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    inner = {
        key: _merged(plain[key], value)
        if isinstance(value, Mapping) and isinstance(plain.get(key), Mapping)
        else value
        for key, value in changes.items()
    }
    return {**plain, **inner}
