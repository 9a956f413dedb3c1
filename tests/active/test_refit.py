import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.active import estimate_contamination, query, refit


@pytest.fixture
def answers(contaminated):
    _, y = contaminated
    known = np.zeros(200, dtype=int)
    asked = np.random.default_rng(0).permutation(200)[:30]
    known[asked] = np.where(y[asked] == 1, -1, 1)
    return known


@pytest.fixture
def loe(contaminated):
    return LOE(DeepSVDD(max_epochs=5), contamination=0.3, random_state=0).fit(contaminated[0])


def test_it_is_a_fit_with_the_answers_and_their_ratio(loe, contaminated, answers):
    X, _ = contaminated
    before = loe.score_samples(X)
    ratio = estimate_contamination(before, answers, embedding=loe.embed(X), prior=0.3)
    refitted = refit(loe, X, answers, known_weight=2.0, estimator__lr=2e-3)
    expected = LOE(
        DeepSVDD(max_epochs=5, lr=2e-3), contamination=ratio, known_weight=2.0, random_state=0
    ).fit(X, known_labels=answers)
    np.testing.assert_array_equal(refitted.score_samples(X), expected.score_samples(X))
    np.testing.assert_array_equal(refitted.labels_, expected.labels_)
    assert (refitted.labels_[answers != 0] == answers[answers != 0]).all()
    # The detector itself is as it was.
    assert loe.contamination == 0.3
    np.testing.assert_array_equal(loe.score_samples(X), before)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, 0.3), (0.15, 0.15), ("auto", "auto"), ((0.05, 0.2), (0.05, 0.2))],
    ids=str,
)
def test_the_ratio_can_be_chosen(loe, contaminated, answers, given, expected):
    refitted = refit(loe.set_params(n_estimators=2), contaminated[0], answers, contamination=given)
    assert refitted.contamination == expected


def test_members_are_spread_over_what_the_answers_leave_possible(contaminated, answers):
    X, y = contaminated
    found = {}
    for ratio in ((0.01, 0.4), "auto"):
        detector = LOE(DeepSVDD(max_epochs=5), contamination=ratio, n_estimators=4, random_state=0)
        first = detector.fit(X)
        for n_answers in (5, 30):
            known = np.where(np.cumsum(answers != 0) <= n_answers, answers, 0)
            given = {"known_anomalies": known < 0, "known_normal": known > 0}
            refitted = refit(first, X, **given)
            low, high = found[n_answers] = refitted.contamination
            expected = estimate_contamination(
                first.score_samples(X),
                embedding=first.embed(X),
                prior=first.contamination_,
                **given,
            )
            assert low < expected < high
            assert refitted.contamination_ == pytest.approx(expected)
            assert (refitted.labels_ == -1).mean() == pytest.approx(expected, abs=0.01)
        assert found[30][0] < y.mean() < found[30][1]
        assert found[5][1] / found[5][0] > 2 * found[30][1] / found[30][0]


def test_where_all_labels_are_known_nothing_is_estimated(contaminated):
    X, y = contaminated
    first = LOE(DeepSVDD(max_epochs=2), n_estimators=2, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="known"):
        refitted = refit(first, X, np.where(y == 1, -1, 1))
    assert refitted.contamination == pytest.approx(y.mean())


def test_what_was_blind_becomes_soft(contaminated, answers):
    X, _ = contaminated
    blind = LOE(DeepSVDD(max_epochs=2), method="blind", contamination=0.1, random_state=0).fit(X)
    assert refit(blind, X, answers).method == "soft"
    assert refit(blind, X, answers, method="refine").method == "refine"
    both = LOE([DeepSVDD(max_epochs=1), DeepSVDD(max_epochs=1)], contamination=0.1, evidence=None)
    for methods, expected in ((["blind", "blind"], "soft"), (["blind", "hard"], ["blind", "hard"])):
        both.set_params(method=methods).fit(X)
        assert refit(both, X, answers, contamination=None).method == expected
    lone = refit(DeepSVDD(max_epochs=2, random_state=0).fit(X), X, answers, contamination=None)
    assert (lone.method, lone.contamination) == ("soft", 0.1)


