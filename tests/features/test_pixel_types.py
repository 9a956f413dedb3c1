"""Whole numbers as pixels: the right value for every type, or an error that says why not."""

import io
import struct

import numpy as np
import pytest
from pictures import network
from PIL import Image

from lofe_sklearn import LOE, DeepSVDD, MHRot
from lofe_sklearn.features import (
    BrokenImage,
    ImageFeatures,
    VideoFeatures,
    find_broken_images,
    video_windows,
)
from lofe_sklearn.features._decode import read_image

WIDE = ["int8", "int16", "int32", "uint32", "int64", "uint64"]


def grey(dtype, top):
    return np.linspace(0, top, 256).reshape(16, 16).astype(dtype)


def small():
    return ImageFeatures(network(), image_size=16, device="cpu")


def file_of(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("dtype", "white"),
    [("uint8", 255), ("uint16", 65535), (">u2", 65535), ("bool", 1), ("float32", 1)],
)
def test_types_with_a_known_white(dtype, white):
    image = grey(dtype, white)
    expected = image.astype(np.float32) / white
    np.testing.assert_allclose(read_image(image)[:, :, 0], expected, atol=1e-7)
    # Lists, stacks, rows and frames of video all give the features of that image.
    features = small().fit_transform([expected])
    for held in ([image], image[None], image.reshape(1, -1)):
        np.testing.assert_allclose(small().fit_transform(held), features, atol=1e-6)
    video = VideoFeatures(small(), motion=None)
    for held in (video_windows([image[None]], length=1), image[None, None]):
        np.testing.assert_allclose(video.fit_transform(held), features, atol=1e-6)


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("top", [100, 65543, -3])
def test_types_without_one(dtype, top):
    info = np.iinfo(dtype)
    if not info.min <= top <= info.max:
        pytest.skip("beyond the type")
    image = grey(dtype, top)
    message = rf"{dtype}, from {min(top, 0)} to {max(top, 0)}, and it is not known which .* white"
    with pytest.raises(BrokenImage, match=message):
        read_image(image)
    for held in ([image], image[None]):
        with pytest.raises(ValueError, match=message):
            small().fit(held)
    with pytest.raises(ValueError, match=message):
        VideoFeatures(small()).fit(image[None, None])
    with pytest.raises(ValueError, match=message):
        VideoFeatures(small()).fit(video_windows([image[None]], length=1))
    assert "is white" in find_broken_images([image])[0].reason
    if top > 0:
        for held in (image.reshape(1, -1), image.reshape(1, -1).tolist()):
            with pytest.raises(ValueError, match="it is not known which value is white"):
                small().fit(held)


def test_a_table_of_whole_numbers_in_two_colours():
    image = (grey("int64", 255) > 100).astype(np.int64)
    expected = small().fit_transform(image[None].astype(bool))
    np.testing.assert_allclose(small().fit_transform(image.reshape(1, -1)), expected, atol=1e-6)


def test_whole_numbers_below_zero_are_no_pixels():
    rows = np.full((2, 16), -3)
    with pytest.warns(UserWarning, match="values from -3 to -3"):
        features = small().fit_transform(rows)
    with pytest.warns(UserWarning, match="values from -3 to -3"):
        expected = small().fit_transform(rows.astype(np.float32))
    np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_files_of_16_bits(kind):
    pixels = grey("uint16", 65535)
    content = file_of(Image.fromarray(pixels), kind)
    np.testing.assert_allclose(read_image(content)[:, :, 0], pixels / 65535, atol=1e-6)
    # A dark image is no image of 8 bits.
    dark = file_of(Image.fromarray(grey("uint16", 200)), kind)
    assert read_image(dark).max() == pytest.approx(200 / 65535)


def test_a_pgm_file_of_10_bits():
    content = b"P5 2 2 1023\n" + np.array([0, 1023, 512, 1], dtype=">u2").tobytes()
    expected = [0, 1, 512 / 1023, 1 / 1023]
    np.testing.assert_allclose(read_image(content).ravel(), expected, atol=2e-5)


