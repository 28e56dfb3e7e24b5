"""Write mrmr_pymrmr.json with pymrmr 0.1.11 (Peng, Long and Ding 2005), run in one OpenMP thread.

`OMP_THREAD_LIMIT=1 python make_mrmr.py`; it takes half an hour, nearly all of it for 2,000 cases.
"""

import json
from pathlib import Path

import pandas as pd
import pymrmr

HERE = Path(__file__).parent
TABLES = {"blocks_200x256": ".csv", "blocks_2000x256": ".csv.gz"}
K = 20

cases = []
for name, suffix in TABLES.items():
    table = pd.read_csv(HERE / "data" / f"mrmr_{name}{suffix}")
    for method in ("MID", "MIQ"):
        chosen = pymrmr.mRMR(table, method, K)
        order = [int(column.removeprefix("f")) for column in chosen]
        case = {"case": name, "method": method, "K": K, "selected_0based": order}
        cases.append({**case, "csv": f"mrmr_{name}.csv", "oracle": "pymrmr"})
note = "pymrmr 0.1.11; MI plug-in, bits; MIQ denominator mean redundancy + 1e-4; no exact ties"
text = json.dumps({"note": note, "cases": cases}, indent=1)
(HERE / "mrmr_pymrmr.json").write_text(text + "\n", encoding="utf-8")
