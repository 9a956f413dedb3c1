"""ImageFeatures: the same features from whatever holds the images, and clear errors."""

import functools
import io
import os
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from pictures import encoded, network, pixels, write_folder
from PIL import Image, ImageCms
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.features import BrokenImage, ImageFeatures, find_broken_images


def small(**parameters):
    return ImageFeatures(network(), **{"image_size": 16, "device": "cpu", **parameters})


class Holder(torch.nn.Module):
    """A network with an attribute."""

    def __init__(self, attribute):
        super().__init__()
        self.attribute = attribute

    def forward(self, images):
        return images


def times(factor):
    return lambda x: x * factor


def fingerprint(attribute):
    features = ImageFeatures(Holder(attribute), image_size=16, device="cpu")
    return features.fit(pixels(1))._extractor.fingerprint()


def by_hand(images, module, layers=None):
    """Do what ImageFeatures says it does: ImageNet's normalisation, means over the image."""
    x = torch.tensor(images / np.float32(255)).permute(0, 3, 1, 2)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        return module((x - mean) / std)


def test_features_are_the_mean_of_the_networks_output():
    X = pixels()
    expected = by_hand(X, network()).mean(dim=(2, 3))
    np.testing.assert_allclose(small().fit_transform(X), expected, atol=1e-6)


def test_layers_are_put_side_by_side():
    X, module = pixels(), network()
    maps = by_hand(X, module[0]), by_hand(X, module)
    expected = np.concatenate([m.mean(dim=(2, 3)) for m in maps], axis=1)
    features = small(layers=["0", "3"]).fit_transform(X)
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_a_grid_of_patches():
    X = pixels()
    extractor = small(pooling="grid", grid_size=3)
    features = extractor.fit_transform(X)
    assert features.shape == (7, 3 * 3 * 6)
    expected = F.adaptive_avg_pool2d(by_hand(X, network()), 3).permute(0, 2, 3, 1)
    np.testing.assert_allclose(extractor.patches(features), expected, atol=1e-6)
    with pytest.raises(ValueError, match="patches needs pooling='grid'; got 'average'"):
        small().fit(X).patches(features)


@pytest.mark.parametrize(
    "held",
    [
        lambda X, _: list(X),
        lambda X, _: [Image.fromarray(x) for x in X],
        lambda X, _: [encoded(x) for x in X],
        lambda X, folder: write_folder(folder, X),
        lambda X, folder: str(write_folder(folder, X)),
        lambda X, folder: sorted(write_folder(folder, X).iterdir()),
        lambda X, folder: np.array(sorted(map(str, write_folder(folder, X).iterdir()))),
        lambda X, _: X.transpose(0, 3, 1, 2),
        lambda X, _: X.transpose(0, 3, 1, 2).reshape(len(X), -1),
        lambda X, _: X / 255,
        lambda X, _: (X / 255).astype(np.float32),
        lambda X, _: X.astype(np.uint16) * 257,
    ],
    ids=[
        *("arrays", "Pillow", "bytes", "folder", "str", "files", "array of str", "channels first"),
        *("rows", "float64", "float32", "uint16"),
    ],
)
def test_what_holds_the_images_does_not_matter(held, tmp_path):
    X = pixels()
    expected = small().fit_transform(X)
    np.testing.assert_allclose(
        small().fit_transform(held(X, tmp_path / "images")), expected, atol=1e-6
    )