def test_a_tiff_file_of_12_bits():
    pixels = np.array([[0, 4095], [2048, 1]])
    left, right = pixels.T
    packed = np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], axis=1)
    tags = {256: 2, 257: 2, 258: 12, 259: 1, 262: 1, 273: 0, 277: 1, 278: 2, 279: packed.size}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    content = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    content += bytes(4) + packed.astype(np.uint8).tobytes()
    expected = np.array([[0, 1], [2048 / 4095, 1 / 4095]])
    np.testing.assert_allclose(read_image(content)[:, :, 0], expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_tiff_file_in_which_zero_is_white(dtype):
    white = np.iinfo(dtype).max
    pixels = grey(dtype, white)
    usual = file_of(Image.fromarray(pixels), "TIFF")
    tag = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    assert usual.count(tag) == 1
    content = usual.replace(tag, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    np.testing.assert_allclose(read_image(content)[:, :, 0], 1 - pixels / white, atol=1e-6)


@pytest.mark.parametrize("top", [200, 65535, 65543, 2**31 - 1])
def test_files_of_32_bits(top, tmp_path):
    image = Image.fromarray(grey("int32", top))
    (tmp_path / "image.tif").write_bytes(file_of(image, "TIFF"))
    for held in ([image], [tmp_path / "image.tif"], tmp_path, [file_of(image, "TIFF")]):
        with pytest.raises(BrokenImage, match=rf"int32, from 0 to {top}, .* is not known"):
            small().fit(held)
        assert len(find_broken_images(held)) == 1


def test_files_of_floats():
    image = grey("float32", 1)
    content = file_of(Image.fromarray(image), "TIFF")
    np.testing.assert_array_equal(read_image(content)[:, :, 0], image)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "uint32", "int64", "uint64"])
def test_mhrot_sees_the_same_numbers_in_every_type(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 30000, size=(12, 6, 6)).astype(dtype)
    X[0, 0, 0] = 65543 % (int(np.iinfo(dtype).max) + 1)
    options = {"depth": 10, "width": 1, "n_views": 4, "max_epochs": 1, "random_state": 0}
    expected = MHRot(**options).fit(X.astype(np.float64)).score_samples(X.astype(np.float64))
    np.testing.assert_array_equal(MHRot(**options).fit(X).score_samples(X), expected)


@pytest.mark.parametrize("dtype", WIDE)
def test_rows_of_whole_numbers_are_their_values(dtype):
    X = np.random.default_rng(0).integers(0, 100, size=(20, 4)).astype(dtype)
    X[0, 0] = min(65543, np.iinfo(dtype).max)
    for detector in (
        DeepSVDD(max_epochs=1, random_state=0),
        LOE(DeepSVDD(max_epochs=1), random_state=0),
    ):
        expected = detector.fit(X.astype(np.float64)).score_samples(X.astype(np.float64))
        np.testing.assert_array_equal(detector.fit(X).score_samples(X), expected)


def test_masked_pixels():
    image = np.ma.masked_greater(grey("uint8", 255), 200)
    with pytest.raises(BrokenImage, match=r"masked; fill them before, as in image\.filled\(0\)"):
        small().fit([image])
    for held in (image[None], image.reshape(1, -1)):
        with pytest.raises(ValueError, match=r"X must hold no masked values.*X\.filled"):
            small().fit(held)
    with pytest.raises(ValueError, match="must hold no masked values"):
        VideoFeatures(small()).fit(image[None, None])
    with pytest.raises(BrokenImage, match="pixels are masked"):
        VideoFeatures(small()).fit(video_windows([image[None]], length=1))
    whole = np.ma.masked_array(grey("uint8", 255))
    np.testing.assert_array_equal(
        small().fit_transform([whole]), small().fit_transform([whole.data])
    )
