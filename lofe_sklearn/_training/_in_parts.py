"""The part of a detector that is trained on rows in parts, and goes on where it is fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from lofe_sklearn._cut import threshold
from lofe_sklearn._known_labels import Known, contamination_with_known
from lofe_sklearn._training._fit_in_parts import partial_fit
from lofe_sklearn._training._going_on import goes_on
from lofe_sklearn._training._seen_rows import SeenRows
from lofe_sklearn._training._task import Plan, Task
from lofe_sklearn._types import Floats, KnownLabels, Mask, MatrixLike


class InPartsMixin:
    """`partial_fit`, and what `fit` asks of a detector that goes on or reads from a source."""

    warm_start: bool
    contamination: Any
    offset_: float
    _training_scores: Floats
    _keep_training_scores: Any
    # What `partial_fit` was given, and how many rows were trained on but are not kept.
    _seen_rows: SeenRows | None = None
    _n_rows_seen: int | None = None

    def partial_fit(
        self,
        X: MatrixLike,
        y: Any = None,
        *,
        known_anomalies: Mask | None = None,
        known_normal: Mask | None = None,
        known_labels: KnownLabels | None = None,
        outliers: MatrixLike | str | None = None,
    ) -> Self:
        """Train for one pass over rows that come after others, as from a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows; at least two, and better some thousands. Their features are those of the
            rows before.
        y : Ignored
            Present for API consistency; true labels are never looked at.
        known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
            Masks of the rows of X known to be anomalies, and of those known to be normal.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            The same in one array, as in `fit`.
        outliers : array-like of shape (n_outliers, n_features), str or None
            Auxiliary outliers, as in `fit`.

        Returns
        -------
        self : object
            The detector, which can score rows after the first call.

        Raises
        ------
        ValueError
            If X has other features than the rows before, if a parameter needs all rows at once, or
            if X cannot be used. The detector is left as it was.
        TrainingDivergedError
            If a loss stops being finite; the detector is then unfitted.

        Notes
        -----
        The first call decides what later ones keep: the network, the scaling of the features, and
        what other parameters leave to the rows. It should be as large and as mixed as can be. After
        `fit` it goes on from what was fitted. `fit` starts anew, unless ``warm_start=True``.

        Labels are inferred among the rows of each call, of which at least one is marked. So a call
        should hold several anomalies, and have been shuffled as far as the stream allows. The
        training starts with the labels of `init` as it does in `fit`: for `warmup_epochs` calls, or
        by default for a quarter of the steps that a fit takes by default.

        Threshold, probabilities and evidence are found anew in each call, from a random sample of
        at most 16,384 of all rows that were seen by `partial_fit`, scored by the network as it is
        now. So a share p is met up to a standard error of ``sqrt(p (1 - p) / 16384)``, 0.0008 for
        0.01. The sample is kept with the detector; its rows are part of a pickle and of a saved
        model. `labels_` are not kept. `history_` is that of the last call.

        Examples
        --------
        >>> import numpy as np
        >>> from lofe_sklearn import DeepSVDD
        >>> rng = np.random.default_rng(0)
        >>> detector = DeepSVDD(contamination=0.01, random_state=0)
        >>> for _ in range(5):
        ...     detector = detector.partial_fit(rng.normal(size=(2000, 4)))
        >>> detector.predict([[0.0, 0.0, 0.0, 0.0], [9.0, 9.0, 9.0, 9.0]]).tolist()
        [1, -1]
        """
        detector: Any = self  # the rest of a `Plannable` is in other classes
        partial_fit(detector, X, Known(known_labels, known_anomalies, known_normal), outliers)
        return self

    def _goes_on_when_fitted(self) -> bool:
        """Whether `fit` goes on from a fitted state."""
        return self.warm_start and hasattr(self, "offset_")

    def _start_anew(self) -> None:
        """Forget what earlier parts have left, since all rows come now."""
        for name in ("_seen_rows", "_n_rows_seen"):
            vars(self).pop(name, None)

    def _check_parts(self) -> None:
        """Raise ValueError if a parameter needs all rows at once."""

    def _n_models(self, n_samples: int) -> int:
        """How many models are trained on `n_samples` rows."""
        return 1

    def _going_on(self, plan: Plan, *, optimizer: bool) -> Plan:
        """Let the models of a plan go on from the fitted ones."""
        [task], owner = plan.members, type(self).__name__
        return replace(plan, members=[goes_on(task, self, self, owner, optimizer=optimizer)])

    def _is_warmup(self, task: Task, seen: SeenRows) -> bool:
        """Whether first labels still hold after the rows that were seen."""
        return False

    def _forget_rows(
        self, n_rows: int, scores: np.ndarray | None = None, known: np.ndarray | None = None
    ) -> None:
        """Drop what was found of single rows: the fit was to a sample of `n_rows` rows.

        `scores` stand for those of all rows, where they are known; `known` are the known labels
        of all of these.
        """
        self._n_rows_seen = n_rows
        if scores is not None:
            self._keep_training_scores(scores)
            share = contamination_with_known(float(self.contamination), known)
            self.offset_ = threshold(scores, share)
