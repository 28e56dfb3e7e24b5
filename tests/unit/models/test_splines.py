import numpy as np
import pytest
from patsy import dmatrix

from microcalc.models import logistic, splines

RNG = np.random.default_rng(3)
AGE = RNG.normal(55, 10, 300)
Y = (RNG.random(300) < 1 / (1 + np.exp(-(((AGE - 55) / 12) ** 2 - 1)))).astype(int)


@pytest.mark.parametrize("number", [3, 4, 5])
def test_the_fit_is_that_of_another_natural_spline_basis(number: int) -> None:
    at = splines.knots(AGE, number, name="age")
    own = np.column_stack([AGE, splines.bends(AGE, at)])
    # patsy's natural cubic regression spline is another basis of the same functions, but only
    # between the outer knots: beyond them it cannot be compared.
    inside = (at[0] <= AGE) & (at[-1] >= AGE)
    theirs = np.asarray(
        dmatrix(
            f"cr(x, knots={list(at[1:-1])}, lower_bound={at[0]}, upper_bound={at[-1]}) - 1",
            {"x": AGE[inside]},
        )
    )[:, 1:]
    a, b = (
        logistic.fit(X, Y[inside], names=[str(j) for j in range(X.shape[1])])
        for X in (own[inside], theirs)
    )
    np.testing.assert_allclose(
        a.linear_predictor(own[inside]), b.linear_predictor(theirs), atol=1e-6
    )


def test_straight_beyond_the_outer_knots() -> None:
    at = splines.knots(AGE, 4, name="age")
    far = np.array([at[-1] + step for step in (1.0, 2.0, 3.0, 40.0)])
    bends = splines.bends(far, at)
    slope = np.diff(bends[:3], axis=0)
    np.testing.assert_allclose(slope[0], slope[1], rtol=1e-9)
    np.testing.assert_allclose(bends[3], bends[0] + 39 * slope[0], rtol=1e-8)
    assert not splines.bends([at[0], at[0] - 10], at).any()


def test_harrells_quantiles() -> None:
    found = splines.knots(np.arange(101.0), 5, name="x")
    np.testing.assert_allclose(found, (5, 27.5, 50, 72.5, 95))


def test_ties_leave_a_straight_line(caplog: pytest.LogCaptureFixture) -> None:
    assert splines.knots(np.repeat([0.0, 1.0], [35, 5]), 3, name="parity") == ()
    assert "parity" in caplog.text
