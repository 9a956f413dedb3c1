"""What LOE checks before a fit, and plans for the rows of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn import engine
from lofe_sklearn._known_labels import (
    check_index,
    shares_with_known,
    warn_of_other_contamination,
)
from lofe_sklearn._loe._evidence import check_evidence
from lofe_sklearn._loe._members import EnsemblePlan, Planner
from lofe_sklearn._loe._parameters import (
    CONSTRAINTS,
    check_backbones,
    check_known,
    check_warmup,
    epochs_of,
    for_rows_of,
)
from lofe_sklearn._loe._ratio import read_contamination
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._training import Memo, exposure_to
from lofe_sklearn._validation import check_parameters


class PlanningMixin:
    """The first steps of `LOE.fit`."""

    estimator: Any
    warmup_epochs: int | None
    contamination: Any
    init: Any
    evidence: Any
    outlier_weight: float
    random_state: Any
    _backbones: Any
    _methods: Any
    _n_rounds: Any
    _rows_like: Any
    _kept_ratios: Any

    def _check_parameters(self) -> None:
        check_parameters(self, CONSTRAINTS)
        check_backbones(self._backbones())
        self._methods()
        check_evidence(self.evidence)

    def _check_given(self, X: Any) -> None:
        is_frame = type(X).__module__.partition(".")[0] == "pandas"
        if is_frame and hasattr(self.init, "iloc") and len(self.init) == len(X):
            check_index(self.init, "init", X, type(self).__name__)

    def _check_known(self, known: np.ndarray | None, *, again: bool = False) -> None:
        """Raise ValueError or warn if known labels do not suit the parameters.

        `known` are those of all rows: a sample of them that is planned for may have lost some.
        With `again` there were others before, in parts of the rows that came earlier.
        """
        for method in self._methods():
            check_known(method, known, again=again)
        bounds = read_contamination(self.contamination).bounds
        if bounds is not None:
            warn_of_other_contamination(*bounds, known, type(self).__name__)

    def _plan_fit(
        self, rows: PreparedRows, known: np.ndarray | None, outliers: Any, memo: Memo
    ) -> EnsemblePlan:
        owner = type(self).__name__
        shape = rows.n_samples, rows.X.shape[1]
        backbones = for_rows_of(self.estimator, *shape) * self._n_rounds()
        n_epochs = [epochs_of(each, *shape) for each in backbones]
        check_warmup(self.warmup_epochs, n_epochs, self._methods())
        most = shares_with_known(known)[1]
        contamination = read_contamination(self.contamination).of_at_most(most)

        def expose(seed: int) -> engine.Exposure | None:
            return exposure_to(
                outliers,
                rows.seen,
                lambda other: self._rows_like(other, rows, "outliers"),
                weight=self.outlier_weight,
                seed=seed,
                owner=owner,
            )

        # A generator that was given goes on from fit to fit, a copy's would not.
        given = backbones[0].random_state if self.random_state is None else self.random_state
        asked: Any = self  # its parameters
        planner = Planner(asked, backbones, self._methods(), contamination, rows, known, memo)
        return planner.plan(given, expose, self._kept_ratios(rows.n_samples))
