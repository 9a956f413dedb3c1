"""fit_many: stacks as jobs of joblib, in processes, in threads and on a cluster."""

import numpy as np
import pytest
from comparing import assert_same, check, make_known, make_rows, small_loe, spy_on_stacks
from conftest import slow_but
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import KFold

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, LOESearchCV, NeuTraL, fit_many
from lofe_sklearn._training import _train
from lofe_sklearn.exceptions import TrainingDivergedError

X = pytest.fixture(make_rows)
known = pytest.fixture(make_known)


@pytest.mark.usefixtures("processes_for_little")
@pytest.mark.parametrize("backend", slow_but(["loky"], ["loky", "threading"]))
def test_jobs(X, known, backend):
    estimators = [
        small_loe(method=method, random_state=i)
        for i, method in enumerate(("soft", lambda ln, la, alpha, known: (ln * 0 + 1, la * 0)))
    ]
    estimators += [small_loe(AutoEncoder(max_epochs=3), n_estimators=2), NeuTraL(max_epochs=2)]
    estimators[-1].set_params(random_state=0)
    rows = [train for train, _ in KFold(4).split(X)]
    with parallel_config(backend=backend):
        check(estimators, X, rows, known, n_jobs=2)


@pytest.mark.parametrize(("n_jobs", "sizes"), [(1, [1, 5]), (2, [1, 2, 3]), (3, [1, 1, 2, 2])])
def test_stacks_for_all_workers(X, n_jobs, sizes, monkeypatch):
    """Where there are several workers, a large group of equal models is split among them."""
    estimators = [DeepSVDD(max_epochs=2, random_state=i) for i in range(5)]
    estimators += [AutoEncoder(max_epochs=2, random_state=0)]
    found = spy_on_stacks(monkeypatch)
    with parallel_config(backend="threading"):
        fitted = fit_many(estimators, X, n_jobs=n_jobs)
    assert sorted(found) == sizes
    for one, estimator in zip(fitted, estimators, strict=True):
        assert_same(one, estimator.fit(X), X)


class TestProcesses:
    """joblib's processes are started where there is enough to train."""

    @pytest.fixture
    def workers(self, monkeypatch):
        """Return a list that gets the number of workers; nothing is trained."""
        found = []

        def stacks(training, n_stacks, n_workers):
            found.append(n_workers)
            raise KeyboardInterrupt

        monkeypatch.setattr(_train, "Stacks", stacks)
        return found

    @pytest.mark.parametrize(("n_epochs", "expected"), [(2, 1), (10**5, 2)])
    @pytest.mark.parametrize("call", ["LOE", "fit_many", "search"])
    def test_a_short_training_stays_in_this_process(self, X, workers, call, n_epochs, expected):
        backbone, y = DeepSVDD(max_epochs=n_epochs), np.arange(len(X)) % 10 == 0
        two, grid = [backbone, clone(backbone)], {"contamination": [0.05, 0.1]}
        fit = {
            "LOE": lambda: LOE(backbone, n_estimators=2, n_jobs=2).fit(X),
            "fit_many": lambda: fit_many(two, X, n_jobs=2),
            "search": lambda: LOESearchCV(LOE(backbone, init=None), grid, cv=2, n_jobs=2).fit(X, y),
        }
        with pytest.raises(KeyboardInterrupt):
            fit[call]()
        assert workers == [expected]

    def test_wide_steps_are_long(self, X, workers):
        for backbone in (DeepSVDD, ICL):
            with pytest.raises(KeyboardInterrupt):
                LOE(backbone(max_epochs=1000), n_estimators=2, n_jobs=2).fit(X)
        assert workers == [1, 2]

    def test_threads_are_there(self, X, workers):
        with parallel_config(backend="threading"), pytest.raises(KeyboardInterrupt):
            LOE(DeepSVDD(max_epochs=2), n_estimators=2, n_jobs=2).fit(X)
        assert workers == [2]


@pytest.mark.parametrize(
    "processes",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["threads", "processes"],
)
def test_dask(X, known, processes):
    """Stacks are trained by the workers of a cluster (extra ``lofe-sklearn[dask]``)."""
    distributed = pytest.importorskip("distributed")
    estimators = [
        small_loe(random_state=0),
        small_loe(random_state=1, method=lambda ln, la, alpha, known: (ln * 0 + 1, la * 0)),
        small_loe(AutoEncoder(max_epochs=3), n_estimators=2),
        NeuTraL(max_epochs=2, random_state=0),
        DeepSVDD(lr=1e30, max_epochs=3, random_state=0),
    ]
    rows = [train for train, _ in KFold(len(estimators)).split(X)]
    options = {"rows": rows, "known_labels": known, "return_errors": True}
    expected = fit_many(estimators, X, **options)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        parallel_config(backend="dask"),
    ):
        fitted = fit_many(estimators, X, **options)
        assert cluster.scheduler.transition_counter > 0  # it has been given something to do
    for one, other in zip(fitted[:-1], expected[:-1], strict=True):
        assert_same(one, other, X)
    assert type(fitted[-1]) is type(expected[-1]) is TrainingDivergedError
