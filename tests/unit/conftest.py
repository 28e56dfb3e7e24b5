import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

ORACLES = Path(__file__).parents[1] / "oracles"


@pytest.fixture(scope="session")
def oracle():
    """Return reference values by name: `oracle("table1")`, `oracle.data("risk_400")`."""

    class Oracle(SimpleNamespace):
        def __call__(self, name):
            return json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))

        def data(self, name):
            return pd.read_csv(ORACLES / "data" / f"{name}.csv")

    return Oracle()
