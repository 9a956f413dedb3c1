"""Small files that hold large pictures, and what reading them takes."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from pictures import network, pixels
from PIL import Image, ImageFile

from lofe_sklearn.features import (
    BrokenImage,
    ImageFeatures,
    VideoFeatures,
    find_broken_images,
    video_windows,
)
from lofe_sklearn.features._decode import MAX_PIXELS

SIDE = 8000  # 64 million pixels


def small(**parameters):
    return ImageFeatures(network(), **{"image_size": 16, "device": "cpu", **parameters})


@pytest.fixture(scope="module")
def bomb(tmp_path_factory):
    path = tmp_path_factory.mktemp("bomb") / "bomb.png"
    Image.new("1", (SIDE, SIDE)).save(path, optimize=True)
    assert path.stat().st_size < 10_000
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A JPEG file of a picture with a step from dark to bright."""
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    image = Image.new("RGB", (6400, 6400), (40, 80, 120))
    image.paste((200, 160, 120), (3200, 0, 6400, 6400))
    image.save(path, quality=90)
    assert 6400 * 6400 > MAX_PIXELS
    return path


MEASURE = """
import resource, sys
import numpy, torch
from PIL import Image
from lofe_sklearn.features import ImageFeatures, find_broken_images
extractor = ImageFeatures(torch.nn.AvgPool2d(4), image_size=16, device="cpu", on_error="skip")
extractor.fit([numpy.zeros((16, 16, 3), dtype=numpy.uint8)]).set_params(allow_mixed=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(extractor.transform(sys.argv[1:]).shape)
except ValueError as error:
    print(error)
print([str(broken) for broken in find_broken_images(sys.argv[1:])])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def measured(path):
    """Output, and megabytes that the peak of memory rises by."""
    pytest.importorskip("resource")
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    *output, megabytes = ended.stdout.splitlines()
    return "\n".join(output), int(megabytes)


def test_a_bomb_is_refused_before_it_is_decoded(bomb, monkeypatch):
    def decode(image):
        raise AssertionError("it is decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    message = "8000 x 8000 = 64,000,000 pixels, more than max_pixels=33,554,432"
    [broken] = find_broken_images([bomb])
    assert message in broken.reason
    with pytest.raises(BrokenImage, match=message):
        small().fit([bomb])


@pytest.mark.slow  # another process takes seconds to start
def test_a_bomb_takes_no_memory(bomb):
    output, megabytes = measured(bomb)
    assert "none of the images can be read" in output
    assert "8000 x 8000 = 64,000,000 pixels, more than max_pixels=33,554,432" in output
    assert megabytes < 50


@pytest.mark.slow
def test_a_large_photo_is_read_at_a_part_of_its_size(photo):
    output, megabytes = measured(photo)
    assert "(1, 3)" in output
    assert output.endswith("[]")
    assert megabytes < 700


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "BMP", "WEBP"])
def test_other_files_beyond_the_limit(kind, tmp_path):
    path = tmp_path / f"image.{kind.lower()}"
    Image.fromarray(pixels(1, side=40)[0]).save(path)
    message = "40 x 40 = 1,600 pixels, more than max_pixels=1,599"
    for held in ([path], [str(path)], [path.read_bytes()], tmp_path, [Image.open(path)]):
        [broken] = find_broken_images(held, max_pixels=1599)
        assert message in broken.reason
        assert find_broken_images(held, max_pixels=1600) == []
        with pytest.raises(BrokenImage, match=message):
            small(max_pixels=1599).fit(held)
        assert small(max_pixels=1600).fit(held).image_shape_[:2] == (40, 40)
        assert small(max_pixels=None).fit(held).image_shape_[:2] == (40, 40)


def test_skipping_them_says_so(bomb):
    good = pixels(1)[0]
    extractor = small(on_error="skip", allow_mixed=True)
    with pytest.warns(UserWarning, match=r"1 of 2 images .*bomb\.png: it has 8000 x 8000"):
        features = extractor.fit([good]).transform([good, bomb])
    np.testing.assert_array_equal(features, small().fit_transform([good]))
    [broken] = find_broken_images([good, bomb])
    assert broken.index == 1
    assert broken.name == str(bomb)
    assert "raise max_pixels" in broken.reason


@pytest.mark.parametrize(("limit", "side"), [(64, 64), (63, 32), (32, 32), (31, 16), (8, 8)])
def test_jpeg_files_are_halved_until_they_fit(limit, side, tmp_path):
    path = tmp_path / "image.jpg"
    image = Image.new("RGB", (64, 64), (40, 80, 120))
    image.paste((200, 160, 120), (32, 0, 64, 64))
    image.save(path, quality=95)
    extractor = small(max_pixels=limit * limit).fit([path])
    assert extractor.image_shape_ == (side, side, 3)
    # It is the same picture.
    np.testing.assert_allclose(
        extractor.transform([path]), small().fit_transform([path]), atol=0.03
    )
    assert find_broken_images([path], max_pixels=limit * limit) == []


@pytest.mark.parametrize(("progressive", "n_broken"), [(False, 0), (True, 1)])
def test_a_progressive_jpeg_file_is_in_memory_whole(progressive, n_broken, tmp_path):
    path = tmp_path / "image.jpg"
    Image.fromarray(pixels(1, side=80)[0]).save(path, progressive=progressive)
    assert len(find_broken_images([path], max_pixels=6400 // 3 - 1)) == n_broken
    assert find_broken_images([path], max_pixels=6400 // 3 + 1) == []


def test_jpeg_files_that_are_too_large_at_an_eighth(tmp_path):
    path = tmp_path / "image.jpg"
    Image.fromarray(pixels(1, side=80)[0]).save(path)
    message = r"it has 80 x 80 = 6,400 pixels, more than max_pixels=99"
    with pytest.raises(BrokenImage, match=message):
        small(max_pixels=99).fit([path])


def test_a_users_pillow_image_stays_as_it_is(tmp_path):
    path = tmp_path / "image.jpg"
    Image.fromarray(pixels(1, side=80)[0]).save(path)
    image = Image.open(path)
    with pytest.raises(BrokenImage, match="80 x 80"):
        small(max_pixels=1000).fit([image])
    assert image.size == (80, 80)


def test_beyond_pillows_own_limit(tmp_path, monkeypatch):
    path = tmp_path / "image.png"
    Image.fromarray(pixels(1, side=40)[0]).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow only warns up to twice its limit
        with pytest.raises(BrokenImage, match="raise PIL.Image.MAX_IMAGE_PIXELS"):
            small(max_pixels=None).fit([path])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BrokenImage, match="raise PIL.Image.MAX_IMAGE_PIXELS"):
        small(max_pixels=None).fit([path])


@pytest.mark.parametrize("limit", [0, -1, 2.5, "many", True])
def test_what_is_no_limit(limit):
    with pytest.raises(ValueError, match="ImageFeatures: max_pixels must be an integer"):
        small(max_pixels=limit).fit(pixels())
    with pytest.raises(ValueError, match="ImageFeatures: max_pixels must be an integer"):
        VideoFeatures(small(max_pixels=limit)).fit(video_windows([pixels()], length=3))
    with pytest.raises(ValueError, match="find_broken_images: max_pixels must be an integer"):
        find_broken_images(pixels(), max_pixels=limit)


class TestFrames:
    def folder(self, tmp_path):
        for i, image in enumerate(pixels(5, side=20)):
            Image.fromarray(image).save(tmp_path / f"{i}.png")
        return tmp_path

    def test_in_a_folder(self, tmp_path):
        windows = video_windows([self.folder(tmp_path)], length=3)
        expected = VideoFeatures(small()).fit_transform(windows)
        enough = VideoFeatures(small(max_pixels=400))
        np.testing.assert_array_equal(enough.fit_transform(windows), expected)
        with pytest.raises(BrokenImage, match=r"0\.png\): it has 20 x 20 = 400 .*max_pixels=399"):
            VideoFeatures(small(max_pixels=399)).fit(windows)
        with pytest.raises(BrokenImage, match="20 x 20"):
            enough.set_params(images__max_pixels=399).fit(windows)

    def test_a_bomb_among_them(self, tmp_path, bomb):
        folder = self.folder(tmp_path)
        windows = video_windows([folder], length=3)
        video = VideoFeatures(small()).fit(windows)
        (folder / "4.png").write_bytes(bomb.read_bytes())
        for broken in (lambda: video.transform(windows), lambda: windows[2]):
            with pytest.raises(BrokenImage, match=r"frame 4 .*4\.png\): it has 8000 x 8000"):
                broken()

    def test_large_frames_of_a_video_file_are_not_all_kept(self, tmp_path, monkeypatch):
        from test_video import write_video

        from lofe_sklearn.features import _clips

        path = write_video(tmp_path / "clip.mkv", pixels(9, side=32))
        windows = video_windows([path], length=4)
        expected = [windows[i] for i in range(len(windows))]
        monkeypatch.setattr(_clips, "KEPT_BYTES", 2 * 32 * 32 * 3)
        [clip] = (windows := video_windows([path], length=4)).clips
        for i, frames in enumerate(expected):
            np.testing.assert_array_equal(windows[i], frames)
            assert len(clip._kept) <= 2

    def test_in_a_video_file(self, tmp_path):
        from test_video import write_video

        path = write_video(tmp_path / "clip.mkv", pixels(5, side=32))
        windows = video_windows([path], length=3)
        assert len(VideoFeatures(small(max_pixels=32 * 32)).fit_transform(windows)) == 3
        with pytest.raises(BrokenImage, match=r"clip\.mkv, frame 0: it has 32 x 32 = 1,024"):
            VideoFeatures(small(max_pixels=32 * 32 - 1)).fit(windows)
