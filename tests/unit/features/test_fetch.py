import hashlib

import pytest

from microcalc.errors import StudyError
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
