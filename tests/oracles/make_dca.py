"""Write dca_dcurves.json with dcurves 1.1.7 (Vickers and Elkin 2006; Sjoberg, dcurves).

Run in an environment that has it; it is no dependency of the project.
"""

import json
from pathlib import Path

import pandas as pd
from dcurves import dca

HERE = Path(__file__).parent
THRESHOLDS = [0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
KEPT = ["model", "threshold", "test_pos_rate", "tp_rate", "fp_rate", "net_benefit"]

table = pd.read_csv(HERE / "data" / "risk_400.csv")
models = ["p_old", "p_new", "p_tied"]
found = dca(data=table, outcome="y", modelnames=models, thresholds=THRESHOLDS)
found = found.rename(columns={"pos_rate": "test_pos_rate"})[KEPT]
order = {name: i for i, name in enumerate([*models, "all", "none"])}
found = found.sort_values(["model", "threshold"], key=lambda c: c.map(order).fillna(c))
text = json.dumps({"risk_400": found.to_dict("records")}, indent=1)
(HERE / "dca_dcurves.json").write_text(text + "\n", encoding="utf-8")
