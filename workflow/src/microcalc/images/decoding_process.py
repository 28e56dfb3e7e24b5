"""Subprocess for decoders written in C: what kills it costs one image.

A decoder that throws a C++ exception or follows a bad pointer takes its whole process with it, and
no Python code can catch that. So compressed frames are decoded in a child, forked when the first
one comes and kept for the next; when it dies, the frame it died of is named and the next one gets
a new child. It holds a limit on memory and on processor time for every frame.
"""

import faulthandler
import gc
import json
import mmap
import os
import resource
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.images.content import MOST_PIXELS, UndecodableError, undecodable

Room = Callable[[tuple[int, ...], Any], NDArray[Any]]
"""Gives an array of a shape and type, into which pixels can be decoded where they are to lie."""
Work = Callable[[memoryview, Mapping[str, Any], Room], NDArray[Any]]

_MOST_BYTES = 2 * MOST_PIXELS
# One for an image, one for a mask that is decoded while the image is still there.
_PLACES = 2
_OUT_OF_TIME = {signal.SIGPROF, signal.SIGXCPU}
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP}


class DecodingProcess:
    """A child that does `work` on one frame after another.

    Parameters
    ----------
    work
        Turns a frame and its description, plain values, into pixels, which it may leave in the
        array that its `Room` gives: copying them costs as much as 3 % of decoding.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._end: Connection | None = None
        # Where the child leaves pixels, and behind them finds frames: through the pipe they would
        # cost as much as some decoders.
        self._shared = memoryview(b"")
        # The arrays that lie there, by place.
        self._lent: list[weakref.ref[NDArray[Any]] | None] = []
        self._pid = self._of = 0
        self._one_at_a_time = threading.Lock()

    def decode(
        self,
        frame: bytes | memoryview,
        description: Mapping[str, Any],
        *,
        seconds: float,
        memory: int,
    ) -> NDArray[Any]:
        """Return what `work` makes of a frame.

        The array lies in memory that this process and the child share, where no other frame is put
        before the array, and whatever looks into it, is gone. Processes that are forked meanwhile
        must copy it.

        Parameters
        ----------
        frame, description
            What `work` takes; the description is sent as JSON.
        seconds
            Processor time that it may take.
        memory
            Bytes that it may allocate.

        Returns
        -------
        numpy.ndarray
            Of whatever shape and type `work` gives.

        Raises
        ------
        UndecodableError
            When the frame cannot be decoded, or not within the limits. It leaves naming the image
            to the caller.
        MemoryError
            When the child is killed from outside, as by a machine short of memory: that says
            nothing about the frame.
        """
        with self._one_at_a_time:
            return self._decode(frame, description, seconds, memory)

    def _decode(
        self,
        frame: bytes | memoryview,
        description: Mapping[str, Any],
        seconds: float,
        memory: int,
    ) -> NDArray[Any]:
        end, place = self._started()
        request = {
            "description": dict(description), "place": place, "length": len(frame),
            "seconds": seconds, "memory": memory,
        }  # fmt: skip
        try:
            end.send_bytes(json.dumps(request).encode())
            if len(frame) <= _MOST_BYTES:
                _frame(self._shared, len(frame))[:] = frame
                end.send_bytes(b"")
            else:
                end.send_bytes(frame)
            reply = json.loads(end.recv_bytes())
        except (EOFError, OSError):
            raise self._died() from None
        except BaseException:
            # Interrupted: its reply to this frame must not be taken for that to the next.
            self.stop()
            raise
        if "error" in reply:
            raise undecodable(reply["error"])
        pixels = _array(self._shared, place, reply["shape"], reply["dtype"])
        self._lent[place] = weakref.ref(pixels)
        return pixels

    def stop(self) -> None:
        """End the child; the next frame starts another."""
        if self._end is not None:
            self._end.close()
            self._end = None
            if self._of == os.getpid() and self._exit_code(os.WNOHANG) is None:
                os.kill(self._pid, signal.SIGKILL)
                self._exit_code(0)

    def _started(self) -> tuple[Connection, int]:
        """Return the child's end and a place that nothing looks into; start a child for want of it.

        Arrays keep the memory that they lie in, so that a new child gets another.
        """
        end = self._end
        # Whoever was forked with a child in its hands must not share it with its parent, and what
        # ended a child between two frames is not the second one's fault.
        if end is not None:
            free = [i for i, ref in enumerate(self._lent) if ref is None or ref() is None]
            if free and self._of == os.getpid() and self._exit_code(os.WNOHANG) is None:
                return end, free[0]
            self.stop()
        here, there = Pipe()
        # Only what is written to takes memory.
        self._shared = memoryview(mmap.mmap(-1, (_PLACES + 1) * _MOST_BYTES))
        self._lent = [None] * _PLACES
        # What is buffered would be written twice.
        sys.stdout.flush()
        sys.stderr.flush()
        self._of = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            here.close()
            _serve(there, self._shared, self._work)
        there.close()
        self._end = here
        return here, 0

    def _exit_code(self, options: int) -> int | None:
        """Return the child's exit code, negative for a signal, None while it runs."""
        try:
            pid, status = os.waitpid(self._pid, options)
        except ChildProcessError:  # somebody else has asked, or nobody wants to know
            return 0
        return os.waitstatus_to_exitcode(status) if pid else None

    def _died(self) -> Exception:
        """Return what the child's end says about the frame that it was given."""
        if self._end is not None:
            self._end.close()
            self._end = None
        code = self._exit_code(0) or 0
        if -code in _FROM_OUTSIDE:
            return MemoryError("the process that decodes images was killed from outside")
        if -code in _OUT_OF_TIME:
            return UndecodableError(
                "takes longer to decode than any image of its size; the file is damaged: "
                "export it again"
            )
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return UndecodableError(
            "brings its decoder down; the file is damaged: export it again", detail=name
        )


