"""How often label noise looks significant: the demo's clinical table under 500 shuffled labels.

Prints the table of docs/inference.md. Run from the repository's root, with the package on the
path: python benchmarks/type_one_error.py
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from microcalc.config.settings import complete
from microcalc.core import seeds
from microcalc.models import regression
from microcalc.models.clinical import candidates

ROOT = Path(__file__).parents[1]
STUDIES = 500
CASES = 138
LEVEL = 0.05
CONFIG = complete(yaml.safe_load((ROOT / "config.yaml").read_text()))
CLINICAL = candidates(CONFIG.clinical)


def p_values(table: pd.DataFrame, variables: Iterable[str], test: str) -> dict[str, float]:
    """Return the p value of each variable in one regression on all of them."""
    fitted = regression.fit(
        [table], list(variables), CLINICAL, CONFIG.screening, confidence=regression.UNSHOWN
    )
    return {name: fitted.test(name, test).p for name in variables}


def study(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the p values of one study, by where in the analysis they stand."""
    found = {}
    for test in ("likelihood_ratio", "wald"):
        alone = {name: p_values(table, [name], test)[name] for name in CLINICAL}
        found[f"alone ({test})"] = alone
        passed = [name for name, p in alone.items() if p < LEVEL]
        found[f"together, after screening ({test})"] = p_values(table, passed, test)
        found[f"fixed list of all ({test})"] = p_values(table, CLINICAL, test)
    kept = regression.backward([table], list(CLINICAL), CLINICAL, CONFIG.screening)
    found["together, after backward AIC (likelihood_ratio)"] = p_values(
        table, kept, "likelihood_ratio"
    )
    return found


def main() -> None:
    """Simulate, count, print."""
    table = pd.read_csv(ROOT / CONFIG.cohort.cases, dtype=str)
    table = table[table["center"].isin(CONFIG.cohort.development_centers)].iloc[:CASES]
    outcome = (table["label"] == CONFIG.labels.positive).to_numpy(dtype=int)
    runs = []
    for run in range(STUDIES):
        y = seeds.stream(CONFIG.seed, "type one error", run).permutation(outcome)
        runs.append(study(table.assign(y=y)))
    print(f"{len(table)} cases ({outcome.sum()} positive), {len(CLINICAL)} variables")
    for place in runs[0]:
        p = np.concatenate([list(run[place].values()) for run in runs])
        share = (p < LEVEL).mean()
        error = np.sqrt(share * (1 - share) / len(p))
        any_below = np.mean([min(run[place].values(), default=1.0) < LEVEL for run in runs])
        print(
            f"| {place} | {len(p)} | {share:.1%} (SE {error:.1%}) | {any_below:.1%} |", flush=True
        )


if __name__ == "__main__":
    main()
