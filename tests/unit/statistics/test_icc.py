import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from microcalc.statistics import icc

ORACLES = Path(__file__).parents[2] / "oracles"
REFERENCE = json.loads((ORACLES / "icc.json").read_text())
TABLE = pd.read_csv(ORACLES / "data" / "icc_shrout_fleiss.csv").to_numpy()


@pytest.mark.parametrize("kind", ["ICC1_1", "ICC2_1", "ICC3_1", "ICC1_k", "ICC2_k", "ICC3_k"])
def test_shrout_and_fleiss(kind: icc.Kind) -> None:
    found = icc.icc(TABLE, kind=kind)
    expected = REFERENCE["shrout_fleiss"]["icc"][kind]
    np.testing.assert_allclose(found.icc, expected["icc"], rtol=1e-12)
    np.testing.assert_allclose(found.low, expected["lower95"], rtol=1e-9)
    np.testing.assert_allclose(found.high, expected["upper95"], rtol=1e-9)


def test_many_features_at_once() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 1, 5)) + 0.3 * rng.normal(size=(20, 3, 5))
    together = icc.icc(values)
    for j in range(5):
        np.testing.assert_allclose(together.icc[j], icc.icc(values[:, :, j]).icc, rtol=1e-12)


def test_perfect_agreement() -> None:
    twice = np.repeat(np.arange(6.0)[:, None], 2, axis=1)
    for values in (twice, np.ones((6, 2))):
        assert icc.icc(values).icc.tolist() == [1.0]


def test_one_measurement_is_refused() -> None:
    with pytest.raises(ValueError, match="measured 1 times"):
        icc.icc(np.ones((5, 1)))
