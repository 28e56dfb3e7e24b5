"""The examples in docstrings and on docs/library.md are run, and print what they say."""

import doctest
import importlib
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_house import DOCUMENTED, PACKAGE, ROOT, public_functions


def examples_in(name: str) -> list[doctest.DocTest]:
    """Return the examples of a module, those of compiled functions included."""
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = finder.find(module)
    compiled = {key: value for key, value in vars(module).items() if hasattr(value, "py_func")}
    for key, value in compiled.items():
        found += finder.find(value.py_func, f"{name}.{key}", module=module)
    return found


def run(test: doctest.DocTest) -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def name_of(path: Path) -> str:
    return ".".join(["microcalc", *path.relative_to(PACKAGE).with_suffix("").parts])


def marked(path: Path) -> Any:
    """Return a module as a test's argument; what needs an extra is tested where that is."""
    needs_extra = 'from_extra("radiomics")' in path.read_text()
    marks = [pytest.mark.radiomics] if needs_extra else []
    return pytest.param(path, marks=marks, id=name_of(path))


SHOWN = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("path", [marked(path) for path in SHOWN])
def test_the_examples_print_what_they_say(path) -> None:
    for test in examples_in(name_of(path)):
        run(test)


def test_no_example_of_what_must_have_one_goes_unseen() -> None:
    for path in DOCUMENTED:
        seen = {test.name for test in examples_in(name_of(path))}
        assert seen >= {f"{name_of(path)}.{f.name}" for f in public_functions(path)}


def test_the_page_on_the_library_prints_what_it_says() -> None:
    page = ROOT / "docs" / "library.md"
    run(doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0))
