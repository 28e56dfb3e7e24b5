"""Run every benchmark beside this file and write their table into README.md.

A benchmark is a module with `rows()`: dicts with what, against, goal, met, ratio (how many
times as fast as `against`, or the fraction of it that is reached) and absolute. Each row is printed
when it is there; a benchmark that fails becomes a row that says so, and the others go on.
`python benchmarks/run.py delong plans` runs these alone and leaves README.md as it is.
"""

import importlib.util
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
COLUMNS = ("what", "against", "goal", "met", "ratio", "absolute")
LIBRARIES = ("numpy", "scipy", "torch", "snakemake")
START, END = "<!-- table -->\n", "<!-- end of table -->\n"


def benchmarks(names: Sequence[str]) -> list[ModuleType]:
    """Return the modules beside this file that have `rows`, or those named."""
    unknown = set(names) - {path.stem for path in HERE.glob("*.py")}
    if unknown:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}")
    found = []
    for path in sorted(HERE.glob("*.py")):
        if path == Path(__file__).resolve() or (names and path.stem not in names):
            continue
        if "\ndef rows(" in path.read_text(encoding="utf-8"):
            spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
            if spec is None or spec.loader is None:
                raise ImportError(path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found.append(module)
    return found


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return rows as a Markdown table."""
    cells = [COLUMNS, *([str(row.get(name, "")) for name in COLUMNS] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    lines = [_line(text.ljust(w) for text, w in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([lines[0], _line("-" * width for width in widths), *lines[1:]])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """Return what the numbers come from: processor, cores, GPU, versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {_gpu()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"


def measured(module: ModuleType) -> Iterator[dict[str, str]]:
    """Yield a benchmark's rows, each told as it comes; where it fails, a row that says so."""
    name, start = module.__name__.removeprefix("benchmark_"), time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        for row in module.rows():
            print(f"  {time.monotonic() - start:4.0f} s  {_told(row)}", file=sys.stderr, flush=True)
            yield row
    except Exception as error:
        traceback.print_exc()
        reason = str(error).strip().splitlines() or [type(error).__name__]
        yield {"what": name, "met": "FAILED", "absolute": reason[-1]}


def _told(row: dict[str, str]) -> str:
    return "; ".join(str(row[name]) for name in COLUMNS if row.get(name))


def main(names: Sequence[str]) -> None:
    """Run the benchmarks, print one table, and keep it when all of them ran."""
    rows = []
    for module in benchmarks(names):
        rows += list(measured(module))
    text = f"{machine()}\n\n{table(rows)}\n"
    print(text)
    readme = HERE / "README.md"
    if not names:
        before, _, rest = readme.read_text(encoding="utf-8").partition(START)
        after = rest.partition(END)[2]
        readme.write_text(f"{before}{START}{text}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    # as an exception, so that what is being watched is stopped too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1:])
