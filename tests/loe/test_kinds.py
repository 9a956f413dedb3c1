"""Several kinds of backbones in one ensemble, each with a method of its own."""

import numpy as np
import pytest
from sklearn.base import clone

import lofe_sklearn
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL, RealNVP
from lofe_sklearn.rules import AAR


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (90, 4)), rng.normal(5, 1, (10, 4))])


def small():
    return [DeepSVDD(max_epochs=3), AutoEncoder(max_epochs=3)]


def loe(estimator, **parameters):
    shared = {"contamination": 0.1, "evidence": None, "init": "knn", "random_state": 0}
    return LOE(estimator, **(shared | parameters))


class TestAMethodForEachBackbone:
    def test_members_are_what_they_are_alone(self, X):
        """Each is trained as by an LOE of one backbone, one method and the same seed."""
        both = loe(small(), method=["soft", "hard"], n_estimators=2).fit(X)
        for backbone, method, member in zip(
            small(), ["soft", "hard"], both.estimators_, strict=True
        ):
            alone = loe(backbone, method=method, random_state=member.random_state).fit(X)
            np.testing.assert_allclose(
                member.score_samples(X), alone.estimator_.score_samples(X), rtol=1e-5
            )

    def test_they_go_on_in_turn(self, X):
        detector = loe(small(), method=("blind", "hard"), n_estimators=4, warmup_epochs=1).fit(X)
        marked = [m.history_.labels[-1].sum() for m in detector.estimators_]
        assert marked[0] == marked[2] == 0
        assert marked[1] == marked[3] == 10

    def test_a_list_of_one_backbone(self, X):
        one = loe([DeepSVDD(max_epochs=3)], method=["soft"]).fit(X)
        other = loe(DeepSVDD(max_epochs=3), method="soft").fit(X)
        np.testing.assert_array_equal(one.score_samples(X), other.score_samples(X))

    def test_rules_and_callables(self, X):
        def everything_normal(loss_n, loss_a, alpha, known):
            return 1.0 + 0 * loss_n, 0 * loss_a

        methods = [AAR(), everything_normal]
        detector = loe(small(), method=methods, n_estimators=2).fit(X)
        alone = loe(small()[1], method="blind", random_state=detector.estimators_[1].random_state)
        np.testing.assert_allclose(
            detector.estimators_[1].score_samples(X),
            alone.set_params(init=None).fit(X).estimator_.score_samples(X),
            rtol=1e-5,
        )

    def test_a_file_holds_them(self, X, tmp_path):
        pytest.importorskip("skops")
        pytest.importorskip("safetensors")
        detector = loe(small(), method=["soft", "hard"], n_estimators=2).fit(X)
        lofe_sklearn.save(detector, tmp_path / "model.lofe")
        loaded = lofe_sklearn.load(tmp_path / "model.lofe")
        assert list(loaded.method) == ["soft", "hard"]
        np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))

    def test_labels_without_evidence(self, X):
        detector = loe(small(), method=["soft", "hard"], n_estimators=2).fit(X)
        assert (detector.labels_ == -1).sum() == 10

    def test_evidence_of_auto_needs_a_method_that_labels(self, X):
        shared = {"n_estimators": 2, "evidence": "auto"}
        assert loe(small(), method=["blind", "blind"], **shared).fit(X).evidence_ is None
        assert loe(small(), method=["blind", "hard"], **shared).fit(X).evidence_ is not None

    @pytest.mark.parametrize("estimator", [None, DeepSVDD(max_epochs=3), small() * 2])
    def test_another_number_of_methods(self, X, estimator):
        detector = loe(estimator, method=["soft", "soft", "hard"])
        n = {type(None): 2, DeepSVDD: 1, list: 4}[type(estimator)]
        with pytest.raises(ValueError, match=f"one for each backbone.*got 3 for {n}.*'hard'"):
            detector.fit(X)
        assert not hasattr(detector, "estimators_")

    @pytest.mark.parametrize(("wrong", "message"), [("sotf", "'sotf'"), (AAR, "an instance")])
    def test_one_that_is_none(self, X, wrong, message):
        with pytest.raises(ValueError, match=f"LOE: method .*{message}"):
            loe(small(), method=["soft", wrong]).fit(X)

    def test_a_warm_up_that_is_too_long_for_one(self, X):
        backbones = [DeepSVDD(max_epochs=3), AutoEncoder(max_epochs=9)]
        shared = {"method": ["blind", "hard"], "init": None, "n_estimators": 2}
        loe(backbones, warmup_epochs=5, **shared).fit(X)
        with pytest.raises(ValueError, match="warmup_epochs=9 must be below"):
            loe(backbones, warmup_epochs=9, **shared).fit(X)


class TestOfKinds:
    def test_is_an_loe_with_these_parameters(self):
        detector = LOE.of_kinds(contamination=0.1, random_state=3)
        assert [type(each) for each in detector.estimator] == [NeuTraL, RealNVP]
        assert (detector.init, detector.evidence) == ("evidence", None)
        assert (detector.contamination, detector.random_state) == (0.1, 3)
        assert repr(clone(detector)) == repr(detector)

    def test_others_may_be_set(self, X):
        detector = LOE.of_kinds(estimator=small(), method="soft", n_estimators=2, contamination=0.1)
        detector.set_params(random_state=0).fit(X)
        expected = loe(small(), method="soft", n_estimators=2, init="evidence")
        np.testing.assert_array_equal(detector.score_samples(X), expected.fit(X).score_samples(X))

    def test_members_by_default(self, X):
        detector = LOE.of_kinds(contamination=0.1, random_state=0)
        quick = [each.set_params(max_epochs=3) for each in detector.estimator]
        detector.set_params(estimator=quick).fit(X)
        kinds = [type(each) for each in detector.estimators_]
        assert kinds == [NeuTraL, RealNVP] * 4
        assert detector.evidence_ is None

    def test_of_a_subclass(self):
        class Mine(LOE):
            pass

        assert type(Mine.of_kinds()) is Mine
