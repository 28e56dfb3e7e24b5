"""Gather, selection, models and evaluation of a made-up cohort of 100,000 cases, 2,048 features.

Two views a case; image and feature jobs are taken as done. `python benchmarks/scale.py 10000`
takes another size.
"""

import csv
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cohorts
import timing

from microcalc.features import generated, weights

ROOT = Path(__file__).parents[1]
CASES, SHARDS = 100_000, 100
GOAL_GIB, GOAL_S = 8, 600
RULES = (
    "build_cohort", "gather_images", "gather_features", "select_features", "screen_clinical",
    "fit_models", "predict", "describe_cohort", "audit_study", "evaluate_models",
    "assess_probabilities",
)  # fmt: skip
TARGETS = ("metrics.csv", "calibration.csv", "net_benefit.csv", "flow.json")
WATCHED = ("gather_images", "gather_features", "select_features", "audit_study",
           "evaluate_models", "assess_probabilities")  # fmt: skip


def rows(cases: int = CASES) -> Iterator[dict[str, str]]:
    """Yield time and memory of the whole, then of each rule that the goal speaks of."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shards = max(4, cases * SHARDS // CASES)
        cohorts.write_tables(folder, cases, shards=shards)
        cohorts.write_files(folder)
        cohorts.write_shards(folder, shards=shards)
        _write_weights(folder)
        went = timing.watch(_command(), cwd=folder)
        taken = dict(_taken(folder / "results" / "cohort" / "history" / "times"))
    named = sum(taken[rule][0] for rule in WATCHED)
    yield {
        "what": f"gather, selection, evaluation of {cases:,} cases",
        "against": "",
        "goal": f"at most {GOAL_GIB} GiB and {GOAL_S / 60:.0f} min",
        "met": timing.verdict(went.peak_gib <= GOAL_GIB and went.seconds <= GOAL_S),
        "ratio": "",
        "absolute": f"{went.seconds / 60:.1f} min with cohort and models, {went.peak_gib:.1f} GiB; "
        f"{named / 60:.1f} min of jobs",
    }
    for rule in WATCHED:
        seconds, gib = taken[rule]
        yield {
            "what": f"{rule}, {cases:,} cases",
            "against": "",
            "goal": "",
            "met": "",
            "ratio": "",
            "absolute": f"{seconds:.0f} s, {gib:.1f} GiB",
        }


def _command() -> list[str]:
    results = "results/cohort/evaluation"
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", ".", "--configfile", "config.yaml", "--cores", "2"),
        *("--rerun-triggers", "mtime", "--allowed-rules", *RULES, "--"),
        *(f"{results}/{name}" for name in TARGETS),
    ]


def _write_weights(folder: Path) -> None:
    """Write weights, of which the models only keep the digest."""
    kept, generated.N_PATCHES = generated.N_PATCHES, 4
    prepared = weights.prepare("resnet101", "random", seed=1)
    generated.N_PATCHES = kept
    path = folder / "results" / "cohort" / "features" / "deep" / "weights" / "resnet101.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    weights.write(prepared, path)


def _taken(times: Path) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield each rule with the seconds of its jobs and the most memory of one, in GiB."""
    for rule in RULES:
        files = [*times.glob(f"{rule}.tsv"), *times.glob(f"{rule}/*.tsv")]
        tables = [path.read_text(encoding="utf-8").splitlines() for path in files]
        jobs = [row for lines in tables for row in csv.DictReader(lines, delimiter="\t")]
        known = [float(job["max_rss"]) for job in jobs if job["max_rss"][:1].isdigit()]
        gib = max(known, default=0.0) / 1024
        yield rule, (sum(float(job["s"]) for job in jobs), gib)


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if sys.argv[1:] else CASES):
        print("; ".join(row.values()), flush=True)
