import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcalc.models.threshold import youden


def test_by_hand() -> None:
    y = [0, 0, 1, 0, 1, 1]
    p = [0.1, 0.2, 0.4, 0.6, 0.7, 0.9]
    found = youden(y, p)
    assert found.value == pytest.approx(
        (0.6 + 0.7) / 2
    )  # J = 2/3 here and at 0.3: specificity wins
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.specificity == 1.0


def test_lies_between_observed_probabilities() -> None:
    found = youden([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert found.value == pytest.approx(0.5)


def test_rounding_moves_nobody() -> None:
    y = np.array([0, 1, 0, 1, 1, 0])
    p = np.array([0.3, 0.3, 0.3, 0.7, 0.7, 0.1])
    noisy = p + np.array([1, -1, 2, -2, 1, 0]) * 1e-16
    assert youden(y, noisy).value == pytest.approx(youden(y, p).value, abs=1e-12)
    for scores in (p, noisy):
        assert ((scores >= youden(y, p).value) == [False, False, False, True, True, False]).all()


def test_a_useless_score_calls_nobody_positive() -> None:
    found = youden([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5])
    assert found.value == 0.75
    assert (found.sensitivity, found.specificity) == (0.0, 1.0)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        youden([1, 1], [0.1, 0.2])


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=40))
def test_nothing_beats_it(cases: list[tuple[bool, int]]) -> None:
    y = np.array([int(label) for label, _ in cases])
    p = np.array([score / 12 for _, score in cases])
    if len(set(y)) < 2:
        return

    def at(t: float) -> tuple[float, float]:
        return float((p[y == 1] >= t).mean()), float((p[y == 0] < t).mean())

    found = youden(y, p)
    assert at(found.value) == pytest.approx((found.sensitivity, found.specificity))
    for t in np.linspace(-0.01, 1.01, 103):
        sensitivity, specificity = at(t)
        gain = sensitivity + specificity - found.sensitivity - found.specificity
        assert gain < 1e-12
        if gain > -1e-12:
            assert specificity <= found.specificity + 1e-12
