"""The result file: nothing finished is lost, nothing of others is overwritten."""

import json

import pytest

from benchmarks import ledger
from benchmarks.ledger import IDENTITY, Ledger, LedgerError, read


def row(**fields):
    return dict.fromkeys(IDENTITY) | {"error": "", "f1": 0.5} | fields


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "some.jsonl"


def fill(path, n_rows=3):
    with Ledger(path) as book:
        for seed in range(n_rows):
            book.add(row(seed=seed))
    return path.read_bytes()


def test_what_is_added_is_read_again(path):
    fill(path)
    with Ledger(path) as book:
        assert [r["seed"] for r in book.rows] == [0, 1, 2]
        book.add(row(seed=3))
    assert [r["seed"] for r in read([path])] == [0, 1, 2, 3]


def test_earlier_lines_are_never_touched(path):
    before = fill(path)
    with Ledger(path) as book:
        book.add(row(seed=9))
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_a_row_that_was_not_finished(path, cut):
    content = fill(path)
    path.write_bytes(content[:-cut])
    with Ledger(path) as book:
        assert [r["seed"] for r in book.rows] == [0, 1]
        book.add(row(seed=2))
    assert path.read_bytes() == content


def test_a_torn_header_is_an_empty_file(path):
    header = fill(path, 0)
    path.write_bytes(header[:10])
    assert fill(path, 0) == header


def test_an_altered_line_is_named_and_left_alone(path):
    lines = fill(path).splitlines(keepends=True)
    lines[2] = lines[2][:20] + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match="line 3"), Ledger(path):
        pass
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b'{"a": 1}\n', b"[1]\n", b"no line end"])
def test_another_file_is_not_overwritten(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="not a result file"), Ledger(path):
        pass
    assert path.read_bytes() == content


def test_two_runners_on_one_file(path):
    fill(path)
    with Ledger(path), pytest.raises(LedgerError, match="another runner"), Ledger(path):
        pass
    with Ledger(path) as book:  # the first one has ended
        assert len(book.rows) == 3


def test_a_file_of_another_version(path, monkeypatch):
    monkeypatch.setattr(ledger.lofe_sklearn, "__version__", "0.0.1")
    content = fill(path)
    monkeypatch.undo()
    with pytest.raises(LedgerError, match=r"0\.0\.1.*--mix-versions"), Ledger(path):
        pass
    assert path.read_bytes() == content
    with Ledger(path, mix_versions=True) as book:
        assert len(book.rows) == 3


def test_a_file_of_another_format(path):
    path.parent.mkdir()
    path.write_text(json.dumps({"lofe_bench": 99, "lofe-sklearn": "9"}) + "\n")
    with pytest.raises(LedgerError, match="format 99"), Ledger(path):
        pass


def test_no_room_on_the_disk(path, monkeypatch):
    with Ledger(path) as book:
        book.add(row(seed=0))
        content = path.read_bytes()

        def full(fd):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ledger.os, "fsync", full)
        with pytest.raises(LedgerError, match="No space left"):
            book.add(row(seed=1))
        monkeypatch.undo()
        assert path.read_bytes() == content
        assert len(book.rows) == 1


@pytest.fixture
def largest_file():
    """Let the kernel refuse what goes beyond a size, as it does on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of file sizes are POSIX's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("n_bytes_left", [0, 1, 100])
def test_no_room_for_all_of_a_row(path, largest_file, n_bytes_left):
    """What is written of a row is taken back, and closing the file does not try again."""
    whole = fill(path)
    largest_file(len(whole) + n_bytes_left)
    with (
        pytest.raises(LedgerError, match="a row could not be written to .*make room and start"),
        Ledger(path) as book,
    ):
        book.add(row(seed=3))
    assert path.read_bytes() == whole
    assert [r["seed"] for r in read([path])] == [0, 1, 2]


def test_no_room_for_the_first_line(path, largest_file):
    largest_file(5)
    with pytest.raises(LedgerError, match="make room and start the same command"), Ledger(path):
        pass
    largest_file(10**6)
    fill(path)
    assert len(read([path])) == 3


def test_a_torn_line_that_cannot_be_taken_back(path, largest_file):
    whole = fill(path)
    largest_file(len(whole) + 20)

    class Stuck:
        """A file that cannot be cut."""

        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def truncate(self, size):
            raise OSError(28, "No space left on device")

    with Ledger(path) as book:
        book._file = Stuck(book._file)
        with pytest.raises(LedgerError, match="The rows before it are safe"):
            book.add(row(seed=3))
    assert path.read_bytes().startswith(whole)
    with Ledger(path) as book:
        assert [r["seed"] for r in book.rows] == [0, 1, 2]
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be written"), Ledger(tmp_path / "file" / "x"):
        pass


def test_reading_takes_the_last_row_of_a_fit(path):
    with Ledger(path) as book:
        book.add(row(seed=0, error="out of memory"))
        book.add(row(seed=0, f1=0.7))
    [only] = read([path])
    assert only["f1"] == 0.7


def test_files_that_were_joined(path, monkeypatch):
    one = fill(path)
    path.unlink()
    monkeypatch.setattr(ledger.lofe_sklearn, "__version__", "9.9")
    with Ledger(path) as book:
        book.add(row(seed=7))
    path.write_bytes(one + one + path.read_bytes())
    rows = read([path])
    assert [r["seed"] for r in rows] == [0, 1, 2, 7]
    assert [r.get("lofe-sklearn") for r in rows] == [None, None, None, "9.9"]
    monkeypatch.undo()
    with pytest.raises(LedgerError, match=r"has results of lofe-sklearn 9\.9"), Ledger(path):
        pass


def test_reading_what_is_not_there(tmp_path):
    with pytest.raises(LedgerError, match="cannot be read"):
        read([tmp_path / "none.jsonl"])
