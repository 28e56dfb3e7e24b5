"""Two models on the same cases, several of them from one patient: which test, which interval.

Patients have one to six cases. Whether a model is right depends on the case, on the patient, and
on how the patient suits this model, so that a patient's cases err together. `truth`:

- alike: both models are right in 80 % of cases, and err in clusters equally;
- clumped: the same, but the errors of A alone are clustered, so that a patient's difference is
  not distributed symmetrically about 0;
- by_size: A is better in patients with one case, worse in the others, and overall equal;
- worse: A is right in 60 %.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, ndtri

from microcalc.statistics import paired_proportions

Floats = npt.NDArray[np.float64]

SIZES = np.arange(1, 7)
SHARES = np.array([0.5, 0.2, 0.12, 0.08, 0.06, 0.04])
RIGHT = 0.8
LEVEL = 0.05

CELLS = [
    {"patients": patients, "truth": truth}
    for patients in (10, 25, 80)
    for truth in ("alike", "clumped", "by_size", "worse")
]
REPLICATES = 4000
SAMPLE = 500


def simulate(cell: dict[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return how often each test rejects, and how often and how widely the interval covers.

    `sign_flip` is the study's test, `yang` its normal approximation, `durkalski` divides each
    patient's difference by its number of cases.
    """
    found = [_study(cell["patients"], cell["truth"], rng) for _ in range(replicates)]
    columns = pd.DataFrame(found)
    rejected = {name: (columns[name] < LEVEL).mean() for name in ("sign_flip", "yang", "durkalski")}
    true = -0.2 if cell["truth"] == "worse" else 0.0
    covered = (columns["low"] <= true) & (true <= columns["high"])
    width = columns["high"] - columns["low"]
    return rejected | {
        "coverage": covered.mean(),
        "width": width.mean(),
        "width_0": (width <= 0).mean(),
        "smallest_p": columns["sign_flip"].min(),
    }


def _study(patients: int, truth: str, rng: np.random.Generator) -> dict[str, float]:
    sizes = rng.choice(SIZES, patients, p=SHARES)
    code = np.repeat(np.arange(patients), sizes)
    a, b = (call.astype(int) for call in _calls(code, sizes[code], truth, rng))
    test = paired_proportions.compare_paired(a, b, code)
    sums = np.bincount(code, weights=a - b)
    return {
        "sign_flip": test.p_value,
        "yang": _chi_square_p(sums),
        "durkalski": _chi_square_p(sums / sizes),
        "low": test.low,
        "high": test.high,
    }


def _calls(
    code: npt.NDArray[np.int64], size: npt.NDArray[np.int64], truth: str, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return whether A and B are right on each case: by latent normals that share parts."""
    patients, cases = int(code.max()) + 1, code.size
    common = math.sqrt(0.2) * (rng.normal(size=patients)[code] + rng.normal(size=cases))
    shares = (0.5, 0.0) if truth == "clumped" else (0.25, 0.25)
    latent = [
        common
        + math.sqrt(share) * rng.normal(size=patients)[code]
        + math.sqrt(0.6 - share) * rng.normal(size=cases)
        for share in shares
    ]
    right = np.full(cases, RIGHT)
    if truth == "worse":
        right -= 0.2
    elif truth == "by_size":
        single = SHARES[0] / (SIZES * SHARES).sum()
        right = np.where(size == 1, RIGHT + 0.1, RIGHT - 0.1 * single / (1 - single))
    return latent[0] < ndtri(right), latent[1] < ndtri(RIGHT)


def _chi_square_p(sums: Floats) -> float:
    squares = float((sums**2).sum())
    return float(chdtrc(1, sums.sum() ** 2 / squares)) if squares else 1.0


def faults(rows: pd.DataFrame) -> list[str]:
    """Return where the study's test or interval breaks its promise, or another would keep it."""
    error = 3 * np.sqrt(LEVEL * (1 - LEVEL) / rows["replicates"])
    null = rows["truth"] != "worse"
    found = [
        *(f"{_of(row)}: the sign-flip test rejects {row.sign_flip:.3f}"
          for row in rows[null & (rows["sign_flip"] > LEVEL + error)].itertuples()),
        *(f"{_of(row)}: the interval covers {row.coverage:.3f}"
          for row in rows[rows["coverage"] < 0.93 - error].itertuples()),
        *(f"{_of(row)}: intervals of width 0" for row in rows[rows["width_0"] > 0].itertuples()),
        *(f"{_of(row)}: a p of 0" for row in rows[rows["smallest_p"] <= 0].itertuples()),
    ]  # fmt: skip
    many = rows[rows["patients"] == 80].set_index("truth")
    if many.loc["worse", "sign_flip"] < many.loc["worse", "yang"] - 0.03:
        found.append("80 patients: the sign-flip test costs power")
    if many.loc["by_size", "durkalski"] < LEVEL + 0.02:
        found.append("80 patients, by_size: Durkalski's test would do as well")
    return found


def _of(row: Any) -> str:
    return f"{row.patients} patients, {row.truth}"
