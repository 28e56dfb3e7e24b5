"""R as a side of a comparison: one process that takes its turn when it is asked to."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import timing

LOOP = """
answer <- NULL
cat("ready\\n"); flush(stdout())
input <- file("stdin", "r")
while (length(readLines(input, 1)) > 0) {
  start <- proc.time()[["elapsed"]]
  for (i in seq_len(times)) answer <- work()
  seconds <- (proc.time()[["elapsed"]] - start) / times
  cat(seconds, as.numeric(answer), "\\n"); flush(stdout())
}
"""


class RSession:
    """R with data of ours and one function, `work`, whose answer is numbers.

    Parameters
    ----------
    script
        R that defines `work`; it finds each of `data` as a variable.
    data
        Vectors and matrices.
    times
        How often a turn repeats `work`, since R's clock ticks in milliseconds.
    """

    def __init__(self, script: str, data: Mapping[str, np.ndarray], *, times: int = 1) -> None:
        self._folder = tempfile.TemporaryDirectory()
        here = Path(self._folder.name)
        lines = [f"times <- {times}"]
        for name, values in data.items():
            table = np.ascontiguousarray(np.asarray(values, dtype=float).T)
            table.tofile(here / name)
            shape = "" if values.ndim == 1 else f"; dim({name}) <- c{values.shape}"
            lines.append(f'{name} <- readBin("{name}", "double", {table.size}){shape}')
        (here / "side.R").write_text("\n".join([*lines, script, LOOP.lstrip()]))
        self._process = subprocess.Popen(
            ["Rscript", "--vanilla", "side.R"],
            cwd=here,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.answer = np.empty(0)
        if not self._line().startswith("ready"):
            raise RuntimeError("R cannot take part")

    def turn(self) -> timing.OwnClock:
        """Return the seconds of one `work`, by R's own clock; `answer` is then what it gave."""
        if self._process.stdin is None:
            raise RuntimeError("R has no input")
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        seconds, *answer = map(float, self._line().split())
        self.answer = np.array(answer)
        return timing.OwnClock(seconds)

    def close(self) -> None:
        """End R."""
        self._process.communicate()
        self._folder.cleanup()

    def _line(self) -> str:
        return self._process.stdout.readline() if self._process.stdout else ""


def has_r(package: str) -> bool:
    """Return whether R is here with a package."""
    if not shutil.which("Rscript"):
        return False
    asked = f'quit(status = !requireNamespace("{package}", quietly = TRUE))'
    return (
        subprocess.run(["Rscript", "--vanilla", "-e", asked], capture_output=True).returncode == 0
    )
