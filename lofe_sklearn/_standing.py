"""Where a row stands among others: p-values and percentiles of a fitted detector."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._conformal import conformal_p_values, percentiles
from lofe_sklearn._cut import scores_in_single, single_tolerances, threshold, tolerances
from lofe_sklearn._types import Floats, MatrixLike


class StandingMixin:
    """Methods of a fitted detector that compare rows with rows it was, or was not, trained on."""

    score_samples: Any
    # Scores of the training rows, high for normal rows, in the order of the rows. All of them: a
    # number of rows to flag is met exactly, whatever their number. They take 8 bytes a row.
    _training_scores: Floats
    # Whether they were computed in single precision, so that they are no more precise.
    _trained_in_single = False

    def p_values(self, X: MatrixLike, calibration: MatrixLike | None = None) -> Floats:
        """Conformal p-value of each row: how often a normal row looks at least as anomalous.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge: not those of `calibration`, nor those that were trained on.
        calibration : {array-like, sparse matrix} of shape (n_calibration, n_features), optional
            Rows that the detector was not trained on, normal as far as possible. Default: the
            training rows, by their `held_out_scores_`, known anomalies excepted.

        Returns
        -------
        p_values : ndarray of float64, shape (n_samples,)
            In (0, 1]: (1 + the number of calibration rows that are at least as anomalous) divided
            by (1 + the number of calibration rows) [1]_. The smallest possible one is
            1 / (1 + the number of calibration rows). A row's value does not depend on the others.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If `calibration` is not given and there are no `held_out_scores_`, or if X or
            `calibration` cannot be used.

        See Also
        --------
        severity : Where a row stands among the training rows.

        Notes
        -----
        If the calibration rows are normal and come from where new normal rows come from, the
        p-value of a new normal row is below q with a probability of at most q, whatever the
        detector is. Benjamini and Hochberg's procedure over the rows of X
        (``scipy.stats.false_discovery_control(p_values) <= q``) then keeps the share of normal rows
        among the flagged ones at most q, on average over data sets [1]_.

        Anomalies among the calibration rows make p-values larger: these are then conservative, and
        fewer rows are flagged. Training rows hold their share of anomalies. So by default a p-value
        says how rare such a row is among rows like the training rows. If X holds the same share
        of anomalies the procedure flags few or none; give it clean calibration rows, or set the
        threshold by ``set_threshold(false_discovery_rate=...)``.

        Held-out scores are those of models of folds, and the rows of X are scored by the members,
        which were trained on more rows. So by default the guarantee is approximate: it is as good
        as both kinds of models agree.

        References
        ----------
        .. [1] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia (2023). Testing for Outliers with
           Conformal p-values. The Annals of Statistics 51. arXiv:2104.08279.

        Examples
        --------
        >>> import numpy as np
        >>> from lofe_sklearn import DeepSVDD
        >>> rng = np.random.default_rng(0)
        >>> detector = DeepSVDD(max_epochs=20, random_state=0).fit(rng.normal(size=(200, 4)))
        >>> clean = rng.normal(size=(99, 4))
        >>> new = np.concatenate([rng.normal(size=(50, 4)), [[9.0, 9.0, 9.0, 9.0]]])
        >>> p = detector.p_values(new, calibration=clean)
        >>> bool(0.3 < p[:50].mean() < 0.7), float(p[50])
        (True, 0.01)
        """
        scores = self.score_samples(X)  # raises if not fitted
        others = self._calibration_scores(calibration, "p_values")
        return conformal_p_values(scores, others, self._near(scores))

    def severity(self, X: MatrixLike) -> Floats:
        """Percentile of each row among the training rows: 100 is more anomalous than all of them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        severity : ndarray of float64, shape (n_samples,)
            From 0 to 100: the percentage of the training rows that look less anomalous, and half of
            those that look the same. It ranks rows as ``-score_samples(X)`` does, and does not
            depend on the threshold.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If X cannot be used.

        See Also
        --------
        p_values : Compares with rows that the detector has not seen.

        Notes
        -----
        It is scipy's ``percentileofscore(kind="mean")`` of the outlier score. A training row counts
        itself as a row that looks the same. The detector was trained on the training rows, so they
        look a little more normal than new rows of the same kind: the median severity of new normal
        rows may be above 50.

        Examples
        --------
        >>> import numpy as np
        >>> from lofe_sklearn import DeepSVDD
        >>> X = np.random.default_rng(0).normal(size=(200, 4))
        >>> detector = DeepSVDD(max_epochs=20, random_state=0).fit(X)
        >>> detector.severity([[90.0, 90.0, 90.0, 90.0]]).tolist()
        [100.0]
        >>> round(float(detector.severity(X).mean()), 6)
        50.0
        """
        scores = self.score_samples(X)  # raises if not fitted
        return percentiles(scores, self._training_scores, self._near(scores))

    def _threshold_at(self, share: float) -> float:
        """Find the threshold that cuts off a share of the training rows, by their scores."""
        unit, in_single = self._score_unit(), self._compares_in_single()
        scores = self._training_scores
        return threshold(scores, share, unit=unit, in_single=in_single)

    def _near(self, scores: np.ndarray) -> np.ndarray:
        near = tolerances(self._training_scores, scores, self._score_unit())
        if not self._compares_in_single():
            return near
        return np.maximum(near, single_tolerances(scores, self._score_unit()))

    def _keep_training_scores(self, scores: Floats) -> None:
        """Set the scores of the training rows, which were computed just now."""
        self._training_scores, self._trained_in_single = scores, scores_in_single()

    def _compares_in_single(self) -> bool:
        """Whether scores of now, or of the training rows, have single precision."""
        return self._trained_in_single or scores_in_single()

    def _score_unit(self) -> float:
        """Size of the numbers that scores are computed from, if it is larger than the scores."""
        return 0.0

    def _calibration_scores(self, calibration: MatrixLike | None, asked: str) -> np.ndarray:
        """Scores of rows that the detector was not trained on, for what was asked for."""
        if calibration is None:
            return self._held_out_calibration(asked)
        return self._scores_of_calibration(calibration)

    def _scores_of_calibration(self, rows: Any) -> Floats:
        """Scores of the argument `calibration`."""
        scores: Floats = self.score_samples(rows)
        return scores

    def _held_out_calibration(self, asked: str) -> np.ndarray:
        """Scores of rows by models that have not seen them."""
        name = type(self).__name__
        raise ValueError(
            f"{name}: {asked} needs rows that the detector was not trained on. Pass "
            "calibration=rows, normal ones as far as possible, or use "
            f"LOE({name}(), held_out_folds=3), which scores its training rows by models that have "
            "not seen them."
        )