def test_memmaps_and_lazy_sequences(tmp_path):
    X = pixels()
    np.save(tmp_path / "X.npy", X)
    expected = small().fit_transform(X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(small().fit_transform(mapped), expected)

    class Lazy:
        most = now = 0

        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return X[i]

    np.testing.assert_array_equal(small().fit_transform(Lazy()), expected)


@pytest.mark.parametrize(
    "mode", ["L", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LA"], ids=lambda mode: mode
)
def test_colour_modes(mode, tmp_path):
    grey = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (16, 1))
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "1":
        grey = np.where(grey > 127, 255, 0).astype(np.uint8)
        image = Image.fromarray(grey).convert("1", dither=Image.Dither.NONE)
    else:
        image = Image.fromarray(grey).convert(mode)
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image.save(path)
    expected = small().fit_transform(grey[None])
    # CMYK has its own idea of grey.
    np.testing.assert_allclose(small().fit_transform([path]), expected, atol=0.02)


def test_what_is_transparent_is_white():
    image = np.zeros((16, 16, 4), dtype=np.uint8)
    white = np.full((1, 16, 16, 3), 255, dtype=np.uint8)
    np.testing.assert_allclose(
        small().fit_transform(image[None]), small().fit_transform(white), atol=1e-6
    )


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_grey_value_that_is_transparent_is_white(kind, tmp_path):
    """PNG files may name one value as transparent, which counted in colours and palettes only."""
    image = np.full((16, 16), 100, dtype=kind)
    image[4:8] = 50
    path = tmp_path / "image.png"
    Image.fromarray(image).save(path, transparency=50)
    shown = np.repeat(image[None, ..., None], 3, axis=3)
    shown[:, 4:8] = np.iinfo(kind).max
    np.testing.assert_allclose(
        small().fit_transform([path]), small().fit_transform(shown), atol=1e-6
    )


def test_modes_of_pillow_whose_letters_mislead(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(60, 200, (16, 16, 4), dtype=np.uint8)
    # The colours of these are multiplied by their opacity, which was lost.
    for mode in ("RGBA", "LA"):
        image = Image.fromarray(values).convert(mode)
        multiplied = image.convert(f"{mode[:-1]}a")
        np.testing.assert_allclose(
            small().fit_transform([multiplied]), small().fit_transform([image]), atol=0.01
        )
    # The A of LAB is no opacity.
    rgb = Image.fromarray(values[..., :3])
    lab = ImageCms.profileToProfile(
        rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert small().fit([lab]).image_shape_ == (16, 16, 3)


def test_files_are_turned_as_their_exif_data_say(tmp_path):
    X = pixels(1)[0]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    Image.fromarray(np.rot90(X)).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_allclose(
        small().fit_transform([tmp_path / "turned.png"]), small().fit_transform(X[None]), atol=1e-6
    )


def test_the_number_of_images_at_a_time_does_not_matter():
    X = pixels(9)
    expected = small().fit_transform(X)
    for size in (2, 5, 100):
        np.testing.assert_allclose(small(batch_size=size).fit_transform(X), expected, atol=1e-6)
    one_by_one = [small().fit(X).transform(x[None])[0] for x in X]
    np.testing.assert_array_equal(one_by_one, expected)


def test_few_images_are_decoded_at_a_time():
    X, alive, most = pixels(20), set(), []

    class Watched:
        def __init__(self, i):
            self.i = i
            alive.add(i)
            most.append(len(alive))

        def __array__(self, dtype=None, copy=None):
            return X[self.i]

        def __del__(self):
            alive.discard(self.i)

    class Lazy:
        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return Watched(i)

    small(batch_size=4).fit(X).transform(Lazy())
    assert max(most) <= 4


def test_images_are_resized_with_antialiasing():
    X = np.tile(np.array([0, 255], dtype=np.uint8), (1, 64, 32))  # stripes one pixel wide
    extractor = ImageFeatures(torch.nn.Identity(), image_size=16)
    mean = 0.5 - np.array([0.485, 0.456, 0.406])
    features = extractor.fit_transform(X)
    np.testing.assert_allclose(features[0], mean / [0.229, 0.224, 0.225], atol=0.02)


def test_threads_do_not_get_each_others_layers():
    X = pixels(40)
    extractor = small(layers=["0", "3"]).fit(X)
    expected = extractor.transform(X)
    halves = Parallel(4, "threading")(delayed(extractor.transform)(X[i::4]) for i in range(4))
    for i, features in enumerate(halves):
        np.testing.assert_array_equal(features, expected[i::4])


def test_own_preprocessing():
    X = pixels()
    flipped = small(preprocess=lambda x: 1 - x).fit_transform(X)
    x = torch.tensor(1 - X / np.float32(255)).permute(0, 3, 1, 2)
    with torch.no_grad():
        np.testing.assert_allclose(flipped, network()(x).mean(dim=(2, 3)), atol=1e-6)


def test_a_users_network_is_not_changed():
    module = network().train()
    X = pixels()
    ImageFeatures(module, image_size=16).fit_transform(X)
    assert module.training
    assert all(p.requires_grad for p in module.parameters())


def test_in_a_pipeline():
    X = pixels(40)
    model = make_pipeline(small(), StandardScaler(), LOE(DeepSVDD(max_epochs=2), random_state=0))
    assert set(model.fit(X).predict(X)) <= {-1, 1}
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(clone(model).fit(X).score_samples(X), model.score_samples(X))


def test_names_of_features():
    extractor = small().set_output(transform="pandas")
    frame = extractor.fit_transform(pixels())
    assert frame.columns.tolist() == [f"imagefeatures{i}" for i in range(6)]


class TestMemory:
    def count(self, monkeypatch):
        from lofe_sklearn.features._extractor import Extractor

        calls = []
        whole = Extractor.__call__
        monkeypatch.setattr(
            Extractor,
            "__call__",
            lambda self, images, *more: calls.append(len(images)) or whole(self, images, *more),
        )
        return calls

    @pytest.mark.parametrize("kind", ["arrays", "files"])
    def test_kept_features_are_not_computed_again(self, kind, tmp_path, monkeypatch):
        X = pixels()
        held = X if kind == "arrays" else sorted(write_folder(tmp_path / "images", X).iterdir())
        expected = small().fit_transform(held)
        extractor = small(memory=tmp_path / "cache", batch_size=3).fit(held)
        calls = self.count(monkeypatch)
        first = extractor.transform(held[:4])
        np.testing.assert_allclose(first, expected[:4], atol=1e-6)
        assert sum(calls) == 4
        calls.clear()
        # Others at the same time, in another order, by another instance.
        fresh = small(memory=joblib.Memory(tmp_path / "cache", verbose=0)).fit(held)
        calls.clear()
        np.testing.assert_allclose(fresh.transform(held[::-1]), expected[::-1], atol=1e-6)
        assert sum(calls) == 3

    def test_another_network_or_file_is_not_taken_for_the_same(self, tmp_path, monkeypatch):
        X = pixels()
        folder = write_folder(tmp_path / "images", X)
        memory = tmp_path / "cache"
        small(memory=memory).fit_transform(folder)
        other = ImageFeatures(network(seed=1), image_size=16)
        expected = other.fit_transform(folder)
        np.testing.assert_array_equal(
            other.set_params(memory=memory).fit_transform(folder), expected
        )
        (folder / "000.png").write_bytes(encoded(255 - X[0]))
        expected = small().fit_transform(folder)
        np.testing.assert_array_equal(small(memory=memory).fit_transform(folder), expected)

    def test_attributes_of_a_network_count(self, tmp_path):
        class Odd:
            """Its objects cannot be pickled."""

        modules = [torch.nn.AvgPool2d(2)], [torch.nn.AvgPool2d(8)]
        factors = [functools.partial(torch.mul, other=factor) for factor in (1, 2)]
        closures = [times(3), times(4)]
        own = [4, 8, (4, 4), (8, 8), [4, 4], {"k": 4}, {"k": 8}, None, "a", torch.ones(1) * 2]
        own += [torch.ones(1), *modules, torch.tanh, torch.relu, *factors, *closures, np.ones(2)]
        prints = [fingerprint(attribute) for attribute in own]
        assert len(set(prints)) == len(own)
        assert prints == [fingerprint(attribute) for attribute in own]
        holds_itself = Holder(None)
        holds_itself.attribute = [holds_itself, holds_itself.forward]
        assert ImageFeatures(holds_itself, memory=tmp_path).fit_transform(pixels(2)).shape[0] == 2
        with pytest.raises(
            ValueError, match="memory needs a network .* attribute of Holder cannot"
        ):
            fingerprint(Odd())

    def test_networks_of_types_that_numpy_lacks(self, tmp_path):
        networks = []
        for dtype in (torch.bfloat16, torch.bfloat16, torch.float32):
            network = torch.nn.Conv2d(3, 4, 3, bias=False)
            network.weight.data = torch.full_like(network.weight, 0.1 * (1 + len(networks) // 2))
            networks.append(network.to(dtype))
        images = pixels(2)
        prints = []
        for network in networks:
            features = ImageFeatures(network, image_size=16, device="cpu", memory=tmp_path)
            once = features.fit_transform(images)
            np.testing.assert_array_equal(features.transform(images), once)
            prints.append(features._extractor.fingerprint())
        assert prints[0] == prints[1] != prints[2]

    def test_broken_images_are_told_of_each_time(self, tmp_path):
        images = [*pixels(3), b"broken"]
        extractor = small(memory=tmp_path / "cache", on_error="skip").fit(images)
        for _ in range(2):
            with pytest.warns(UserWarning, match="1 of 4 images cannot be read"):
                assert len(extractor.transform(images)) == 3

    def test_a_preprocessing_that_cannot_be_told_from_others(self, tmp_path):
        extractor = small(memory=tmp_path / "cache", preprocess=lambda x: x).fit(pixels())
        with pytest.raises(ValueError, match="preprocess that can be pickled"):
            extractor.transform(pixels())


class TestBrokenImages:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = write_folder(tmp_path / "images", pixels(4))
        (folder / "001.png").write_bytes(encoded(pixels(1)[0])[:200])
        (folder / "002.png").write_bytes(b"not an image")
        return folder

    def test_the_error_names_the_file(self, folder):
        with pytest.raises(
            BrokenImage, match=r"001\.png: the image is damaged .*on_error='skip'"
        ) as e:
            small().fit_transform(folder)
        assert e.value.index == 1
        assert e.value.name == str(folder / "001.png")

    def test_skipping_names_them_all(self, folder):
        extractor = small(on_error="skip").fit(folder)
        with pytest.warns(UserWarning, match=r"2 of 4 .*001\.png.*; .*002\.png: this file is no"):
            features = extractor.transform(folder)
        np.testing.assert_array_equal(features, small().fit_transform(pixels(4)[[0, 3]]))

    def test_finding_them(self, folder):
        found = find_broken_images(folder)
        assert [broken.index for broken in found] == [1, 2]
        assert [broken.name for broken in found] == [str(folder / f"00{i}.png") for i in (1, 2)]

    def test_all_of_them_broken(self):
        extractor = small(on_error="skip")
        with pytest.raises(BrokenImage, match="none of the images can be read"):
            extractor.fit([b"broken", "nowhere.png"])
        assert not hasattr(extractor, "image_shape_")
        extractor.fit(pixels())
        with pytest.warns(UserWarning, match="2 of 2"), pytest.raises(BrokenImage, match="none of"):
            extractor.transform([b"broken", "nowhere.png"])

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            ("nowhere.png", "nowhere.png: there is no such file"),
            (np.full((16, 16), np.nan), "image 1: some pixels are NaN"),
            (np.zeros((16, 16, 2)), r"1, 3 or 4 channels; this array is of shape \(16, 16, 2\)"),
            (np.zeros((0, 16)), "no pixels"),
            (np.full((16, 16), "a"), "pixels must be numbers"),
        ],
    )
    def test_other_ways_to_be_broken(self, image, message):
        with pytest.raises(BrokenImage, match=message):
            small(allow_mixed=True).fit([pixels(1)[0], pixels(1)[0]]).transform(
                [pixels(1)[0], image]
            )


class TestBadInput:
    def test_mixed_sizes_and_channels(self, tmp_path):
        folder = write_folder(tmp_path / "images", [pixels(1)[0], pixels(1, side=20)[0]])
        with pytest.raises(
            ValueError, match=r"\(16, 16, 3\); .*001.png has \(20, 20, 3\).*allow_mixed"
        ):
            small().fit_transform(folder)
        with pytest.raises(ValueError, match=r"image 1 has \(16, 16, 1\)"):
            small().fit_transform([pixels(1)[0], pixels(1, channels=0)[0]])
        mixed = [pixels(1)[0], pixels(1, side=20, channels=0)[0]]
        assert small(allow_mixed=True).fit_transform(mixed).shape == (2, 6)

    def test_images_of_another_shape_than_fitted(self):
        with pytest.raises(ValueError, match=r"\(16, 16, 3\); image 0 has \(12, 12, 3\)"):
            small().fit(pixels()).transform(pixels(side=12))

    def test_an_empty_folder(self, tmp_path):
        (tmp_path / "notes.txt").write_text("no image")
        with pytest.raises(ValueError, match=r"has no images \(1 other files\).*\.png"):
            small().fit(tmp_path)
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            small().fit(tmp_path / "nowhere")
        with pytest.raises(ValueError, match=r"is a file. For one image give a list"):
            small().fit(tmp_path / "notes.txt")

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            ([], "0 samples"),
            (np.zeros((0, 8, 8, 3)), "0 samples"),
            (np.zeros((2, 5, 8, 8)), "1, 3 or 4 channels, as last or second axis"),
            (np.zeros((2, 2, 3, 8, 8)), r"3 axes .* or 4"),
            (3, "X must be images"),
        ],
    )
    def test_what_is_no_images(self, X, message):
        with pytest.raises(ValueError, match=message):
            small().fit(X)

    def test_rows_of_another_length_than_image_shape(self):
        with pytest.raises(ValueError, match=r"image_shape=\(1, 4, 4\) has 16 values, but .* 12"):
            small(image_shape=(1, 4, 4)).fit(np.zeros((2, 12)))

    def test_a_warning_of_floats_up_to_255(self):
        with pytest.warns(UserWarning, match=r"values from .* to 25.*X / 255"):
            small().fit(pixels().astype(float))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            small().fit(pixels())
            small().fit(pixels() / 255)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("pooling", "max"),
            ("grid_size", 0),
            ("image_size", 0),
            ("allow_mixed", "yes"),
            ("on_error", "ignore"),
            ("batch_size", 0),
            ("verbose", -1),
        ],
    )
    def test_bad_parameters(self, name, value):
        with pytest.raises(
            ValueError, match=rf"ImageFeatures: {name} must be .*set_params\({name}="
        ):
            small(**{name: value}).fit(pixels())

    def test_not_fitted(self):
        with pytest.raises(NotFittedError):
            small().transform(pixels())

    def test_a_failed_fit_loses_nothing(self):
        X = pixels()
        extractor = small().fit(X)
        with pytest.raises(ValueError, match="has no layer"):
            extractor.set_params(layers=["nowhere"]).fit(pixels(side=20))
        extractor.set_params(layers=None)
        assert extractor.image_shape_ == (16, 16, 3)
        np.testing.assert_array_equal(extractor.transform(X), small().fit_transform(X))

    def test_one_picture_that_is_not_in_a_list(self):
        colour, grey = pixels(), pixels(channels=0)
        for kind, message in ((colour, r"\(16, 16, 3\)"), (grey, r"\(16, 16\)")):
            features = small().fit(kind)
            with pytest.raises(ValueError, match=f"or one in a list; got .* {message}"):
                features.transform(kind[0])
            assert len(features.transform([kind[0]])) == 1
        for alone in (colour[0], colour[0][..., :1]):
            with pytest.raises(ValueError, match="is a single image. Pass "):
                small().fit(alone)
        row = ImageFeatures(network(), image_size=16, image_shape=(1, 1, 9)).fit(np.eye(9))
        assert len(row.transform(np.eye(9)[:1])) == 1  # the row of a table has this shape too
        with pytest.warns(UserWarning, match="do not look like square images"):
            rows = ImageFeatures(network(), image_size=16).fit_transform(np.eye(2))
        assert len(rows) == 2  # placed in a square of two by two
        with pytest.raises(BrokenImage, match="they come last: transpose it"):
            small().fit([np.moveaxis(colour[0], -1, 0)])


