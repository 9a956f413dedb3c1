"""Properties that hold for every backbone's module, and those of single ones."""

import numpy as np
import pytest
import torch

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL, engine
from lofe_sklearn.backbones._scaling import fit_scaling

EXTREMES = {
    "zeros": torch.zeros(7, 5),
    "constant columns": torch.ones(7, 5) * torch.arange(5.0),
    "outliers of 1e6": torch.randn(7, 5) * 1e6,
    "one row": torch.randn(1, 5),
    "one feature": torch.randn(7, 1),
}


@pytest.mark.parametrize("rows", EXTREMES.values(), ids=EXTREMES)
def test_both_losses_are_finite_and_reach_every_parameter(backbone_class, rows):
    torch.manual_seed(0)
    module = backbone_class()._build_module(rows.shape[1])
    if hasattr(module, "prepare"):
        with torch.no_grad():
            module.prepare(rows)
    for which in range(2):
        losses = module(rows)
        assert losses[which].shape == (len(rows),)
        assert losses[which].isfinite().all()
        assert (losses[which] >= 0).all()
        gradients = torch.autograd.grad(
            losses[which].sum(), list(module.parameters()), allow_unused=True
        )
        assert all(g is not None and g.isfinite().all() for g in gradients)


def test_gradients_are_not_zero_on_ordinary_rows(backbone_class):
    torch.manual_seed(0)
    module = backbone_class()._build_module(5)
    rows = torch.randn(64, 5)
    if hasattr(module, "prepare"):
        with torch.no_grad():
            module.prepare(rows)
    for loss in module(rows):
        for gradient in torch.autograd.grad(
            loss.sum(), list(module.parameters()), retain_graph=True
        ):
            assert gradient.abs().sum() > 0


def test_the_normal_loss_falls_on_clean_data(backbone_class):
    X = np.random.default_rng(0).normal(size=(300, 6))
    detector = backbone_class(max_epochs=15, random_state=0).fit(X)
    loss_n = detector.history_.loss_n[:, 0]
    assert loss_n[-1] < loss_n[0]


def test_a_stack_equals_single_fits(backbone_class):
    # Adam makes a whole step of the rounding error of a gradient close to zero, of which a deep
    # network has some. In float64, below, no difference is left.
    tolerance = 1e-3 if backbone_class.__name__ == "MHRot" else 1e-5
    X = np.random.default_rng(0).normal(size=(150, 6))
    together = LOE(backbone_class(max_epochs=5), n_estimators=2, random_state=0).fit(X)
    for member in together.estimators_:
        alone = LOE(member).fit(X)
        np.testing.assert_allclose(
            member.score_samples(X), alone.score_samples(X), rtol=tolerance, atol=tolerance
        )


def test_a_stack_equals_single_models_over_a_long_training(backbone_class):
    # In float64: in float32 a long training turns rounding errors into another model.
    X = np.random.default_rng(0).normal(size=(100, 4))
    device = torch.device("cpu")
    rows = engine.Rows(X, device=device, dtype=torch.float64)
    # Convolutions are slow in float64.
    max_epochs = 20 if backbone_class.__name__ == "MHRot" else 150

    def train(seeds):
        modules = engine.build_modules(
            lambda: backbone_class()._build_module(4).double(), seeds, device
        )
        for module in modules:
            if hasattr(module, "prepare"):
                with torch.no_grad():
                    module.prepare(rows.take(torch.arange(100)))
        engine.train(
            modules,
            rows,
            torch.arange(100).expand(len(seeds), -1),
            rule=engine.RULES["soft"],
            alpha=[0.1] * len(seeds),
            seeds=seeds,
            settings=engine.TrainingSettings(
                max_epochs=max_epochs, batch_size=50, lr=2e-3, weight_decay=1e-5, warmup_epochs=2
            ),
        )
        return [engine.losses(module, X, device=device)[0] for module in modules]

    for stacked, seed in zip(train([0, 1]), (0, 1), strict=True):
        np.testing.assert_allclose(stacked, train([seed])[0], rtol=1e-7, atol=1e-9)


def test_vmap_has_a_rule_for_every_operation(backbone_class, recwarn):
    X = np.random.default_rng(0).normal(size=(60, 4))
    LOE(backbone_class(max_epochs=3), n_estimators=2, random_state=0).fit(X)
    assert not [w for w in recwarn if "vmap" in str(w.message) or "performance" in str(w.message)]


def test_gradient_clipping_is_the_same_in_a_stack(backbone_class):
    X = np.random.default_rng(0).normal(size=(60, 4))
    estimator = backbone_class(max_epochs=3, gradient_clip_value=1e-3)
    together = LOE(estimator, n_estimators=2, random_state=0).fit(X)
    for member in together.estimators_:
        alone = LOE(member).fit(X)
        np.testing.assert_allclose(
            member.score_samples(X), alone.score_samples(X), rtol=1e-5, atol=1e-5
        )


def test_gradient_clipping_changes_the_training(backbone_class):
    X = np.random.default_rng(0).normal(size=(60, 4))
    free, clipped = (
        backbone_class(max_epochs=3, gradient_clip_value=value, random_state=0).fit(X)
        for value in (None, 1e-8)
    )
    assert not np.allclose(free.score_samples(X), clipped.score_samples(X), rtol=1e-3)


