"""keep="partial": what Ctrl-C leaves of a fit of LOE."""

import os
import signal
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import lofe_sklearn
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn._training import _train
from lofe_sklearn.engine import RULES
from lofe_sklearn.rules import AAR

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(110, 4)), RNG.normal(4.0, 1.0, size=(10, 4))])
BATCHES = 4  # of an epoch


class Interrupting:
    """The hard rule, which is interrupted when it is called for the n-th time."""

    def __init__(self, at=None):
        self.at, self.n_calls = at, 0

    def __call__(self, loss_n, loss_a, alpha, known=None):
        self.n_calls += 1
        if self.at is not None and self.n_calls > self.at:
            self.at = None
            raise KeyboardInterrupt
        return RULES["hard"](loss_n, loss_a, alpha, known)


def loe(estimator=None, **parameters):
    estimator = DeepSVDD(max_epochs=8, batch_size=32) if estimator is None else estimator
    shared = {
        "contamination": 0.1,
        "n_estimators": 3,
        "init": None,
        "evidence": None,
        "label_update": "batch",
        "warmup_epochs": 2,
        "keep": "partial",
        "random_state": 0,
    }
    return LOE(estimator, **{**shared, **parameters})


def interrupted(detector, match="interrupted", **fit_params):
    with pytest.warns(ConvergenceWarning, match=match):
        return detector.fit(X, **fit_params)


TWO = [DeepSVDD(max_epochs=8, batch_size=32), AutoEncoder(max_epochs=8, batch_size=32)]


# Labels are inferred from the third epoch on: four calls of the rule are an epoch of a stack.
@pytest.mark.parametrize("n_calls", [5 * BATCHES, 5 * BATCHES + 1, 5 * BATCHES + 3])
@pytest.mark.parametrize("n_estimators", [1, 3])
def test_members_are_those_of_the_last_whole_epoch(n_calls, n_estimators, tmp_path):
    detector = interrupted(
        loe(method=Interrupting(at=n_calls), n_estimators=n_estimators),
        match=rf"LOE: the fit was interrupted\. {n_estimators} of {n_estimators} members are "
        rf"trained, {n_estimators} of them for 7 of 8 epochs",
    )
    # The same fit with as many epochs, which nobody interrupts.
    short = DeepSVDD(max_epochs=7, batch_size=32)
    expected = loe(short, method="hard", n_estimators=n_estimators).fit(X)
    np.testing.assert_array_equal(detector.score_samples(X), expected.score_samples(X))
    np.testing.assert_array_equal(detector.labels_, expected.labels_)
    np.testing.assert_array_equal(detector.loss_history_, expected.loss_history_)
    assert (detector.n_iter_, detector.offset_) == (7, expected.offset_)
    for own, other in zip(detector.estimators_, expected.estimators_, strict=True):
        assert own.history_.interrupted
        assert not other.history_.interrupted
        np.testing.assert_array_equal(own.history_.labels, other.history_.labels)


def test_every_second_member_is_nothing_to_go_on_from():
    at = 6 * BATCHES  # the second stack's first label step
    detector = interrupted(loe(TWO, method=Interrupting(at=at), n_estimators=4, warm_start=True))
    scores = detector.score_samples(X)
    said = r"interrupted, and its 2 members that keep='partial' has kept \(DeepSVDD, DeepSVDD\) do "
    with pytest.raises(ValueError, match=said + r".* Fit anew, with warm_start=False\."):
        detector.set_params(method="hard").fit(X)
    with pytest.raises(ValueError, match=said + r".*clone\(detector\)\.partial_fit\(X\)\."):
        detector.set_params(keep=None).partial_fit(X)
    np.testing.assert_array_equal(detector.score_samples(X), scores)
    # Members of one kind are the first ones of a whole ensemble.
    one_kind = interrupted(
        loe(method=Interrupting(at=5 * BATCHES), n_estimators=2, warm_start=True)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)  # this fit was not interrupted
        one_kind.set_params(method="hard", n_estimators=3).fit(X)
    assert [member.n_iter_ for member in one_kind.estimators_] == [7, 7, 8]


