"""MHRot: the forms in which images come, the views, the losses, and what it refuses."""

import pickle
import warnings
from itertools import repeat

import numpy as np
import pytest
import torch
from conftest import slow_but
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch.nn import functional as F

from lofe_sklearn import LOE, MHRot, engine
from lofe_sklearn.backbones._mhrot_module import MHRotModule
from lofe_sklearn.backbones._views import view_maps, view_schedule
from lofe_sklearn.backbones._wide_resnet import WideResNet


def mhrot(**parameters):
    small = {"depth": 10, "width": 1, "n_views": 2, "max_epochs": 3, "random_state": 0}
    return MHRot(**{**small, **parameters})


@pytest.fixture
def colour():
    """Forty images (3, 8, 8) of uint8: a bright bar in one place, on noise."""
    images = np.random.default_rng(0).integers(0, 60, (40, 3, 8, 8), dtype=np.uint8)
    images[:, 0, 1:3, 1:7] += 180
    return images


ALONE_AND_UNDER_LOE = ["alone", "under LOE"]
# A fit takes a second: what is said of the rows is the same under LOE.
mostly_alone = pytest.mark.parametrize(
    "detector", slow_but(["alone"], ALONE_AND_UNDER_LOE), indirect=True
)


@pytest.fixture(params=ALONE_AND_UNDER_LOE)
def detector(request):
    return mhrot() if request.param == "alone" else LOE(mhrot(), contamination=0.1, random_state=0)


def test_images_are_fitted_and_scored(detector, colour):
    detector.fit(colour)
    backbone = getattr(detector, "estimator_", detector)
    assert backbone.image_shape_ == (3, 8, 8)
    assert detector.n_features_in_ == 192
    assert detector.score_samples(colour).shape == (40,)
    assert set(detector.predict(colour)) == {-1, 1}
    assert (detector.predict(colour) == -1).sum() == 4


@mostly_alone
def test_every_layout_is_the_same_model(detector, colour):
    expected = detector.fit(colour).score_samples(colour)
    for layout in (colour.transpose(0, 2, 3, 1), colour.reshape(40, -1)):
        fitted = clone(detector).fit(layout)
        np.testing.assert_array_equal(fitted.score_samples(layout), expected)
    # Once fitted, the layouts can be mixed.
    np.testing.assert_array_equal(detector.score_samples(layout), expected)
    rows = sparse.csr_matrix(colour.reshape(40, -1))
    np.testing.assert_allclose(detector.score_samples(rows), expected, rtol=1e-6)


def test_grey_images(colour):
    grey, short = colour[:, 0], mhrot(max_epochs=1)
    expected = clone(short).fit(grey).score_samples(grey)
    for layout in (grey[:, None], grey[..., None], grey.reshape(40, -1), grey.tolist()):
        np.testing.assert_array_equal(clone(short).fit(layout).score_samples(layout), expected)


@mostly_alone
def test_the_unit_of_the_pixels_does_not_matter(detector, colour):
    expected = detector.fit(colour).score_samples(colour)
    for unit in (np.float32, np.float64):
        scaled = colour.astype(unit) / 255
        scores = clone(detector).fit(scaled).score_samples(scaled)
        np.testing.assert_allclose(scores, expected, rtol=1e-3)


@pytest.mark.parametrize("scaling", slow_but([None, "standard"], [None, "minmax", "standard"]))
@pytest.mark.parametrize("wrapped", slow_but([False], [False, True]))
def test_images_of_another_white_are_warned_of(scaling, wrapped, colour):
    shares = colour.astype(np.float32) / 255
    for images, other in ((colour, shares), (shares, colour)):
        detector = mhrot(max_epochs=1, scaling=scaling)
        if wrapped:
            detector = LOE(detector, contamination=0.1, n_estimators=2, random_state=0)
        detector.fit(images)
        for call in (detector.score_samples, detector.predict):
            with pytest.warns(UserWarning, match=r"X has pixels from 0 to .* if white") as warned:
                call(other)
            assert len(warned) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            detector.predict(images)
            detector.predict(np.zeros_like(images[:1]))
            detector.predict(np.full_like(images[:1], images.max()))


def test_small_integers_are_not_made_larger(colour):
    detector = mhrot()
    assert detector._prepare_rows(colour).X.dtype == np.uint8
    assert np.shares_memory(detector._prepare_rows(colour).X, colour)
    assert detector._prepare_rows(colour.astype(int)).X.dtype == np.float64