@pytest.mark.parametrize("transform_type", ["residual", "forward", "multiplicative"])
@pytest.mark.parametrize("transform_sizes", [None, [3], [8, 4]])
def test_neutral_sizes(transform_type, transform_sizes):
    detector = NeuTraL(
        transform_type=transform_type,
        transform_sizes=transform_sizes,
        encoder_sizes=[6, 3],
        n_transforms=4,
        max_epochs=1,
    ).fit(np.random.default_rng(0).normal(size=(20, 5)))
    module = detector.module_
    assert module.transformed(torch.randn(2, 5)).shape == (4, 2, 5)
    assert [layer.weight.shape for layer in module.encoder] == [(6, 5), (3, 6)]


@pytest.mark.parametrize(
    ("n_features", "widths"), [(6, [12, 12, 12]), (100, [64, 64, 32]), (400, [256, 256, 64])]
)
def test_neutral_sizes_follow_the_input(n_features, widths):
    module = NeuTraL()._build_module(n_features)
    assert [layer.out_features for layer in module.encoder] == widths


def test_neutral_transformations_are_the_formulas():
    x = torch.randn(3, 4)
    views = {}
    for transform_type in ("residual", "forward", "multiplicative"):
        torch.manual_seed(0)
        module = NeuTraL(transform_type=transform_type, n_transforms=2)._build_module(4)
        views[transform_type] = module.transformed(x)
    mask = views["forward"]
    torch.testing.assert_close(views["residual"], x + mask)
    torch.testing.assert_close(views["multiplicative"], torch.sigmoid(mask) * x)


def test_neutral_does_not_depend_on_the_unit_of_X():
    X = np.random.default_rng(0).normal(size=(60, 4))
    metres = NeuTraL(max_epochs=3, random_state=0).fit(X).score_samples(X)
    millimetres = NeuTraL(max_epochs=3, random_state=0).fit(1024 * X).score_samples(1024 * X)
    np.testing.assert_allclose(metres, millimetres, rtol=1e-5)


def test_deep_svdd_fixes_its_centre_away_from_zero():
    X = np.random.default_rng(0).normal(size=(60, 4))
    center = DeepSVDD(max_epochs=2, random_state=0).fit(X).module_.center
    assert (center.abs() >= 0.1 - 1e-6).all()
    longer = DeepSVDD(max_epochs=9, random_state=0).fit(X).module_.center
    torch.testing.assert_close(center, longer)


def test_deep_svdd_score_is_the_pseudo_huber_distance():
    X = np.random.default_rng(0).normal(size=(60, 4))
    detector = DeepSVDD(max_epochs=2, scaling=None, random_state=0).fit(X)
    module = detector.module_.double()
    square = (module.embed(torch.tensor(X)) - module.center).square().sum(1)
    np.testing.assert_allclose(
        -detector.score_samples(X), (square + 1).sqrt().detach() - 1, rtol=1e-6
    )


def test_the_autoencoders_score_is_its_error():
    X = np.random.default_rng(0).normal(size=(60, 4))
    detector = AutoEncoder(max_epochs=2, scaling=None, hidden_sizes=[3, 2]).fit(X)
    rows = torch.tensor(X)
    error = (detector.module_.double().network(rows) - rows).square().mean(1)
    np.testing.assert_allclose(-detector.score_samples(X), error.detach(), rtol=1e-6)
    widths = [layer.out_features for layer in detector.module_.network[::2]]
    assert widths == [3, 2, 3, 4]


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (NeuTraL, "n_transforms", 1),
        (NeuTraL, "transform_type", "affine"),
        (NeuTraL, "transform_sizes", []),
        (NeuTraL, "encoder_sizes", [0]),
        (NeuTraL, "temperature", 0),
        (DeepSVDD, "hidden_sizes", 32),
        (AutoEncoder, "hidden_sizes", [1.5]),
    ],
)
def test_bad_sizes(cls, name, value):
    with pytest.raises(ValueError, match=f"{cls.__name__}: {name} must be"):
        cls(**{name: value}).fit(np.ones((4, 2)))


@pytest.mark.parametrize("scaling", ["minmax", "standard"])
def test_scaling(scaling):
    X = np.random.default_rng(0).normal(size=(40, 3)) * [1, 10, 0] + [0, 5, 1e6]
    shift, factor = fit_scaling(X, scaling)
    scaled = (X - shift) * factor
    if scaling == "minmax":
        np.testing.assert_allclose(scaled.min(0), 0, atol=1e-12)
        np.testing.assert_allclose(scaled.max(0), [1, 1, 0])
    else:
        np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(scaled.std(0), [1, 1, 0])


def test_scaling_makes_units_irrelevant(scaling_class):
    X = np.random.default_rng(0).normal(size=(60, 3))
    other_units = X * [1.0, 1e3, 1e-3] + [0.0, 5.0, 1.0]
    expected = scaling_class(scaling="minmax", max_epochs=2, random_state=0).fit(X)
    scaled = scaling_class(scaling="minmax", max_epochs=2, random_state=0).fit(other_units)
    np.testing.assert_allclose(
        scaled.score_samples(other_units), expected.score_samples(X), rtol=1e-3
    )
