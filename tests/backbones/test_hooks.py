"""What a backbone may override has public names; the earlier, private ones are refused."""

import pytest

from lofe_sklearn import NeuTraL
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
