import pytest

from microcalc.plan import replicates

OFF = dict.fromkeys(replicates.DESIGNS, 0)


@pytest.mark.parametrize("number", [1, 9, 10, 11, 200])
def test_blocks_hold_every_replicate_once(number: int) -> None:
    settings = {**OFF, "bootstrap": number, "replicates_per_job": 10}
    dealt = [
        one
        for block in replicates.numbers(settings, "bootstrap")
        for one in range(*replicates.of_block(settings, "bootstrap", block))
    ]
    assert dealt == list(range(number))
    assert len(replicates.numbers(settings, "bootstrap")) == (number + 9) // 10


def test_a_design_that_is_off_has_no_block() -> None:
    settings = {**OFF, "permutation": 3, "replicates_per_job": 10}
    assert list(replicates.numbers(settings, "bootstrap")) == []
    assert replicates.is_any(settings)
    assert not replicates.is_any({**OFF, "replicates_per_job": 10})
