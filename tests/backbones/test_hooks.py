"""What a backbone may override has public names; the earlier, private ones are refused."""

import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, NeuTraL
from lofe_sklearn.backbones import Backbone
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
