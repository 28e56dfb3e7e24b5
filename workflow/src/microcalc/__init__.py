"""MicroCalc: from raw mammograms to a finished DCIS-versus-IDC study."""

import atexit
import gc

from microcalc.core import gc_tuning

__version__ = "0.1.0"

# A job lives for seconds and keeps what it imports: Python would look through all of it every 700
# objects, and three times more on its way out, to find nothing.
gc.set_threshold(10_000, 10, 10)
atexit.register(gc_tuning.leave_all)