def test_scores_do_not_depend_on_the_other_images(detector, colour):
    scores = detector.fit(colour).score_samples(colour)
    alone = np.concatenate([detector.score_samples(image[None]) for image in colour[:5]])
    np.testing.assert_allclose(alone, scores[:5], rtol=1e-7)
    np.testing.assert_array_equal(detector.score_samples(colour), scores)


@pytest.mark.parametrize("detector", slow_but(["under LOE"], ALONE_AND_UNDER_LOE), indirect=True)
def test_pipeline_clone_and_pickle(detector, colour):
    pipeline = make_pipeline(FunctionTransformer(lambda images: 255 - images), clone(detector))
    expected = detector.fit(255 - colour).score_samples(255 - colour)
    np.testing.assert_array_equal(pipeline.fit(colour).score_samples(colour), expected)
    copied = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(copied.score_samples(255 - colour), expected)
    again = clone(detector).fit(255 - colour)
    np.testing.assert_array_equal(again.score_samples(255 - colour), expected)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images(n_channels, side):
    images = np.random.default_rng(0).normal(size=(6, n_channels, side, side))
    detector = mhrot(max_epochs=1, image_shape=images.shape[1:]).fit(images)
    assert np.isfinite(detector.score_samples(images)).all()


def test_rows_that_are_no_images_are_placed_in_a_square():
    X = np.random.default_rng(0).normal(size=(10, 7))
    with pytest.warns(UserWarning, match="rows of 7 features do not look like .* 3 x 3"):
        detector = mhrot().fit(X)
    assert detector.image_shape_ == (1, 3, 3)
    padded = mhrot().fit(X).module_
    view = padded.views(F.pad(torch.tensor(X), (0, 2)), padded.maps[:1])
    np.testing.assert_array_equal(view[0, 0].numpy().ravel(), [*X[0], 0, 0])


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("side", [4, 7, 28])
def test_views_are_the_transformations(flips, side):
    image = torch.randn(side, side)
    maps, labels, sizes = view_maps(side, flips=flips)
    assert sizes == [2] * flips + [3, 3, 4]
    assert len(maps) == len(labels) == (72 if flips else 36)
    assert len({tuple(label.tolist()) for label in labels}) == len(labels)
    step = side // 4
    for index, label in zip(maps, labels.tolist(), strict=True):
        *flip, right, down, turns = label
        expected = image.flip(1) if flip == [1] else image
        wide = F.pad(expected[None, None], (step,) * 4, mode="reflect")[0, 0]
        row, column = ((step, 0, 2 * step)[value] for value in (down, right))
        expected = wide[row : row + side, column : column + side].rot90(turns)
        assert torch.equal(image.ravel()[index].view(side, side), expected)


def test_a_shift_of_value_one_moves_to_the_right_and_down():
    maps, labels, _ = view_maps(4, flips=False)
    image = torch.arange(16).view(4, 4)
    views = dict(zip(map(tuple, labels.tolist()), image.ravel()[maps].view(-1, 4, 4), strict=True))
    assert torch.equal(views[0, 0, 0], image)
    assert torch.equal(views[1, 0, 0][:, 1:], image[:, :-1])
    assert torch.equal(views[0, 1, 0][1:], image[:-1])


def built(X, **parameters):
    torch.manual_seed(0)
    module = mhrot(**parameters).build_module(X.shape[1])
    module.prepare(X)
    return module


@pytest.mark.parametrize("flips", [False, True])
def test_both_losses_are_the_formulas(flips):
    X = torch.randn(4, 48)
    module = built(X, flips=flips, n_views=None, anomaly_weight=0.7)
    maps, labels, sizes = view_maps(4, flips=flips)
    pixels = X.view(4, 3, 16)
    mean, std = pixels.mean((0, 2)), pixels.std((0, 2), correction=0)
    pixels = (pixels - mean[:, None]) / std[:, None]
    normal, uniform = [], []
    for index, label in zip(maps, labels, strict=True):
        logits = module.heads(module.network(pixels[..., index].view(4, 3, 4, 4)))
        for head, right, n in zip(logits.split(sizes, 1), label, sizes, strict=True):
            normal.append(F.cross_entropy(head, right.expand(4), reduction="none"))
            flat = torch.full((4, n), 1 / n)
            uniform.append(0.7 * F.cross_entropy(head, flat, reduction="none"))
    expected = torch.stack(normal).mean(0), torch.stack(uniform).mean(0)
    for losses in (module(X), module.eval()(X)):
        for loss, wanted in zip(losses, expected, strict=True):
            torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_used", [1, 5, 8, 36])
