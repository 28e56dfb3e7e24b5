import numpy as np

from microcalc.selection import scaling

X = np.array([[1.0, 0.1, 5.0], [3.0, 0.1, 5.0], [5.0, 0.1, 8.0]])


def test_means_and_deviations_use_the_divisor_n() -> None:
    fitted = scaling.fit(X)
    np.testing.assert_allclose(fitted.mean, [3.0, 0.1, 6.0], rtol=1e-15)
    np.testing.assert_allclose(fitted.sd, [np.sqrt(8 / 3), 0.0, np.sqrt(2)], rtol=1e-15)


def test_a_constant_feature_has_no_deviation_in_spite_of_rounding() -> None:
    constant = np.full((7, 1), 0.1)
    assert constant.std() > 0 or constant.mean() != 0.1  # what a plain formula would give
    fitted = scaling.fit(constant)
    assert not fitted.varies.any()
    assert fitted.apply([[0.1], [9.0]]).tolist() == [[0.0], [0.0]]


def test_new_cases_are_scaled_with_the_training_values() -> None:
    fitted = scaling.fit(X)
    np.testing.assert_allclose(fitted.apply([[3.0, 0.1, 8.0]]), [[0.0, 0.0, np.sqrt(2)]])