def test_a_lone_backbone_keeps_its_seed(contaminated, answers):
    X, _ = contaminated
    detector = DeepSVDD(max_epochs=2, random_state=3).fit(X)
    refitted = refit(detector, X, answers, contamination=0.1)
    expected = LOE(
        DeepSVDD(max_epochs=2, random_state=3), method="soft", contamination=0.1, random_state=3
    ).fit(X, known_labels=answers)
    np.testing.assert_array_equal(refitted.score_samples(X), expected.score_samples(X))


def test_a_threshold_that_flags_more_than_half_of_the_rows(loe, contaminated, answers):
    X, _ = contaminated
    expected = estimate_contamination(
        loe.score_samples(X), answers, embedding=loe.embed(X), prior=0.5
    )
    refitted = refit(loe.set_threshold(n_flagged=150), X, answers)
    assert refitted.contamination == expected


@pytest.mark.parametrize("routing", [False, True])
def test_in_a_pipeline(contaminated, answers, routing):
    X, _ = contaminated
    frame = pd.DataFrame(X * [1, 10, 100, 1, 1], columns=list("abcde"))
    detector = LOE(DeepSVDD(max_epochs=3), contamination=0.1, random_state=0)
    with config_context(enable_metadata_routing=routing):
        pipeline = make_pipeline(StandardScaler(), detector).fit(frame)
        refitted = refit(pipeline, frame, pd.Series(answers, index=frame.index))
    assert isinstance(refitted, Pipeline)
    alone = refit(pipeline[-1], pipeline[:-1].transform(frame), answers)
    np.testing.assert_array_equal(
        refitted.score_samples(frame), alone.score_samples(pipeline[:-1].transform(frame))
    )


def test_a_loop_finds_the_anomalies(contaminated):
    X, y = contaminated
    backbone = DeepSVDD(max_epochs=30)
    detector = LOE(backbone, method="soft", contamination=0.2, random_state=0).fit(X)
    first = detector
    known = np.zeros(200, dtype=int)
    for _ in range(3):
        asked = query(detector, X, 8, known_labels=known, random_state=0)
        known[asked] = np.where(y[asked] == 1, -1, 1)
        detector = refit(detector, X, known, queried_by=first)
    assert (known != 0).sum() == 24
    assert 0.05 < detector.contamination < 0.2
    assert (detector.predict(X)[y == 1] == -1).mean() > 0.7


def test_errors(loe, contaminated):
    X, _ = contaminated
    with pytest.raises(ValueError, match="refit: no label is known"):
        refit(loe, X, np.zeros(200))
    with pytest.raises(ValueError, match="refit: known_labels must hold one label"):
        refit(loe, X, [1, -1])
    with pytest.raises(NotFittedError):
        refit(LOE(), X, np.ones(200))
    with pytest.raises(TypeError, match="refit: detector must be.*got StandardScaler"):
        refit(StandardScaler(), X, np.ones(200))
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense'"):
        refit(loe, X, np.repeat([1, 0, -1], [1, 198, 1]), nonsense=1)


@pytest.mark.parametrize("other", [False, True], ids=["itself", "another"])
def test_missing_names_are_told_once(contaminated, answers, other):
    X, _ = contaminated
    detector = DeepSVDD(max_epochs=2, random_state=0).fit(pd.DataFrame(X).add_prefix("c"))
    with pytest.warns(UserWarning, match="X does not have valid feature names") as told:
        refit(detector, X, answers, queried_by=detector if other else None)
    assert len(told) == 1


def test_an_unknown_word_for_the_ratio(loe, contaminated, answers):
    with pytest.raises(ValueError, match=r"'estimate', .*; got 'estimat'.*Did you mean 'estimate'"):
        refit(loe, contaminated[0], answers, contamination="estimat")
