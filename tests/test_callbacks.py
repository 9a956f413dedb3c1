"""scikit-learn's callbacks, from 1.9 on: a fit is a hundred tasks."""

import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lofe_sklearn
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, TrainingDivergedError, fit_many

callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

X = np.random.default_rng(0).normal(size=(120, 4))


class Recording:
    """A callback that keeps what it is told."""

    def __init__(self):
        self.events = []

    def __deepcopy__(self, memo):
        return self

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        if context.parent is None:
            self.events.append("begin")

    def on_fit_task_end(self, estimator, context):
        self.events.append("end" if context.parent is None else "task")


def small(**parameters):
    return LOE(DeepSVDD(max_epochs=4), contamination=0.1, init=None, random_state=0, **parameters)


DETECTORS = [small, lambda: AutoEncoder(max_epochs=3, random_state=0)]
WHOLE = ["setup", "begin", *["task"] * 100, "end", "teardown"]


@pytest.mark.parametrize("make", DETECTORS)
def test_a_fit_is_a_hundred_tasks(make):
    recording = Recording()
    detector = make().set_callbacks(recording).fit(X)
    assert recording.events == WHOLE
    np.testing.assert_array_equal(detector.score_samples(X), make().fit(X).score_samples(X))
    detector.fit(X)
    assert recording.events == 2 * WHOLE


def test_errors_tear_callbacks_down():
    recording = Recording()
    with pytest.raises(ValueError, match="max_epochs"):
        AutoEncoder(max_epochs="a").set_callbacks(recording).fit(X)
    assert recording.events == ["setup", "begin", "teardown"]
    detector = AutoEncoder(max_epochs=2, random_state=0).set_callbacks(recording).fit(X)
    recording.events.clear()
    with pytest.raises(TrainingDivergedError):
        detector.set_params(lr=1e38).fit(X)
    assert recording.events[0] == "setup"
    assert recording.events[-1] == "teardown"
    assert "end" not in recording.events
    recording.events.clear()
    detector.set_params(lr=1e-3).fit(X)
    assert recording.events == WHOLE


def test_the_progress_bar_alone_and_in_a_pipeline(capsys):
    pytest.importorskip("rich")
    small().set_callbacks(callback.ProgressBar()).fit(X)
    assert "LOE - fit" in capsys.readouterr().out
    make_pipeline(StandardScaler(), small()).set_callbacks(callback.ProgressBar()).fit(X)
    assert "Pipeline - fit" in capsys.readouterr().out
    # The threads that draw have ended.
    assert "RichProgressMonitor" not in [type(each).__name__ for each in threading.enumerate()]


def test_where_many_are_fitted_there_are_none():
    recording = Recording()
    detector = small().set_callbacks(recording)
    fit_many([detector], X)
    assert recording.events == []
    LOESearchCV(clone(detector), {}, cv=2).fit(X, np.repeat([0, 1], [110, 10]))
    # The last training is a fit as any other, but it is the search's bar that moves.
    assert recording.events == ["setup", "begin", "end", "teardown"]


def test_a_file_of_a_model_leaves_them_out(tmp_path):
    pytest.importorskip("safetensors")
    detector = small().set_callbacks(Recording()).fit(X)
    lofe_sklearn.save(detector, tmp_path / "model.lofe")
    again = lofe_sklearn.load(tmp_path / "model.lofe")
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))
    assert not hasattr(again, "_skl_callbacks")
