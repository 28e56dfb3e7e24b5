"""Running one rule's script without Snakemake."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snakemake.iocontainers import Namedlist  # type: ignore[import-untyped]

from microcalc.plan import job

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"

Given = Mapping[str, Any] | Sequence[Any]


def run_script(
    name: str,
    *,
    log: Path,
    input: Given = (),  # noqa: A002 - Snakemake calls it so
    output: Given = (),
    params: Given = (),
    wildcards: Given = (),
) -> None:
    """Run workflow/scripts/<name>.py as its rule would, with these files and params."""
    snakemake = SimpleNamespace(
        input=_named(input),
        output=_named(output),
        params=_named(params),
        wildcards=_named(wildcards),
        log=[str(log)],
        threads=1,
    )
    job.run(SCRIPTS / f"{name}.py", snakemake)


def _named(given: Given) -> Any:
    """Return what a script can take by name, by number or whole, as Snakemake's own."""
    return Namedlist(fromdict=given) if isinstance(given, Mapping) else Namedlist(given)
