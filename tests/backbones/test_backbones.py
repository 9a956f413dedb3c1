"""Properties that hold for every backbone's module, and those of single ones."""

import warnings
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import BACKBONES, TELLING, few_backbones, slow_but, small
from scipy import sparse
from sklearn.datasets import load_digits

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, MHRot, NeuTraL, engine
from lofe_sklearn._training import fit_scaling
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.testing import check_backbone

EXTREMES = {
    "zeros": torch.zeros(7, 5),
    "constant columns": torch.ones(7, 5) * torch.arange(5.0),
    "outliers of 1e6": torch.randn(7, 5) * 1e6,
    "one row": torch.randn(1, 5),
    "one feature": torch.randn(7, 1),
}

# The paper's setting: one ratio, a blind warm-up.
_FIXED = {"contamination": 0.1, "init": None}


@pytest.mark.parametrize("rows", EXTREMES.values(), ids=EXTREMES)
def test_both_losses_are_finite_and_reach_every_parameter(backbone_class, rows):
    if rows.shape[1] < backbone_class().min_features:
        pytest.skip("needs more features than one, see test_too_few_features")
    torch.manual_seed(0)
    module = backbone_class().build_module(rows.shape[1])
    engine.prepare_module(module, rows)
    may_be_negative = getattr(module, "score_scale", "log") == "linear"
    for which in range(2):
        losses = module(rows)
        assert losses[which].shape == (len(rows),)
        assert losses[which].isfinite().all()
        assert may_be_negative or (losses[which] >= 0).all()
        gradients = torch.autograd.grad(
            losses[which].sum(), list(module.parameters()), allow_unused=True
        )
        assert all(g is not None and g.isfinite().all() for g in gradients)


def test_gradients_are_not_zero_on_ordinary_rows(backbone_class):
    torch.manual_seed(0)
    module = backbone_class().build_module(5)
    rows = torch.randn(64, 5)
    engine.prepare_module(module, rows)
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


@few_backbones
def test_anomalies_get_a_higher_normal_loss_by_loe_than_by_blind_training(backbone_class):
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(180, 4)) @ rng.normal(size=(4, 4)) + [3, 5, 7, 9]
    anomalies = rng.permuted(normal, axis=0)[:20] + 5 * rng.choice([-1, 1], size=(20, 4))
    X = np.concatenate([normal, anomalies])

    def losses(method):
        estimator = backbone_class(max_epochs=40)
        detector = LOE(estimator, **_FIXED, method=method, random_state=0).fit(X)
        return -detector.score_samples(X)

    blind, hard, soft = map(losses, ("blind", "hard", "soft"))
    assert hard[180:].mean() > blind[180:].mean()
    assert soft[180:].mean() > blind[180:].mean()


def test_an_unknown_parameter_is_named(backbone_class):
    message = (
        rf"{backbone_class.__name__}\(\) got an unexpected .*'n_epochs'; it takes .*max_epochs"
    )
    with pytest.raises(TypeError, match=message):
        backbone_class(n_epochs=3)


@pytest.mark.parametrize(
    "cls",
    # The checks are the same for all; what they find is in test_testing.py.
    slow_but(TELLING, BACKBONES),
    ids=lambda cls: cls.__name__,
)
def test_check_backbone(cls, monkeypatch):
    backbone_class = small(cls)
    if cls is MHRot:  # of what is no image it learns little
        digits = load_digits()
        rows = digits.data[digits.target == 4][:110]
        quick = backbone_class(max_epochs=80, lr=3e-3).set_params(batch_size=64)
    else:
        rows, quick = None, backbone_class(max_epochs=20, lr=3e-3)
    n_sets = 1 if rows is not None else 2  # a fit takes seconds
    monkeypatch.setattr("lofe_sklearn.testing._findings._N_SETS", n_sets)
    passed = check_backbone(quick, rows, scikit_learn=False)
    assert passed[-1] == "LOE's labels beat blind training"


DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_reference_has_every_backbone():
    entries = {
        line.strip()
        for line in (DOCS / "reference" / "api.rst").read_text(encoding="utf-8").splitlines()
    }
    assert {cls.__name__ for cls in BACKBONES} <= entries


def test_the_guide_has_every_hook():
    guide = (DOCS / "how_to" / "add_a_backbone.md").read_text(encoding="utf-8")
    public = {name for name in vars(Backbone) if not name.startswith(("_", "set_"))}
    hooks = public - {"fit", "score_samples", "embed", "parameter_constraints"}
    assert not [name for name in hooks if f"| `{name}" not in guide]


