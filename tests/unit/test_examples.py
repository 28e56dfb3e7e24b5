"""The examples in docstrings and on docs/library.md are run, and print what they say."""

import doctest
import importlib

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


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_the_examples_print_what_they_say(path) -> None:
    name = ".".join(["microcalc", *path.relative_to(PACKAGE).with_suffix("").parts])
    tests = examples_in(name)
    assert {test.name for test in tests} >= {f"{name}.{f.name}" for f in public_functions(path)}
    for test in tests:
        run(test)


def test_the_page_on_the_library_prints_what_it_says() -> None:
    page = ROOT / "docs" / "library.md"
    run(doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0))
