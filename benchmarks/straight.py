"""A study's computation as one straight Python process: what its rules do, and no DAG.

`straight.py record OUT SNAKEFILE FOLDER CONFIG CORES` asks Snakemake for a study's jobs, in an
order in which they can run, and writes them to OUT; `straight.py run OUT` runs their scripts one
after the other in this one process, which has the cores that Snakemake had.
"""

import pickle
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Files(list):
    """A list whose named entries are attributes too, as a script sees inputs, outputs, params."""

    def __init__(self, entries: list[Any], named: dict[str, Any]) -> None:
        super().__init__(entries)
        self.named = named

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["named"][name]
        except KeyError:
            raise AttributeError(name) from None

    def items(self) -> Any:
        """Return names with what they name."""
        return self.named.items()


def record(out: str, snakefile: str, folder: str, config: str, cores: int) -> None:
    """Write the jobs of a study that has not run to the file `out`."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api:
        asked = api.workflow(
            resource_settings=ResourceSettings(cores=cores),
            config_settings=ConfigSettings(configfiles=[Path(config)] if config else []),
            snakefile=Path(snakefile),
            workdir=Path(folder),
        )
        asked.dag().execute_workflow(executor="dryrun")
        dag = asked._workflow.dag
        levels = [sorted(level, key=str) for level in dag.toposorted()]
        jobs = [_plain(job, cores) for level in levels for job in level if job.rule.script]
    with open(out, "wb") as file:
        pickle.dump(jobs, file)


def _plain(job: Any, cores: int) -> dict[str, Any]:
    return {
        "script": str(Path(job.rule.basedir, job.rule.script).resolve()),
        "log": [str(path) for path in job.log],
        "wildcards": dict(job.wildcards_dict),
        "input": _entries(job.input, str),
        "output": _entries(job.output, str),
        "params": _entries(job.params, lambda value: value),
        "threads": cores,
    }


def _entries(named_list: Any, kind: Any) -> tuple[list[Any], dict[str, Any]]:
    named = {
        name: [kind(v) for v in value]
        if kind is str and not isinstance(value, str)
        else kind(value)
        for name, value in named_list.items()
    }
    return [kind(value) for value in named_list], named


def run(recorded: str) -> None:
    """Run the recorded jobs in the present folder."""
    with open(recorded, "rb") as file:
        jobs = pickle.load(file)  # noqa: S301 - written by `record` a moment ago
    for job in jobs:
        outputs = Files(*job["output"])
        for path in [*outputs, *job["log"]]:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        snakemake = SimpleNamespace(
            input=Files(*job["input"]),
            output=outputs,
            params=Files(*job["params"]),
            wildcards=SimpleNamespace(**job["wildcards"]),
            log=job["log"],
            threads=job["threads"],
        )
        runpy.run_path(job["script"], init_globals={"snakemake": snakemake})


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "src"))
    if sys.argv[1] == "record":
        record(*sys.argv[2:6], cores=int(sys.argv[6]))
    else:
        run(sys.argv[2])
