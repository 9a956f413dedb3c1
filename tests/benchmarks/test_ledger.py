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


def test_reading_what_is_not_there(tmp_path):
    with pytest.raises(LedgerError, match="cannot be read"):
        read([tmp_path / "none.jsonl"])
