"""Names, errors and what comes back; the real files where they are."""

import gzip
import hashlib
import io
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lofe_sklearn.datasets import (
    _adbench,
    _cifar10,
    _fashion_mnist,
    clear_data_home,
    fetch_adbench,
    fetch_cifar10,
    fetch_fashion_mnist,
    fetch_odds,
    get_data_home,
    list_adbench,
    list_odds,
    load_npz,
    load_thyroid,
)
from lofe_sklearn.datasets._registry import entries, entries_of, entry_called, find, spellings

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
        (fetch_adbench, "fraud", r"no checksum of 'fraud' .*13_fraud.npz.*load_npz"),
        (fetch_adbench, "3_backdoor", "no checksum"),
        (fetch_adbench, "CV_by_ViT/MVTec-AD_bottle", "no checksum"),
        (fetch_adbench, "20news_0", "no checksum"),
        (fetch_adbench, "FashionMNIST_3", "no checksum"),
        (fetch_adbench, "CIFAR10_1", "no checksum"),
        (fetch_adbench, 6, "name must be a non-empty str.*got 6"),
        (fetch_odds, "", "name must be a non-empty str"),
        (fetch_odds, "kddrew", "Did you mean 'kddrev'"),
        (fetch_odds, "speech", "no source whose checksum is known.*load_npz"),
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


def with_checksum(monkeypatch, module, contents):
    """Let the module's registry have the checksums of these contents."""

    def changed(collection, name):
        entry = entry_called(collection, name)
        if name not in contents:
            return entry
        content = contents[name]
        inner = gzip.decompress(content) if name.endswith("ubyte.gz") else content
        return replace(
            entry,
            sha256=hashlib.sha256(content).hexdigest(),
            content_sha256=hashlib.sha256(inner).hexdigest() if inner is not content else "",
        )

    monkeypatch.setattr(module, "entry_called", changed)


@pytest.fixture
def small_fashion(tmp_path, monkeypatch):
    """Folder of a Fashion-MNIST with 20 training and 10 test images."""
    contents = {}
    for part, n in (("train", 20), ("t10k", 10)):
        sizes = np.array([n, 28, 28], dtype=">u4").tobytes()
        pixels = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 10
        contents[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(
            b"\0\0\x08\x03" + sizes + pixels.tobytes()
        )
        contents[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(
            b"\0\0\x08\x01" + sizes[:4] + labels.tobytes()
        )
    with_checksum(monkeypatch, _fashion_mnist, contents)
    monkeypatch.setattr(_fashion_mnist, "SYSTEM_FOLDER", tmp_path / "system")
    folder = tmp_path / "images" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_fashion_mnist(small_fashion, tmp_path):
    bunch = fetch_fashion_mnist(subset="all", data_home=tmp_path)
    assert bunch.data.shape == (30, 784)
    assert bunch.images.shape == (30, 28, 28)
    assert bunch.data.dtype == np.uint8
    np.testing.assert_array_equal(bunch.images.reshape(30, -1), bunch.data)
    X, y = fetch_fashion_mnist(classes=["bag", 0], data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data[:20][np.isin(bunch.target[:20], [0, 8])])
    assert set(y) == {0, 8}
    frame = fetch_fashion_mnist(subset="test", data_home=tmp_path, as_frame=True).frame
    assert frame.shape == (10, 785)


def test_fashion_mnist_compressed_in_another_way(small_fashion, tmp_path):
    path = small_fashion / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1))
    # Also from the system's folder, where there is nothing in one's own.
    path.rename(tmp_path / "moved.gz")
    (tmp_path / "system").mkdir()
    (tmp_path / "moved.gz").rename(tmp_path / "system" / path.name)
    assert fetch_fashion_mnist(data_home=tmp_path).filename == str(tmp_path / "system")


@pytest.mark.parametrize("how", ["cut off", "altered", "not compressed"])
def test_fashion_mnist_damaged(small_fashion, tmp_path, how):
    path = small_fashion / "train-images-idx3-ubyte.gz"
    content = path.read_bytes()
    changed = {
        "cut off": content[:500],
        "altered": gzip.compress(gzip.decompress(content)[:-1] + b"?"),
        "not compressed": gzip.decompress(content),
    }
    path.write_bytes(changed[how])
    with pytest.raises(OSError, match="altered or cut off"):
        fetch_fashion_mnist(data_home=tmp_path)
    assert path.read_bytes() == changed[how]


