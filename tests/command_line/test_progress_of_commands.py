"""The bar of `lofe fit` and `lofe score`: in terminals only, and by the part that was read."""

import gzip
import sys

import numpy as np
import pandas as pd
import pytest

from lofe_sklearn._command_line._notes import Notes
from lofe_sklearn._command_line._table_files import ReadingOptions, open_table
from lofe_sklearn._progress import _displays, part

pytest_plugins = ["running_lofe"]

N_ROWS = 4000


def write(path):
    frame = pd.DataFrame({"a": np.arange(N_ROWS), "b": np.arange(N_ROWS) % 7})
    if path.name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    elif path.name.endswith(".npz"):
        np.savez(path, X=frame.to_numpy(float))
    else:
        text = frame.to_csv(index=False).encode()
        path.write_bytes(gzip.compress(text) if path.name.endswith(".gz") else text)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.npz"])
def test_the_share_that_was_read_grows_to_one(name, tmp_path):
    path = tmp_path / name
    write(path)
    table = open_table(path, ReadingOptions().checked())
    shares = [table.share_read() for _ in table.chunks(N_ROWS // 4)]
    assert len(shares) == 4
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    # Files are read in blocks, so that small ones are read ahead.
    assert 0 < shares[0] < (1.0 if name in ("t.csv", "t.parquet", "t.npz") else 1.1)


@pytest.fixture
def bars(monkeypatch):
    """Bars that keep what they were shown."""
    shown = []

    class Kept:
        def __init__(self, name):
            self.name = name

        def show(self, done, text, detail):
            shown.append((self.name, done, text))

        def finish(self):
            shown.append((self.name, 1.0, "finished"))

        def close(self):
            pass

    monkeypatch.setattr(_displays, "_bar_for", Kept)
    return shown


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "seen"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_only_who_looks_at_a_terminal_sees_a_bar(is_terminal, quiet, seen, bars, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    with Notes(quiet=quiet).progress("score"), part(1.0) as progress:
        progress.reach(0.5, "50 rows")
    assert bool(bars) is seen
    if seen:
        assert ("score", 0.5, "50 rows") in bars


def test_the_commands_fill_their_bars(lofe, folder, bars, monkeypatch, tmp_path):
    progress = Notes.progress

    def in_a_terminal(self, name):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        return progress(self, name)

    monkeypatch.setattr(Notes, "progress", in_a_terminal)
    model = tmp_path / "m.lofe"
    assert lofe("fit", folder / "today.csv", "--model", model).exit_code == 0
    assert {name for name, _, _ in bars} == {"fit"}
    assert bars[-1] == ("fit", 1.0, "finished")
    assert any("DeepSVDD" in text for _, _, text in bars)
    bars.clear()
    done = lofe("score", folder / "tomorrow.csv", "--model", model, "--chunk-rows", 50)
    assert done.exit_code == 0
    assert [text for _, _, text in bars if "rows" in text] == ["50 rows", "100 rows", "120 rows"]
    assert bars[-1] == ("score", 1.0, "finished")
