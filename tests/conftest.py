"""The workflow's tests share one finished study: one process runs them, and starts with them."""

from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parent / "workflow"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if WORKFLOW in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("workflow"))
    items.sort(key=lambda item: WORKFLOW not in item.path.parents)
