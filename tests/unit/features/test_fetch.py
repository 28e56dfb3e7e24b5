import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from microcalc.core.errors import StudyError
from microcalc.features import fetch


@pytest.fixture
def served(tmp_path):
    data = b"weights" * 1000
    file = tmp_path / f"net-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    file.write_bytes(data)
    return file


def test_a_file_is_fetched_and_then_kept(served, tmp_path):
    cache = tmp_path / "deep" / "cache"
    got = fetch.fetch(served.as_uri(), cache)
    assert got == cache / served.name
    assert got.read_bytes() == served.read_bytes()
    served.unlink()
    assert fetch.fetch("https://host.invalid/" + served.name, cache) == got


def test_a_damaged_cache_is_fetched_again(served, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / served.name).write_bytes(b"half a fi")
    assert fetch.cached(served.as_uri(), cache) is None
    assert fetch.fetch(served.as_uri(), cache).read_bytes() == served.read_bytes()


def test_what_its_name_does_not_promise_is_refused(tmp_path):
    file = tmp_path / "net-00000000.pth"
    file.write_bytes(b"a login page")
    with pytest.raises(StudyError, match="not the published one"):
        fetch.fetch(file.as_uri(), tmp_path / "cache", wait_s=0)
    assert not list((tmp_path / "cache").iterdir())


def test_a_name_without_a_hash_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no hash"):
        fetch.fetch((tmp_path / "net.pth").as_uri(), tmp_path)


def test_a_failing_download_is_tried_again(served, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    url = "file:///nowhere/" + served.name
    with pytest.raises(OSError, match="nowhere"):
        fetch.fetch(url, tmp_path / "cache", attempts=3, wait_s=1)
    assert waits == [1, 2]


@pytest.fixture
def server(served):
    """An HTTP server that does, request by request, what its list `answers` says."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = server.answers.pop(0) if server.answers else "whole"
            if answer == "silent":
                over.wait(30)
                return
            data = served.read_bytes()
            self.send_response(503 if answer == "busy" else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if answer == "half" else data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.answers = []
    server.url = f"http://127.0.0.1:{server.server_port}/{served.name}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    over.set()
    server.shutdown()
    server.server_close()


def test_a_server_that_is_busy_breaks_off_or_falls_silent_is_asked_again(
    server, served, tmp_path, monkeypatch
):
    monkeypatch.setattr(fetch, "SILENCE_S", 0.2)
    server.answers += ["busy", "half", "silent"]
    got = fetch.fetch(server.url, tmp_path / "cache", attempts=4, wait_s=0)
    assert got.read_bytes() == served.read_bytes()
    assert [path.name for path in got.parent.iterdir()] == [served.name]
    assert server.answers == []


def test_a_server_that_stays_silent_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "SILENCE_S", 0.1)
    server.answers += ["silent"] * 2
    with pytest.raises(TimeoutError):
        fetch.fetch(server.url, tmp_path / "cache", attempts=2, wait_s=0)
    assert not list((tmp_path / "cache").iterdir())
