"""The cache of ImageFeatures: whatever happens to its files, the features are the right ones."""

import io
import multiprocessing
import pickle
import threading
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from pictures import network, pixels, write_folder
from PIL import Image

from lofe_sklearn.features import ImageFeatures, VideoFeatures, _cache, video_windows
from lofe_sklearn.features._extractor import Extractor


def small(memory=None, module=None, **parameters):
    module = network() if module is None else module
    return ImageFeatures(module, memory=memory, **{"image_size": 16, "device": "cpu", **parameters})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def entries(folder):
    # Others may be joblib's own.
    own = folder.rglob(f"{_cache.FOLDER}/**/*")
    return sorted(path for path in own if path.is_file())


@pytest.fixture
def computed(monkeypatch):
    """Count the images that pass the network."""
    counts = []
    whole = Extractor.__call__
    monkeypatch.setattr(
        Extractor,
        "__call__",
        lambda self, images, *more: counts.append(len(images)) or whole(self, images, *more),
    )
    return counts


class Planted:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def float_at(content, row):
    """The same file with other numbers, checksum left alone."""
    start = len(content) - 32 - 4 * 6
    return content[:start] + row.astype(np.float32).tobytes() + content[-32:]


DAMAGES = {
    "empty": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "without its checksum": lambda content: content[:-32],
    "one bit": lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
    "longer": lambda content: content + b"\0",
    "noise": lambda content: bytes(range(256)) * 4,
    "NaN": lambda content: float_at(content, np.full(6, np.nan)),
    "other numbers": lambda content: float_at(content, np.arange(6)),
    "array of NaN": lambda content: saved(np.full(6, np.nan, dtype=np.float32)),
    "other shape": lambda content: saved(np.zeros(7, dtype=np.float32)),
    "other type": lambda content: saved(np.zeros(6)),
    "objects": lambda content: saved(np.array([None] * 6), allow_pickle=True),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_computed_again_and_replaced(damage, folder, computed):
    X = pixels()
    expected = small().fit_transform(X)
    extractor = small(folder).fit(X)
    extractor.transform(X)
    whole = [path.read_bytes() for path in entries(folder)]
    for path, content in zip(entries(folder), whole, strict=True):
        path.write_bytes(damage(content))
    computed.clear()
    np.testing.assert_array_equal(extractor.transform(X), expected)
    assert sum(computed) == len(X)
    assert [path.read_bytes() for path in entries(folder)] == whole
    computed.clear()
    np.testing.assert_array_equal(extractor.transform(X), expected)
    assert not computed


@pytest.mark.parametrize("with_checksum", [False, True])
def test_an_array_of_nan_is_not_believed_even_with_its_checksum(with_checksum, folder):
    X = pixels()
    extractor = small(folder).fit(X)
    expected = extractor.transform(X)
    for path in entries(folder):
        array = saved(np.full(6, np.nan, dtype=np.float32))
        path.write_bytes(array + with_checksum * _cache._digest(path.stem, array))
    np.testing.assert_array_equal(extractor.transform(X), expected)


@pytest.mark.parametrize("form", ["pickle", "npy", "joblib"])
def test_a_planted_pickle_is_not_executed(form, folder, tmp_path):
    X, witness = pixels(), tmp_path / "executed"
    extractor = small(folder).fit(X)
    expected = extractor.transform(X)
    planted = Planted(witness)
    for path in entries(folder):
        if form == "pickle":
            path.write_bytes(pickle.dumps(planted))
        elif form == "npy":
            array = saved(np.array([planted], dtype=object), allow_pickle=True)
            path.write_bytes(array + _cache._digest(path.stem, array))
        else:
            joblib.dump(planted, path)
            joblib.dump(planted, path.parent / "output.pkl")
    np.testing.assert_array_equal(extractor.transform(X), expected)
    assert not witness.exists()
    pickle.loads(pickle.dumps(planted))
    assert witness.exists()  # it would have been created


def test_an_entry_of_another_image_under_the_name_of_this_one(folder):
    X = pixels(2)
    extractor = small(folder).fit(X)
    expected = extractor.transform(X)
    first, second = entries(folder)
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    np.testing.assert_array_equal(extractor.transform(X), expected)


def test_an_entry_deleted_between_two_looks(folder, monkeypatch):
    X = pixels()
    extractor = small(folder, batch_size=7).fit(X)
    expected = extractor.transform(X)
    read = _cache.Cache._read

    def delete_others(self, name):
        row = read(self, name)
        for path in entries(folder):
            path.unlink()
        return row

    monkeypatch.setattr(_cache.Cache, "_read", delete_others)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(extractor.transform(X), expected)


def test_a_folder_deleted_while_it_is_filled(folder, monkeypatch):
    import shutil

    X = pixels()
    write = _cache.Cache._write

    def and_delete(self, name, row):
        write(self, name, row)
        shutil.rmtree(folder)

    monkeypatch.setattr(_cache.Cache, "_write", and_delete)
    np.testing.assert_array_equal(small(folder).fit_transform(X), small().fit_transform(X))


def test_a_folder_in_the_place_of_an_entry(folder):
    X = pixels()
    extractor = small(folder).fit(X)
    expected = extractor.transform(X)
    path = entries(folder)[0]
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match="features cannot be kept in .*the result is complete"):
        np.testing.assert_array_equal(extractor.transform(X), expected)


