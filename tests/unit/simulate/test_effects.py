from pathlib import Path

import numpy as np
import pytest

from microcalc.simulate import effects

DOCUMENT = Path(__file__).parents[3] / "docs" / "simulation.md"


def big(effect, *, positive, n=40_000):
    return effect.draw(np.full(n, positive), np.random.default_rng(1))


@pytest.mark.parametrize("effect", effects.CATEGORICAL, ids=lambda effect: effect.trait)
def test_drawn_levels_have_the_odds_ratios_of_the_table(effect):
    odds = {}
    for positive in (False, True):
        drawn = big(effect, positive=positive)
        counts = np.array([(drawn == level).sum() for level in effect.levels])
        odds[positive] = counts / counts[0]
    np.testing.assert_allclose(odds[True] / odds[False], effect.odds_ratios, rtol=0.12)


@pytest.mark.parametrize("effect", effects.CATEGORICAL, ids=lambda effect: effect.trait)
def test_shares_add_up_and_the_first_level_is_the_reference(effect):
    assert effect.odds_ratios[0] == 1
    for positive in (False, True):
        assert effect.shares(positive=positive).sum() == pytest.approx(1)
    assert sum(effect.negative_shares) == pytest.approx(1)


@pytest.mark.parametrize("effect", effects.CONTINUOUS, ids=lambda effect: effect.trait)
def test_classes_differ_by_the_log_odds_ratio_in_standard_deviations(effect):
    scale = np.log if effect.log else np.asarray
    negative = scale(big(effect, positive=False))
    positive = scale(big(effect, positive=True))
    # Medians, because values are held within limits at both ends.
    shift = (np.median(positive) - np.median(negative)) / effect.sd
    assert shift == pytest.approx(np.log(effect.odds_ratio_per_sd), abs=0.03)
    assert np.median(negative) == pytest.approx(scale(effect.median), abs=0.03 * effect.sd)


def test_document_prints_the_table_of_the_code():
    rows = effects.table()
    header = list(rows[0])
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    assert "\n".join(lines) in DOCUMENT.read_text(encoding="utf-8")
