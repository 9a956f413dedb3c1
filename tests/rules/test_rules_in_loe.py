"""Label rules of `lofe_sklearn.rules` where they are used: in LOE, in stacks, in grids."""

import pickle

import numpy as np
import pytest
import torch
from conftest import slow_but
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.metrics import roc_auc, roc_auc_scorer
from lofe_sklearn.rules import AAR, ALTBI, ODIM, Course, LabelRule, Margin, Peak

WITHOUT_RATIO = [AAR(), AAR("posterior"), ALTBI(), ODIM(check_every=2, patience=2)]
RULES = [*WITHOUT_RATIO, Margin()]


def name_of(rule):
    return str(rule).partition("(")[0]


ids = pytest.mark.parametrize("rule", RULES, ids=name_of)
# One without and one with a course of its own; ALTBI, with the other course, is beside each.
few = pytest.mark.parametrize("rule", slow_but([RULES[0], RULES[3]], RULES), ids=name_of)


def loe(rule, **parameters):
    estimator = parameters.pop("estimator", DeepSVDD(max_epochs=6, batch_size=32))
    return LOE(estimator, method=rule, **{"contamination": 0.1, "random_state": 0, **parameters})


@ids
@pytest.mark.parametrize("init", slow_but(["iforest"], ["iforest", None]))
def test_it_finds_the_anomalies(rule, init, contaminated):
    X, y = contaminated
    estimator = DeepSVDD(max_epochs=20, batch_size=64)
    detector = loe(rule, init=init, n_estimators=2, estimator=estimator).fit(X)
    assert roc_auc(y, detector.score_samples(X)) > 0.85
    assert (detector.predict(X) == -1).sum() == 20
    found = detector.labels_ == -1
    assert found.sum() == (0 if isinstance(rule, ODIM) else pytest.approx(20, abs=20))


@few
def test_a_fit_in_a_stack_is_the_fit_alone(rule, contaminated):
    X, _ = contaminated
    rows = [np.arange(200), np.arange(100), np.arange(1, 200), np.arange(200), np.arange(200)]
    others = ["hard", ALTBI(0.8, batch_growth=1.5), "soft"]
    rules = [rule, rule, clone(rule), *others]
    rows = [*rows, np.arange(200)]
    many = [
        loe(one, n_estimators=2, random_state=m, contamination=0.05 * (m + 1), label_update=update)
        for m, (one, update) in enumerate(
            zip(rules, ["auto", "epoch", "batch", "auto", "auto", "epoch"], strict=True)
        )
    ]
    stacked = fit_many(many, X, rows=rows)
    for detector, own, together in zip(many, rows, stacked, strict=True):
        alone = clone(detector).fit(X[own])
        np.testing.assert_allclose(
            together.score_samples(X), alone.score_samples(X), rtol=1e-4, atol=1e-4
        )
        assert [m.n_iter_ for m in together.estimators_] == [m.n_iter_ for m in alone.estimators_]
        np.testing.assert_array_equal(together.labels_, alone.labels_)


@ids
def test_known_labels_stand(rule, contaminated):
    X, y = contaminated
    known = np.zeros(len(X), dtype=int)
    known[np.flatnonzero(y)[:5]], known[np.flatnonzero(y == 0)[:5]] = -1, 1
    detector = loe(rule).fit(X, known_labels=known)
    labelled = known != 0
    np.testing.assert_array_equal(detector.labels_[labelled], known[labelled])
    history = detector.estimator_.history_.labels[:, 0]
    assert history[:, known == -1].all()
    assert not history[:, known == 1].any()


@ids
def test_it_is_cloned_and_pickled(rule, contaminated):
    X, _ = contaminated
    copy = clone(loe(rule))
    assert copy.method is not rule
    assert repr(copy.method) == repr(rule)
    fitted = copy.fit(X)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.score_samples(X), fitted.score_samples(X))
    assert repr(loaded.method) == repr(rule)


@pytest.mark.parametrize("search_class", [GridSearchCV, LOESearchCV])
def test_a_grid_reaches_its_parameters(search_class, contaminated):
    X, y = contaminated
    grid = {"method__cut": [0.01, 50.0]}
    options = {"scoring": roc_auc_scorer} if search_class is GridSearchCV else {}
    search = search_class(loe(AAR(), init=None), grid, cv=2, **options).fit(X, y)
    assert search.best_params_["method__cut"] in grid["method__cut"]
    assert search.best_estimator_.method.cut == search.best_params_["method__cut"]
    labels = [
        clone(search.estimator).set_params(**params).fit(X).labels_
        for params in search.cv_results_["params"]
    ]
    assert (labels[0] == -1).sum() > (labels[1] == -1).sum()


