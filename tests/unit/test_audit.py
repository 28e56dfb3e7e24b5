"""`make audit`: a finding fails, and a silent service is no clean bill of health."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / "envs" / "audit.py"
MENDED: dict[str, Any] = {"name": "numpy", "version": "2.4.6", "vulns": []}
UNKNOWN = {"name": "numpy", "skip_reason": "Dependency not found"}
BAD = {
    "name": "jinja2",
    "version": "2.11.2",
    "vulns": [{"id": "PYSEC-2021-66", "fix_versions": ["2.11.3"]}],
}


def audit(folder: Path, known: object, ours: object) -> subprocess.CompletedProcess[str]:
    """Run the audit with a pip-audit that answers so for the known package and for ours."""
    pip_audit = folder / "pip-audit"
    answers = {"known.txt": known, "constraints.txt": ours}
    pip_audit.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"answer = {answers!r}[os.path.basename(sys.argv[-1])]\n"
        "sys.exit('ConnectionError') if answer is None else "
        "print(json.dumps({'dependencies': answer}))\n"
    )
    pip_audit.chmod(0o755)
    command = [sys.executable, str(AUDIT), str(pip_audit), "constraints.txt"]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_vulnerable_package_fails(tmp_path: Path) -> None:
    done = audit(tmp_path, [BAD], [MENDED, BAD])
    assert done.returncode == 1
    assert done.stdout == "jinja2 2.11.2: PYSEC-2021-66, mended in 2.11.3\n"


def test_packages_without_a_finding_pass_and_unknown_ones_are_named(tmp_path: Path) -> None:
    done = audit(tmp_path, [BAD], [MENDED, UNKNOWN])
    assert done.returncode == 0
    assert "No known vulnerability" in done.stdout
    assert "Not audited: numpy" in done.stdout


@pytest.mark.parametrize("known", [None, [{**BAD, "vulns": []}], [UNKNOWN]])
def test_without_advisories_it_says_that_nothing_was_audited(tmp_path: Path, known: object) -> None:
    done = audit(tmp_path, known, [MENDED])
    assert done.returncode == 0
    assert done.stdout == "Nothing was audited: the advisories cannot be had from here.\n"
