"""MVTec-AD and UCSD Ped as folders of pictures, as they are published; here made-up ones."""

from functools import partial

import numpy as np
import pytest

from benchmarks import pictures, sets
from benchmarks.folders import category, pedestrians
from lofe_sklearn.features import ImageFeatures, VideoFeatures

Image = pytest.importorskip("PIL.Image", reason="the extra 'images' is not installed")


def save(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(value).integers(0, 256, (24, 24), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path):
    bottle = tmp_path / "mvtec_ad" / "bottle"
    for n in range(4):
        save(bottle / "train" / "good" / f"{n:03d}.png", 10 * n)
    save(bottle / "test" / "good" / "000.png", 90)
    for n in range(2):
        save(bottle / "test" / "broken" / f"{n:03d}.png", 200 + n)
        save(bottle / "ground_truth" / "broken" / f"{n:03d}_mask.png", 255)
    ped = tmp_path / "video" / "UCSDped1"
    for clip, length in (("Train/Train001", 6), ("Train/Train002", 5), ("Test/Test001", 7)):
        for frame in range(length):
            save(ped / clip / f"{frame + 1:03d}.tif", 20 * frame)
        (ped / clip / "._001.tif").write_bytes(b"no picture")
    save(ped / "Test" / "Test001_gt" / "001.bmp", 0)
    (ped / "Test" / "UCSDped1.m").write_text(
        "TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [2:3, 6:7];\n"
    )
    return tmp_path


def test_mvtec(root):
    paths, y = category(root, "bottle")
    assert y.tolist() == [int("broken" in path.parts) for path in paths]
    assert (len(y), y.sum()) == (7, 2)


def test_pedestrians(root):
    clips, y, is_test = pedestrians(root, "ped1")
    assert [len(clip) for clip in clips] == [6, 5, 7]
    assert y.tolist() == [0] * 11 + [0, 1, 1, 0, 0, 1, 1]
    assert is_test.tolist() == [False] * 11 + [True] * 7
    assert all(path.suffix == ".tif" for clip in clips for path in clip)


def test_they_are_sets_of_the_benchmarks(root, monkeypatch):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'images' is not installed")
    monkeypatch.setenv("LOFE_DATA", str(root))
    monkeypatch.setenv("LOFE_CACHE", str(root / "cache"))
    small = partial(ImageFeatures, image_size=32)
    monkeypatch.setattr(pictures, "ImageFeatures", small)
    monkeypatch.setattr(pictures, "VideoFeatures", lambda: VideoFeatures(small()))
    for cached in (pictures.video_rows, pictures.defects):
        cached.cache_clear()
    X, y = sets.load("mvtec:bottle")
    assert (len(X), int(y.sum())) == (7, 2)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, rtol=1e-5)
    X, y, is_test = sets.load("ped1:all")
    assert (len(X), int(y.sum()), int(is_test.sum())) == (18, 4, 7)
    for cached in (pictures.video_rows, pictures.defects):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mvtec:cable", "cable is not there. The category's folder"),
        ("ped2:all", "UCSDped2.m is not there. The data set's folder UCSDped2 belongs"),
    ],
)
def test_what_is_missing_is_named(root, monkeypatch, name, message):
    monkeypatch.setenv("LOFE_DATA", str(root))
    for cached in (pictures.video_rows, pictures.defects):
        cached.cache_clear()
    with pytest.raises(sets.SetError, match=message):
        sets.load(name)


def test_folders_that_do_not_fit(root):
    (root / "video" / "UCSDped1" / "Test" / "UCSDped1.m").write_text("nothing")
    with pytest.raises(OSError, match="anomalous frames of 0 clips, but there are 1"):
        pedestrians(root, "ped1")
    for path in (root / "mvtec_ad" / "bottle" / "test" / "broken").iterdir():
        path.unlink()
    with pytest.raises(OSError, match="found 5 and 0"):
        category(root, "bottle")
