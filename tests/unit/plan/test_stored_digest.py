import subprocess
import sys


def test_planning_can_import_it_cheaply():
    code = (
        "import sys, microcalc.plan.stored_digest as m; "
        "print(sorted({'numpy', 'pydicom', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
