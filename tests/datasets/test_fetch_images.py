"""Fashion-MNIST and CIFAR-10: small ones made here, and the real files where they are."""

import gzip
import hashlib
import io
import sys
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from lofe_sklearn.datasets import (
    _cifar10,
    _fashion_mnist,
    fetch_cifar10,
    fetch_fashion_mnist,
)
from lofe_sklearn.datasets._registry import entry_called


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