def test_a_grid_over_rules(contaminated):
    X, y = contaminated
    grid = {"method": ["hard", AAR(), ALTBI(), ODIM()]}
    search = LOESearchCV(loe("soft"), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (AAR("hard"), "AAR: rejection must be one of 'cut', 'posterior'; got 'hard'"),
        (AAR(cut=0), r"AAR: cut must be .* above 0; got 0"),
        (AAR(cut=np.nan), "AAR: cut must be"),
        (ALTBI(1.0), r"ALTBI: quantile must be a number in \[0.5, 1\) or None; got 1.0"),
        (ALTBI(batch_growth=0.9), "ALTBI: batch_growth must be"),
        (ALTBI(averaged_share=1.5), r"ALTBI: averaged_share must be a number in \[0, 1\]; got 1.5"),
        (ODIM(check_every=0), "ODIM: check_every must be an integer of at least 1; got 0"),
        (ODIM(patience=2.5), "ODIM: patience must be an integer of at least 1; got 2.5"),
        (AAR, r"LOE: method must be an instance; got the class AAR. Pass method=AAR\(\)"),
        ("AAR", r"or a callable .*; got 'AAR'"),
    ],
)
def test_bad_parameters(rule, message, contaminated):
    detector = loe(rule)
    with pytest.raises(ValueError, match=message):
        detector.fit(contaminated[0])
    assert not hasattr(detector, "estimator_")


@pytest.mark.parametrize("rule", WITHOUT_RATIO, ids=name_of)
def test_the_ratio_only_sets_the_threshold(rule, contaminated):
    X, _ = contaminated
    few, many = (loe(rule, contamination=ratio).fit(X) for ratio in (0.05, 0.4))
    np.testing.assert_array_equal(few.score_samples(X), many.score_samples(X))
    assert few.offset_ < many.offset_


def test_first_labels_of_aar_are_by_the_scores_themselves():
    rng = np.random.default_rng(0)
    X, scores = rng.normal(size=(60, 3)), -rng.normal(size=60)
    scores[:3] = -100.0  # low: anomalous
    detector = loe(AAR(), init=scores, warmup_epochs=3, estimator=DeepSVDD(max_epochs=4)).fit(X)
    first = detector.estimator_.history_.labels[0, 0]
    assert np.flatnonzero(first).tolist() == [0, 1, 2]


class TestALTBI:
    def test_scores_are_the_mean_over_the_last_states(self, contaminated):
        X, _ = contaminated
        estimator = DeepSVDD(max_epochs=8, batch_size=32, random_state=3)
        rule = ALTBI(batch_growth=1.0, averaged_share=0.5)
        averaged = loe(rule, estimator=estimator, init=None, warmup_epochs=0, random_state=3)
        scores = averaged.fit(X).score_samples(X)
        each = [
            clone(averaged)
            .set_params(estimator__max_epochs=n, method__averaged_share=0.0)
            .fit(X)
            .score_samples(X)
            for n in (5, 6, 7, 8)
        ]
        np.testing.assert_allclose(scores, np.mean(each, axis=0), rtol=1e-5)
        assert len(averaged.estimator_.module_.states) == 4
        # What is not a loss is the last state's.
        last = clone(averaged).set_params(method__averaged_share=0.0).fit(X)
        np.testing.assert_allclose(averaged.embed(X), last.embed(X), rtol=1e-5)

    @pytest.mark.parametrize("estimator", [AutoEncoder, DeepSVDD])
    def test_an_ensemble_averages_each_member(self, estimator, contaminated):
        X, _ = contaminated
        detector = loe(ALTBI(), n_estimators=3, estimator=estimator(max_epochs=6)).fit(X)
        assert [len(member.module_.states) for member in detector.estimators_] == [3, 3, 3]
        assert detector.embed(X).shape[0] == len(X)

    def test_growing_batches_take_fewer_updates(self, contaminated):
        X, _ = contaminated
        steps = []

        class Counting(ALTBI):
            def __call__(self, loss_n, loss_a, alpha, known=None):
                steps.append(loss_n.shape[1])
                return super().__call__(loss_n, loss_a, alpha, known)

        loe(Counting(batch_growth=2.0), init=None, warmup_epochs=0).fit(X)
        steps = steps[:-1]  # the last call labels all rows
        # At most 32, 64 and 128 rows of 200 in a batch, then all of them.
        assert len(steps) == 7 + 4 + 2 + 1 + 1 + 1
        assert [max(steps[:7]), max(steps[7:11]), *steps[11:]] == [29, 50, 100, 100, 200, 200, 200]


