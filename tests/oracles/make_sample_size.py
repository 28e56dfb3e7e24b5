"""Write sample_size.json with pmsampsize 0.1.0 and pmvalsampsize 0.2.1.

Both are Python ports by the authors of the R packages. Run in an environment that
has the two and tabulate; they are no dependency of the project.
"""

import json
import math
from pathlib import Path

from pmsampsize.pmsampsize import cstat2rsq, pmsampsize
from pmvalsampsize.pmvalsampsize import pmvalsampsize
from scipy.stats import norm

DEVELOPMENT = [(24, 0.174, 0.288), (10, 0.64, 0.15), (3, 0.36, 0.05), (2056, 0.64, 0.2)]
VALIDATION = [(0.64, 0.75), (0.36, 0.67), (0.1, 0.85)]

development = []
for parameters, prevalence, r2 in DEVELOPMENT:
    found = pmsampsize(
        type="b", csrsquared=r2, parameters=parameters, prevalence=prevalence, noprint=True
    )
    rows = [row for row in found["results_table"] if isinstance(row, list)]
    development.append(
        {
            "parameters": parameters,
            "prevalence": prevalence,
            "r2": r2,
            "n": [int(row[1]) for row in rows if row[0].startswith("Criteria")],
        }
    )
r2_APPROX = [
    {
        "auc": auc,
        "prevalence": prevalence,
        "r2": float(cstat2rsq(auc, prevalence, 123456, True)["R2_coxsnell"]),
    }
    for prevalence, auc in VALIDATION
]
validation = []
for prevalence, auc in VALIDATION:
    # its search for the mean does not end from a poor start: start where the model is calibrated
    mean = math.log(prevalence / (1 - prevalence)) - norm.ppf(auc) ** 2
    found = pmvalsampsize(
        type="b",
        prevalence=prevalence,
        cstatistic=auc,
        lpcstat=float(mean),
        tolerance=0.003,
        noprint=True,
    )
    rows = [row for row in found["results_table"] if isinstance(row, list)]
    validation.append(
        {
            "prevalence": prevalence,
            "auc": auc,
            "n": [int(row[1]) for row in rows if row[0].startswith("Criteria")],
        }
    )
Path(__file__).with_name("sample_size.json").write_text(
    json.dumps(
        {"development": development, "r2_APPROX": r2_APPROX, "validation_APPROX": validation},
        indent=1,
    )
    + "\n",
    encoding="utf-8",
)
