"""Frozen values of ComBat from its authors' Python port, neuroCombat 0.2.12.

Run once, with neuroCombat installed beside the project (it is no dependency):
    python tests/oracles/make_combat.py > tests/oracles/combat.json
"""

import contextlib
import json
import sys

import numpy as np
import pandas as pd
from neuroCombat import neuroCombat
from neuroCombat.neuroCombat import it_sol

vars(np)["int"] = int  # it was written for an older numpy
# Its iterations stop at a relative change of 1e-4; the fixed point itself is wanted. (The change
# is signed, so all shifts are positive here.)
it_sol.__defaults__ = (1e-12,)

random = np.random.default_rng(20)
n, m, k, p = 15, 9, 6, 8
reference = random.normal(random.normal(0, 2, p), random.uniform(0.5, 2, p), (n, p))
shifts, scales = random.uniform(0.3, 2, (2, p)), random.uniform(0.6, 1.8, (2, p))
batches = [
    reference.mean(0) + reference.std(0) * (shifts[i] + scales[i] * random.normal(size=(size, p)))
    for i, size in enumerate((m, k))
]
values = np.vstack([reference, *batches])
covars = pd.DataFrame({"batch": ["ref"] * n + ["one"] * m + ["two"] * k})
with contextlib.redirect_stdout(sys.stderr):
    done = neuroCombat(values.T, covars, "batch", ref_batch="ref")["data"].T
print(  # noqa: T201 - run by hand
    json.dumps(
        {
            "reference": values[:n].tolist(),
            "batches": [values[n : n + m].tolist(), values[n + m :].tolist()],
            "reference_after": done[:n].tolist(),
            "batches_after": [done[n : n + m].tolist(), done[n + m :].tolist()],
        }
    )
)
