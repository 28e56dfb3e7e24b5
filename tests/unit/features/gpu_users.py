"""Jobs that hold a GPU's lock, for processes of their own; without torch, which takes seconds."""

import os
import signal
from multiprocessing import Queue
from pathlib import Path

from microcalc.features import device


def use(folder: Path, events: "Queue[str]") -> None:
    events.put("asks")
    with device.lock_one(["gpu"], folder, wait_s=0.01):
        events.put("in")
        events.put("out")


def die(folder: Path) -> None:
    with device.lock_one(["gpu"], folder):
        os.kill(os.getpid(), signal.SIGKILL)
