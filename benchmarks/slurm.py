"""What SLURM costs: the tiny study through a SLURM of two nodes on this machine, and without it.

Needs what `make test-slurm` needs (root, slurm-wlm, munge); elsewhere the row says what is missing.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.workflow.slurm.cluster import SlurmUnavailableError, running
from tests.workflow.slurm.runs import ON_SLURM, ended
from tests.workflow.tiny import lay_out

ROW = {"what": "tiny study through SLURM", "against": "without, two cores", "goal": ""}


def rows() -> list[dict[str, str]]:
    """Return what `make bench` prints: time on SLURM, and how much longer each job made it."""
    try:
        with running() as cluster, tempfile.TemporaryDirectory() as folder:
            study = lay_out(Path(folder, "through"))
            start = time.monotonic()
            done = study.snakemake(*ON_SLURM, cores=None)
            through = time.monotonic() - start
            n_jobs = len(ended(cluster, study, done.stderr).jobs)

            study = lay_out(Path(folder, "without"))
            start = time.monotonic()
            study.snakemake()
            without = time.monotonic() - start
    except SlurmUnavailableError as error:
        return [ROW | {"ratio": "not measured", "absolute": str(error)}]
    absolute = (
        f"{through:.0f} against {without:.0f} s: "
        f"{(through - without) / n_jobs:.1f} s for each of {n_jobs} jobs"
    )
    return [ROW | {"ratio": f"{through / without:.2f} times the time", "absolute": absolute}]


if __name__ == "__main__":
    sys.stdout.write(f"{rows()}\n")
