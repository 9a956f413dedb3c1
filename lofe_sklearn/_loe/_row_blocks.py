"""Something of each row, block by block: memory stays bounded, and threads share the work."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from itertools import pairwise

import numpy as np
from joblib import Parallel, cpu_count, delayed, effective_n_jobs

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix

# Values of a block, and rows: what a call of a forest costs has to be shared by many.
_VALUES = 2**23
_FEWEST, _MOST = 2**16, 2**18
# Rows below which a thread of its own does not pay.
_WORTH_A_THREAD = 2**12


def in_blocks(
    compute: Callable[[int, Matrix], np.ndarray], X: Matrix, n_jobs: int | None = None
) -> np.ndarray:
    """Compute something of each row, independent of the others.

    Parameters
    ----------
    compute : callable (first_row, rows) -> ndarray
        Called with the number of a block's first row and the block. With several jobs it is called
        in several threads at a time, each of which then computes alone.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
    n_jobs : int, optional
        Threads, as joblib takes them.

    Returns
    -------
    values : ndarray
        What it returned, one after another.
    """
    n_rows = X.shape[0]
    largest = min(_MOST, max(_FEWEST, _VALUES // X.shape[1]))
    n_blocks = -(-n_rows // largest)
    n_threads = min(effective_n_jobs(n_jobs), max(1, n_rows // _WORTH_A_THREAD))
    if n_threads > 1:
        # Threads of this process, whatever machines joblib trains on.
        n_threads = min(n_threads, cpu_count())
        n_blocks = -(-n_blocks // n_threads) * n_threads  # as many for each
    if n_blocks <= 1:
        return compute(0, X)
    ends = np.linspace(0, n_rows, n_blocks + 1).astype(int)
    blocks = ((int(first), X[first:end]) for first, end in pairwise(ends))
    if n_threads <= 1:
        return np.concatenate([compute(*block) for block in blocks])

    def alone(first_row: int, rows: Matrix) -> np.ndarray:
        with engine.plain_torch(), engine.one_thread():
            return compute(first_row, rows)

    # Each thread sees the settings of `config_context`, which belong to a context; joblib may ask
    # for jobs from a thread that is in another one.
    here = copy_context()
    jobs = (delayed(here.copy().run)(alone, *block) for block in blocks)
    with engine.blas_on_one_thread():
        return np.concatenate(Parallel(n_jobs=n_threads, require="sharedmem")(jobs))
