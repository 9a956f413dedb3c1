"""Networks by name, weights from files, and what is said where they are missing or wrong."""

import sys
import types
from copy import deepcopy

import numpy as np
import pytest
import torch
from conftest import OF_MEMORY, raises
from pictures import network, pixels

from lofe_sklearn.features import ImageFeatures


def test_the_default_network_tells_pictures_apart():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'images' is not installed")
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.random((6, 64, 64)), axis=2)
    smooth /= smooth.max(axis=(1, 2), keepdims=True)
    X = np.concatenate([smooth, rng.random((6, 64, 64))])
    features = ImageFeatures(image_size=64).fit_transform(X)
    assert features.shape == (12, 1280)
    assert features.dtype == np.float32
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    alike = directions @ directions.T
    assert alike[:6, :6].min() > alike[:6, 6:].max()
    assert alike[6:, 6:].min() > alike[:6, 6:].max()


def test_layers_of_the_default_network():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'images' is not installed")
    extractor = ImageFeatures(
        image_size=64, layers=["_blocks.4", "_blocks.10"], pooling="grid", grid_size=4
    )
    features = extractor.fit_transform(pixels(2, side=64))
    assert extractor.patches(features).shape == (2, 4, 4, 40 + 112)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_weights_from_a_file(suffix, tmp_path):
    path, state = tmp_path / f"weights{suffix}", network(seed=1).state_dict()
    if suffix == ".pt":
        torch.save(state, path)
    else:
        reason = "safetensors is not installed"
        pytest.importorskip("safetensors.torch", reason=reason).save_file(state, path)
    X = pixels()
    loaded = ImageFeatures(network(), weights=path, image_size=16).fit_transform(X)
    expected = ImageFeatures(network(seed=1), image_size=16).fit_transform(X)
    np.testing.assert_array_equal(loaded, expected)


