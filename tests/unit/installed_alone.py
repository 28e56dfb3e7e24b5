"""Run the examples of a page and of the array functions; say what failed and what needs more.

For an environment that has numpy, scipy and numba alone: no pytest, and nothing of the tests.
"""

import doctest
import importlib
import importlib.util
import json
import pkgutil
import sys
from typing import Any

READS_A_STUDY = {"crossfit", "finetuned", "select", "training"}
# Their examples make tables, or the settings of a study.
TAKES_A_STUDYS = {
    "microcalc.selection.chain.fit",
    "microcalc.selection.chain.linear_predictor",
}


class Runner(doctest.DocTestRunner):
    """Notes which example was refused for want of an extra, and leaves the rest of it."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: list[str] = []
        self.refused: dict[str, str] = {}

    def report_failure(self, out: Any, test: doctest.DocTest, *_: Any) -> None:
        if test.name not in self.refused:
            self.failed.append(test.name)

    def report_unexpected_exception(
        self, out: Any, test: doctest.DocTest, example: Any, exc_info: Any
    ) -> None:
        error = exc_info[1]
        if type(error).__name__ == "StudyError" and " installed" in str(error):
            self.refused.setdefault(test.name, str(error))
        elif test.name not in self.refused:
            self.failed.append(f"{test.name}: {error!r}")


def modules() -> list[Any]:
    found = []
    for folder in ("statistics", "selection"):
        package = importlib.import_module(f"microcalc.{folder}")
        names = [entry.name for entry in pkgutil.iter_modules(package.__path__)]
        wanted = [name for name in names if name not in READS_A_STUDY]
        found += [importlib.import_module(f"microcalc.{folder}.{name}") for name in wanted]
    return found


def main(page: str) -> None:
    runner, finder = Runner(), doctest.DocTestFinder(exclude_empty=True)
    with open(page, encoding="utf-8") as file:
        runner.run(doctest.DocTestParser().get_doctest(file.read(), {}, page, page, 0))
    for module in modules():
        for test in finder.find(module):
            if test.name not in TAKES_A_STUDYS:
                runner.run(test, out=lambda _: None)
    heavy = ("pandas", "sklearn", "statsmodels", "firthmodels", "torch", "pydicom", "snakemake")
    there = [name for name in heavy if importlib.util.find_spec(name)]
    answer = {"examples": runner.tries, "failed": runner.failed, "refused": runner.refused}
    sys.stdout.write(json.dumps(answer | {"there": there}))


if __name__ == "__main__":
    main(sys.argv[1])
