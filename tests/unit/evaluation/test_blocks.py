import pytest

from microcalc.evaluation import blocks

OFF = dict.fromkeys(blocks.DESIGNS, 0)


@pytest.mark.parametrize("replicates", [1, 9, 10, 11, 200])
def test_blocks_hold_every_replicate_once(replicates: int) -> None:
    settings = {**OFF, "bootstrap": replicates, "replicates_per_job": 10}
    dealt = [
        number
        for block in blocks.numbers(settings, "bootstrap")
        for number in range(*blocks.replicates(settings, "bootstrap", block))
    ]
    assert dealt == list(range(replicates))
    assert len(blocks.numbers(settings, "bootstrap")) == (replicates + 9) // 10


def test_a_design_that_is_off_has_no_block() -> None:
    settings = {**OFF, "permutation": 3, "replicates_per_job": 10}
    assert list(blocks.numbers(settings, "bootstrap")) == []
    assert blocks.is_any(settings)
    assert not blocks.is_any({**OFF, "replicates_per_job": 10})