def test_members_that_were_to_go_on_stay_as_they_were():
    detector = loe(TWO, n_estimators=4, warm_start=True).fit(X)
    before = [member.score_samples(X) for member in detector.estimators_]
    # In the third epoch of the first stack; Deep SVDD's, since members that go on do not warm up.
    detector.set_params(method=Interrupting(at=2 * BATCHES + 1))
    interrupted(
        detector,
        match=r"4 of 4 members are trained, 2 of them for 2 of 8 epochs, 2 of them as they were "
        r"before; the detector consists of them\.",
    )
    stays = [
        np.array_equal(member.score_samples(X), scores)
        for member, scores in zip(detector.estimators_, before, strict=True)
    ]
    assert [type(member) for member in detector.estimators_] == [DeepSVDD, AutoEncoder] * 2
    assert stays == [False, True] * 2
    assert [member.n_iter_ for member in detector.estimators_] == [2, 8, 2, 8]
    scores = detector.score_samples(X)
    np.testing.assert_allclose(detector._training_scores, scores, rtol=1e-6)
    # What stays may have been interrupted before.
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        detector.set_params(method="hard").fit(X)
    assert [member.n_iter_ for member in detector.estimators_] == [8] * 4


def test_the_first_stacks_are_whole(tmp_path):
    at = 6 * BATCHES + 4 * BATCHES + 2  # in the seventh epoch of the second stack
    detector = interrupted(
        loe(TWO, method=Interrupting(at=at), n_estimators=4),
        match=r"4 of 4 members are trained, 2 of them for 6 of 8 epochs",
    )
    whole = loe(TWO, method="hard", n_estimators=4).fit(X)
    for own, other in zip(detector.estimators_, whole.estimators_, strict=True):
        assert type(own) is type(other)
        if isinstance(own, DeepSVDD):
            np.testing.assert_array_equal(own.score_samples(X), other.score_samples(X))
        else:
            assert own.n_iter_ == 6


def test_a_stack_in_its_warm_up_leaves_no_members(tmp_path):
    at = 6 * BATCHES  # the second stack's first label step

    detector = interrupted(
        loe(TWO, method=Interrupting(at=at), n_estimators=4, contamination="auto"),
        match=r"2 of 4 members are trained; the detector consists of them\.",
    )
    # What is left is the copies of the first backbone, in all attributes.
    assert [type(member) for member in detector.estimators_] == [DeepSVDD] * 2
    assert len(detector.estimators_samples_) == len(detector.contaminations_) == 2
    assert len(detector.estimators_features_) == 2
    assert detector.n_iter_ == 8
    assert len(detector.loss_history_) == 8
    assert detector.labels_.shape == (len(X),)
    assert np.isfinite(detector.score_samples(X)).all()
    assert np.isfinite(detector.anomaly_proba(X)).all()
    assert (detector.predict(X) == -1).any()
    detector.set_threshold(n_flagged=5)

    pytest.importorskip("skops", reason="files of models need the extra save")
    path = tmp_path / "model.lofe"
    saved = loe(method="hard").set_params(keep="partial")
    assert saved.keep == "partial"
    detector.method = "hard"  # a callable cannot be stored
    lofe_sklearn.save(detector, path)
    again = lofe_sklearn.load(path)
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))


def test_members_of_the_second_backbone_alone():
    # Stacks are trained in the order of their first members.
    detector = interrupted(
        loe(TWO[::-1], method=Interrupting(at=6 * BATCHES), n_estimators=2),
        match="1 of 2 members are trained;",
    )
    assert [type(member) for member in detector.estimators_] == [AutoEncoder]


def test_evidence_stays():
    detector = interrupted(
        loe(method=Interrupting(at=4 * BATCHES), evidence=["knn", "iforest"], contamination="auto")
    )
    assert list(detector.evidence_) == ["knn", "iforest"]
    assert np.isfinite(detector.score_samples(X)).all()


def test_without_all_folds_there_are_no_held_out_scores():
    at = 6 * BATCHES
    detector = interrupted(
        loe(method=Interrupting(at=at), held_out_folds=2, n_estimators=2),
        match=r"held_out_scores_ is None",
    )
    assert detector.held_out_scores_ is None
    assert len(detector.estimators_) == 2


def test_a_rule_with_a_course_of_its_own():
    class Interrupted(AAR):
        n_calls = 0

        def __call__(self, *losses):
            type(self).n_calls += 1
            if self.n_calls == 5 * BATCHES:
                raise KeyboardInterrupt
            return super().__call__(*losses)

    detector = interrupted(loe(method=Interrupted()))
    assert detector.n_iter_ < 8
    assert np.isfinite(detector.score_samples(X)).all()


def test_known_labels_and_subsets():
    known = np.zeros(len(X), dtype=bool)
    known[-4:] = True
    detector = interrupted(
        loe(method=Interrupting(at=4 * BATCHES), max_samples=0.9, max_features=0.75),
        known_anomalies=known,
    )
    assert (detector.labels_[-4:] == -1).all()
    assert np.isfinite(detector.score_samples(X)).all()


