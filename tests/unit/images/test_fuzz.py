"""2,000 damaged images and 500 damaged ROI files: no crash, no hang, no flood of memory."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(first, last, kind):
    """Return [number, mutation, outcome, seconds, peak MiB] of every mutant."""
    command = [sys.executable, "-m", "tests.unit.images.fuzzing", str(first), str(last), kind]
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, f"died of {lines[-1]}"
    return [line for line in lines if len(line) > 2]


def check(attempts):
    for number, mutation, outcome, seconds, peak in attempts:
        what = f"mutant {number} ({mutation})"
        assert outcome == "ok" or outcome.startswith("image a: "), f"{what}: {outcome}"
        assert seconds < 10, f"{what} took {seconds} s"
        assert peak < 2048, f"{what} brought the process to {peak} MiB"


@pytest.mark.parametrize("kind", ["image", "region"])
def test_a_few_mutants(kind):
    check(run(0, 24, kind))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("image", 2000), ("region", 500)])
def test_many_mutants(kind, count):
    attempts = run(0, count, kind)
    assert len(attempts) == count
    check(attempts)
    refused = sum(outcome != "ok" for _, _, outcome, _, _ in attempts)
    assert 0.2 < refused / count < 0.9


def stream_fuzz():
    path = ROOT / "simulations" / "stream_fuzz.py"
    spec = importlib.util.spec_from_file_location("stream_fuzz", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIMULATION = stream_fuzz()


@pytest.mark.parametrize("syntax", [cell["syntax"] for cell in SIMULATION.CELLS])
def test_damaged_stream_headers_cost_one_image(syntax):
    """More of them, under watch, in `simulations/stream_fuzz.py`."""
    told = [SIMULATION.outcome(data) for data in SIMULATION.mutants(syntax, 1, 0, 21)]
    assert len(told) == 21
    assert all(end == "ok" or end.startswith("image one: ") for end in told), told
    assert any(end != "ok" for end in told)
