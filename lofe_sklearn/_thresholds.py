"""The threshold of a fitted detector, set without training."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._conformal import alarm_threshold
from lofe_sklearn._cut import single_tolerances
from lofe_sklearn._standing import StandingMixin
from lofe_sklearn._types import MatrixLike
from lofe_sklearn._validation import (
    CONTAMINATION,
    Described,
    Number,
    check_argument,
    warn_user,
)

_RATE = Number(low=0, high=1, exclude_low=True, exclude_high=True)


class ThresholdMixin(StandingMixin):
    """Methods of a fitted detector that use the scores it has, and train nothing."""

    offset_: float
    # The number of training rows, where scores of some or quantiles stand for those of all.
    _n_rows_seen: int | None = None

    def set_threshold(
        self,
        *,
        contamination: float | None = None,
        n_flagged: int | None = None,
        false_discovery_rate: float | None = None,
        false_alarm_rate: float | None = None,
        calibration: MatrixLike | None = None,
    ) -> Self:
        """Set the threshold of `predict` anew, without training again.

        Pass exactly one of the first four arguments. The threshold is set by the scores of the
        training rows or, with `false_alarm_rate`, of rows that the detector was not trained on. The
        result does not depend on earlier thresholds. The next `fit` sets the threshold by the
        detector's parameters again.

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
        false_alarm_rate : float in (0, 1), optional
            The largest share of new normal rows to flag: `predict` flags the rows whose `p_values`
            are at most this, but for rows that single precision could not tell from the first one
            above. It needs `calibration`, or the `held_out_scores_` of
            ``LOE(held_out_folds=...)``.
        calibration : {array-like, sparse matrix} of shape (n_calibration, n_features), optional
            With `false_alarm_rate`: rows that the detector was not trained on, normal as far as
            possible. Default: the training rows, by their `held_out_scores_`, known anomalies
            excepted.

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
            flagged at the `false_discovery_rate` or `false_alarm_rate`; the message then says which
            rate can be met. The detector is left as it was.

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

        Training rows look more normal than new rows of the same kind, most of all where features
        are many for the number of rows. So of new normal rows a larger share is flagged than of
        training rows, unless the threshold is set by `false_alarm_rate`. That rate is kept as
        `p_values` are: on average over sets of calibration rows, if these are like new normal rows.
        Anomalies among the calibration rows, and held-out scores, which are of models trained on
        fewer rows, make the threshold lower, so that fewer rows are flagged than asked for. `LOE`
        warns if the rate is not above the share of anomalies that its fit found or was given.

        Where rows came in blocks or parts, some scores stand for those of all rows, so that shares
        and numbers are met approximately. A warning says if `n_flagged` is less than what one of
        these scores stands for.

        Of `LOE`:

        - `labels_` become what `predict` returns for the training rows. Known labels stay as they
          were given to `fit`.
        - `contamination_` is the share of the training rows that is cut off. Probabilities are
          those of a detector whose training rows hold that share of anomalies. A false discovery
          rate and a false alarm rate do not tell that share, so they leave the probabilities of the
          fit.
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
          If `fit` found no separate group of anomalies, that share is mostly an assumption, and a
          `NoSeparateGroupWarning` says so again.

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
            "false_alarm_rate": false_alarm_rate,
        }
        names = [name for name, value in given.items() if value is not None]
        if len(names) != 1:
            raise ValueError(
                f"{owner}: set_threshold needs exactly one of {', '.join(given)}; got "
                f"{' and '.join(names) or 'none'}. contamination is a share of the training rows, "
                "n_flagged a number of them, false_discovery_rate the share of normal rows among "
                "those flagged, false_alarm_rate the share of new normal rows that are flagged."
            )
        if calibration is not None and false_alarm_rate is None:
            raise ValueError(
                f"{owner}: set_threshold uses calibration rows only with false_alarm_rate; got "
                f"them with {names[0]}, which is a matter of the training rows. Leave them out, or "
                "give false_alarm_rate."
            )
        with all_or_nothing(self) as changed:
            if contamination is not None:
                check_argument(owner, "contamination", contamination, CONTAMINATION)
                share = float(contamination)
                changed._adopt_threshold(changed._threshold_at(share), share)
            elif n_flagged is not None:
                changed._flag(n_flagged)
            elif false_discovery_rate is not None:
                check_argument(owner, "false_discovery_rate", false_discovery_rate, _RATE)
                changed._bound_false_discoveries(float(false_discovery_rate))
            else:
                check_argument(owner, "false_alarm_rate", false_alarm_rate, _RATE)
                changed._bound_false_alarms(float(false_alarm_rate or 0.0), calibration)
        return self

    def _flag(self, n_flagged: Any) -> None:
        owner, scores = type(self).__name__, self._training_scores
        n = len(scores) if self._n_rows_seen is None else self._n_rows_seen
        limits = Number(Integral, low=0, high=n)
        words = f"an integer from 0 to {n}, the number of training rows"
        check_argument(owner, "n_flagged", n_flagged, Described(limits, words))
        share = int(n_flagged) / n
        offset = self._threshold_at(share)
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

    def _bound_false_alarms(self, rate: float, calibration: MatrixLike | None) -> None:
        others = self._calibration_scores(calibration, "false_alarm_rate")
        wide = single_tolerances(others, self._score_unit())
        offset = alarm_threshold(others, rate, self._near(others), wide)
        if offset is None:
            n = len(others)
            lowest = np.ceil(1e6 / (n + 1)) / 1e6  # rounded up, so that it can be met
            rows = "calibration rows" if calibration is not None else "held-out scores"
            raise ValueError(
                f"{type(self).__name__}: false_alarm_rate={rate:g} cannot be met with {n} {rows}: "
                f"the lowest rate that so many can tell is 1 / {n + 1}. Give false_alarm_rate="
                f"{lowest:.6g} or more, or calibration rows, of which at least "
                f"{int(np.ceil(1 / rate)) - 1} are needed."
            )
        self._adopt_offset(offset, float(np.mean(self._training_scores < offset)))

    def _adopt_offset(self, offset: float, share: float) -> None:
        """Set a threshold that tells nothing of the share of anomalies in the training rows."""
        self._adopt_threshold(offset, share)

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
