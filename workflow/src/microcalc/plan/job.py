"""One job by hand: its script under a debugger, or its `snakemake` in a notebook.

    python -m microcalc.plan.job --pdb results/demo/models/clinical.json

runs, line by line, the script that makes this file, as its rule would; `job.making(...)` gives what
the script is given. Nothing is planned, and no other job runs.
"""

import argparse
import os
import pdb
import runpy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microcalc.core.errors import StudyError
from microcalc.plan import snakemake_habits

SNAKEFILE = Path(__file__).parents[4] / "Snakefile"


@dataclass(frozen=True)
class Job:
    """A job as its script sees it.

    Attributes
    ----------
    script
        The script of its rule.
    snakemake
        What Snakemake gives the script under this name: `input`, `output`, `params`, `wildcards`,
        `threads`, `resources`, `log`, `config`, `rule`.
    """

    script: Path
    snakemake: Any


def making(
    result: str,
    *,
    scratch: str | Path | None,
    configfile: str | Path | None = None,
    cores: int = 1,
) -> Job:
    """Return the job that makes a file of the study whose folder is the working directory.

    Parameters
    ----------
    result
        The file, as its rule names it: relative to the working directory.
    scratch
        Where outputs and log go instead, by the same names; outputs that a job brings up to date
        are copied there first. None leaves them in their place: results are written over. Folders
        that a rule names in its params are the study's own in any case: the phantoms of
        `simulate_shard`, the checkpoints of `train_network`.
    configfile
        The study's config, where it is not config.yaml.
    cores
        The cores that the job's threads are counted from.

    Returns
    -------
    Job
        Its script has not been run.

    Raises
    ------
    StudyError
        When no rule makes the file, or an input of its rule is not there yet.
    """
    script, snakemake = snakemake_habits.job_that_makes(
        result,
        snakefile=SNAKEFILE,
        configfile=configfile,
        cores=cores,
        scratch=None if scratch is None else Path(scratch),
    )
    missing = sorted(path for path in snakemake.input if not Path(path).exists())
    if missing:
        raise StudyError(
            f"{result}: {snakemake.rule} needs {missing[0]}, which is not there (missing inputs: "
            f"{len(missing)}); let Snakemake make the file once: snakemake --cores all {result}"
        )
    return Job(script, snakemake)


def run(script: str | Path, snakemake: Any) -> dict[str, Any]:
    """Run a script as its rule would, in this process; return the names it leaves.

    Parameters
    ----------
    script
        A file of `workflow/scripts`.
    snakemake
        What the script is to find under that name, see `Job`.
    """
    return runpy.run_path(str(script), init_globals={"snakemake": snakemake})


def step(script: str | Path, snakemake: Any) -> None:
    """Run a script under Python's debugger, which stops at its first line."""
    code = compile(Path(script).read_bytes(), str(script), "exec")
    names = {"__name__": "__main__", "__file__": str(script), "snakemake": snakemake}
    pdb.Pdb().run(code, names)


def main(arguments: list[str] | None = None) -> None:
    """Run the job that makes a file; see the module."""
    parser = argparse.ArgumentParser("microcalc.plan.job", description=main.__doc__)
    parser.add_argument("result", help="the file, as its rule names it")
    parser.add_argument("--configfile", help="the study's config, where it is not config.yaml")
    parser.add_argument("--scratch", help="where outputs go; without it, a new temporary folder")
    parser.add_argument("--in-place", action="store_true", help="write over the study's results")
    parser.add_argument("--pdb", action="store_true", help="stop at the script's first line")
    given = parser.parse_args(arguments)
    scratch = None if given.in_place else given.scratch or tempfile.mkdtemp(prefix="microcalc-")
    try:
        job = making(given.result, scratch=scratch, configfile=given.configfile)
    except StudyError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{job.snakemake.rule}: {job.script}\n")
    (step if given.pdb else run)(job.script, job.snakemake)
    made = filter(os.path.exists, job.snakemake.output)
    sys.stdout.writelines(f"{path}\n" for path in made)


if __name__ == "__main__":
    main()
