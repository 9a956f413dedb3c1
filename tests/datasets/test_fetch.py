"""Names, errors and what comes back; the real files where they are."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lofe_sklearn.datasets import (
    _adbench,
    clear_data_home,
    fetch_adbench,
    fetch_odds,
    get_data_home,
    list_adbench,
    list_odds,
    load_npz,
    load_thyroid,
)
from lofe_sklearn.datasets._registry import entries, entries_of, find, spellings

TABULAR = ("Classical", "CV_by_ResNet18", "ODDS")


def test_the_registry():
    rows = entries()
    assert len({row.path for row in rows}) == len(rows)
    for row in rows:
        assert len(row.sha256) in (0, 64)
        assert not Path(row.path).is_absolute()
        assert row.url == "" or row.url.startswith("https://")
        assert row.n_anomalies < row.n_samples
    classical = entries_of("Classical")
    assert [int(row.name.split("_")[0]) for row in classical] == list(range(1, 48))
    unpinned = [row.name for row in classical if not row.sha256]
    assert unpinned == ["3_backdoor", "9_census", "13_fraud", "36_speech"]
    assert len(entries_of("ODDS")) == 28


def test_no_two_sets_go_by_one_name():
    for collections in (_adbench.COLLECTIONS, ("ODDS",)):
        names = [name for row in entries_of(*collections) for name in spellings(row)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("6_cardio", "6_cardio"),
        ("cardio", "6_cardio"),
        ("CARDIO.npz", "6_cardio"),
        ("satimage_2", "31_satimage-2"),
        ("Classical/thyroid", "38_thyroid"),
        ("magic.gamma", "22_magic.gamma"),
        ("mvtec-ad_BOTTLE", "MVTec-AD_bottle"),
        ("CV_by_ResNet18/CIFAR10_4", "CIFAR10_4"),
        ("cifar10_4", "CIFAR10_4"),
    ],
)
def test_names_of_adbench(name, expected):
    assert _adbench._entry(name).name == expected


def test_lists_of_names():
    assert len(list_adbench("Classical")) == 43
    assert len(list_adbench("CV_by_ResNet18")) == 21
    assert list_adbench() == list_adbench("Classical") + list_adbench("CV_by_ResNet18")
    assert {"mulcross", "kddrev"} < set(list_odds())
    with pytest.raises(ValueError, match="collection must be one of"):
        list_adbench("classical")


@pytest.mark.parametrize(
    ("fetch", "name", "message"),
    [
        (fetch_adbench, "cardoi", "no set is called 'cardoi'. Did you mean '6_cardio'"),
        (fetch_adbench, "qqqq", r"no set is called 'qqqq'. list_adbench\(\) lists"),
        (fetch_adbench, "fraud", r"no checksum of 'fraud'.*13_fraud.npz.*load_npz"),
        (fetch_adbench, "3_backdoor", "no checksum"),
        (fetch_adbench, "CV_by_ViT/MVTec-AD_bottle", "no checksum"),
        (fetch_adbench, "20news_0", "no checksum"),
        (fetch_adbench, "FashionMNIST_3", "no checksum"),
        (fetch_adbench, "CIFAR10_1", "no checksum"),
        (fetch_adbench, 6, "name must be a non-empty str.*got 6"),
        (fetch_odds, "", "name must be a non-empty str"),
        (fetch_odds, "kddrew", "Did you mean 'kddrev'"),
        (fetch_odds, "speech", "no source with a known checksum.*load_npz"),
    ],
)
def test_names_that_are_refused(fetch, name, message):
    with pytest.raises(ValueError, match=message):
        fetch(name)


def test_sets_without_a_source(tmp_path):
    with pytest.raises(FileNotFoundError, match="made from the 10 per cent file.*sha256") as info:
        fetch_odds("kdd", data_home=tmp_path)
    assert str(tmp_path / "tabular" / "odds30" / "kdd.npz") in str(info.value)
    with pytest.raises(FileNotFoundError, match="copy of ODDS's wbc.mat"):
        fetch_odds("wbc", data_home=tmp_path)


def test_odds_from_the_package_and_from_adbench(tmp_path):
    X, y = fetch_odds("Thyroid", data_home=tmp_path, return_X_y=True, download_if_missing=False)
    expected, labels = load_thyroid(return_X_y=True)
    np.testing.assert_array_equal(X, expected)
    np.testing.assert_array_equal(y, labels)
    with pytest.raises(OSError, match="6_cardio.npz does not exist and download_if_missing"):
        fetch_odds("cardio", data_home=tmp_path, download_if_missing=False)


def test_mulcross_is_drawn(tmp_path):
    bunch = fetch_odds("Mulcross", data_home=tmp_path)
    assert bunch.data.shape == (262144, 4)
    assert bunch.target.sum() == 26214
    assert "make_mulcross" in bunch.DESCR


def test_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LOFE_DATA", str(tmp_path))
    assert get_data_home() == str(tmp_path)
    assert get_data_home("~/x") == str(Path.home() / "x")
    monkeypatch.delenv("LOFE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert get_data_home().endswith("lofe_sklearn")
    clear_data_home(tmp_path / "not there")


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, X=np.eye(4, dtype=np.float32), y=np.array([[0], [0], [0], [1]]))
    bunch = load_npz(str(path))
    assert (bunch.data.dtype, bunch.target.dtype) == (np.float64, np.int64)
    assert bunch.filename == str(path)
    X, y = load_npz(path, return_X_y=True, as_frame=True)
    assert list(X.columns) == ["x0", "x1", "x2", "x3"]
    assert y.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.eye(2)}, "the arrays X and y are needed; found"),
        ({"X": np.eye(2), "y": [0, 1, 1]}, r"got \(2, 2\) and \(3,\)"),
        ({"X": np.zeros(2), "y": [0, 1]}, r"got \(2,\) and \(2,\)"),
        ({"X": np.eye(2), "y": [1, -1]}, r"got the values \[-1, 1\]"),
        ({"X": np.array([[{}], [1]]), "y": [0, 1]}, "pickled objects, which are not loaded"),
    ],
)
def test_files_that_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_npz(tmp_path / "bad.npz")


def test_damaged_files(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, X=np.eye(50), y=np.zeros(50))
    content = path.read_bytes()
    path.write_bytes(content[:1000])
    with pytest.raises(OSError, match=r"cut off \(1000 bytes\)"):
        load_npz(path)
    path.write_bytes(content[:1000] + bytes(100) + content[1100:])
    with pytest.raises(OSError, match="damaged"):
        load_npz(path)
    with pytest.raises(OSError, match=r"bad.npz|nowhere"):
        load_npz(tmp_path / "nowhere.npz")


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame=True needs pandas"):
        load_thyroid(as_frame=True)


def large(entry):
    return entry.n_samples * entry.n_features > 3_000_000


@pytest.mark.real_data
@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(e, id=f"{e.collection}-{e.name}", marks=[pytest.mark.slow] * large(e))
        for e in entries_of(*TABULAR)
        if e.sha256
    ],
)
def test_real_sets(data_folder, entry):
    if not (data_folder / entry.path).is_file():
        pytest.skip(f"{entry.path} is not in {data_folder}")
    fetch = fetch_odds if entry.collection == "ODDS" else fetch_adbench
    X, y = fetch(entry.name, data_home=data_folder, download_if_missing=False, return_X_y=True)
    assert X.shape == (entry.n_samples, entry.n_features)
    assert (X.dtype, y.dtype) == (np.float64, np.int64)
    assert np.isfinite(X).all()
    assert y.sum() == entry.n_anomalies
    if entry.same_as:
        same = find(entry.same_as, entries_of("Classical"))
        if (data_folder / same.path).is_file():
            Z, w = fetch_adbench(same.name, data_home=data_folder, return_X_y=True)
            np.testing.assert_array_equal(X, Z)
            np.testing.assert_array_equal(y, w)


@pytest.mark.slow
@pytest.mark.real_data
def test_real_kddrev_is_part_of_kdd(data_folder):
    (X, y), (Z, w) = (
        fetch_odds(name, data_home=data_folder, return_X_y=True) for name in ("kdd", "kddrev")
    )
    np.testing.assert_array_equal(X[y == 1], Z[w == 0])
    assert w.sum() == int(0.25 * y.sum())
