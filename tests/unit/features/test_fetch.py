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


REPOSITORY = "timm/net.tag"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that has the weights of one repository and answers as its list `answers` says."""
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(with_content=False)

        def do_GET(self):
            self._answer(with_content=True)

        def _answer(self, *, with_content):
            server.asked.append(self.path)
            busy = with_content and server.answers and server.answers.pop(0)
            there = self.path == f"/{REPOSITORY}/resolve/main/{server.file}"
            self.send_response(503 if busy == "busy" else 200 if there else 404)
            if there:
                digest = hashlib.sha256(server.promised).hexdigest()
                self.send_header("X-Repo-Commit", "1" * 40)
                self.send_header("ETag", f'"{digest}"')
            else:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", str(len(server.content) if there else 0))
            self.end_headers()
            if with_content and there:
                self.wfile.write(server.content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.answers, server.file = [], [], fetch.HUB_FILE
    server.content = server.promised = b"tensors" * 1000
    server.how = {
        "folder": tmp_path / "hub",
        "endpoint": f"http://127.0.0.1:{server.server_port}",
        "wait_s": 0,
    }
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_hubs_file_is_fetched_once_and_kept_under_its_digest(hub):
    path = fetch.from_hub(REPOSITORY, **hub.how)
    assert path.read_bytes() == hub.content
    assert path.resolve().name == hashlib.sha256(hub.content).hexdigest()
    hub.asked.clear()
    assert fetch.from_hub(REPOSITORY, **hub.how) == path
    assert hub.asked == []  # a compute node without a network


def test_a_damaged_file_of_a_hub_is_fetched_again(hub):
    path = fetch.from_hub(REPOSITORY, **hub.how)
    path.resolve().write_bytes(b"half")
    assert fetch.from_hub(REPOSITORY, **hub.how).read_bytes() == hub.content


def test_what_a_hub_did_not_promise_is_refused(hub):
    hub.promised = b"something else"
    with pytest.raises(
        StudyError, match=r"timm/net\.tag: the downloaded model\.safetensors is not"
    ):
        fetch.from_hub(REPOSITORY, **hub.how)


def test_of_a_hub_no_other_form_is_taken(hub):
    hub.file = "pytorch_model.bin"
    with pytest.raises(StudyError, match=r"has no model\.safetensors, and no other form is taken"):
        fetch.from_hub(REPOSITORY, **hub.how)


def test_a_hub_that_is_not_there_is_an_oserror(hub):
    there = dict(hub.how)
    hub.how["endpoint"] = "http://127.0.0.1:9"
    with pytest.raises(OSError, match=r"\w"):
        fetch.from_hub(REPOSITORY, attempts=2, **hub.how)
    fetch.from_hub(REPOSITORY, **there).resolve().write_bytes(b"half")
    with pytest.raises(OSError, match=r"\w"):
        fetch.from_hub(REPOSITORY, attempts=2, **hub.how)