class TestODIM:
    def test_each_member_stops_at_its_own_time(self, contaminated):
        X, _ = contaminated
        estimator = DeepSVDD(max_epochs=60, batch_size=32)
        rule = ODIM(check_every=3, patience=2)
        detector = loe(rule, n_estimators=6, estimator=estimator).fit(X)
        epochs = [member.n_iter_ for member in detector.estimators_]
        assert len(set(epochs)) > 1
        assert max(epochs) < 60

    def test_it_is_blind_training_that_stops(self, contaminated):
        X, _ = contaminated
        rule = ODIM(check_every=1, patience=1000)
        estimator = DeepSVDD(max_epochs=12, batch_size=200)  # an update is an epoch
        kept = loe(rule, estimator=estimator, n_estimators=1).fit(X).score_samples(X)
        blind = [
            loe("blind", estimator=estimator, n_estimators=1)
            .set_params(estimator__max_epochs=n)
            .fit(X)
            .score_samples(X)
            for n in range(1, 13)
        ]
        losses = -torch.from_numpy(np.stack(blind))
        distance = rule.course().peak.separation(losses, torch.ones_like(losses, dtype=bool))
        np.testing.assert_allclose(kept, blind[int(distance.argmax())], rtol=1e-4)

    def test_without_a_look_the_last_state_stays(self, contaminated):
        X, _ = contaminated
        never = loe(ODIM(check_every=10_000)).fit(X).score_samples(X)
        np.testing.assert_array_equal(never, loe("blind").fit(X).score_samples(X))


class Halving(LabelRule):
    """A user's rule that asks for all there is, and labels by the order of the losses."""

    def __init__(self, wrong=False):
        self.wrong = wrong

    def __call__(self, loss_n, loss_a, alpha, known=None):
        kept = (loss_n <= loss_n.median(dim=1, keepdim=True).values).to(loss_n)
        return (kept[:, :1] if self.wrong else kept), 0 * kept

    def course(self):
        def spread(loss_n, counted):
            return loss_n.std(dim=1)

        return Course(batch_growth=1.2, averaged_share=1.0, peak=Peak(spread, 2, 50))


def test_a_rule_of_ones_own(contaminated):
    X, _ = contaminated
    detector = loe(Halving(), n_estimators=2).fit(X)
    assert len(detector.estimator_.module_.states) == 6
    with pytest.raises(ValueError, match="two weight tensors of shape"):
        loe(Halving(wrong=True)).fit(X)


@pytest.mark.parametrize(
    ("course", "message"),
    [
        (lambda: None, r"Odd.course\(\) must return a lofe_sklearn.rules.Course; got NoneType"),
        (lambda: Course(batch_growth=0.5), "batch_growth must be a finite factor of at least 1"),
        (lambda: Course(averaged_share=2), r"averaged_share must be .* \[0, 1\]; got 2"),
        (lambda: Course(peak=Peak(len, 0, 1)), "every must be at least 1; got 0"),
        (lambda: Course(peak=Peak(len, 1, 0)), "patience must be at least 1; got 0"),
        (
            lambda: Course(peak=Peak(lambda loss_n, counted: loss_n, 1, 1)),
            r"separation must return a tensor of shape \(1,\), .*; got shape \(1, 200\)",
        ),
        (
            lambda: Course(peak=Peak(lambda loss_n, counted: 1.0, 1, 1)),
            r"separation must return .*; got float",
        ),
    ],
)
def test_a_course_that_cannot_be_followed(course, message, contaminated):
    class Odd(AAR):
        def course(self):
            return course()

    with pytest.raises((TypeError, ValueError), match=message):
        loe(Odd()).fit(contaminated[0])
