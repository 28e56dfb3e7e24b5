"""Hold the pinned packages against the known vulnerabilities; `make audit` calls it.

Where the advisories cannot be had, pip-audit finds nothing and calls that success, so a package
that is known to be vulnerable is asked for first.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KNOWN = "jinja2==2.11.2"
"""Vulnerable since 2021 (CVE-2020-28493)."""


def main(pip_audit: str, constraints: str) -> int:
    """Print what is known of the packages in `constraints`; return 1 for a vulnerable one."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder, "known.txt")
        known.write_text(f"{KNOWN}\n", encoding="utf-8")
        if not vulnerable(ask(pip_audit, str(known))):
            print("Nothing was audited: the advisories cannot be had from here.")
            return 0
    packages = ask(pip_audit, constraints)
    found, left_out = vulnerable(packages), [p["name"] for p in packages if "skip_reason" in p]
    print("\n".join(found) or f"No known vulnerability in {len(packages)} packages.")
    if left_out:
        print(f"Not audited: {', '.join(left_out)}")
    return 1 if found else 0


def ask(pip_audit: str, requirements: str) -> list[dict[str, Any]]:
    """Return pip-audit's answer on every package; none where there is no answer."""
    options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [pip_audit, *options, "--requirement", requirements], capture_output=True, text=True
    )
    try:
        answer: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return []
    return answer


def vulnerable(packages: list[dict[str, Any]]) -> list[str]:
    """Return a line for every advisory, with the version that is free of it."""
    return [
        f"{package['name']} {package['version']}: {advisory['id']}, mended in "
        f"{', '.join(advisory['fix_versions']) or 'no version yet'}"
        for package in packages
        for advisory in package.get("vulns", ())
    ]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
