"""Python's garbage collector, kept from work that leaves none."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Keep the collector from looking, again and again, through objects that all stay."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def tune() -> None:
    """Tune the collector of a job, or of Snakemake, which keep what they import and plan.

    Python would look through all of it every 700 objects, and three times more on its way out, to
    find nothing: a quarter of what each job on a cluster needs to read the rules again.
    """
    gc.set_threshold(10_000, 10, 10)
    atexit.register(leave_all)


def leave_all() -> None:
    """Leave everything that is there to the end of the process, which frees it at once.

    Not where torch's compiler is loaded, as an optimizer does: triton's bindings take each object
    that is left for a fault, and say so on the console.
    """
    if "triton" not in sys.modules:
        gc.freeze()
