"""What LOE decides from the scores of its training rows: ratio, threshold, labels, probabilities.

`fit` decides as the parameters say. `set_threshold` decides again, from what `fit` has kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lofe_sklearn import engine
from lofe_sklearn._conformal import rates_of_p_values, rates_of_probabilities
from lofe_sklearn._cut import clean_cuts, share_of_repeated, threshold, warn_of_equal_scores
from lofe_sklearn._known_labels import contamination_with_known, unknown_share
from lofe_sklearn._loe._ensemble import Ensemble, infer_labels
from lofe_sklearn._loe._find_ratio import Belief, FoundRatio, is_prior, warn_of_prior
from lofe_sklearn._loe._parameters import label_rule, labels_rows
from lofe_sklearn._loe._posterior import Posterior
from lofe_sklearn._loe._ratio import Contamination, Unknown, read_contamination
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._training import Plan
from lofe_sklearn._types import MatrixLike
from lofe_sklearn._validation import warn_user
from lofe_sklearn.exceptions import NoSeparateGroupWarning


class DecisionMixin(ThresholdMixin):
    """Sets `contamination_`, `offset_`, `labels_` and the probabilities of a fitted LOE."""

    contamination: Any
    method: Any
    _backbones: Any
    _methods: Any
    held_out_scores_: np.ndarray | None
    contamination_: float
    contamination_interval_: tuple[float, float]
    _ensemble: Ensemble
    _posterior: Posterior
    _belief: Belief

    # What the next call of `set_threshold` starts from, whatever was set before.
    _contamination_of_fit: float
    _posterior_of_fit: Posterior
    _known: np.ndarray | None
    _n_rows_seen: int | None
    # Whether the fit found the ratio: the parameter may have been changed since. None in files of
    # versions that did not keep it.
    _found_ratio: bool | None = None
    # Whether that ratio is hardly more than the prior; known labels decide, which are not kept
    # where rows came in blocks. None in files of versions that did not keep it.
    _guessed_ratio: bool | None = None

    def _decide(self, losses: np.ndarray, plan: Plan, belief: Belief) -> None:
        """Decide as the parameters say.

        Parameters
        ----------
        losses : ndarray of shape (2, M, n_samples)
            Both losses of all training rows.
        plan : Plan
        belief : Belief
            How likely each ratio is.
        """
        known, scale, unit = plan.known, self._ensemble.scale, self._ensemble.unit
        scores = self._ensemble.score_training(losses[0])
        asked = read_contamination(self.contamination)
        found = asked.find(-scores, belief)
        self._adopt_ratio(found, known, scores, asked, belief)
        high = self.contamination_interval_[1]
        if self._is_guess():
            warn_of_prior(belief, found, float(np.mean(scores < self.offset_)))
        warn_of_equal_scores(
            type(self).__name__,
            scores,
            plan.rows.X,
            unit,
            offset=self.offset_,
            asked=0.0 if asked.is_believed else self.contamination_,
        )
        # A ratio that the user has set stands, whatever known labels say.
        corrected_by = known if isinstance(asked, Unknown) else None
        self._posterior = Posterior.of(
            scale, scores, self.contamination_, self.held_out_scores_, corrected_by, most=high
        )
        self._keep_training_scores(scores)
        self._known = known
        if self._ensemble.evidence is None:
            # Of several methods that of the first backbone: hard and soft ones mark the same rows.
            method = self._methods()[0]
            rule = label_rule(method) if labels_rows(method) else engine.RULES["blind"]
            self.labels_ = infer_labels(rule, losses, self.contamination_, known)
        else:
            self.labels_ = self._labels_by_rank()
        self._contamination_of_fit, self._posterior_of_fit = self.contamination_, self._posterior

    def _adopt_ratio(
        self,
        found: FoundRatio,
        known: np.ndarray | None,
        scores: np.ndarray,
        asked: Contamination,
        belief: Belief,
    ) -> None:
        """Set the ratio that was found, within what known labels allow, and its threshold."""
        is_guess = asked.is_believed and is_prior(belief, known)
        share = share_of_repeated(scores, self._score_unit()) if is_guess else 0.0
        # The belief takes equal rows for one. Where they are far from others they are a group.
        if found.value < share <= found.high:
            found, is_guess = replace(found, value=share), False
        self._found_ratio, self._guessed_ratio = asked.is_believed, is_guess
        self.contamination_, low, high = (
            contamination_with_known(ratio, known) for ratio in (found.value, found.low, found.high)
        )
        self.contamination_interval_ = low, high
        unit = self._score_unit()
        self.offset_ = threshold(scores, self.contamination_, unit=unit, at_most=is_guess)

    def _labels_by_rank(self) -> np.ndarray:
        """Mark the rows of lowest score among those of unknown label, as many as are left."""
        scores, known = self._training_scores, self._known
        if known is None:
            return self._labels_below(self.offset_)
        unknown = known == 0
        if not unknown.any():
            return known.astype(int)
        share = unknown_share(self.contamination_, known, len(scores))
        at_most = self._is_guess()  # as for `offset_`
        offset = threshold(scores[unknown], share, unit=self._score_unit(), at_most=at_most)
        return self._labels_below(offset)

    def _score_unit(self) -> float:
        return self._ensemble.unit

    def _adopt_threshold(self, offset: float, share: float) -> None:
        scores, scale = self._training_scores, self._ensemble.scale
        self._posterior = Posterior.of(
            scale, scores, share, self.held_out_scores_, None, most=share
        )
        self._cut_off(offset, share)

    def _adopt_offset(self, offset: float, share: float) -> None:
        self._posterior = self._posterior_of_fit
        self._cut_off(offset, share)

    def _cut_off(self, offset: float, share: float) -> None:
        self.offset_, self.contamination_ = offset, share
        if self._n_rows_seen is None:
            self.labels_ = self._labels_below(offset)

    def _labels_below(self, offset: float) -> np.ndarray:
        """Label the training rows as `predict` does; known labels stand as given."""
        labels = np.where(self._training_scores < offset, -1, 1)
        known = self._known
        return labels if known is None else np.where(known == 0, labels, known)

    def _bound_false_discoveries(self, rate: float) -> None:
        known = self._known
        unknown = np.flatnonzero(known == 0) if known is not None else slice(None)
        scores, unit = self._training_scores[unknown], self._score_unit()
        if len(scores) == 0:
            raise ValueError(
                "LOE: false_discovery_rate is estimated among the training rows of unknown label; "
                "all labels are known. Give contamination or n_flagged."
            )
        in_single = self._compares_in_single()
        cuts = clean_cuts(scores, unit=unit, in_single=in_single)
        rates = self._rates(unknown)[cuts - 1]  # in ascending order
        allowed = cuts[rates <= rate]
        if len(allowed) == 0:
            raise ValueError(_too_low(rate, cuts, rates, len(scores)))
        offset = threshold(scores, allowed[-1] / len(scores), unit=unit, in_single=in_single)
        self._adopt_offset(offset, float(np.mean(self._training_scores < offset)))
        if self._is_guess():
            self._warn_of_assumed_share(rate)

    def _warn_of_assumed_share(self, rate: float) -> None:
        """Tell the user that a false discovery rate is as good as a mere assumption."""
        warn_user(
            f"LOE: false_discovery_rate={rate:g} is estimated as if "
            f"{self._contamination_of_fit:.2g} of the training rows were anomalies. The fit found "
            "no separate group of anomalies, so that this share is mostly an assumption; if there "
            "are no anomalies, all rows that predict flags are normal. Fit with contamination=the "
            "share if you know it. With rows known to be normal, p_values(X, calibration=rows) and "
            "scipy.stats.false_discovery_control keep the rate.",
            NoSeparateGroupWarning,
        )

    def _rates(self, unknown: Any) -> np.ndarray:
        """Estimate the false discovery rate of flagging 1, 2, ... of some training rows."""
        if self.held_out_scores_ is None:
            proba = self._posterior_of_fit.proba(self._training_scores[unknown])
            return rates_of_probabilities(proba)
        return rates_of_p_values(self._p_values_of(self.held_out_scores_)[unknown])

    def _p_values_of(self, held_out: np.ndarray) -> np.ndarray:
        """P-values of held-out scores among those of the rows that the fit takes for normal."""
        normal = self._labels_below(self._threshold_at(self._contamination_of_fit)) > 0
        own, near = np.sort(held_out[normal]), self._near(held_out)
        at_least = np.searchsorted(own, held_out + near, side="right")
        # No row is a calibration row for itself.
        return (1.0 + at_least - normal) / (1.0 + normal.sum() - normal)

    def _bound_false_alarms(self, rate: float, calibration: MatrixLike | None) -> None:
        super()._bound_false_alarms(rate, calibration)
        share = self._share_of_held_out()
        if calibration is not None or rate > share:
            return
        warn_user(
            f"LOE: false_alarm_rate={rate:g} is not above the share of anomalies among the "
            f"training rows, {share:.3g} by the contamination of the fit, whose held-out scores "
            "set the threshold: it lies among those of the anomalies, so that few or none are "
            "flagged. Pass calibration=rows, normal ones as far as possible, or "
            f"false_alarm_rate={share + (1 - share) * rate:.3g}, which flags that share and "
            f"{rate:g} of the others."
        )

    def _share_of_held_out(self) -> float:
        """Share of anomalies among the rows whose held-out scores calibrate; 0 for a mere guess."""
        if self._is_guess():
            return 0.0
        known = self._known
        n_known = 0 if known is None else int((known < 0).sum())
        n = len(self._training_scores)
        return max(0.0, self._contamination_of_fit * n - n_known) / max(1, n - n_known)

    def _is_guess(self) -> bool:
        """Whether the ratio of the fit is hardly more than the prior."""
        if self._guessed_ratio is not None:
            return self._guessed_ratio
        belief = getattr(self, "_belief", None)
        return self._has_found_ratio() and (belief is None or is_prior(belief, self._known))

    def _has_found_ratio(self) -> bool:
        """Whether the ratio of the fit was found, and not given."""
        if self._found_ratio is None:
            return read_contamination(self.contamination).is_believed
        return self._found_ratio

    def _held_out_calibration(self, asked: str) -> np.ndarray:
        if self.held_out_scores_ is None:
            raise ValueError(
                f"LOE: {asked} needs rows that the detector was not trained on. Pass "
                "calibration=rows, normal ones as far as possible, or fit LOE(held_out_folds=3), "
                "which scores the training rows by models that have not seen them."
            )
        if self._known is None:
            return self.held_out_scores_
        others = self.held_out_scores_[self._known >= 0]
        if len(others) == 0:
            raise ValueError(
                f"LOE: {asked} needs calibration rows; all training rows are known anomalies. Pass "
                "calibration=rows, normal ones as far as possible."
            )
        return others


def _too_low(rate: float, cuts: np.ndarray, rates: np.ndarray, n: int) -> str:
    """Say which false discovery rate can be met, and with how many rows."""
    message = (
        f"LOE: false_discovery_rate={rate:g} cannot be met: 0 of {n} training rows can be flagged "
        "with so small an estimated share of normal rows among them."
    )
    # In three digits, rounded up, so that it can be met.
    lowest = np.ceil(rates[0] * 1000) / 1000 if len(cuts) else 1.0
    if len(cuts) and lowest < rates[0]:  # by one bit
        lowest += 0.001
    if lowest >= 1:
        return f"{message} No rate below 1 can be met. Give contamination or n_flagged."
    n_flagged = cuts[rates <= lowest][-1]
    rows = "row" if n_flagged == 1 else "rows"
    return (
        f"{message} The lowest rate that can be met is {lowest:.3f}, with {n_flagged} {rows} "
        "flagged. Give a higher rate, or contamination or n_flagged."
    )
