import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcalc.core.errors import StudyError
from microcalc.models.threshold import choose


def test_by_hand() -> None:
    y = [0, 0, 1, 0, 1, 1]
    p = [0.1, 0.2, 0.4, 0.6, 0.7, 0.9]
    found = choose(y, p, rule="youden")
    assert found.value == pytest.approx(
        (0.6 + 0.7) / 2
    )  # J = 2/3 here and at 0.3: specificity wins
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.specificity == 1.0


def test_lies_between_observed_probabilities() -> None:
    found = choose([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], rule="youden")
    assert found.value == pytest.approx(0.5)


def test_rounding_moves_nobody() -> None:
    y = np.array([0, 1, 0, 1, 1, 0])
    p = np.array([0.3, 0.3, 0.3, 0.7, 0.7, 0.1])
    noisy = p + np.array([1, -1, 2, -2, 1, 0]) * 1e-16
    assert choose(y, noisy, rule="youden").value == pytest.approx(
        choose(y, p, rule="youden").value, abs=1e-12
    )
    for scores in (p, noisy):
        assert (
            (scores >= choose(y, p, rule="youden").value)
            == [False, False, False, True, True, False]
        ).all()


def test_a_useless_score_calls_nobody_positive() -> None:
    found = choose([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], rule="youden")
    assert found.value == 0.75
    assert (found.sensitivity, found.specificity) == (0.0, 1.0)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        choose([1, 1], [0.1, 0.2], rule="youden")


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=40))
def test_nothing_beats_it(cases: list[tuple[bool, int]]) -> None:
    y = np.array([int(label) for label, _ in cases])
    p = np.array([score / 12 for _, score in cases])
    if len(set(y)) < 2:
        return

    def at(t: float) -> tuple[float, float]:
        return float((p[y == 1] >= t).mean()), float((p[y == 0] < t).mean())

    found = choose(y, p, rule="youden")
    assert at(found.value) == pytest.approx((found.sensitivity, found.specificity))
    for t in np.linspace(-0.01, 1.01, 103):
        sensitivity, specificity = at(t)
        gain = sensitivity + specificity - found.sensitivity - found.specificity
        assert gain < 1e-12
        if gain > -1e-12:
            assert specificity <= found.specificity + 1e-12


Y = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
P = [0.1, 0.2, 0.3, 0.8, 0.25, 0.4, 0.5, 0.6, 0.7, 0.9]


def test_a_required_sensitivity_is_reached_at_the_best_specificity() -> None:
    found = choose(Y, P, rule="sensitivity", at_least=0.8)
    assert found.value == pytest.approx(0.35)  # five of six positives, three of four negatives
    assert (found.sensitivity, found.specificity) == (pytest.approx(5 / 6), 0.75)
    everyone = choose(Y, P, rule="sensitivity", at_least=0.99)
    assert (everyone.value, everyone.sensitivity) == (pytest.approx(0.225), 1.0)


def test_a_required_specificity_is_reached_at_the_best_sensitivity() -> None:
    found = choose(Y, P, rule="specificity", at_least=0.75)
    assert found.value == pytest.approx(0.35)
    strict = choose(Y, P, rule="specificity", at_least=0.76)
    assert strict.value == pytest.approx(0.85)
    assert (strict.sensitivity, strict.specificity) == (pytest.approx(1 / 6), 1.0)


def test_exactly_the_required_share_is_enough() -> None:
    y, p = [1] * 10 + [0] * 10, [*np.linspace(0.5, 0.95, 10), *np.linspace(0.05, 0.45, 10)]
    assert choose(y, p, rule="sensitivity", at_least=0.9).sensitivity == pytest.approx(0.9)
    assert choose(y[::-1], p, rule="specificity", at_least=0.3).specificity >= 0.3


def test_a_requirement_has_to_say_how_much() -> None:
    with pytest.raises(StudyError, match=r"threshold\.at_least has to say"):
        choose(Y, P, rule="sensitivity")