def test_broken_ones_of_an_array_are_those_that_the_transformer_cannot_read():
    X = pixels().transpose(0, 3, 1, 2) / 255
    assert find_broken_images(X) == find_broken_images(X[:, 0].reshape(len(X), -1)) == []
    X[2, 0, 3, 3] = np.nan
    for held in (X, X[:, 0].reshape(len(X), -1), list(X.transpose(0, 2, 3, 1))):
        assert [broken.index for broken in find_broken_images(held)] == [2]
    for held in (X, X[:, 0].reshape(len(X), -1)):
        masked = np.ma.masked_invalid(held)
        assert ["masked" in broken.reason for broken in find_broken_images(masked)] == [True]


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for rights to make links")
def test_hidden_files_and_links_in_a_folder(tmp_path):
    folder = write_folder(tmp_path / "images", pixels(3))
    (folder / "._000.png").write_bytes(b"what macOS keeps beside a file")
    write_folder(folder / ".thumbnails", pixels(3))
    assert small().fit_transform(folder).shape[0] == 3
    (folder / "999.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(BrokenImage, match=r"999\.png: there is no such file"):
        small().fit_transform(folder)
    hidden = write_folder(tmp_path / ".cache" / "images", pixels(3))
    assert small().fit_transform(hidden).shape[0] == 3  # the user names it


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for rights to make links")
def test_links_to_folders_are_followed_once(tmp_path):
    folder = write_folder(tmp_path / "images", pixels(3))
    elsewhere = write_folder(tmp_path / "elsewhere", pixels(2, seed=1))
    (folder / "more").symlink_to(elsewhere)
    (folder / "back").symlink_to(folder)
    expected = small().fit_transform(np.concatenate([pixels(3), pixels(2, seed=1)]))
    np.testing.assert_array_equal(small().fit_transform(folder), expected)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "images", pixels(3))
    closed = write_folder(folder / "closed", pixels(2))
    list_folder = os.scandir

    def refuse(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(UserWarning, match=r"closed cannot be read \(Permission denied\); its imag"):
        other = small().fit(folder)
    monkeypatch.undo()
    assert other.transform(folder).shape[0] == 5
    closed = folder
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="images"):
        small().fit(folder)