@pytest.mark.parametrize("parameters", [{"keep": None}, {"at": 0}, {"at": BATCHES - 1}])
def test_nothing_usable_leaves_nothing(parameters):
    at = parameters.pop("at", 5 * BATCHES)
    detector = loe(method=Interrupting(at=at), **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt):
            detector.fit(X)
    with pytest.raises(NotFittedError):
        detector.score_samples(X)
    # A later fit is as any other.
    expected = loe(method="hard").fit(X).score_samples(X)
    np.testing.assert_array_equal(detector.fit(X).score_samples(X), expected)


def test_an_earlier_fit_stays_where_nothing_is_usable():
    rule = Interrupting()
    detector = loe(method=rule).fit(X)
    before = detector.score_samples(X)
    rule.at, rule.n_calls = 0, 0
    with pytest.raises(KeyboardInterrupt):
        detector.fit(X)
    np.testing.assert_array_equal(detector.score_samples(X), before)


def test_a_second_interruption_ends_it(monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(LOE, "_finish_fit", interrupt)
    detector = loe(method=Interrupting(at=5 * BATCHES))
    with pytest.raises(KeyboardInterrupt):
        detector.fit(X)
    with pytest.raises(NotFittedError):
        detector.score_samples(X)


def test_an_interruption_between_stacks_leaves_the_first(monkeypatch):
    train, calls = _train._train_stack, []

    def interrupted_before_the_second(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*args, **options)

    monkeypatch.setattr(_train, "_train_stack", interrupted_before_the_second)
    detector = interrupted(loe(TWO, n_estimators=4), match="2 of 4 members")
    assert len(detector.estimators_) == 2
    assert len(calls) == 2


def test_a_training_in_time_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        loe().fit(X)


Y = np.repeat([0, 1], [110, 10])


@pytest.mark.parametrize("call", ["fit_many", "search"])
def test_many_fits_keep_nothing(call):
    detector = loe(method=Interrupting(at=BATCHES))  # there are half as many on a half of the rows
    calls = {
        "fit_many": lambda: fit_many([clone(detector)], X),
        "search": lambda: LOESearchCV(detector, {}, cv=2).fit(X, Y),
    }
    with pytest.raises(KeyboardInterrupt):
        calls[call]()


def test_the_last_training_of_a_search_keeps_its_members():
    detector = loe(method=Interrupting(at=5 * BATCHES))  # more than there are on a half of the rows
    search = LOESearchCV(detector, {}, cv=2)
    with pytest.warns(ConvergenceWarning, match="LOE: the fit was interrupted"):
        search.fit(X, Y)
    assert search.best_estimator_.n_iter_ == 7
    assert np.isfinite(search.score_samples(X)).all()


@pytest.mark.parametrize("value", ["all", True, 1])
def test_values_of_no_use(value):
    with pytest.raises(ValueError, match=r"LOE: keep must be one of 'partial', None; got"):
        loe(keep=value).fit(X)


SCRIPT = textwrap.dedent("""
    import warnings, numpy as np
    from lofe_sklearn import LOE, DeepSVDD
    X = np.random.default_rng(0).normal(size=(2000, 5))
    class Telling:
        n_calls = 0
        def __call__(self, loss_n, loss_a, alpha, known=None):
            Telling.n_calls += 1
            if Telling.n_calls == 60:
                print("training", flush=True)
            return loss_n.new_ones(loss_n.shape), loss_n.new_zeros(loss_n.shape)
    detector = LOE(DeepSVDD(max_epochs=100_000), method=Telling(), contamination=0.1,
        n_estimators=2, init=None, label_update="batch", warmup_epochs=1, keep=KEEP)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            detector.fit(X)
        except KeyboardInterrupt:
            print("unfitted", not hasattr(detector, "estimators_"))
        else:
            print(len(detector.estimators_), np.isfinite(detector.score_samples(X)).all(),
                [w.category.__name__ for w in caught])
""")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("keep", "expected"),
    [("'partial'", "2 True ['ConvergenceWarning']"), ("None", "unfitted True")],
)
def test_ctrl_c(keep, expected):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.replace("KEEP", keep)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout.readline() == "training\n"
    process.send_signal(signal.SIGINT)
    written, _ = process.communicate(timeout=120)
    assert written.strip() == expected
    assert process.returncode == 0