def test_a_stack_equals_single_fits(backbone_class):
    # Adam makes a whole step of the rounding error of a gradient close to zero, of which a deep
    # network has some. In float64, below, no difference is left.
    tolerance = 1e-3 if backbone_class.__name__ == "MHRot" else 1e-5
    X = np.random.default_rng(0).normal(size=(150, 6))
    together = LOE(backbone_class(max_epochs=5), **_FIXED, n_estimators=2, random_state=0).fit(X)
    for member in together.estimators_:
        alone = LOE(member, **_FIXED).fit(X)
        np.testing.assert_allclose(
            member.score_samples(X), alone.score_samples(X), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize(
    "backbone_class",
    slow_but((DeepSVDD, NeuTraL), BACKBONES),  # the others take most of the time
    ids=lambda cls: cls.__name__,
    indirect=True,
)
def test_a_stack_equals_single_models_over_a_long_training(backbone_class):
    # In float64: in float32 a long training turns rounding errors into another model.
    X = np.random.default_rng(0).normal(size=(100, 4))
    device = torch.device("cpu")
    rows = engine.Rows(X, device=device, dtype=torch.float64)
    # Convolutions are slow in float64; NeuTraL's rounding errors grow fastest.
    max_epochs = {"MHRot": 20, "NeuTraL": 60, "ICL": 80, "RealNVP": 60}.get(
        backbone_class.__name__, 150
    )

    def train(seeds):
        modules = engine.build_modules(
            repeat(lambda: backbone_class().build_module(4).double()), seeds, device
        )
        for module in modules:
            engine.prepare_module(module, rows.take(torch.arange(100)))
        engine.train(
            modules,
            rows,
            [
                engine.Job(
                    torch.arange(100),
                    engine.Labelling(engine.RULES["soft"], alpha=0.1, warmup_epochs=2),
                    seed=seed,
                    max_epochs=max_epochs,
                    lr=2e-3,
                    weight_decay=1e-5,
                )
                for seed in seeds
            ],
            engine.TrainingSettings(batch_size=50),
        )
        return [engine.losses(module, X, device=device)[0] for module in modules]

    for stacked, seed in zip(train([0, 1]), (0, 1), strict=True):
        np.testing.assert_allclose(stacked, train([seed])[0], rtol=1e-7, atol=1e-9)


def test_vmap_has_a_rule_for_every_operation(backbone_class, recwarn):
    X = np.random.default_rng(0).normal(size=(60, 4))
    LOE(backbone_class(max_epochs=3), **_FIXED, n_estimators=2, random_state=0).fit(X)
    assert not [w for w in recwarn if "vmap" in str(w.message) or "performance" in str(w.message)]


@few_backbones
def test_gradient_clipping_is_the_same_in_a_stack(backbone_class):
    X = np.random.default_rng(0).normal(size=(60, 4))
    estimator = backbone_class(max_epochs=3, gradient_clip_value=1e-3)
    together = LOE(estimator, **_FIXED, n_estimators=2, random_state=0).fit(X)
    for member in together.estimators_:
        alone = LOE(member, **_FIXED).fit(X)
        np.testing.assert_allclose(
            member.score_samples(X), alone.score_samples(X), rtol=1e-5, atol=1e-5
        )


@few_backbones
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
    assert [layer.weight.shape for layer in module.encoder.layers] == [(6, 5), (3, 6)]


@pytest.mark.parametrize(
    ("n_features", "widths"), [(6, [12, 12, 12]), (100, [64, 64, 32]), (400, [256, 256, 64])]
)
def test_neutral_sizes_follow_the_input(n_features, widths):
    module = NeuTraL().build_module(n_features)
    assert [layer.out_features for layer in module.encoder.layers] == widths


def test_neutral_transformations_are_the_formulas():
    x = torch.randn(3, 4)
    views = {}
    for transform_type in ("residual", "forward", "multiplicative"):
        torch.manual_seed(0)
        module = NeuTraL(transform_type=transform_type, n_transforms=2).build_module(4)
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


def test_deep_svdds_inverse_losses():
    X = np.random.default_rng(0).normal(size=(60, 4))
    detector = DeepSVDD(max_epochs=2, scaling=None, anomaly_loss="inverse", random_state=0).fit(X)
    module = detector.module_.double()
    rows = torch.tensor(X)
    square = (module.embed(rows) - module.center).square().sum(1)
    loss_n, loss_a = module(rows)
    torch.testing.assert_close(loss_n, square)
    torch.testing.assert_close(loss_a, 1 / square, rtol=1e-3, atol=0)


def test_neutral_for_features():
    preset = NeuTraL.for_features(max_epochs=7)
    assert preset.get_params() == NeuTraL(**preset.get_params()).get_params()
    assert (preset.n_transforms, preset.batch_size, preset.lr) == (15, 512, 4e-4)
    assert preset.max_epochs == 7
    module = preset.build_module(512)
    assert module.transformed(torch.randn(2, 512)).shape == (15, 2, 512)


def test_the_autoencoders_score_is_its_error():
    X = np.random.default_rng(0).normal(size=(60, 4))
    detector = AutoEncoder(max_epochs=2, scaling=None, hidden_sizes=[3, 2]).fit(X)
    rows = torch.tensor(X)
    module = detector.module_.double()
    error = (module.decoder(module.encoder(rows).relu()) - rows).square().mean(1)
    np.testing.assert_allclose(-detector.score_samples(X), error.detach(), rtol=1e-6)
    widths = [layer.out_features for half in module.children() for layer in half.layers]
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
        (DeepSVDD, "anomaly_loss", "hinge"),
        (AutoEncoder, "hidden_sizes", [1.5]),
    ],
)
def test_bad_sizes(cls, name, value):
    with pytest.raises(ValueError, match=f"{cls.__name__}: {name} must be"):
        cls(**{name: value}).fit(np.ones((4, 2)))


