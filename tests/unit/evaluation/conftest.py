import numpy as np
import pandas as pd
import pytest


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
