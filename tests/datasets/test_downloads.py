"""Downloads from a server on this machine: resumed, cut off, altered, refused."""

import hashlib
import io
import multiprocessing
import os
import re
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from lofe_sklearn.datasets import _files, _home, _registry, clear_data_home, fetch_adbench
from lofe_sklearn.datasets._download import CHUNK
from lofe_sklearn.datasets._files import Access, read_verified
from lofe_sklearn.datasets._registry import Entry

pytest.importorskip("pooch", reason="downloads need the extra [data]")
pytest.importorskip("tqdm", reason="downloads need the extra [data]")


def npz_bytes():
    buffer = io.BytesIO()
    rng = np.random.default_rng(0)
    np.savez(buffer, X=rng.standard_normal((200, 30)), y=np.repeat([0, 1], [180, 20]))
    return buffer.getvalue()


CONTENT = npz_bytes()
HALF = len(CONTENT) // 2 // CHUNK * CHUNK  # what is kept when half of it came
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content`; `mishaps` are taken one for each request."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.mishaps, self.ranges, self.knows_ranges = CONTENT, [], [], True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/some.npz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.ranges.append(asked)
        mishap = server.mishaps.pop(0) if server.mishaps else None
        if isinstance(mishap, int):
            self.send_error(mishap)
            return
        start = int(re.findall(r"\d+", asked)[0]) if asked and server.knows_ranges else 0
        if start and start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.end_headers()
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if mishap == "cut off" else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def entry(server):
    return Entry("Classical", "1_some", 200, 30, 20, SHA256, "tabular/some.npz", server.url)


@pytest.fixture
def access(tmp_path):
    return Access("fetch_some", tmp_path, delay=0.0, progress=False)


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_is_kept(server, entry, access, tmp_path):
    content, path = read_verified(access, entry)
    assert content == CONTENT == path.read_bytes()
    assert path == tmp_path / "tabular" / "some.npz"
    assert files_in(tmp_path) == ["some.npz"]
    read_verified(access, entry)
    assert len(server.ranges) == 1


def test_a_cut_off_download_goes_on(server, entry, access):
    server.mishaps = ["cut off", 503, "cut off"]
    content, _ = read_verified(access, entry)
    assert content == CONTENT
    first, second, third, fourth = server.ranges
    assert first is None
    assert second == third == f"bytes={HALF}-"
    assert int(fourth[6:-1]) >= HALF > 0


def test_the_next_call_goes_on(server, entry, access, tmp_path):
    server.mishaps = ["cut off"]
    with pytest.raises(ConnectionError, match=rf"continues after {HALF} bytes"):
        read_verified(replace(access, n_retries=0), entry)
    assert files_in(tmp_path) == ["some.npz.part"]
    content, _ = read_verified(access, entry)
    assert content == CONTENT
    assert server.ranges[1] == f"bytes={HALF}-"
    assert files_in(tmp_path) == ["some.npz"]


def test_a_server_without_ranges(server, entry, access):
    server.knows_ranges, server.mishaps = False, ["cut off"]
    assert read_verified(access, entry)[0] == CONTENT


@pytest.mark.parametrize("surplus", [b"", b"of another file"])
def test_a_part_that_is_as_long_as_the_file_or_longer(entry, access, tmp_path, surplus):
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "some.npz.part").write_bytes(CONTENT + surplus)
    assert read_verified(access, entry)[0] == CONTENT


def test_an_altered_download_is_not_kept(server, entry, access, tmp_path):
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(OSError, match="is not the published one, and was not kept") as info:
        read_verified(access, entry)
    assert server.url in str(info.value)
    assert SHA256 in str(info.value)
    assert files_in(tmp_path) == []
    server.content = CONTENT
    assert read_verified(access, entry)[0] == CONTENT


def test_an_error_that_trying_again_does_not_help(server, entry, access, tmp_path):
    server.mishaps = [404] * 9
    with pytest.raises(ConnectionError, match="404") as info:
        read_verified(access, entry)
    assert len(server.ranges) == 1
    assert str(tmp_path / "tabular" / "some.npz") in str(info.value)
    assert files_in(tmp_path) == []


def test_offline(entry, access, tmp_path):
    # Nothing listens on port 9 of this machine.
    offline = replace(entry, url="http://127.0.0.1:9/some.npz")
    with pytest.raises(ConnectionError) as info:
        read_verified(replace(access, n_retries=1), offline)
    for part in ("127.0.0.1:9/some.npz", str(tmp_path / "tabular" / "some.npz"), SHA256):
        assert part in str(info.value)
    assert files_in(tmp_path) == []


def test_download_if_missing_is_false(server, entry, access):
    with pytest.raises(OSError, match="download_if_missing is False"):
        read_verified(replace(access, download_if_missing=False), entry)
    assert server.ranges == []


@pytest.mark.parametrize("content", [CONTENT[:100], CONTENT[:-1] + b"?"], ids=["cut", "altered"])
def test_a_wrong_local_file_is_left_alone(server, entry, access, tmp_path, content):
    path = tmp_path / "tabular" / "some.npz"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(OSError, match="altered or cut off") as info:
        read_verified(access, entry)
    for part in (str(path), SHA256, hashlib.sha256(content).hexdigest(), "delete it", "load_npz"):
        assert part in str(info.value)
    assert path.read_bytes() == content
    assert server.ranges == []


def test_a_folder_that_cannot_be_written_to(entry, access, tmp_path):
    (tmp_path / "tabular").write_text("a file, where a folder is needed")
    with pytest.raises(OSError, match="cannot be saved to .* Set data_home or LOFE_DATA"):
        read_verified(access, entry)


def test_a_full_disk(entry, access, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lofe_sklearn.datasets._download._fetch_rest", full)
    with pytest.raises(OSError, match="No space left .* bytes are free there. Free some space"):
        read_verified(access, entry)


@pytest.mark.parametrize("module", ["pooch", "tqdm"])
def test_without_the_extra(entry, access, tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'lofe-sklearn\[data\]'"):
        read_verified(access, entry)
    # A local file needs no extra.
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "some.npz").write_bytes(CONTENT)
    assert read_verified(access, entry)[0] == CONTENT


def test_the_progress_bar(entry, access, capsys):
    read_verified(replace(access, progress=True), entry)
    assert "some.npz" in capsys.readouterr().err


class Unwritable(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize(
    "stream",
    [
        None,  # that of programs without a console
        Unwritable(BrokenPipeError(32, "Broken pipe")),
        Unwritable(OSError(28, "No space left on device")),
        Unwritable(ValueError("I/O operation on closed file")),
    ],
    ids=["none", "terminal that is gone", "full disk", "closed"],
)
def test_a_download_goes_on_where_its_bar_cannot_be_written(entry, access, monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    assert read_verified(replace(access, progress=True), entry)[0] == CONTENT


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_empty_part_is_not_kept(entry, access, tmp_path, monkeypatch, error):
    def fails(*args):
        raise error

    monkeypatch.setattr("lofe_sklearn.datasets._download._write", fails)
    with pytest.raises(type(error)):
        read_verified(access, entry)
    assert files_in(tmp_path) == []


def test_from_name_to_arrays_and_back(server, entry, tmp_path, monkeypatch):
    for module in (_registry, _home):
        monkeypatch.setattr(module, "entries", lambda: (entry,))
    monkeypatch.setenv("LOFE_DATA", str(tmp_path))
    bunch = fetch_adbench("SOME", progress=False)
    assert bunch.data.shape == (200, 30)
    assert bunch.target.sum() == 20
    assert bunch.filename == str(tmp_path / "tabular" / "some.npz")
    (tmp_path / "tabular" / "mine.npz").write_bytes(CONTENT)
    (tmp_path / "tabular" / "some.npz.part").write_bytes(b"")
    clear_data_home()
    assert files_in(tmp_path) == ["mine.npz"]


def test_local_files_come_before_others(entry, access, tmp_path):
    elsewhere = tmp_path / "elsewhere.npz"
    elsewhere.write_bytes(CONTENT)
    assert read_verified(access, entry, elsewhere=[elsewhere])[1] == elsewhere
    assert _files.Access("fetch_some", tmp_path).home == tmp_path


def fetch(access, entry, results, number):
    content, _ = read_verified(access, entry)
    results[number] = hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("mishaps", [[], ["cut off", 503], [503] * 3], ids=len)
def test_four_threads_want_one_file(server, entry, access, tmp_path, mishaps):
    server.mishaps, results = list(mishaps), {}
    threads = [threading.Thread(target=fetch, args=(access, entry, results, i)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == dict.fromkeys(range(4), SHA256)
    assert files_in(tmp_path) == ["some.npz"]
    assert len(server.ranges) == len(mishaps) + 1  # one of them for all


@pytest.mark.parametrize("n_cut", [0, 2])
def test_four_processes_want_one_file(server, entry, access, tmp_path, n_cut):
    server.mishaps = ["cut off"] * n_cut
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with context.Manager() as manager:
        results = manager.dict()
        processes = [
            context.Process(target=fetch, args=(access, entry, results, i), daemon=True)
            for i in range(4)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert dict(results) == dict.fromkeys(range(4), SHA256)
    assert files_in(tmp_path) == ["some.npz"]
    assert len(server.ranges) == n_cut + 1


def test_when_one_of_them_fails_the_next_goes_on(server, entry, access, tmp_path):
    server.mishaps, results, failed = ["cut off"] * 2, {}, []

    def once(number):
        try:
            fetch(replace(access, n_retries=0), entry, results, number)
        except ConnectionError as error:
            failed.append(error)

    threads = [threading.Thread(target=once, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(failed) == 2
    assert set(results.values()) == {SHA256}
    assert files_in(tmp_path) == ["some.npz"]


@pytest.mark.parametrize("kind", ["link", "link to nothing", "hard link", "pipe"])
def test_a_part_that_is_another_file_is_not_written_to(kind, entry, access, tmp_path):
    (tmp_path / "tabular").mkdir()
    part, precious = tmp_path / "tabular" / "some.npz.part", tmp_path / "precious"
    if kind == "pipe":
        os.mkfifo(part)
    elif kind == "link to nothing":
        part.symlink_to(precious)
    else:
        precious.write_bytes(b"of somebody else")
        part.symlink_to(precious) if kind == "link" else part.hardlink_to(precious)
    content, path = read_verified(access, entry)
    assert content == CONTENT
    assert path.is_file()
    assert not path.is_symlink()
    assert not part.exists()
    if kind in ("link", "hard link"):
        assert precious.read_bytes() == b"of somebody else"
    else:
        assert not precious.exists()


def test_a_folder_in_the_place_of_the_part(entry, access, tmp_path):
    (tmp_path / "tabular" / "some.npz.part").mkdir(parents=True)
    with pytest.raises(OSError, match=r"cannot be saved to .* Set data_home or LOFE_DATA"):
        read_verified(access, entry)


def test_a_disk_that_fills_up(server, entry, access, tmp_path):
    """A real one: the kernel refuses what goes beyond the largest size of a file."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, before[1]))
    try:
        with pytest.raises(
            OSError, match=r"could not be saved .* bytes are free there. Free some space"
        ):
            read_verified(access, entry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files_in(tmp_path) == ["some.npz.part"]
    assert read_verified(access, entry)[0] == CONTENT
    assert server.ranges[1] == f"bytes={HALF}-"
