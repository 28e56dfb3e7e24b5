"""What Snakemake does and does not promise: where it keeps records, what it plans."""

import base64
import os
from pathlib import Path
from typing import Any


def is_of_this_run(dag: Any, path: str | os.PathLike[str]) -> bool:
    """Return whether a result is what a run that succeeded was to leave: made by it, or current.

    Parameters
    ----------
    dag
        Snakemake's `workflow.dag`. What its targets do not stand on is not in this run, although
        `--until` leaves it in the graph.
    path
        A result's path, as its rule names it.
    """
    return any(
        os.path.normpath(path) == os.path.normpath(str(output))
        for job in dag.bfs(dag.dependencies, *dag.targetjobs)
        for output in job.output
    )


def has_record(output: str) -> bool:
    """Return whether Snakemake holds a record of `output` (the layout of its file persistence)."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    return any(Path(".snakemake", kind, name).exists() for kind in ("metadata", "incomplete"))
