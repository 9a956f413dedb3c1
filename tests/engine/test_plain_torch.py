"""A fit and its scores do not depend on what the program has set of torch, and leave it so."""

import threading
from contextlib import ExitStack, contextmanager, nullcontext

import numpy as np
import pytest
import torch
from conftest import slow_but
from sklearn.base import clone
from torch import nn

from lofe_sklearn import (
    ICL,
    LOE,
    AutoEncoder,
    DeepSVDD,
    LOESearchCV,
    NeuTraL,
    engine,
    fit_many,
    load,
    save,
)
from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.images import PatchDetector
from lofe_sklearn.testing import check_backbone


@contextmanager
def changed(change, back):
    change()
    try:
        yield
    finally:
        back()


STATES = {
    "nothing": nullcontext,
    "float64": lambda: changed(
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "default device": lambda: changed(
        lambda: torch.set_default_device("meta"), lambda: torch.set_default_device(None)
    ),
    "device of a block": lambda: torch.device("meta"),
    "no gradients": torch.no_grad,
    "no gradients from here on": lambda: changed(
        lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)
    ),
    "inference": torch.inference_mode,
    "half precision": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "deterministic algorithms": lambda: changed(
        lambda: torch.use_deterministic_algorithms(True),
        lambda: torch.use_deterministic_algorithms(False),
    ),
}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 5))


def state():
    return (
        torch.get_default_dtype(),
        torch.empty(0).device,
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
    )


def loe(**parameters):
    parameters = {"contamination": 0.1, "n_estimators": 2, "random_state": 0, **parameters}
    return LOE(DeepSVDD(max_epochs=2), **parameters)


def results(fitted, X):
    return [fitted.score_samples(X), fitted.embed(X), fitted.predict(X)]


def everything(X):
    """All that computes with torch, as a list of arrays."""
    fitted = loe().fit(X, outliers="uniform")
    found = [fitted.labels_, fitted.anomaly_proba(X), *results(fitted, X)]
    found += results(loe(contamination="auto").fit(X), X)
    found += results(NeuTraL(max_epochs=2, random_state=0).fit(X), X)
    for n_jobs in (None, 2):
        together = [loe(), AutoEncoder(max_epochs=2, random_state=0)]
        with joblib_threads():
            found += [each.score_samples(X) for each in fit_many(together, X, n_jobs=n_jobs)]
    search = LOESearchCV(loe(), {"contamination": [0.1, 0.2]}, cv=2)
    found.append(search.fit(X, np.arange(60) % 6 == 0).cv_results_["mean_test_score"])
    found += [p.detach().numpy() for p in fitted.estimator_.module_.parameters()]
    return found


def joblib_threads():
    import joblib

    return joblib.parallel_config(backend="threading")


_everything: list = []


@pytest.fixture
def expected(X):
    """What `everything` finds, computed once: a fixture of the module would have more trees."""
    if not _everything:
        _everything.extend(everything(X))
    return _everything


# By type, device, gradients and mode; each other is one of these again, see also the test below.
@pytest.mark.parametrize(
    "name", slow_but(["float64", "default device", "inference", "half precision"], STATES)
)
def test_results_do_not_depend_on_the_program(X, expected, name):
    with STATES[name]():
        before = state()
        found = everything(X)
        assert state() == before
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", STATES)
def test_detector_of_another_program(X, name):
    """What is fitted in one state is scored in another, as after unpickling."""
    fitted = loe().fit(X)
    with STATES[name]():
        of_here = loe().fit(X)
        np.testing.assert_array_equal(fitted.score_samples(X), of_here.score_samples(X))
    np.testing.assert_array_equal(fitted.score_samples(X), of_here.score_samples(X))


@pytest.mark.parametrize("name", slow_but(["default device", "inference"], STATES))
def test_files_that_are_loaded_in_another_program(X, name, tmp_path):
    """A buffer of ICL is empty here: safetensors makes it on the default device."""
    fitted = ICL(max_epochs=1, random_state=0).fit(X)
    save(fitted, tmp_path / "model.lofe")
    with STATES[name]():
        loaded = load(tmp_path / "model.lofe")
    np.testing.assert_array_equal(loaded.score_samples(X), fitted.score_samples(X))
    again = [
        each.partial_fit(X).score_samples(X) for each in (loaded, load(tmp_path / "model.lofe"))
    ]
    np.testing.assert_array_equal(*again)


def test_buffers_that_are_made_for_values_can_be_trained_on():
    module = nn.Module()
    module.register_buffer("center", None)
    with torch.inference_mode():
        engine.load_values(module, {"center": torch.ones(3)})
    module.center += 1  # torch refuses this for what was made in inference mode
    assert module.center.tolist() == [2, 2, 2]


@pytest.mark.parametrize("name", slow_but(["float64", "default device", "half precision"], STATES))
def test_images_of_another_program(name):
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 40, 3), dtype=np.uint8)
    network = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4, bias=False))
    fitted = ImageFeatures(network, image_size=40, pooling="grid", grid_size=4).fit(images)
    features = fitted.transform(images)
    detector = PatchDetector(random_state=0).fit(features)
    maps = detector.heatmap(features, size=(8, 10))
    with STATES[name]():
        before = state()
        again = clone(fitted).fit(images).transform(images)
        maps_again = detector.heatmap(features, size=(8, 10))
        assert state() == before
    for one, other in [(again, features), (maps_again, maps)]:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["float64", "default device"])
def test_networks_of_images_in_another_program(name, tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'images' is not installed")
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    fitted = ImageFeatures(image_size=32).fit(images)
    save(fitted, tmp_path / "features.lofe")
    expected = fitted.transform(images)
    with STATES[name]():
        built, loaded = clone(fitted).fit(images), load(tmp_path / "features.lofe")
    for each in (built, loaded):
        np.testing.assert_array_equal(each.transform(images), expected)


def test_all_at_once_and_an_error(X):
    with ExitStack() as stack:
        for name in ("float64", "default device", "no gradients", "half precision"):
            stack.enter_context(STATES[name]())
        before = state()
        with pytest.raises(ValueError, match="NaN"):
            loe().fit(np.full((9, 2), np.nan))
        assert state() == before


def test_check_of_a_backbone():
    with STATES["float64"](), torch.no_grad():
        before = state()
        passed = check_backbone(AutoEncoder(max_epochs=20), scikit_learn=False)
        assert state() == before
    assert "gradients reach every parameter" in passed


def test_threads_share_the_default_type(X):
    """The first to leave must not take it away from the others, nor the last keep it."""
    inside, may_leave, found = threading.Event(), threading.Event(), []

    def other():
        with engine.plain_torch():
            inside.set()
            may_leave.wait(60)
            found.append(torch.get_default_dtype())

    with STATES["float64"]():
        with engine.plain_torch():
            thread = threading.Thread(target=other)
            thread.start()
            inside.wait(60)
        may_leave.set()
        thread.join()
        assert found == [torch.float32]
        assert torch.get_default_dtype() == torch.float64
