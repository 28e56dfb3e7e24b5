from pathlib import Path

import pydicom.data
import pytest
from tests.unit.images.survey import files, outcome

CARRIED = Path(pydicom.data.__file__).parent / "test_files"


@pytest.mark.parametrize("path", files(CARRIED), ids=lambda path: path.name)
def test_every_file_of_pydicoms_own_suite_is_decoded_or_refused_with_a_reason(path):
    what, words = outcome(path)
    assert what in {"decoded", "refused"}
    assert words


def test_grey_images_among_them_are_decoded():
    counts = [outcome(path)[0] for path in files(CARRIED)]
    assert counts.count("decoded") >= 25
