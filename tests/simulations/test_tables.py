"""Every simulation's committed table shows no fault, nor does a fixed sample of it run again."""

import importlib.util
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "simulations" / "run.py"


def _driver():
    spec = importlib.util.spec_from_file_location("simulations_run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRIVER = _driver()


@pytest.mark.parametrize("name", DRIVER.names())
def test_a_committed_table_shows_no_fault(name):
    module, table = DRIVER.load(name), DRIVER.committed(name)
    assert len(table) == len(module.CELLS)
    assert (table["replicates"] == module.REPLICATES).all()
    for cell, (_, row) in zip(module.CELLS, table.iterrows(), strict=True):
        assert {key: str(row[key]) for key in cell} == {key: str(v) for key, v in cell.items()}
    assert module.faults(table) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", DRIVER.names())
def test_a_sample_run_again_shows_no_fault(name):
    module = DRIVER.load(name)
    assert module.faults(DRIVER.rows(name, module.SAMPLE)) == []


def test_a_cell_draws_from_a_stream_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "coin.py").write_text(
        "\nCELLS = [{'n': 3}, {'n': 4}]\nREPLICATES, SAMPLE = 5, 2\n"
        "def simulate(cell, replicates, rng):\n"
        "    return {'mean': float(rng.random((replicates, cell['n'])).mean())}\n"
        "def faults(rows):\n    return []\n"
    )
    monkeypatch.setattr(DRIVER, "HERE", tmp_path)
    both = DRIVER.rows("coin", 5)
    assert both["mean"].nunique() == 2
    alone = DRIVER.rows("coin", 5, cells=[{"n": 4}])
    assert alone["mean"].tolist() == both["mean"].tolist()[1:]
