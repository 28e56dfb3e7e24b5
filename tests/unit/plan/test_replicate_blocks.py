import pytest

from microcalc.config.evaluation_settings import EvaluationSettings
from microcalc.plan import replicate_blocks

OFF = dict.fromkeys(replicate_blocks.DESIGNS, 0)


def settings_of(**changed: int) -> EvaluationSettings:
    return EvaluationSettings.of({**OFF, "replicates_per_job": 10, **changed})


@pytest.mark.parametrize("number", [1, 9, 10, 11, 200])
def test_blocks_hold_every_replicate_once(number: int) -> None:
    settings = settings_of(bootstrap=number)
    dealt = [
        one
        for block in replicate_blocks.numbers(settings, "bootstrap")
        for one in range(*replicate_blocks.of_block(settings, "bootstrap", block))
    ]
    assert dealt == list(range(number))
    assert len(replicate_blocks.numbers(settings, "bootstrap")) == (number + 9) // 10


def test_a_design_that_is_off_has_no_block() -> None:
    settings = settings_of(permutation=3)
    assert list(replicate_blocks.numbers(settings, "bootstrap")) == []
    assert replicate_blocks.is_any(settings)
    assert not replicate_blocks.is_any(settings_of())
