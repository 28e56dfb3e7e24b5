"""How often label noise looks significant: the demo's clinical table under 500 shuffled labels.

Prints the table of docs/inference.md. Run from the repository's root, with the package on the
path: python benchmarks/type_one_error.py
"""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from microcalc import seeds
from microcalc.models.clinical import candidates, screen
from microcalc.settings import complete, read_schema

ROOT = Path(__file__).parents[1]
STUDIES = 500
LEVEL = 0.05
WAYS = {
    "likelihood ratio": {},
    "Wald": {"test": "wald"},
    "fixed": {"method": "fixed"},
    "backward": {"method": "backward_aic"},
}


def main() -> None:
    """Simulate, count, print."""
    schema = read_schema(ROOT / "workflow" / "schemas" / "config.yaml")
    config = complete(yaml.safe_load((ROOT / "config.yaml").read_text()), schema)
    table = pd.read_csv(ROOT / config["cohort"]["cases"], dtype=str)
    table = table[table["center"].isin(config["cohort"]["development_centers"])].iloc[:138]
    outcome = (table["label"] == config["labels"]["positive"]).to_numpy(dtype=int)
    clinical = candidates(config["clinical"])
    p_values: dict[tuple[str, str], list[float]] = {}
    any_kept = dict.fromkeys(WAYS, 0)
    for study in range(STUDIES):
        y = seeds.stream(config["seed"], "type one error", study).permutation(outcome)
        for way, changes in WAYS.items():
            settings = config["screening"] | {"variables": list(clinical)} | changes
            found = screen(table.assign(y=y), clinical=clinical, settings=settings)
            for kind in ("univariable", "multivariable"):
                rows = getattr(found, kind).drop_duplicates("variable")
                p_values.setdefault((way, kind), []).extend(rows["p_variable"])
            below = found.multivariable["p_variable"] < LEVEL
            any_kept[way] += bool(below.any())
    print(
        f"{len(table)} cases ({outcome.sum()} positive), {len(clinical)} variables, {STUDIES} runs"
    )
    for (way, kind), found_p in p_values.items():
        p = np.array(found_p)
        share, error = (
            (p < LEVEL).mean(),
            np.sqrt((p < LEVEL).mean() * (p >= LEVEL).mean() / len(p)),
        )
        print(f"| {way} | {kind} | {len(p)} | {100 * share:.1f} % (SE {100 * error:.1f}) |")
    for way, count in any_kept.items():
        print(f"| {way} | a variable with p < {LEVEL} in the last model | {count / STUDIES:.1%} |")


if __name__ == "__main__":
    main()
