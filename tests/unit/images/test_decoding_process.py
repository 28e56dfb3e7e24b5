import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from microcalc.core.errors import StudyError
from microcalc.images import decoding_process
from microcalc.images.decoding_process import DecodingProcess

LIMITS = {"seconds": 5.0, "memory": 2**28}


def work(frame, description, room):
    """Do what the description says: a stand-in for a decoder in C."""
    if "signal" in description:
        os.kill(os.getpid(), description["signal"])
    if description.get("spin"):
        while True:
            pass
    time.sleep(description.get("sleep", 0))
    if "pid" in description:
        return np.array(os.getpid())
    if "allocate" in description:
        np.ones(description["allocate"], np.uint8)
    if "print" in description:
        os.write(2, description["print"].encode())
        raise ValueError(description["print"])
    pixels = np.frombuffer(frame, np.uint16).reshape(description.get("shape", [-1]))
    if "sum" in description:
        return np.array(pixels.sum())
    if "in_place" in description:
        there = room(pixels.shape, description["in_place"])
        there[...] = pixels
        # What is not left as it lies there is copied, after what is read from has been read.
        return there.astype(np.uint16, copy=False)
    return pixels


@pytest.fixture
def child():
    process = DecodingProcess(work)
    yield process
    process.stop()


def test_pixels_come_back_as_they_were_decoded(child):
    for shape in ([3, 4], [1000, 1500], [0, 4]):
        pixels = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
        found = child.decode(pixels.tobytes(), {"shape": shape}, **LIMITS)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("kind", ["uint16", "uint8"])
def test_pixels_may_be_decoded_where_they_are_to_lie(child, kind):
    kept = child.decode(b"\7\0" * 12, {}, **LIMITS)
    for number in range(3):
        pixels = np.full((3, 4), number, np.uint16)
        description = {"shape": [3, 4], "in_place": kind}
        np.testing.assert_array_equal(child.decode(pixels.tobytes(), description, **LIMITS), pixels)
    assert kept.tolist() == [7] * 12


def test_pixels_that_somebody_looks_at_stay_as_they_are(child):
    def decoded(number):
        return child.decode(np.full(5000, number, np.uint16).tobytes(), {}, **LIMITS)

    kept = [decoded(number)[10:20].view(np.uint8) for number in range(5)]
    for number in range(5, 10):
        assert (decoded(number) == number).all()
    assert [set(part.view(np.uint16)) for part in kept] == [{number} for number in range(5)]


def test_who_lets_go_of_pixels_needs_no_new_process(child):
    image = child.decode(b"\1\0", {}, **LIMITS)
    pids = {int(child.decode(b"", {"pid": True}, **LIMITS)) for _ in range(3)}
    assert len(pids) == 1
    assert image.tolist() == [1]


def test_a_frame_longer_than_what_is_shared_goes_through_the_pipe(child, monkeypatch):
    monkeypatch.setattr(decoding_process, "_MOST_BYTES", 64)
    for size in (100, 3, 5000):
        pixels = np.arange(size, dtype=np.uint16)
        found = child.decode(pixels.tobytes(), {"sum": True}, **LIMITS)
        assert int(found) == pixels.sum()


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE])
def test_what_kills_a_decoder_costs_one_frame(child, number):
    with pytest.raises(StudyError, match=rf"brings its decoder down.* \({number.name}\)"):
        child.decode(b"", {"signal": int(number)}, **LIMITS)
    assert child.decode(b"\1\0", {}, **LIMITS).tolist() == [1]


def test_a_process_killed_from_outside_says_nothing_about_the_frame(child):
    with pytest.raises(MemoryError):
        child.decode(b"", {"signal": int(signal.SIGKILL)}, **LIMITS)
    assert child.decode(b"\1\0", {}, **LIMITS).tolist() == [1]


def test_a_child_that_ends_between_two_frames_costs_none(child):
    pid = int(child.decode(b"", {"pid": True}, **LIMITS))
    os.kill(pid, signal.SIGKILL)
    # Ended, and not yet waited for.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert child.decode(b"\1\0", {}, **LIMITS).tolist() == [1]


def test_an_interrupted_frame_does_not_answer_for_the_next(child):
    def interrupt(number, stack):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            child.decode(b"", {"sleep": 1}, **LIMITS)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert child.decode(b"\1\0", {}, **LIMITS).tolist() == [1]


def test_threads_wait_for_each_other(child):
    def decoded(number):
        pixels = np.full(5000, number, np.uint16)
        return child.decode(pixels.tobytes(), {}, **LIMITS).tolist() == pixels.tolist()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(decoded, range(100)))


def test_a_frame_that_takes_too_long_is_given_up(child):
    start = time.process_time()
    with pytest.raises(StudyError, match="takes longer to decode"):
        child.decode(b"", {"spin": True}, seconds=0.3, memory=2**28)
    assert time.process_time() - start < 0.3
    assert child.decode(b"\1\0", {}, **LIMITS).tolist() == [1]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="other systems hold no limit")
def test_a_frame_that_takes_too_much_memory_is_given_up(child):
    for size, memory in [(2**29, 2**28), (2**31, 2**30)]:
        with pytest.raises(StudyError, match="could not be decoded"):
            child.decode(b"", {"allocate": size}, seconds=5, memory=memory)
    # Each frame has a limit of its own.
    assert child.decode(b"\1\0", {"allocate": 2**28}, seconds=5, memory=2**30).tolist() == [1]


def test_a_decoders_words_are_passed_on_nowhere(child, capfd):
    with pytest.raises(StudyError, match=r"could not be decoded.*\(ValueError\)") as caught:
        child.decode(b"", {"print": "Mustermann"}, **LIMITS)
    assert "Mustermann" not in str(caught.value) + "".join(capfd.readouterr())


SHARED = DecodingProcess(work)


def in_another_process(number):
    pixels = np.full(5000, number, np.uint16)
    return SHARED.decode(pixels.tobytes(), {}, **LIMITS).tolist() == pixels.tolist()


def test_a_forked_process_has_a_child_of_its_own():
    assert in_another_process(1)
    with ProcessPoolExecutor(2) as pool:
        assert all(pool.map(in_another_process, range(40)))
    assert in_another_process(2)
    SHARED.stop()