def test_the_schedule_uses_every_view_equally_often(n_used):
    torch.manual_seed(0)
    schedule = view_schedule(36, n_used)
    for lines in schedule.split(36):
        assert (lines.flatten().bincount(minlength=36) == n_used).all()
    assert all(len(set(line)) == n_used for line in schedule.tolist())
    if n_used < 36:
        assert not torch.equal(schedule[:36].sort()[0], schedule[36:72].sort()[0])


def test_training_steps_go_through_the_schedule_and_scoring_does_not():
    X = torch.randn(6, 16)
    module = built(X, n_views=3)
    scores = module.eval()(X)[0]
    assert module.step == 0
    module.train()
    few = [module(X)[0] for _ in range(12)]
    assert module.step == 12
    assert not torch.allclose(few[0], few[1])
    # Twelve lines of three are every view once.
    torch.testing.assert_close(torch.stack(few).mean(0), scores, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(module.eval()(X)[0], scores)


def test_losses_do_not_depend_on_the_rest_of_the_batch():
    X = torch.randn(8, 48)
    module = built(X, n_views=None)
    other = torch.cat([X[:4], 100 * torch.randn(4, 48)])
    torch.testing.assert_close(module(X)[0][:4], module(other)[0][:4], rtol=1e-5, atol=1e-6)


def test_blocks_of_views_and_rows_change_nothing(monkeypatch):
    X = torch.randn(5, 16)
    module = built(X).eval()
    expected = module(X)
    monkeypatch.setattr("lofe_sklearn.backbones._mhrot_module._FILL", {})
    monkeypatch.setattr("lofe_sklearn.backbones._mhrot_module._LARGEST_BLOCK", 256 * 7)
    monkeypatch.setattr("lofe_sklearn.backbones._mhrot_module._FILL_ON_ACCELERATORS", 256 * 36 * 2)
    for loss, wanted in zip(module(X), expected, strict=True):
        torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize("in_turn", [False, True])
def test_a_stack_of_models_with_schedules_of_their_own_is_the_models_one_by_one(
    in_turn, monkeypatch
):
    X = np.random.default_rng(0).normal(size=(30, 64))
    device = torch.device("cpu")
    rows = engine.Rows(X, device=device, dtype=torch.float64)
    if in_turn:
        forward = MHRotModule.forward

        def branching(self, x):
            losses = forward(self, x) if x.sum().item() < 1e9 else None
            return losses

        monkeypatch.setattr(MHRotModule, "forward", branching)

    def train(seeds):
        modules = engine.build_modules(
            repeat(lambda: mhrot(n_views=3, flips=True).build_module(64).double()), seeds, device
        )
        for module in modules:
            module.prepare(rows.take(torch.arange(30)))
        engine.train(
            modules,
            rows,
            [
                engine.Job(
                    torch.arange(30),
                    engine.Labelling(engine.RULES["soft"], alpha=0.1, warmup_epochs=1),
                    seed=seed,
                    max_epochs=4,
                    lr=1e-3,
                    weight_decay=1e-5,
                )
                for seed in seeds
            ],
            engine.TrainingSettings(batch_size=10),
        )
        return modules

    if in_turn:
        with pytest.warns(UserWarning, match="MHRotModule cannot be vmapped"):
            together = train([0, 1])
    else:
        together = train([0, 1])
    for seed, stacked in enumerate(together):
        (alone,) = train([seed])
        for a, b in zip(stacked.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def test_the_network_has_the_asked_depth_and_width():
    network = WideResNet(3, depth=16, width=4, dropout=0.3)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert sum(c.kernel_size == (3, 3) for c in convolutions) == 16 - 3
    assert network.n_outputs == 256
    assert network(torch.zeros(2, 3, 9, 9)).shape == (2, 256)
    assert sum(isinstance(m, torch.nn.Dropout) for m in network.modules()) == 6
    without = WideResNet(3, depth=10, width=1, dropout=0.0)
    assert not any(isinstance(m, torch.nn.Dropout) for m in without.modules())


def test_dropout_is_of_the_training_only(colour, recwarn):
    detector = LOE(mhrot(dropout=0.3), contamination=0.1, n_estimators=2, random_state=0)
    detector.fit(colour)
    assert not [w for w in recwarn if "vmap" in str(w.message)]
    scores = detector.score_samples(colour)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(detector.score_samples(colour), scores)


IMAGES = np.zeros((4, 3, 8, 8))


@pytest.mark.parametrize(
    ("X", "parameters", "message"),
    [
        (IMAGES[:, :, :, :5], {}, r"must be square .*\(3, 8, 5\).*Crop"),
        (np.zeros((4, 8, 5, 3)), {}, r"must be square .*\(3, 8, 5\)"),
        (np.zeros((4, 8, 5)), {}, r"must be square .*\(1, 8, 5\)"),
        (np.zeros((4, 3, 3, 3)), {}, r"may be images .*height, width, channels\).*image_shape="),
        (np.zeros((4, 2, 3, 8, 8)), {}, "got 5 axes"),
        (IMAGES, {"image_shape": (1, 8, 8)}, r"of shape .*\(1, 8, 8\); got \(3, 8, 8\)"),
        (np.zeros((4, 64)), {"image_shape": (3, 8, 8)}, r"has 192 values.*have 64"),
        (np.zeros((4, 40)), {"image_shape": (1, 8, 5)}, "must be square"),
        (IMAGES, {"image_shape": (8, 8)}, r"image_shape must be a tuple \(channels"),
        (IMAGES, {"image_shape": 8}, "image_shape must be a tuple"),
        (IMAGES, {"n_views": 37}, "n_views must be at most 36, .*flips=False; got 37"),
        (IMAGES, {"n_views": 0}, "n_views must be"),
        (IMAGES, {"depth": 12}, r"depth must be 6 n \+ 4.*got 12"),
        (IMAGES, {"depth": 4}, "depth must be"),
        (IMAGES, {"width": 0}, "width must be"),
        (IMAGES, {"dropout": 1.0}, "dropout must be"),
        (IMAGES, {"flips": 1}, "flips must be one of False, True; got 1"),
        (IMAGES, {"anomaly_weight": 0}, "anomaly_weight must be"),
        (np.full((4, 1, 2, 2), np.nan), {}, r"X\[0, 0, 0, 0\] is NaN\. 4 of 4 images have such"),
        (np.full((4, 2, 2), np.inf), {}, r"X\[0, 0, 0\] is infinite.*np.nan_to_num"),
        (IMAGES[:1], {}, "minimum of 2"),
        (IMAGES[0], {"image_shape": (3, 8, 8)}, r"\(3, 8, 8\), which is a single image"),
        ("parts/", {}, "must be an array of pixels; got file names, a folder"),
        ([b"", b""], {}, "must be an array of pixels"),
        ([IMAGES[0], IMAGES[1][:, :7, :7]], {}, "X must hold images of one size"),
    ],
    ids=str,
)
def test_what_cannot_be_used(X, parameters, message):
    for detector in (mhrot(**parameters), LOE(mhrot(**parameters))):
        with pytest.raises(ValueError, match=message):
            detector.fit(X)
        assert not hasattr(detector, "n_features_in_")
        assert not hasattr(detector, "image_shape_")


def test_an_ambiguous_layout_can_be_settled():
    images = np.random.default_rng(0).normal(size=(6, 3, 3, 3))
    detector = mhrot(image_shape=(3, 3, 3)).fit(images)
    assert detector.image_shape_ == (3, 3, 3)


def test_images_of_another_shape_than_fitted(detector, colour):
    detector.fit(colour)
    for one in (colour[0], np.moveaxis(colour[0], 0, -1)):
        with pytest.raises(ValueError, match="which is a single image"):
            detector.score_samples(one)
    for other in (colour[:, :1], colour[:, :, :4, :4], colour[:, 0]):
        with pytest.raises(ValueError, match=r"of shape .*\(3, 8, 8\); got"):
            detector.score_samples(other)
    with pytest.raises(ValueError, match="64 features, but MHRot is expecting 192"):
        detector.score_samples(np.zeros((2, 64)))
    gap = np.array(colour[:4], dtype=float)
    gap[2, 1, 4, 5] = np.nan
    with pytest.raises(ValueError, match=r"X\[2, 1, 4, 5\] is NaN\. 1 of 4 images"):
        detector.score_samples(gap)