@pytest.fixture
def small_cifar(tmp_path, monkeypatch):
    """Folder of the official CIFAR-10 with 4 images a batch, and all rows."""
    buffer, rng = io.BytesIO(), np.random.default_rng(0)
    rows = rng.integers(0, 256, (6, 4, 3073), dtype=np.uint8)
    rows[:, :, 0] = np.arange(24).reshape(6, 4) % 10
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, batch in zip(("test_batch.bin", *_cifar10.TRAIN), rows, strict=True):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = batch.size
            archive.addfile(info, io.BytesIO(batch.tobytes()))
    contents = {"cifar-10-binary.tar.gz": buffer.getvalue()}
    with_checksum(monkeypatch, _cifar10, contents)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "cifar-10-binary.tar.gz").write_bytes(buffer.getvalue())
    return np.roll(rows, -1, axis=0).reshape(24, 3073)  # training batches first


def test_cifar10(small_cifar, tmp_path):
    bunch = fetch_cifar10(subset="all", data_home=tmp_path)
    np.testing.assert_array_equal(bunch.data, small_cifar[:, 1:])
    np.testing.assert_array_equal(bunch.target, small_cifar[:, 0])
    assert bunch.source == "official"
    # The second image's green channel.
    np.testing.assert_array_equal(
        bunch.images[1, :, :, 1].ravel(), small_cifar[1, 1 + 1024 : 1 + 2048]
    )
    X, _ = fetch_cifar10(classes=2, data_home=tmp_path, return_X_y=True)
    train = small_cifar[:20]
    np.testing.assert_array_equal(X, train[train[:, 0] == 2][:, 1:])
    assert len(fetch_cifar10(subset="test", data_home=tmp_path).data) == 4


def test_cifar10_as_jpeg(tmp_path, monkeypatch):
    image_module = pytest.importorskip("PIL.Image", reason="JPEG images need Pillow")
    blobs = []
    for value in (40, 90, 200):
        buffer = io.BytesIO()
        pixels = np.full((32, 32, 3), (value, 0, 255 - value), dtype=np.uint8)
        image_module.fromarray(pixels).save(buffer, "JPEG", quality=95)
        blobs.append(buffer.getvalue())
    buffer = io.BytesIO()
    np.savez(
        buffer,
        blob=np.frombuffer(b"".join(blobs), dtype=np.uint8),
        offsets=np.cumsum([0, *map(len, blobs)]),
        y=np.array([3, 3, 5], dtype=np.uint8),
        is_test=np.array([False, True, False]),
    )
    with_checksum(monkeypatch, _cifar10, {"cifar10_jpeg_bytes.npz": buffer.getvalue()})
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "cifar10_jpeg_bytes.npz").write_bytes(buffer.getvalue())

    bunch = fetch_cifar10(data_home=tmp_path)
    assert bunch.source == "jpeg"
    assert "lossy" in bunch.DESCR
    assert bunch.target.tolist() == [3, 5]
    np.testing.assert_allclose(bunch.images[1].mean((0, 1)), [200, 0, 55], atol=3)
    assert len(fetch_cifar10(subset="all", classes="cat", data_home=tmp_path).data) == 2
    with pytest.raises(OSError, match="download_if_missing is False"):
        fetch_cifar10(source="official", data_home=tmp_path, download_if_missing=False)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="needs Pillow"):
        fetch_cifar10(data_home=tmp_path)


@pytest.mark.parametrize("fetch", [fetch_cifar10, fetch_fashion_mnist])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "valid"}, "subset must be one of .*got 'valid'"),
        ({"classes": 10}, "classes must be numbers from 0 to 9 or names .*got 10"),
        ({"classes": ["hat"]}, "got 'hat'"),
        ({"classes": []}, "at least one class"),
        ({"classes": 1.5}, "got 1.5"),
    ],
)
def test_images_refuse(fetch, options, message):
    with pytest.raises(ValueError, match=message):
        fetch(**options)


def test_cifar10_refuses_a_source():
    with pytest.raises(ValueError, match="source must be one of .*got 'png'"):
        fetch_cifar10(source="png")


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


@pytest.mark.real_data
def test_real_images(data_folder):
    if not (data_folder / "images" / "cifar10_jpeg_bytes.npz").is_file():
        pytest.skip("no images/cifar10_jpeg_bytes.npz")
    frogs = fetch_cifar10(subset="test", classes="frog", data_home=data_folder)
    assert frogs.images.shape == (1000, 32, 32, 3)
    here = _fashion_mnist.SYSTEM_FOLDER.is_dir() or (data_folder / "images/fashion-mnist").is_dir()
    if not here:
        pytest.skip("no Fashion-MNIST: apt-get install dataset-fashion-mnist")
    clothes = fetch_fashion_mnist(subset="all", data_home=data_folder)
    assert np.bincount(clothes.target).tolist() == [7000] * 10
