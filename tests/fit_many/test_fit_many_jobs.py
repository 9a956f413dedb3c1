"""fit_many: stacks as jobs of joblib, in processes, in threads and on a cluster."""

import pytest
from comparing import check, small_loe
from joblib import parallel_config
from sklearn.model_selection import KFold

from lofe_sklearn import AutoEncoder, NeuTraL


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_jobs(X, known, backend):
    estimators = [
        small_loe(method=method, random_state=i)
        for i, method in enumerate(("soft", lambda ln, la, alpha, known: (ln * 0 + 1, la * 0)))
    ]
    estimators += [small_loe(AutoEncoder(max_epochs=3), n_estimators=2), NeuTraL(max_epochs=2)]
    estimators[-1].set_params(random_state=0)
    rows = [train for train, _ in KFold(len(estimators)).split(X)]
    with parallel_config(backend=backend):
        check(estimators, X, rows, known, n_jobs=2)
