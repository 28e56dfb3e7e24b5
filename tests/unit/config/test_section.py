"""What every section of a config can do."""

import pytest

from microcalc.config.evaluation_settings import EvaluationSettings


def test_a_part_has_what_it_was_given_and_no_default() -> None:
    whole = EvaluationSettings.of({"confidence": 0.9, "subgroups": {"min_per_class": 5}})
    part = EvaluationSettings.of_part(whole.part("confidence", "subgroups"))
    assert (part.confidence, part.subgroups) == (0.9, whole.subgroups)
    with pytest.raises(AttributeError, match="resamples"):
        _ = part.resamples


def test_a_part_is_checked_as_the_whole_is() -> None:
    with pytest.raises(ValueError, match="confidence"):
        EvaluationSettings.of_part({"confidence": 5.0})
