"""The figures of a room, drawn together: one start of Python for many figures.

A module per job, so that a change of one figure's code redraws no other room.
"""

import os
from collections.abc import Mapping

Path = str | os.PathLike[str]
Files = Mapping[str, Path]