@pytest.mark.parametrize("container", [np.array, sparse.csr_matrix], ids=["dense", "sparse"])
def test_rms_scaling_keeps_zeros_and_proportions_and_no_outlier_moves_it(container):
    X = np.random.default_rng(0).uniform(size=(41, 3)) * [1, 10, 0]
    shift, factor = fit_scaling(container(X), "rms")
    assert not shift.any()
    assert len(set(factor)) == 1
    assert np.median(np.sqrt(np.square(X * factor).mean(axis=1))) == pytest.approx(1)
    X[0] = 1e9
    np.testing.assert_allclose(fit_scaling(container(X), "rms")[1], factor, rtol=0.2)
    assert (fit_scaling(container(np.zeros((4, 2))), "rms")[1] == 1).all()
    mostly_zero = np.zeros((9, 2))
    mostly_zero[0] = 5.0
    np.testing.assert_allclose(fit_scaling(container(mostly_zero), "rms")[1], 0.2)


@pytest.mark.parametrize("container", [np.array, sparse.csr_matrix], ids=["dense", "sparse"])
def test_auto_scaling_is_minmax_for_centred_rows_and_rms_for_others(container):
    counts = np.random.default_rng(0).poisson(2.0, size=(50, 3)).astype(float)
    centred = counts - counts.mean(axis=0)
    for X, scaling in ((counts, "rms"), (centred, "minmax")):
        expected = fit_scaling(container(X), scaling)
        np.testing.assert_array_equal(fit_scaling(container(X), "auto"), expected)
        detector = ICL(max_epochs=1, scaling="auto").fit(container(X))
        assert detector.scaling_ == scaling
        assert LOE(detector, method="blind").fit(container(X)).estimator_.scaling_ == scaling


@pytest.mark.parametrize("container", [np.array, sparse.csr_matrix], ids=["dense", "sparse"])
def test_neutral_scales_features_alike_unless_one_is_nearly_all(container):
    X = np.random.default_rng(0).normal(5.0, 1.0, size=(50, 3))
    for size, scaling in ((5.0, "minmax"), (50.0, "rms")):
        unequal = container(X * [1.0, 1.0, size])
        assert NeuTraL(max_epochs=1).fit(unequal).scaling_ == scaling
        members = LOE(NeuTraL(max_epochs=1), method="blind", init=None, n_estimators=2)
        assert {m.scaling_ for m in members.fit(unequal).estimators_} == {scaling}


@pytest.mark.parametrize("scaling", ["minmax", "standard", "rms", None])
def test_a_scaling_that_is_given_does_not_depend_on_the_rows(backbone_class, scaling):
    X = np.random.default_rng(0).normal(5.0, 1.0, size=(50, 4))
    for size in (1.0, 50.0):
        chosen = backbone_class(scaling=scaling).choose_scaling(X * [1.0, 1.0, 1.0, size])
        assert chosen == scaling


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


@few_backbones
def test_scaling_makes_units_irrelevant(backbone_class):
    X = np.random.default_rng(0).normal(size=(60, 3))
    other_units = X * [1.0, 1e3, 1e-3] + [0.0, 5.0, 1.0]
    expected = backbone_class(scaling="minmax", max_epochs=2, random_state=0).fit(X)
    scaled = backbone_class(scaling="minmax", max_epochs=2, random_state=0).fit(other_units)
    np.testing.assert_allclose(
        scaled.score_samples(other_units), expected.score_samples(X), rtol=1e-3
    )


@pytest.mark.parametrize("cls", slow_but(TELLING, BACKBONES))
def test_single_precision_without_scaling_warns_of_nothing(cls):
    """NumPy compared float32 rows with a limit beyond float32: "overflow encountered in cast"."""
    X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        cls(max_epochs=1, scaling=None).fit(X).score_samples(X)
