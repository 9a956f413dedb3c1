"""What LOE does of its own where rows come in parts, or a fit goes on from a fitted ensemble."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lofe_sklearn import engine
from lofe_sklearn._loe._ensemble import Ensemble
from lofe_sklearn._loe._find_ratio import Belief, FoundRatio
from lofe_sklearn._loe._members import EnsemblePlan
from lofe_sklearn._loe._parameters import course_of
from lofe_sklearn._loe._posterior import Posterior
from lofe_sklearn._loe._ratio import read_contamination
from lofe_sklearn._no_classes import missing_classes
from lofe_sklearn._training import (
    InPartsMixin,
    PreparedSpreadRows,
    SeenRows,
    Task,
    goes_on,
    n_inputs_of,
)
from lofe_sklearn.backbones import Backbone

# First labels hold for one step in so many of those that a fit takes by default.
_WARMUP = 4


class EnsembleInPartsMixin(InPartsMixin):
    """`partial_fit` of an ensemble, and `fit` with ``warm_start`` or from a source."""

    method: Any
    init: Any
    keep: Any
    max_samples: Any
    held_out_folds: int | None
    n_estimators: int | None
    warmup_epochs: int | None
    n_features_in_: int
    estimators_: list[Backbone]
    estimators_samples_: list[np.ndarray] | None
    contamination_: float
    contamination_interval_: tuple[float, float]
    _known: np.ndarray | None
    _training_scores: np.ndarray
    _belief: Belief
    _adopt_ratio: Any
    _ensemble: Ensemble
    _backbones: Any
    _methods: Any

    def __getattr__(self, name: str) -> Any:
        # Called only for what is not there.
        of_rows = ("labels_", "sample_indices_")
        if name in of_rows and vars(self).get("_n_rows_seen") is not None:
            raise AttributeError(
                f"LOE: {name} are not kept where rows come in blocks or parts. predict(X) labels "
                "them."
            )
        if name == "classes_":
            raise AttributeError(missing_classes(type(self).__name__))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _check_parts(self) -> None:
        refused = {
            # Where rows come in parts, "auto" is all of them.
            "max_samples": (self.max_samples, (1.0, "auto")),
            "held_out_folds": (self.held_out_folds, (None,)),
            "keep": (self.keep, (None,)),
        }
        for name, (value, possible) in refused.items():
            if value not in possible:
                raise ValueError(
                    f"LOE: {name}={value!r} needs all rows in memory; rows that come in parts take "
                    f"{name}={possible[0]}."
                )
        if not hasattr(self.init, "fit") and np.ndim(self.init):
            raise ValueError(
                "LOE: init is an array of scores, which needs all rows in memory; rows that come "
                "in parts take 'iforest', a detector that scores new rows, or None."
            )
        if any(course_of(method) != engine.Course() for method in self._methods()):
            raise ValueError(
                f"LOE: method={self.method!r} averages or chooses states of the network over a "
                "whole training, which needs all rows in memory; rows that come in parts take "
                "'hard', 'soft', 'refine', 'blind' or a rule that asks for no such course."
            )

    def _n_models(self, n_samples: int) -> int:
        asked = read_contamination(self.contamination)
        return len(asked.member_ratios(self.n_estimators, len(self._backbones()), n_samples))

    def _kept_ratios(self, n_samples: int) -> list[float]:
        """Return the ratios of fitted members that stay as they are while others are added.

        Raises
        ------
        ValueError
            If there would be fewer members than there are.
        """
        if not self._goes_on_when_fitted():
            return []
        n_members, n_fitted = self._n_models(n_samples), len(self.estimators_)
        if n_members < n_fitted:
            raise ValueError(
                f"LOE: n_estimators={n_members} must be at least the {n_fitted} members that are "
                "fitted, since warm_start=True keeps them. Fit anew, with warm_start=False."
            )
        if n_members == n_fitted:
            return []
        return [float(member.contamination) for member in self.estimators_]

    def _going_on(self, plan: EnsemblePlan, *, optimizer: bool) -> EnsemblePlan:  # type: ignore[override]
        anew = "sklearn.base.clone(detector).partial_fit(X)" if optimizer else "warm_start=False"
        if not self._ensemble.in_turn:
            kinds = ", ".join(type(member).__name__ for member in self.estimators_)
            raise ValueError(
                f"LOE: there is nothing to go on from. The fit before was interrupted, and its "
                f"{len(self.estimators_)} members that keep='partial' has kept ({kinds}) do not "
                f"take the backbones and methods in turn, as all members do. Fit anew, with {anew}."
            )
        members = list(plan.members)
        is_extended = len(members) > len(self.estimators_)
        if optimizer and len(members) != len(self.estimators_):
            raise ValueError(
                f"LOE: partial_fit goes on with the {len(self.estimators_)} members that are "
                f"fitted; the parameters ask for {len(members)} now. Set n_estimators back, or fit "
                "anew."
            )
        for i, fitted in enumerate(self.estimators_):
            asked = plan.backbones[members[i].kind]
            planned = self._as_trained(i, members[i], plan) if is_extended else members[i]
            task = goes_on(planned, asked, fitted, "LOE", optimizer=optimizer)
            features = self._ensemble.features[i]
            members[i] = replace(
                task,
                features=None if len(features) == plan.rows.X.shape[1] else features,
                n_epochs=0 if is_extended else None,
            )
        return replace(plan, members=members)

    def _as_trained(self, number: int, planned: Task, plan: EnsemblePlan) -> Task:
        """Return the task of a member that stays as it is, with its own seed and rows.

        Seed and rows are drawn anew for each fit, and are the same ones only if an integer seeds
        it. Rows of an X of another length cannot be told.
        """
        seed: Any = self.estimators_[number].random_state
        task, rows = replace(planned, seed=seed), None
        if self.estimators_samples_ is not None and not isinstance(plan.rows, PreparedSpreadRows):
            rows = self.estimators_samples_[number]
        if rows is None or len(self._training_scores) != plan.rows.X.shape[0]:
            return task
        known = None if plan.known is None else plan.known[rows]
        return replace(task, rows=rows, labelling=replace(task.labelling, known=known))

    def _is_warmup(self, task: Task, seen: SeenRows) -> bool:
        if seen.after_fit:
            return False
        if self.warmup_epochs is not None:
            return seen.n_parts < self.warmup_epochs
        n_features = self.n_features_in_ if task.features is None else len(task.features)
        n_inputs = n_inputs_of(task.model.scaling, n_features)
        return seen.n_steps < task.model.choose_steps(n_inputs) // _WARMUP

    def _forget_rows(
        self, n_rows: int, scores: np.ndarray | None = None, known: np.ndarray | None = None
    ) -> None:
        self._n_rows_seen = n_rows
        self.estimators_samples_ = None
        vars(self).pop("labels_", None)
        if scores is None:
            return  # those of the sample stay, with its known labels
        self._keep_training_scores(scores)
        self._known = None
        asked = read_contamination(self.contamination)
        found = FoundRatio(self.contamination_, *self.contamination_interval_)
        if asked.bounds is not None or asked.is_believed:  # that holds for all rows
            found = asked.find(-scores, self._belief)
        self._adopt_ratio(found, known, scores, asked, self._belief)
        share, most = self.contamination_, self.contamination_interval_[1]
        scale = self._ensemble.scale
        self._posterior = Posterior.of(scale, scores, share, None, None, most=most)
        self._contamination_of_fit, self._posterior_of_fit = share, self._posterior
