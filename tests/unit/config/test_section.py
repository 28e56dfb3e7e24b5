"""What every section of a config can do."""

import pytest

from microcalc.config.evaluation_settings import (
    DiscriminationSettings,
    EvaluationSettings,
    ProbabilitySettings,
)


@pytest.mark.parametrize("part", [DiscriminationSettings, ProbabilitySettings])
def test_what_a_rule_is_given_is_what_the_whole_says(part: type[DiscriminationSettings]) -> None:
    whole = EvaluationSettings.of(
        {"confidence": 0.9, "resamples": 50, "prevalence": 0.2, "recalibrate": True}
    )
    given = whole.part(*part.model_fields)
    assert {"confidence", "resamples"} <= given.keys() < EvaluationSettings.model_fields.keys()
    assert part.of(given).plain() == given
    with pytest.raises(AttributeError):
        _ = part.of(given).leakage  # type: ignore[attr-defined]


def test_a_section_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        EvaluationSettings().confidence = 0.9