class TestBadWeights:
    def fit(self, path):
        ImageFeatures(network(), weights=path, image_size=16).fit(pixels())

    def test_of_another_network(self, tmp_path):
        other = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3))
        torch.save(other.state_dict(), tmp_path / "weights.pt")
        with pytest.raises(
            ValueError, match=r"do not fit the network Sequential: (?s:.*)2\.weight"
        ):
            self.fit(tmp_path / "weights.pt")

    def test_code_is_not_run(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (sys.exit, ("the file ran code",))

        torch.save({"0.weight": Evil()}, tmp_path / "weights.pt")
        with pytest.raises(
            ValueError, match="not a file of weights that can be loaded sa"
        ) as found:
            self.fit(tmp_path / "weights.pt")
        assert "weights_only" not in str(found.value)  # torch's advice would run the file's code

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no file of weights"):
            self.fit(tmp_path / "weights.pt")
        (tmp_path / "weights.pt").write_bytes(b"nonsense")
        with pytest.raises(ValueError, match="loaded safely"):
            self.fit(tmp_path / "weights.pt")


class TestOtherPackages:
    """Neither torchvision nor timm has a build for every torch: both are imitated."""

    def test_torchvision(self, monkeypatch):
        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.body, self.fc = network(), torch.nn.Linear(6, 1000)

            def forward(self, x):
                return self.fc(self.body(x).mean(dim=(2, 3)))

        models = types.ModuleType("torchvision.models")
        wanted = types.SimpleNamespace(crop_size=[16], mean=[0.1, 0.2, 0.3], std=[0.5, 0.5, 0.5])
        weights = types.SimpleNamespace(transforms=lambda: wanted)
        known = {"resnet0": types.SimpleNamespace(DEFAULT=weights)}
        built = []

        def get_model_weights(name):
            if name not in known:
                raise ValueError(f"Unknown model {name}")
            return known[name]

        def get_model(name, weights):
            built.append((name, weights))
            return Network()

        models.get_model_weights, models.get_model = get_model_weights, get_model
        monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
        monkeypatch.setitem(sys.modules, "torchvision.models", models)
        X = pixels()
        features = ImageFeatures("torchvision:resnet0").fit_transform(X)
        assert built == [("resnet0", weights)]
        x = (
            torch.tensor(X / np.float32(255)).permute(0, 3, 1, 2)
            - torch.tensor([0.1, 0.2, 0.3])[:, None, None]
        ) / 0.5
        with torch.no_grad():
            np.testing.assert_allclose(features, network()(x).mean(dim=(2, 3)), atol=1e-6)
        with pytest.raises(ValueError, match="'torchvision:resnet1': Unknown model resnet1"):
            ImageFeatures("torchvision:resnet1").fit(X)

    def test_timm(self, monkeypatch):
        module = network()
        module.forward_features = module.forward
        timm = types.ModuleType("timm")
        timm.is_model = lambda name: name == "vit_0"
        timm.list_models = lambda pattern: ["vit_0"]
        timm.create_model = lambda name, pretrained: module
        config = {"input_size": (3, 12, 12), "mean": (0.5,) * 3, "std": (0.25,) * 3}
        timm.data = types.SimpleNamespace(resolve_model_data_config=lambda module: config)
        monkeypatch.setitem(sys.modules, "timm", timm)
        X = pixels(side=12)
        x = (torch.tensor(X / np.float32(255)).permute(0, 3, 1, 2) - 0.5) / 0.25
        with torch.no_grad():
            expected = network()(x).mean(dim=(2, 3))
        np.testing.assert_allclose(
            ImageFeatures("timm:vit_0").fit_transform(X), expected, atol=1e-6
        )
        with pytest.raises(ValueError, match="timm has no network 'vit_1'. It has vit_0"):
            ImageFeatures("timm:vit_1").fit(X)

        def offline(name, pretrained):
            raise OSError("no network")

        timm.create_model = offline
        with pytest.raises(OSError, match=r"could not be downloaded \(no network\).*weights="):
            ImageFeatures("timm:vit_0").fit(X)


class TestMissingPackages:
    @pytest.mark.parametrize(
        ("name", "module", "remedy"),
        [
            (
                "efficientnet_lite0",
                "efficientnet_lite_pytorch",
                r"pip install 'lofe-sklearn\[images\]'",
            ),
            ("torchvision:resnet18", "torchvision.models", "pip install torchvision"),
            ("timm:resnet18", "timm", "pip install timm"),
        ],
    )
    def test_the_error_names_what_to_install(self, name, module, remedy, monkeypatch):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError, match=f"ImageFeatures: .*{remedy}"):
            ImageFeatures(name).fit(pixels())

    def test_pillow(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(ImportError, match=r"Pillow.*lofe-sklearn\[images\]"):
            ImageFeatures(network(), image_size=16).fit([b"encoded"])
        ImageFeatures(network(), image_size=16).fit(pixels())  # arrays need none


@pytest.mark.parametrize("name", ["resnet18", "torchvison:resnet18", 3])
def test_no_such_network(name):
    with pytest.raises(
        ValueError, match="network must be 'efficientnet_lite0', 'torchvision:NAME'"
    ):
        ImageFeatures(name).fit(pixels())


def test_no_such_layer():
    with pytest.raises(ValueError, match="Sequential has no layer 'head'. It has 0, 1, 2, 3"):
        ImageFeatures(network(), layers=["head"]).fit(pixels())


def test_a_grid_of_what_has_no_places():
    module = torch.nn.Sequential(network(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    assert ImageFeatures(module, image_size=16).fit_transform(pixels()).shape == (7, 6)
    with pytest.raises(ValueError, match=r"height and a width; got an output of shape \(1, 6\)"):
        ImageFeatures(module, image_size=16, pooling="grid").fit(pixels())


def test_tokens_of_a_transformer_are_given_their_places():
    class Tokens(torch.nn.Module):
        def forward(self, x):
            patches = torch.nn.functional.avg_pool2d(x, 4).flatten(2).transpose(1, 2)
            return torch.cat([torch.full_like(patches[:, :1], 9e9), patches], dim=1)

    X = pixels()
    parameters = {"image_size": 16, "pooling": "grid", "grid_size": 4}
    tokens = ImageFeatures(Tokens(), **parameters).fit_transform(X)
    maps = ImageFeatures(torch.nn.AvgPool2d(4), **parameters).fit_transform(X)
    np.testing.assert_array_equal(tokens, maps)


def test_a_network_that_gives_no_tensor():
    class Both(torch.nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(ValueError, match="the network must give a tensor .* got tuple"):
        ImageFeatures(Both(), image_size=16).fit(pixels())


@pytest.mark.parametrize("layers", [None, ["last"]])
@pytest.mark.parametrize("pooling", ["average", "grid"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: torch.cat([x, x]), r"a tensor .* of n=1 images here; got \(2, 3, 16, 16\)"),
        (lambda x: x[:0], r"a tensor .* of n=1 images here; got \(0, 3, 16, 16\)"),
        (lambda x: (255 * x).int(), r"a dense tensor of floats; .* got torch.int32, torch.strided"),
        (lambda x: x > 0, "a dense tensor of floats; .* got torch.bool, torch.strided"),
        (lambda x: x + 0j, "a dense tensor of floats; .* got torch.complex64, torch.strided"),
        (lambda x: x.to_sparse(), "a dense tensor of floats; .* got torch.float32, .*sparse_coo"),
    ],
)
def test_outputs_that_are_no_features(change, message, pooling, layers):
    class Change(torch.nn.Module):
        def forward(self, x):
            return change(x)

    module = torch.nn.Sequential()
    module.add_module("last", Change())
    given = ImageFeatures(module, image_size=16, pooling=pooling, grid_size=4, layers=layers)
    source = "layer 'last'" if layers else "the network"
    with pytest.raises(ValueError, match=f"ImageFeatures: {source} must give {message}"):
        given.fit(pixels())


def test_an_interruption_leaves_no_hook_behind(monkeypatch):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3), torch.nn.Conv2d(6, 2, 3))
    given = ImageFeatures(module, image_size=16, layers=["0", "1"], device="cpu").fit(pixels())
    register = torch.nn.Module.register_forward_hook
    networks = []

    def interrupt(layer, *args):
        if networks:
            raise KeyboardInterrupt
        networks.append(layer)
        return register(layer, *args)

    monkeypatch.setattr(torch.nn.Module, "register_forward_hook", interrupt)
    with pytest.raises(KeyboardInterrupt):
        given.transform(pixels())
    assert not networks[0]._forward_hooks


def test_a_layer_that_a_later_one_writes_into():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3), torch.nn.ReLU(inplace=True))
    options = {"layers": ["0"], "image_size": 16, "device": "cpu"}
    alone = ImageFeatures(torch.nn.Sequential(module[0]), **options).fit_transform(pixels())
    np.testing.assert_array_equal(ImageFeatures(module, **options).fit_transform(pixels()), alone)
    assert alone.min() < 0


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-6), (torch.bfloat16, 0.02)])
def test_networks_of_other_numbers(dtype, atol):
    module = torch.nn.Conv2d(3, 6, 3)
    expected = ImageFeatures(module, image_size=16, device="cpu").fit_transform(pixels())
    other = ImageFeatures(deepcopy(module).to(dtype), image_size=16, device="cpu")
    features = other.fit_transform(pixels())
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=atol)


def test_a_network_that_cannot_take_the_images():
    for module in (torch.nn.Conv2d(1, 4, 3), torch.nn.AvgPool2d(32)):
        message = (
            rf"ImageFeatures: the network {type(module).__name__} cannot take a .* \(1, 3, 16, 16\)"
        )
        with pytest.raises(ValueError, match=message):
            ImageFeatures(module, image_size=16, device="cpu").fit(pixels())


@pytest.mark.parametrize("error", OF_MEMORY)
def test_too_little_memory_is_no_fault_of_file_or_network(error, tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    torch.save(network().state_dict(), path)
    from_file = ImageFeatures(network(), weights=path, image_size=16, device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", raises(error))
        with pytest.raises(type(error)) as raised:
            from_file.fit(pixels())
    assert raised.value is error
    fitted = from_file.fit(pixels())
    expected = fitted.transform(pixels())
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Conv2d, "forward", raises(error))
        with pytest.raises(type(error)) as raised:
            fitted.transform(pixels())
    assert raised.value is error
    np.testing.assert_array_equal(fitted.transform(pixels()), expected)
