"""The smallest config of a study, for tests that change a few of its keys."""

from typing import Any

from microcalc.config.study_config import StudyConfig

SMALLEST: dict[str, Any] = {
    "study": "mine",
    "seed": 1,
    "labels": {"negative": "DCIS", "positive": "IDC"},
    "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
    "features": {"weights": "random"},
    "clinical": {},
}


def study_config(**sections: Any) -> StudyConfig:
    """Return the smallest config with these keys in its sections, or with these whole values."""
    changed = {
        name: {**SMALLEST.get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in sections.items()
    }
    return StudyConfig.of({**SMALLEST, **changed})
