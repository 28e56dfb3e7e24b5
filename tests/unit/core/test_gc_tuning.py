import gc
import subprocess
import sys

from microcalc.core.gc_tuning import nothing_collected

AT_THE_END = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count()))  # the first to register is the last to run
import microcalc
"""


def test_the_end_of_a_job_looks_through_nothing() -> None:
    told = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, check=True)
    assert int(told.stdout) > 1000


def test_cycles_are_still_collected() -> None:
    assert gc.isenabled()
    assert 700 < gc.get_threshold()[0] <= 10_000
    with nothing_collected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_job_that_trains_ends_in_silence() -> None:
    train = "import microcalc, torch; torch.optim.AdamW(torch.nn.Linear(3, 3).parameters())"
    told = subprocess.run([sys.executable, "-c", train], capture_output=True, check=True)
    assert told.stdout == told.stderr == b""
