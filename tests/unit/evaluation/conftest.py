import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

ORACLES = Path(__file__).parents[2] / "oracles"


@pytest.fixture(scope="session")
def oracle():
    """Return reference values by name: `oracle("table1")`, `oracle.data("risk_400")`."""

    class Oracle(SimpleNamespace):
        def __call__(self, name):
            return json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))

        def data(self, name):
            return pd.read_csv(ORACLES / "data" / f"{name}.csv")

    return Oracle()


@pytest.fixture
def predictions():
    """Return two models' predictions of 40 training, 24 internal and 30 external cases."""
    rng = np.random.default_rng(7)
    parts = []
    for split, n in (("train", 40), ("internal", 24), ("external", 30)):
        y = (np.arange(n) % 3 > 0).astype(int)
        for kind in ("apparent", "out_of_fold") if split == "train" else ("held_out",):
            for model, effect in (("clinical", 0.6), ("deep", 1.4)):
                logit = effect * y + rng.normal(size=n) - effect / 2
                parts.append(
                    pd.DataFrame(
                        {
                            "case_id": [f"{split}{i:03d}" for i in range(n)],
                            "patient_id": [f"p-{split}{i:03d}" for i in range(n)],
                            "center": "B" if split == "external" else "A",
                            "split": split,
                            "y": y,
                            "model": model,
                            "kind": kind,
                            "probability": 1 / (1 + np.exp(-logit)),
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)
