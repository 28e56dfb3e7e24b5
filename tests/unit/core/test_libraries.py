"""What an extra brings is asked for in words."""

import pytest

from microcalc.core.errors import StudyError
from microcalc.core.libraries import from_extra, installed_version


def test_a_missing_library_names_the_extra_that_brings_it() -> None:
    with pytest.raises(StudyError) as raised, from_extra("workflow"):
        import a_library_that_is_not_there  # noqa: F401
    assert "a_library_that_is_not_there is not installed" in str(raised.value)
    assert "pip install 'microcalc[workflow]'" in str(raised.value)


def test_other_errors_and_libraries_that_are_there_pass() -> None:
    with from_extra("workflow"):
        import numpy as np
    assert installed_version("numpy") == np.__version__
    assert installed_version("a_library_that_is_not_there") == ""
    with pytest.raises(ZeroDivisionError), from_extra("workflow"):
        1 / 0  # noqa: B018
