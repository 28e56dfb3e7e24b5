"""Running one rule's script without Snakemake."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"


def run_script(
    name: str,
    *,
    log: Path,
    input: dict[str, Any] | None = None,  # noqa: A002 - Snakemake calls it so
    output: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    wildcards: dict[str, str] | None = None,
) -> None:
    """Run workflow/scripts/<name>.py as its rule would, with these named files and params."""
    snakemake = SimpleNamespace(
        input=SimpleNamespace(**(input or {})),
        output=SimpleNamespace(**(output or {})),
        params=SimpleNamespace(**(params or {})),
        wildcards=SimpleNamespace(**(wildcards or {})),
        log=[str(log)],
        threads=1,
    )
    runpy.run_path(str(SCRIPTS / f"{name}.py"), init_globals={"snakemake": snakemake})
