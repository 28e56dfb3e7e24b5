import gc
import subprocess
import sys

from microcalc.core.gc_tuning import nothing_collected

AT_THE_END = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count()))  # the first to register is the last to run
from microcalc.core import gc_tuning
gc_tuning.tune()
"""

IMPORTED = """
import atexit, gc, logging, signal, sys, warnings
import numba, numpy, pandas, pydicom, scipy.stats, statsmodels.api  # these may do as they like
def state():
    return (
        gc.get_threshold(), gc.isenabled(), atexit._ncallbacks(), sys.excepthook, sys.path,
        signal.getsignal(signal.SIGTERM), logging.root.handlers, logging.raiseExceptions,
        warnings.filters,
    )
before = state()
import microcalc, microcalc.core.logs, microcalc.statistics.delong
import microcalc.selection.mrmr, microcalc.images.patches
print([pair for pair in zip(before, state()) if pair[0] != pair[1]])
"""
TRAINING = """
import torch
from microcalc.core import gc_tuning
gc_tuning.tune()
torch.optim.AdamW(torch.nn.Linear(3, 3).parameters())
"""
THRESHOLD = """
import gc
from microcalc.core import gc_tuning
gc_tuning.tune()
print(gc.get_threshold()[0])
"""


def test_the_end_of_a_job_looks_through_nothing() -> None:
    told = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, check=True)
    assert int(told.stdout) > 1000


def test_the_package_changes_nothing_in_the_process_that_imports_it() -> None:
    told = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("[]\n", "")


def test_a_job_collects_less_often() -> None:
    told = subprocess.run([sys.executable, "-c", THRESHOLD], capture_output=True, check=True)
    assert 700 < int(told.stdout) <= 10_000


def test_cycles_are_still_collected() -> None:
    assert gc.isenabled()
    with nothing_collected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_job_that_trains_ends_in_silence() -> None:
    told = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, check=True)
    assert told.stdout == told.stderr == b""
