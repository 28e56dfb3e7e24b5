import io

from microcalc.features.progress import Progress, _clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_terminal_sees_one_line_that_moves():
    terminal, clock = Terminal(), Clock()
    progress = Progress(100, label="shard-3", terminal=terminal, clock=clock)
    for second, done in ((1, 10), (1.1, 20), (10, 100)):
        clock.now = second
        progress(done)
    shown = terminal.getvalue().split("\r\x1b[K")[1:]
    assert shown == [
        "shard-3: 10 of 100 images, 10.0/s, 0:09 left",
        "shard-3: 100 of 100 images, 10.0/s, 0:00 left\n",
    ]


def test_a_log_gets_plain_lines_now_and_then(caplog):
    caplog.set_level("INFO", logger="microcalc")
    stream, clock = io.StringIO(), Clock()
    progress = Progress(1000, label="shard-3", terminal=stream, clock=clock)
    for second in range(0, 100, 10):
        clock.now = float(second)
        progress(second)
    assert stream.getvalue() == ""
    assert caplog.messages == [
        "shard-3: 30 of 1000 images, 1.0/s, 16:10 left",
        "shard-3: 60 of 1000 images, 1.0/s, 15:40 left",
        "shard-3: 90 of 1000 images, 1.0/s, 15:10 left",
    ]


def test_long_times():
    assert _clock(3 * 3600 + 62) == "3:01:02"