@pytest.mark.parametrize("package", ["lofe-sklearn", "torch", "pillow", "av"])
def test_entries_of_another_version_are_not_used(package, folder, computed, monkeypatch):
    import lofe_sklearn

    X = pixels()
    extractor = small(folder).fit(X)
    expected = extractor.transform(X)
    version = _cache.metadata.version
    with monkeypatch.context() as patch:
        if package == "lofe-sklearn":
            patch.setattr(lofe_sklearn, "__version__", "0.0.1")
        else:
            patch.setattr(
                _cache.metadata, "version", lambda name: "0.1" if name == package else version(name)
            )
        computed.clear()
        np.testing.assert_array_equal(extractor.transform(X), expected)
        assert sum(computed) == len(X)
    computed.clear()
    np.testing.assert_array_equal(extractor.transform(X), expected)
    assert not computed


class Scaled(torch.nn.Module):
    """A network of which a plain number and a buffer that is not saved decide."""

    def __init__(self, factor, shift):
        super().__init__()
        self.factor = factor
        self.register_buffer("shift", torch.tensor(shift), persistent=False)

    def forward(self, images):
        return images * self.factor + self.shift


def test_all_that_decides_the_features_is_in_the_key(folder):
    X = pixels()
    for module in (Scaled(1.0, 0.0), Scaled(2.0, 0.0), Scaled(1.0, 3.0)):
        expected = small(module=module).fit_transform(X)
        np.testing.assert_array_equal(small(folder, module).fit_transform(X), expected)


def test_rows_of_one_length_in_two_shapes(folder):
    X = pixels(4).reshape(4, -1)
    for shape in [(3, 16, 16), (1, 16, 48), (1, 48, 16)]:
        options = {"image_shape": shape, "allow_mixed": True}
        expected = small(**options).fit_transform(X)
        np.testing.assert_array_equal(small(folder, **options).fit_transform(X), expected)


def test_one_image_in_two_palettes(folder):
    image = Image.fromarray(pixels(1, channels=0)[0]).convert("P")
    other = image.copy()
    other.putpalette([255 - v for v in image.getpalette()])
    for palette in (image, other):
        expected = small().fit_transform([palette])
        np.testing.assert_array_equal(small(folder).fit_transform([palette]), expected)


def test_a_large_jpeg_read_at_another_size(folder):
    file = io.BytesIO()
    Image.fromarray(pixels(1, side=64)[0]).save(file, "JPEG")
    for limit in (64 * 64, 32 * 32):
        expected = small(max_pixels=limit).fit_transform([file.getvalue()])
        kept = small(folder, max_pixels=limit).fit_transform([file.getvalue()])
        np.testing.assert_array_equal(kept, expected)


