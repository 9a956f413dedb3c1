"""The threshold of a fitted detector, and the rank of a row among others, without training."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._conformal import conformal_p_values, percentiles
from lofe_sklearn._cut import threshold, tolerances
from lofe_sklearn._types import Floats, MatrixLike
from lofe_sklearn._validation import (
    CONTAMINATION,
    Described,
    Number,
    check_argument,
    warn_user,
)

_RATE = Number(low=0, high=1, exclude_low=True, exclude_high=True)


class ThresholdMixin:
    """Methods of a fitted detector that use the scores of its training rows and train nothing."""

    offset_: float
    score_samples: Any
    _of_each_row: Any
    _scores_of: Any
    # Scores of the training rows, high for normal rows, in the order of the rows. All of them: a
    # number of rows to flag is met exactly, whatever their number. They take 8 bytes a row.
    _training_scores: Floats
    # The number of training rows, where scores of some or quantiles stand for those of all.
    # How many rows the scores represent, if rows came in parts and a sample was kept.
    _n_rows_seen: int | None = None

    def set_threshold(
        self,
        *,
        contamination: float | None = None,
        n_flagged: int | None = None,
        false_discovery_rate: float | None = None,
    ) -> Self:
        """Set the threshold of `predict` anew, without training again.

        Pass exactly one of the arguments. The threshold is set by the scores of the training rows.
        These do not change, so the result does not depend on earlier thresholds. The next `fit`
        sets the threshold by the detector's parameters again.

        Parameters
        ----------
        contamination : float in (0, 0.5], optional
            The share of the training rows to flag, in the range of the parameter `contamination`;
            for a larger share use `n_flagged`.
        n_flagged : int from 0 to the number of training rows, optional
            How many of the training rows to flag: those with the lowest scores. 0 flags none.
        false_discovery_rate : float in (0, 1), optional
            The largest estimated share of normal rows among the flagged ones; as many training rows
            as possible are flagged. Only for `LOE`: a backbone alone cannot estimate how many of
            its rows are normal.

        Returns
        -------
        self : object
            The detector, with another `offset_`. Of `LOE`, `contamination_`, `labels_`,
            `sample_indices_` and `anomaly_proba` follow; see Notes.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If not exactly one argument is given, if it is out of its range, or if no row can be
            flagged at the `false_discovery_rate`; the message then says which rate can be met, and
            with how many rows. The detector is left as it was.

        See Also
        --------
        p_values : Judges each row by rows that the detector was not trained on.

        Notes
        -----
        The method is named after the threshold in scikit-learn's ``FixedThresholdClassifier`` and
        PyOD's ``threshold_``. The arguments are named after the parameter of all outlier detectors,
        and after the statistics of multiple tests.

        A threshold splits no tie. If it would fall among rows of equal scores, all of these rows
        are flagged or none, whichever number is closer; with `false_discovery_rate` none is
        flagged. A warning says if `n_flagged` is not met for that reason.

        Where rows came in blocks or parts, some scores stand for those of all rows, so that shares
        and numbers are met approximately. A warning says if `n_flagged` is less than what one of
        these scores stands for.

        Of `LOE`:

        - `labels_` become what `predict` returns for the training rows. Known labels stay as they
          were given to `fit`.
        - `contamination_` is the share of the training rows that is cut off. Probabilities are
          those of a detector whose training rows hold that share of anomalies. A false discovery
          rate does not tell that share, so it leaves the probabilities of the fit.
        - `contamination_interval_` stays what `fit` found. The members stay as they were trained.
        - The false discovery rate is estimated among the training rows of unknown label. If
          there are `held_out_scores_`, it is that of Benjamini and Hochberg [1]_: each row has the
          p-value of its held-out score among those of the rows that the threshold of the fit calls
          normal. As many rows of the lowest scores are flagged as p-values are rejected. Without
          held-out scores it is the mean of ``1 - anomaly_proba`` over the flagged rows. That is
          more cautious, since these probabilities are rarely near 1.
        - Both estimates rest on the `contamination_` of the fit. They assume that this share of the
          rows are anomalies, and that these look most anomalous. On real data the rate is often
          higher than asked for, and much higher if that share is too high: the page of
          benchmarks on probabilities has figures. Clean calibration rows for `p_values` keep it.

        References
        ----------
        .. [1] Y. Benjamini, Y. Hochberg (1995). Controlling the False Discovery Rate: A Practical
           and Powerful Approach to Multiple Testing. Journal of the Royal Statistical Society B 57.

        Examples
        --------
        >>> import numpy as np
        >>> from lofe_sklearn import DeepSVDD
        >>> X = np.random.default_rng(0).normal(size=(200, 4))
        >>> detector = DeepSVDD(max_epochs=5, random_state=0).fit(X)
        >>> int((detector.predict(X) == -1).sum())
        20
        >>> int((detector.set_threshold(n_flagged=3).predict(X) == -1).sum())
        3
        """
        check_is_fitted(self)
        owner = type(self).__name__
        given = {
            "contamination": contamination,
            "n_flagged": n_flagged,
            "false_discovery_rate": false_discovery_rate,
        }
        names = [name for name, value in given.items() if value is not None]
        if len(names) != 1:
            raise ValueError(
                f"{owner}: set_threshold needs exactly one of {', '.join(given)}; got "
                f"{' and '.join(names) or 'none'}. contamination is a share of the training rows, "
                "n_flagged a number of them, false_discovery_rate the share of normal rows among "
                "those flagged."
            )
        scores, unit = self._training_scores, self._score_unit()
        with all_or_nothing(self):
            if contamination is not None:
                check_argument(owner, "contamination", contamination, CONTAMINATION)
                share = float(contamination)
                self._adopt_threshold(threshold(scores, share, unit=unit), share)
            elif n_flagged is not None:
                self._flag(n_flagged)
            else:
                check_argument(owner, "false_discovery_rate", false_discovery_rate, _RATE)
                self._bound_false_discoveries(float(false_discovery_rate or 0.0))
        return self

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
        if calibration is None:
            others = self._held_out_calibration()
        else:
            others = self._of_each_row(calibration, self._scores_of, "calibration")
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

    def _flag(self, n_flagged: Any) -> None:
        owner, scores = type(self).__name__, self._training_scores
        n = len(scores) if self._n_rows_seen is None else self._n_rows_seen
        limits = Number(Integral, low=0, high=n)
        words = f"an integer from 0 to {n}, the number of training rows"
        check_argument(owner, "n_flagged", n_flagged, Described(limits, words))
        share = int(n_flagged) / n
        offset = threshold(scores, share, unit=self._score_unit())
        # Of more rows than there are scores each score stands for several.
        rows_of_a_score = n / len(scores)
        flagged = int((scores < offset).sum()) * rows_of_a_score
        # The lowest of all scores is known, unless `partial_fit` has kept a sample.
        none_is_met = n_flagged == 0 and getattr(self, "_seen_rows", None) is None
        if rows_of_a_score > max(1, n_flagged) and not none_is_met:
            warn_user(
                f"{owner}: n_flagged={n_flagged} of {n} training rows is met only roughly: of rows "
                f"that came in blocks or parts {len(scores)} scores are kept, and each stands for "
                f"about {rows_of_a_score:.1f} rows. Rank rows by score_samples to find the lowest "
                "ones exactly."
            )
        elif abs(flagged - n_flagged) > rows_of_a_score * (1 - 1e-9):
            about = "about " if rows_of_a_score > 1 else ""
            warn_user(
                f"{owner}: n_flagged={n_flagged} would split rows of equal scores, so "
                f"{about}{round(flagged)} of {n} training rows are flagged."
            )
        self._adopt_threshold(offset, share)

    def _near(self, scores: np.ndarray) -> np.ndarray:
        return tolerances(self._training_scores, scores, self._score_unit())

    def _score_unit(self) -> float:
        """Size of the numbers that scores are computed from, if it is larger than the scores."""
        return 0.0

    def _adopt_threshold(self, offset: float, share: float) -> None:
        """Set the threshold, which cuts off a share of the training rows."""
        self.offset_ = offset

    def _bound_false_discoveries(self, rate: float) -> None:
        """Set the threshold that flags as many rows as the rate allows."""
        name = type(self).__name__
        raise ValueError(
            f"{name}: false_discovery_rate needs probabilities or held-out scores, which a "
            f"backbone alone does not have. Use LOE({name}()) and its set_threshold, or give "
            "contamination or n_flagged. With rows that are known to be normal, p_values(X, "
            "calibration=rows) and scipy.stats.false_discovery_control bound the rate for any "
            "detector."
        )

    def _held_out_calibration(self) -> np.ndarray:
        """Scores of rows by models that have not seen them."""
        name = type(self).__name__
        raise ValueError(
            f"{name}: p_values needs rows that the detector was not trained on. Pass "
            "calibration=rows, normal ones as far as possible, or use "
            f"LOE({name}(), held_out_folds=3), which scores its training rows by models that have "
            "not seen them."
        )