@pytest.mark.parametrize("memory", [False, True])
def test_files_that_cannot_be_opened_are_not_called_damaged(memory, tmp_path):
    folder = write_folder(tmp_path / "images", pixels(1))
    first = folder / "000.png"
    other = small(memory=tmp_path / "memory" if memory else None).fit([first])
    reasons = {
        str(first / "000.png"): r"the file cannot be read \(Not a directory\)",
        "a" * 5000: r"the file cannot be read \(File name too long\)",
        "a\0.png": "no file's name has the character 0; pass an encoded image as bytes",
        "nowhere.png": "there is no such file",
    }
    if os.name != "nt":
        link = folder / "link.png"
        link.symlink_to(link)
        reasons[str(link)] = r"the file cannot be read \(.*links"
    for name, reason in reasons.items():
        with pytest.raises(BrokenImage, match=rf": {reason}") as caught:
            other.transform([first, name])
        assert caught.value.index == 1
        assert caught.value.name == name


def test_other_things_that_hold_images(tmp_path):
    folder = write_folder(tmp_path / "images", pixels(2))
    table = pd.DataFrame({"file": [str(path) for path in sorted(folder.iterdir())]})
    with pytest.raises(ValueError, match=r"ImageFeatures: a table must .* could not convert .*X\["):
        small().fit(table)
    assert len(small().fit_transform(table["file"])) == 2
    content = (folder / "000.png").read_bytes()
    with pytest.raises(ValueError, match="got bytes. Put one image into a list"):
        small().fit(content)
    with pytest.raises(ValueError, match=r"got generator. Pass list\(X\)\.$"):
        small().fit(image for image in pixels())
    with pytest.raises(ValueError, match="got dict"):
        small().fit({"a": pixels()})
    expected = small().fit_transform(pixels(2))
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    np.testing.assert_array_equal(small().fit_transform(listed), expected)
    with os.scandir(tmp_path) as entries:
        np.testing.assert_array_equal(small().fit_transform(next(entries)), expected)
    with pytest.raises(BrokenImage, match=r"of an open file pass the bytes, file\.read\(\)"):
        small().fit([io.BytesIO(content)])
    with pytest.raises(BrokenImage, match="it is a folder; pass it alone"):
        small().fit([folder])
    (folder / "000.png").unlink()
    with pytest.raises(BrokenImage, match=rf"^{folder / '000.png'}: there is no such file"):
        small().fit(listed)