def _serve(end: Connection, shared: memoryview, work: Work) -> None:
    """Do the child's part until the parent closes its end or ends; never return."""
    try:
        _be_quiet()
        while True:
            request = json.loads(end.recv_bytes())
            sent = end.recv_bytes()
            frame = memoryview(sent) if sent else _frame(shared, request["length"])
            _answer(end, shared, work, frame, request)
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _be_quiet() -> None:
    """Leave no core file and no message: they could quote the file."""
    # Else the collector would touch, and so copy, every object of the parent.
    gc.disable()
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGPROF, signal.SIGABRT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _answer(
    end: Connection,
    shared: memoryview,
    work: Work,
    frame: memoryview,
    request: Mapping[str, Any],
) -> None:
    _limit_memory(request["memory"])
    signal.setitimer(signal.ITIMER_PROF, request["seconds"])
    try:
        room = partial(_array, shared, request["place"])
        pixels = work(frame, request["description"], room)
        reply = {"dtype": pixels.dtype.str, "shape": pixels.shape}
        there = room(pixels.shape, pixels.dtype)
        if pixels.ctypes.data != there.ctypes.data:
            there[...] = pixels
    except BaseException as error:
        # A panic in a decoder written in Rust is no Exception, but is about content too. The text
        # of an error may quote the file, so that only its kind is passed on.
        end.send_bytes(json.dumps({"error": type(error).__name__}).encode())
        return
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    end.send_bytes(json.dumps(reply).encode())


def _array(shared: memoryview, place: int, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return the pixels that lie in the memory of both, by their shape and type."""
    part = shared[place * _MOST_BYTES : (place + 1) * _MOST_BYTES]
    return np.ndarray(shape, dtype=dtype, buffer=part)


def _frame(shared: memoryview, length: int) -> memoryview:
    """Return where a frame of so many bytes lies in the memory of both."""
    begin = _PLACES * _MOST_BYTES
    return shared[begin : begin + length]


def _limit_memory(allowance: int) -> None:
    """Allow so many bytes beyond what is mapped now; other systems than Linux do not keep to it."""
    if sys.platform != "linux":
        return
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped + allowance
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, most))
