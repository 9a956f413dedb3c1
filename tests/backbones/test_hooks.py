"""What a backbone may override has public names; the earlier, private ones are refused."""

import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, NeuTraL
from lofe_sklearn.backbones import Backbone, Number
from lofe_sklearn.backbones._hooks import _NAMES


@pytest.mark.parametrize("earlier", sorted(_NAMES))
def test_an_earlier_name_is_refused(earlier):
    current = _NAMES[earlier]
    with pytest.raises(TypeError, match=rf"Mine\.{earlier} is the earlier name") as caught:
        type("Mine", (Backbone,), {earlier: None})
    assert f"the hook is {current} now" in str(caught.value)
    with pytest.raises(TypeError, match=f"Mine.{earlier}"):
        type("Mine", (NeuTraL,), {earlier: None})


def test_the_current_names_exist():
    for current in _NAMES.values():
        assert hasattr(Backbone, current.partition("(")[0])


@pytest.mark.parametrize(
    ("hook", "value", "needed"),
    [
        ("choose_lr", -1e-3, "a finite number above 0"),
        ("choose_lr", None, "a finite number above 0"),
        ("choose_max_epochs", 2.5, "an integer of at least 1"),
        ("choose_soft_label", 1.5, r"a number in \[0, 1\]"),
        ("choose_first_label", "soft", r"a number in \[0, 1\] or None"),
        ("choose_loss_threshold", "x", "a finite number or None"),
        ("choose_scaling", "z-score", "one of"),
    ],
)
@pytest.mark.parametrize("ensemble", [False, True])
def test_what_a_hook_returns_is_checked(hook, value, needed, ensemble):
    kind = type("Own", (AutoEncoder,), {hook: lambda self, *shape: value})
    detector = LOE(kind(max_epochs=3), contamination=0.1) if ensemble else kind(max_epochs=3)
    X = np.random.default_rng(0).normal(size=(30, 3))
    message = rf"Own: the value that {hook}\(.*\) returns must be {needed}"
    with pytest.raises(ValueError, match=message):
        detector.fit(X)


class Plain(Backbone):
    """A backbone that is complete; those below leave out a part of its constructor."""

    def __init__(self, a=1, **shared):
        super().__init__(**shared)
        self.a = a

    def build_module(self, n_features):
        return AutoEncoder().build_module(n_features)


class NoShared(Plain):
    def __init__(self, a=1):
        super().__init__(a, max_epochs=1)


class NoSuper(Plain):
    def __init__(self, a=1, **shared):
        self.a = a


class Unknown(Plain):
    own_constraints = {"b": Number(low=0)}


class NoConstraint(Plain):
    own_constraints = {"a": 3}


@pytest.mark.parametrize("in_loe", [False, True])
@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (NoShared, r"NoShared: __init__ must take .* \*\*shared.*it lacks scaling, max_epochs"),
        (NoSuper, r"NoSuper: __init__ must .*super\(\).__init__\(\*\*shared\); it lacks scaling"),
        (Unknown, "Unknown: own_constraints must name parameters of __init__.*'b' is none"),
        (NoConstraint, "NoConstraint: own_constraints must hold constraints.*for 'a' it holds 3"),
    ],
)
def test_what_a_constructor_leaves_out_is_named(cls, message, in_loe):
    X = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(TypeError, match=message):
        (LOE(cls(), contamination=0.1) if in_loe else cls()).fit(X)


def test_a_constructor_may_leave_out_what_no_training_sets():
    class Quiet(Plain):
        def __init__(self, a=1, *, scaling=None, contamination=0.1, random_state=None):
            super().__init__(
                a,
                scaling=scaling,
                contamination=contamination,
                random_state=random_state,
                max_epochs=1,
            )

    X = np.random.default_rng(0).normal(size=(20, 3))
    assert Quiet(random_state=0).fit(X).n_iter_ == 1
    assert LOE(Quiet(), contamination=0.1, random_state=0).fit(X).predict(X).shape == (20,)
