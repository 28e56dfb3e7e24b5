"""How long Snakemake plans a study (`snakemake -n`), by cases and by shards."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cohorts
import timing

ROOT = Path(__file__).parents[1]
SIZES = ((300, 30), (3_000, 30), (30_000, 30), (300_000, 30), (300_000, 300))
"""Cases and shards."""
GOAL_S = 15
FEWEST_TURNS, LARGE = 3, 100_000


def rows() -> Iterator[dict[str, str]]:
    """Yield the seconds of a plan at each size, and how they grew from the smallest."""
    least = 0.0
    for cases, shards in SIZES:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            cohorts.write_tables(folder, cases, shards=shards)
            cohorts.write_files(folder)
            turns = 1 if cases >= LARGE else FEWEST_TURNS
            plans = sorted((plan(folder) for _ in range(turns)), key=lambda went: went.seconds)
        middle = plans[len(plans) // 2]
        least = least or middle.seconds
        is_largest = cases == max(SIZES)[0]
        yield {
            "what": f"planning {cases:,} cases, {shards} shards",
            "against": f"{SIZES[0][0]} cases, {SIZES[0][1]} shards",
            "goal": f"at most {GOAL_S} s" if is_largest else "",
            "met": timing.verdict(middle.seconds <= GOAL_S) if is_largest else "",
            "ratio": f"{middle.seconds / least:.1f} times the time",
            "absolute": f"{middle.seconds:.1f} s, {middle.peak_gib:.2f} GiB",
        }


def plan(folder: Path) -> timing.Watched:
    """Plan the study in `folder`."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    asked = ["--directory", ".", "--configfile", "config.yaml", "--dry-run", "--quiet", "all"]
    return timing.watch([*snakemake, *asked], cwd=folder)


if __name__ == "__main__":
    for row in rows():
        print("; ".join(row.values()), flush=True)