def test_features_that_are_not_finite_are_not_kept(folder):
    X = pixels()
    extractor = small(folder, Scaled(float("inf"), 0.0)).fit(X)
    for _ in range(2):
        assert not np.isfinite(extractor.transform(X)).all()
    assert entries(folder) == []


def test_no_room_for_entries(folder, monkeypatch):
    X = pixels()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_cache.os, "replace", full)
    with pytest.warns(UserWarning, match=r"No space left.*Free some space") as record:
        features = small(folder).fit_transform(X)
    assert len(record) == 1
    np.testing.assert_array_equal(features, small().fit_transform(X))
    assert entries(folder) == []  # nothing half written


@pytest.mark.parametrize("memory", [3, ["folder"], object()])
def test_what_is_no_folder(memory):
    extractor = small(memory).fit(pixels())
    with pytest.raises(ValueError, match="ImageFeatures: memory must be the path of a folder"):
        extractor.transform(pixels())


@pytest.mark.parametrize("kind", [Path, str])
def test_a_file_in_the_place_of_a_folder(kind, tmp_path):
    (tmp_path / "file").write_text("")
    extractor = small(kind(tmp_path / "file")).fit(pixels())
    with pytest.raises(ValueError, match=r"ImageFeatures: memory must be .*file is a file\.$"):
        extractor.transform(pixels())


def test_a_memory_of_joblib(folder):
    X = pixels()
    expected = small().fit_transform(X)
    memory = joblib.Memory(folder, verbose=0)
    np.testing.assert_array_equal(small(memory).fit_transform(X), expected)
    assert len(entries(folder)) == len(X)
    memory.clear(warn=False)
    assert entries(folder) == []
    np.testing.assert_array_equal(small(joblib.Memory(None)).fit_transform(X), expected)


def fill(folder, results, number, module=None):
    X = pixels(30)
    extractor = small(folder, module).fit(X)
    results[number] = extractor.transform(X[:: 1 if number % 2 else -1])


def check_filled(results, folder):
    expected = small().fit_transform(pixels(30))
    for number, features in results.items():
        np.testing.assert_array_equal(features[:: 1 if number % 2 else -1], expected)
    assert [path.suffix for path in entries(folder)] == [".npy"] * 30


def test_threads_fill_one_cache(folder):
    results = {}
    # Made here, since they are drawn from the global generator, which the threads share.
    modules = [network() for _ in range(4)]
    threads = [
        threading.Thread(target=fill, args=(folder, results, i, module))
        for i, module in enumerate(modules)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    check_filled(results, folder)


@pytest.mark.slow
def test_processes_fill_one_cache(folder):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        results = manager.dict()
        processes = [
            context.Process(target=fill, args=(folder, results, i), daemon=True) for i in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert len(results) == 2
        check_filled(dict(results), folder)


def test_threads_that_read_while_another_deletes(folder):
    results, stop = {}, threading.Event()

    def delete():
        while not stop.is_set():
            for path in entries(folder):
                path.unlink(missing_ok=True)

    vandal = threading.Thread(target=delete)
    vandal.start()
    try:
        for number in range(3):
            fill(folder, results, number)
    finally:
        stop.set()
        vandal.join()
    expected = small().fit_transform(pixels(30))
    for number, features in results.items():
        np.testing.assert_array_equal(features[:: 1 if number % 2 else -1], expected)


def test_video_features_keep_theirs_the_same_way(folder, computed, tmp_path):
    frames = write_folder(tmp_path / "clip", pixels(6))
    windows = video_windows([frames], length=3)
    expected = VideoFeatures(small()).fit_transform(windows)
    video = VideoFeatures(small(folder)).fit(windows)
    np.testing.assert_array_equal(video.transform(windows), expected)
    for path in entries(folder)[::2]:
        path.write_bytes(path.read_bytes()[:50])
    computed.clear()
    np.testing.assert_array_equal(video.transform(windows), expected)
    assert sum(computed) == len(entries(folder)) // 2