def test_a_column_of_polars_and_nested_lists(tmp_path):
    pl = pytest.importorskip("polars")
    X = pixels(3, channels=0)
    folder = write_folder(tmp_path / "images", X)
    expected = small().fit_transform(X)
    names = pl.Series([str(path) for path in sorted(folder.iterdir())])
    np.testing.assert_array_equal(small().fit_transform(names), expected)
    nested = (X / 255).tolist()
    np.testing.assert_allclose(small().fit_transform(nested), expected, atol=1e-6)
    np.testing.assert_allclose(small().fit(nested).transform(nested[1:]), expected[1:], atol=1e-6)


def test_pairs_of_an_image_and_a_label():
    """As data sets of torchvision have them."""
    images = pixels(2)
    for image in (images[0], Image.fromarray(images[0]), torch.tensor(images[0])):
        with pytest.raises(
            BrokenImage, match=r"^image 0: it is a list or tuple; .* pass the images alone"
        ):
            small().fit([(image, 3)])
    with pytest.raises(BrokenImage, match="image 1: this list is no array of pixels"):
        small().fit_transform([images[0], [[1, 2], [3]]])


def test_a_sequence_that_has_a_name():
    class Photos:
        name = "holidays"

        def __len__(self):
            return 2

        def __getitem__(self, i):
            return pixels(1)[0] if i == 0 else b"cut off"

    with pytest.raises(BrokenImage, match=r"^image 1: these bytes are no image"):
        small().fit_transform(Photos())  # ended in "'str' object is not callable"


