"""Run the simulations beside this file and write their tables into tables/.

A simulation is a module with

- `CELLS`: what is simulated, one dict of plain values per row of its table;
- `REPLICATES`: how many studies each cell of the committed table stands on, and `SAMPLE`: how
  many `make test-slow` simulates again;
- `simulate(cell, replicates, rng)`: the columns of the cell's row, a dict of plain values;
- `faults(rows)`: what the rows show that should not be, one sentence each, allowing for the Monte
  Carlo error of as many replicates as the rows themselves name.

A cell draws from a stream of its own, by its values: the tables are the same for any number of
processes. `python simulations/run.py profile_intervals` runs this one alone.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from microcalc.core.files import write_text
from microcalc.core.seeds import stream

HERE = Path(__file__).parent
TABLES = HERE / "tables"
SEED = 21


def names() -> list[str]:
    """Return the simulations beside this file, in alphabetical order."""
    return sorted(
        path.stem
        for path in HERE.glob("*.py")
        if "\nCELLS" in path.read_text(encoding="utf-8") and path.name != Path(__file__).name
    )


def load(name: str) -> ModuleType:
    """Return a simulation's module; a sibling that it imports is found beside it."""
    spec = importlib.util.spec_from_file_location(f"simulation_{name}", HERE / f"{name}.py")
    if spec is None or spec.loader is None or name not in names():
        raise SystemExit(f"no such simulation: {name}; there are {', '.join(names())}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(name: str, cell: Mapping[str, Any], replicates: int, seed: int = SEED) -> dict[str, Any]:
    """Return one row: the cell, the number of replicates, and what they showed."""
    rng = stream(seed, "simulations", name, *(f"{key}={value}" for key, value in cell.items()))
    return {**cell, "replicates": replicates, **load(name).simulate(cell, replicates, rng)}


def rows(
    name: str, replicates: int, cells: Sequence[Mapping[str, Any]] | None = None, processes: int = 1
) -> pd.DataFrame:
    """Return a simulation's table, its cells simulated side by side."""
    cells = load(name).CELLS if cells is None else cells
    if processes == 1:
        return pd.DataFrame([row(name, cell, replicates) for cell in cells])
    with ProcessPoolExecutor(processes) as pool:
        found = pool.map(row, [name] * len(cells), cells, [replicates] * len(cells))
        return pd.DataFrame(list(found))


def committed(name: str) -> pd.DataFrame:
    """Return a simulation's table as it was last written."""
    return pd.read_csv(TABLES / f"{name}.csv", comment="#")


def write(name: str, table: pd.DataFrame) -> None:
    """Write a simulation's table, headed by the seed, the commit and the day it was made."""
    head = f"# seed {SEED}, commit {_commit()}, {datetime.now(UTC):%Y-%m-%d}\n"
    text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_text(head + text, TABLES / f"{name}.csv")


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=HERE, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ".", "../workflow/src", ":!tables")
    return git("rev-parse", "--short", "HEAD") + (" and uncommitted changes" if changed else "")


def main(chosen: Iterable[str]) -> int:
    """Run the simulations; return how many faults they show."""
    count = 0
    for name in chosen or names():
        module = load(name)
        table = rows(name, module.REPLICATES, processes=len(os.sched_getaffinity(0)))
        write(name, table)
        faults = module.faults(table)
        count += len(faults)
        print(f"{name}: {len(table)} cells of {module.REPLICATES}, {len(faults)} faults")
        for fault in faults:
            print(f"  - {fault}")
    return count


if __name__ == "__main__":
    # One thread a process: the processes are as many as the cores.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    sys.exit(min(main(sys.argv[1:]), 1))
