import subprocess
import sys

from microcalc.images import farewell

HEADER = "image_id,case_id,view,status,reason\n"


def test_every_excluded_image_is_named_with_its_reason(tmp_path):
    table = tmp_path / "qc.csv"
    table.write_text(HEADER + 'a1,a,CC,ok,\na2,a,MLO,excluded,"its mask, sadly, is empty"\n')
    assert farewell.lines(table) == [
        "1 of 2 images were excluded (images/qc.csv):",
        "  - image a2 (case a): its mask, sadly, is empty",
    ]


def test_nothing_is_said_of_nothing(tmp_path):
    table = tmp_path / "qc.csv"
    assert farewell.lines(table) == []
    table.write_text(HEADER + "a1,a,CC,ok,\n")
    assert farewell.lines(table) == []


def test_planning_can_import_it_cheaply():
    code = (
        "import sys, microcalc.images.farewell; "
        "print(sorted({'numpy', 'pydicom', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