def test_parameters_that_were_changed_after_the_fit():
    X, features = pixels(3), small(pooling="grid", grid_size=2).fit(pixels(3))
    rows = features.transform(X)
    with pytest.raises(ValueError, match="ImageFeatures: batch_size must be"):
        features.set_params(batch_size=-1).transform(X)  # gave no rows
    features.set_params(batch_size=2, grid_size=4)
    assert features.patches(features.transform(X)).shape == (3, 2, 2, 6)
    for wrong in (rows[:, :7], rows[0]):
        with pytest.raises(ValueError, match=r"patches takes what transform gave, \(n, 24\); got"):
            features.patches(wrong)


def test_images_of_another_range_than_the_first():
    """They look white to the network: a picture of 0 to 255 among those of 0 to 1 is anomalous."""
    X = pixels()
    fitted = small().fit(X)
    message = (
        r"ImageFeatures: image 2 has values from \d+ to \d+, but the first training image from"
    )
    for one_by_one in (False, True):
        wide = X.astype(np.float64)
        images = (
            [X[0] / 255, X[1] / 255, wide[2]] if one_by_one else np.stack([*(X[:2] / 255), wide[2]])
        )
        with pytest.warns(UserWarning, match=message) as record:
            fitted.transform(images)
        assert len(record) == 1
        assert record[0].filename == __file__
        with pytest.warns(UserWarning, match=message):
            small().fit_transform(images)
    with pytest.warns(UserWarning, match="image 0 has values from -0.7 to"):
        fitted.transform(np.maximum(X / 255 - 1, -0.7))
    # The other way round: trained on floats of 0 to 255, which fit says, and asked about files.
    with pytest.warns(UserWarning, match="floats should lie between 0 and 1"):
        of_255 = small().fit(X.astype(np.float64))
    with pytest.warns(UserWarning, match=r"all images have values from .* training image from"):
        of_255.transform(X)


@pytest.mark.filterwarnings("error")
def test_images_of_the_same_range_are_not_warned_of():
    X = pixels()
    fitted = small().fit(X)
    fitted.transform(np.zeros((2, *X.shape[1:])))
    fitted.transform(X / 255 * 1.1 - 0.05)  # as after an interpolation
    with pytest.warns(UserWarning, match="floats should lie between 0 and 1"):
        of_255 = small().fit(X.astype(np.float64))
    of_255.transform(X.astype(np.float64))
    of_255.transform(np.zeros((2, *X.shape[1:])))
