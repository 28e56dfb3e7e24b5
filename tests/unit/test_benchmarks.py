import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from microcalc.images import dicom

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"
TIMING = RUN.with_name("timing.py")
ROWS = """
def rows():
    return [{"what": "%s", "against": "b", "goal": "c", "ratio": "0.99", "absolute": "7 ms"}]
"""


@pytest.fixture
def run(tmp_path):
    """The driver beside two benchmarks and a module that is none."""
    shutil.copy(RUN, tmp_path / "run.py")
    (tmp_path / "one.py").write_text(ROWS % "first")
    (tmp_path / "two.py").write_text(ROWS % "second, longer")
    (tmp_path / "helper.py").write_text("raise SystemExit('not a benchmark')\n")
    (tmp_path / "README.md").write_text(
        "# Title\n\n<!-- table -->\nold\n<!-- end of table -->\nend\n"
    )
    spec = importlib.util.spec_from_file_location("driver", tmp_path / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.machine = lambda: "a machine"
    return module


def test_all_benchmarks_become_one_table_in_the_readme(run, tmp_path, capsys):
    for _ in range(2):
        run.main([])
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("# Title\n\n<!-- table -->\na machine\n\n| what ")
    assert text.endswith("<!-- end of table -->\nend\n")
    assert "old" not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert text.splitlines()[3] in capsys.readouterr().out


def test_one_benchmark_alone_leaves_the_readme(run, tmp_path, capsys):
    before = (tmp_path / "README.md").read_text()
    run.main(["two"])
    assert (tmp_path / "README.md").read_text() == before
    printed = capsys.readouterr().out
    assert "second, longer" in printed
    assert "first" not in printed


def test_a_benchmark_that_fails_becomes_a_row_and_the_others_go_on(run, tmp_path, capsys):
    (tmp_path / "broken.py").write_text("\ndef rows():\n    raise OSError('no such tool')\n")
    run.main([])
    table = (tmp_path / "README.md").read_text()
    assert "FAILED" in table
    assert "no such tool" in table
    assert "second, longer" in table


def test_a_benchmark_that_is_none_is_told(run):
    with pytest.raises(SystemExit, match="no such benchmark: three"):
        run.main(["three"])


def test_what_is_watched_ends_with_the_benchmark_that_is_stopped(tmp_path):
    noted = tmp_path / "pid"
    child = f"import os; open({str(noted)!r}, 'w').write(str(os.getpid())); input()"
    (tmp_path / "slow.py").write_text(
        "import sys\nfrom pathlib import Path\nimport timing\n\n"
        f"def rows():\n    timing.watch([sys.executable, '-c', {child!r}], cwd=Path('.'))\n"
    )
    for script in (RUN, TIMING):
        shutil.copy(script, tmp_path / script.name)
    # a pipe that nobody writes to: the child waits for ever
    bench = subprocess.Popen([sys.executable, tmp_path / "run.py", "slow"], stdin=subprocess.PIPE)
    with bench:
        pid = int(_content(noted))
        bench.terminate()
        assert bench.wait(timeout=20) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.fixture
def full_field(monkeypatch):
    monkeypatch.syspath_prepend(RUN.parent)
    return importlib.import_module("full_field")


def test_full_field_files_are_mammograms_that_rivals_read_too(full_field, tmp_path):
    phantom = full_field.full_field((832, 640))
    exposure = full_field.scanner.expose(phantom, seed=1)
    for kind in full_field.KINDS:
        path = tmp_path / f"{kind.name}.dcm"
        plain = full_field.phantom_dicom.build(phantom, exposure, seed=1)
        compressed = full_field._compressed(plain, exposure.pixels, kind.syntax)
        path.write_bytes(full_field.phantom_dicom.encode(compressed))
        mammogram = dicom.read_mammogram(path, image_id="a")
        np.testing.assert_array_equal(mammogram.stored, exposure.pixels)
        assert mammogram.provenance["transfer_syntax"] == kind.syntax.name
        rivals = full_field._bare(kind, path)
        assert len(rivals) > kind.syntax.is_encapsulated
        assert all(full_field._reads(make, exposure.pixels) for make in rivals.values())


def _content(path, patience_s=20):
    """Wait for a file that somebody is about to write."""
    end = time.monotonic() + patience_s
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"{path.name} has not come"
        time.sleep(0.05)
    return path.read_text()
