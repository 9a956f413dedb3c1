"""method="auto": hard labels, with a margin for half of the members where only a ratio is given."""

import numpy as np
import pytest

from lofe_sklearn import LOE, DeepSVDD, RealNVP
from lofe_sklearn._loe import _ensemble
from lofe_sklearn._loe._find_ratio import believe
from lofe_sklearn.rules import Margin


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(90, 4)), rng.normal(4, 1, (10, 4))])


def test_it_is_the_default():
    assert LOE().method == "auto"


@pytest.mark.parametrize("n_estimators", [None, pytest.param(6, marks=pytest.mark.slow)])
def test_with_a_ratio_alone_half_of_the_members_have_a_margin(X, n_estimators):
    loe = LOE(contamination=0.1, n_estimators=n_estimators, random_state=0).fit(X)
    kinds = [type(member) for member in loe.estimators_]
    assert kinds == [DeepSVDD, RealNVP] * ((n_estimators or 4) // 2)
    for name, methods in {"hard": "hard", "margin": Margin()}.items():
        alone = LOE(
            contamination=0.1, method=methods, n_estimators=n_estimators or 4, random_state=0
        ).fit(X)
        same = [
            np.allclose(one.score_samples(X), other.score_samples(X))
            for one, other in zip(loe.estimators_, alone.estimators_, strict=True)
        ]
        of_round = np.arange(len(kinds)) // 2 % 2 == (name == "margin")
        np.testing.assert_array_equal(same, of_round)


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"contamination": (0.05, 0.2)}, marks=pytest.mark.slow),
        {"estimator": DeepSVDD(max_epochs=3), "contamination": 0.1},
        {"estimator": [DeepSVDD(max_epochs=3), RealNVP(max_epochs=2)], "contamination": 0.1},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
def test_elsewhere_it_is_hard(X, options):
    loe, hard = (LOE(method=m, random_state=0, **options).fit(X) for m in ("auto", "hard"))
    np.testing.assert_array_equal(loe.score_samples(X), hard.score_samples(X))


def test_in_a_list_it_is_hard(X):
    backbones = [DeepSVDD(max_epochs=3), RealNVP(max_epochs=2)]
    options = {"contamination": 0.1, "random_state": 0}
    named = LOE(backbones, method=["auto", Margin()], **options).fit(X)
    other = LOE(backbones, method=["hard", Margin()], **options).fit(X)
    np.testing.assert_array_equal(named.score_samples(X), other.score_samples(X))


def test_both_methods_of_a_kind_are_one_party_of_the_belief(X, monkeypatch):
    """They agree anyway, which is no finding."""
    parties = []

    def listening(given, *others, **options):
        parties.append(len(given))
        return believe(given, *others, **options)

    monkeypatch.setattr(_ensemble, "believe", listening)
    detector = LOE(contamination=0.1, random_state=0).fit(X)
    assert parties == [2 + len(detector.evidence_)]


def test_learning_can_go_on(X):
    loe = LOE(contamination=0.1, n_estimators=4, warm_start=True, random_state=0).fit(X)
    loe.set_params(n_estimators=8).fit(X)
    assert [type(member) for member in loe.estimators_] == [DeepSVDD, RealNVP] * 4
