import importlib.util
import shutil
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"
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
