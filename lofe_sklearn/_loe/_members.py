"""What LOE trains: its members, and models of folds that score rows they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from sklearn.base import clone

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix, Subset
from lofe_sklearn._known_labels import contamination_with_known, unknown_share
from lofe_sklearn._loe._by_name import CLASSICAL, FOR_LABELS, suited
from lofe_sklearn._loe._evidence import Evidence, fit_evidence
from lofe_sklearn._loe._first_labels import (
    remembered_scores,
    scores_of_kinds,
    starter_of,
    unless_alike,
    without_starter,
)
from lofe_sklearn._loe._folds import held_out_rows, how_many_folds
from lofe_sklearn._loe._parameters import (
    amount_of,
    course_of,
    is_auto,
    known_weight,
    label_rule,
    labels_rows,
    most_rows,
)
from lofe_sklearn._loe._ratio import Contamination
from lofe_sklearn._loe._warmup import warmup_epochs
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._progress import part
from lofe_sklearn._training import (
    Fold,
    Memo,
    Plan,
    PreparedSpreadRows,
    Task,
    draw_seeds,
    n_inputs_of,
)
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.backbones._choices import check_choices
from lofe_sklearn.rules import LabelRule

# Below so many marked rows a batch, labels are inferred once an epoch: the ratio of so small a
# batch is far from that of all rows.
_FEW_MARKED = 2
# How much the evidence counts beside the members: a number over that of the rows, since a few
# hundred rows are too few to train networks on, and one that does not depend on it. Where the ratio
# is not known, members assume wrong ones, and evidence counts more. Chosen on the benchmarks' sets:
# see the studies `nothing_chosen` and `default_kinds`.
_WHERE_KNOWN = 25.0, 0.0
_WHERE_UNKNOWN = 250.0, 0.5
# Models of a fold, which only score the rows that they have not seen.
_N_JUDGES = 8


@dataclass(frozen=True, eq=False)
class EnsemblePlan(Plan):
    """A plan, the evidence that is added, and the backbones that members are copies of in turn."""

    evidence: Evidence | None = None
    backbones: Sequence[Backbone] = ()
    # Whether all members take one known share of the rows for anomalies.
    is_share_known: bool = False


class Parameters(Protocol):
    """Those parameters of LOE that say what is trained."""

    estimator: Any
    evidence: Any
    n_estimators: int | None
    max_samples: Any
    max_features: float
    init: Any
    label_update: str
    warmup_epochs: int | None
    known_weight: float | None
    held_out_folds: int | None


class Planner:
    """Plan the models of one fit of LOE.

    Parameters
    ----------
    parameters : Parameters
        Valid ones.
    backbones : sequence of Backbone
        What members are copies of, in turn.
    methods : sequence of str, LabelRule or callable
        The valid method of each.
    contamination : Contamination
    rows : PreparedRows
    known : ndarray of int8, shape (n_samples,), or None
    memo : dict
        First labels' scores that were found for other fits on these rows.
    """

    def __init__(
        self,
        parameters: Parameters,
        backbones: Sequence[Backbone],
        methods: Sequence[Any],
        contamination: Contamination,
        rows: PreparedRows,
        known: np.ndarray | None,
        memo: Memo,
    ) -> None:
        self.parameters, self.backbones, self._methods = parameters, backbones, methods
        self.contamination = contamination
        self._rules = [label_rule(method) for method in self._methods]
        self._labels_any = any(map(labels_rows, self._methods))
        self.rows, self.known, self.memo = rows, known, memo
        self._everything = np.arange(rows.X.shape[0])
        self._resolved: dict[tuple[int, Subset, Subset], Backbone] = {}

    def plan(
        self,
        random_state: Any,
        expose: Callable[[int], engine.Exposure | None],
        kept_ratios: Sequence[float] = (),
    ) -> EnsemblePlan:
        """List the members, and the models of the folds that were asked for.

        ``expose(seed)`` makes the exposure to outliers that all of them share. A model of a fold is
        trained as a member is, on as many of the rows outside the fold and as many features. The
        first members may keep the ratios of earlier ones.
        """
        X = self.rows.X
        n_samples, n_features = X.shape
        asked, contamination, n_backbones = self.parameters, self.contamination, len(self.backbones)
        n_given = self.rows.n_samples
        ratios = contamination.member_ratios(asked.n_estimators, n_backbones, n_given)
        if kept_ratios:
            n_added = len(ratios) - len(kept_ratios)
            added = contamination.member_ratios(n_added, n_backbones, n_given)
            ratios = [*kept_ratios, *added]
        n_folds = how_many_folds(asked.held_out_folds, n_samples)
        held_out = held_out_rows(n_samples, n_folds, self.known)
        n_judges = min(len(ratios), _N_JUDGES) if held_out else 0
        seeds = draw_seeds(random_state, len(ratios) + n_folds * n_judges)
        # Once for all members: a synthetic one is the same to each of them.
        exposure = expose(seeds[0])

        share = 1.0 if is_auto(asked.max_samples) else asked.max_samples
        n_rows = amount_of("max_samples", share, n_samples, 2)
        least = max(backbone.min_features for backbone in self.backbones)
        n_seen = amount_of("max_features", asked.max_features, n_features, least)

        def task(
            number: int, ratio: float, seed: int, available: np.ndarray, start: np.ndarray | None
        ) -> Task:
            rng = np.random.default_rng(seed)
            rows, features, first_seed = available, None, seeds[0]
            if n_rows < len(available):
                rows, first_seed = np.sort(rng.choice(available, n_rows, replace=False)), seed
            if n_seen < n_features:
                features = np.sort(rng.choice(n_features, n_seen, replace=False))
            return self._task(number, ratio, seed, first_seed, rows, features, exposure, start)

        rest = iter(seeds)
        with part(0.5, "evidence"):
            evidence = self._evidence(len(ratios), seeds[0])
        with part(0.5, "first labels"):
            init, is_known = asked.init if self._labels_any else None, contamination.is_known
            starter = starter_of(init, evidence, self.backbones, X, seeds[0], self.memo, is_known)
            rows = self._enough(self._everything, seeds[0])
            start = None if starter is None else starter.of_training()
            members = [task(i, each, next(rest), rows, start) for i, each in enumerate(ratios)]
        judges = contamination.member_ratios(n_judges, n_backbones, n_samples) if n_judges else []
        of_folds = []
        for unseen in held_out:
            outside = self._enough(np.setdiff1d(self._everything, unseen), seeds[0])
            if starter is not None:
                start = self._start_of_fold(starter, outside)
            tasks = [task(i, ratio, next(rest), outside, start) for i, ratio in enumerate(judges)]
            of_folds.append(Fold(unseen, tasks))
        return EnsemblePlan(
            self.rows,
            self.known,
            members,
            of_folds,
            first_scores=self._first_scores_of_others(seeds[0], starter),
            evidence=evidence,
            backbones=self.backbones,
            is_share_known=contamination.is_known and self._labels_any,
        )

    def _enough(self, rows: np.ndarray, seed: int) -> np.ndarray:
        """Return as many of these rows as models are to be trained on.

        All of known label are among them. They are the same for all models, so that these are
        scored as one.
        """
        asked = self.parameters
        most = most_rows(asked.estimator) if is_auto(asked.max_samples) else None
        if most is None or len(rows) <= most or isinstance(self.rows, PreparedSpreadRows):
            return rows
        is_known = np.zeros(len(rows), bool) if self.known is None else self.known[rows] != 0
        unknown = rows[~is_known]
        n_drawn = min(len(unknown), max(0, most - int(is_known.sum())))
        drawn = np.random.default_rng(seed).choice(unknown, n_drawn, replace=False)
        return np.sort(np.concatenate([rows[is_known], drawn]))

    def _evidence(self, n_members: int, seed: int) -> Evidence | None:
        """Fit the classical detectors whose evidence is added to that of the members."""
        evidence, X, is_known = self.parameters.evidence, self.rows.X, self.contamination.is_known
        if evidence is None:
            return None
        if is_auto(evidence):
            # A single member's score is its loss, as in the paper, and blind training is there to
            # compare with. Rows of pictures say little to classical detectors.
            of_pictures = any(backbone.default_init is None for backbone in self.backbones)
            if n_members == 1 or not self._labels_any or of_pictures:
                return None
            evidence = suited(FOR_LABELS if is_known else CLASSICAL, *X.shape)
        per_row, constant = _WHERE_KNOWN if is_known else _WHERE_UNKNOWN
        return fit_evidence(evidence, X, seed, per_row / self.rows.n_samples + constant, self.memo)

    def _start_of_fold(self, starter: Evidence, outside: np.ndarray) -> np.ndarray:
        """Score the rows outside a fold by evidence that is fitted to them; 0 for all others."""
        start = np.zeros(len(self._everything))
        own = starter.refitted(self.rows.X[outside])
        if own is not None:
            start[outside] = own
        return start

    def _first_scores_of_others(
        self, seed: int, starter: Evidence | None
    ) -> Callable[[Matrix], list[np.ndarray | None]] | None:
        """Return what scores rows that are trained on later, as `init` does those of the plan."""
        inits = [self._init_of(backbone) for backbone in self.backbones]
        if not self._labels_any or all(init is None for init in inits):
            return None
        return partial(scores_of_kinds, inits, starter, self.rows.X, seed, self.memo)

    def _init_of(self, backbone: Backbone) -> Any:
        """Return what first labels go by if they do not go by evidence."""
        return without_starter(self.parameters.init, backbone)

    def _task(
        self,
        number: int,
        ratio: float,
        seed: int,
        first_seed: int,
        rows: np.ndarray,
        features: np.ndarray | None,
        exposure: engine.Exposure | None,
        start: np.ndarray | None,
    ) -> Task:
        """Plan one model: a copy of a backbone that assumes `ratio` for `rows` of X.

        `start` are outlier scores of all rows that first labels go by, if not by `init`.
        """
        whole = len(rows) == len(self._everything)
        known = self.known if self.known is None or whole else self.known[rows]
        kind = number % len(self.backbones)
        model = clone(self._model(kind, rows, features))
        model.set_params(random_state=seed, contamination=contamination_with_known(ratio, known))
        return Task(
            model,
            rows=rows,
            seed=seed,
            labelling=self._labelling(kind, model, first_seed, rows, features, known, start),
            features=features,
            exposure=exposure,
            kind=kind,
            course=course_of(self._methods[kind]),
        )

    def _model(self, which: int, rows: np.ndarray, features: np.ndarray | None) -> Backbone:
        """Return a backbone with what these rows and features decide filled in."""
        whole = len(rows) == len(self._everything)
        key = which, Subset(None if whole else rows), Subset(features)
        if key not in self._resolved:
            own = self.rows.seen if whole else self.rows.X[rows]
            own = own if features is None else own[:, features]
            layout = self.rows.layout if features is None else None
            self._resolved[key] = self.backbones[which].resolved(own, layout)
            check_choices(self._resolved[key], len(rows), own.shape[1])
        return self._resolved[key]

    def _labelling(
        self,
        kind: int,
        model: Backbone,
        first_seed: int,
        rows: np.ndarray,
        features: np.ndarray | None,
        known: np.ndarray | None,
        start: np.ndarray | None,
    ) -> engine.Labelling:
        n_rows, asked, method = len(rows), self.parameters, self._methods[kind]
        n_seen = self.rows.X.shape[1] if features is None else len(features)
        n_inputs = n_inputs_of(model.scaling, n_seen)
        blind = not labels_rows(method)
        by_ratio = not isinstance(method, LabelRule) or method.needs_ratio
        init = self._init_of(model)
        # Where rows come in parts, those of the plan are a sample.
        n_trained = n_rows if self.rows.n_given is None else self.rows.n_given
        n_epochs = model.choose_max_epochs(n_trained, n_inputs)
        n_batches = len(engine.batch_sizes(n_trained, model.batch_size))
        warmup = asked.warmup_epochs
        if warmup is None:
            warmup = warmup_epochs(n_epochs, n_batches, is_blind=init is None)
        scores = None
        if init is not None and not blind and warmup > 0:
            some = None if n_rows == len(self._everything) else rows
            if start is not None:
                scores = unless_alike(start[rows])
            else:
                scores = remembered_scores(init, self.rows.X, first_seed, some, self.memo)
        alpha = unknown_share(model.contamination, known, n_rows)
        few = by_ratio and n_batches > 1 and alpha * n_trained / n_batches < _FEW_MARKED
        per_epoch = asked.label_update == "epoch" or (asked.label_update == "auto" and few)
        rule, first_rule = self._rules_of(kind, model, n_inputs, starts_blind=scores is None)
        return engine.Labelling(
            rule,
            alpha,
            warmup_epochs=warmup,
            first_scores=scores,
            known=known,
            per_epoch=per_epoch and not blind,
            known_weight=known_weight(asked.known_weight, method),
            by_rank=by_ratio,
            first_rule=first_rule,
            first_epochs=n_epochs // 2,
            labels_rows=not blind,
        )

    def _rules_of(
        self, kind: int, model: Backbone, n_inputs: int, *, starts_blind: bool
    ) -> tuple[engine.Rule, engine.Rule | None]:
        """Return the label rule, and that of the first half of the epochs where it is another."""
        method, first = self._methods[kind], model.choose_first_label(n_inputs)
        first_rule = None if first is None else engine.Marked(first)
        if method == "soft":
            return engine.Marked(model.choose_soft_label(n_inputs)), first_rule
        # After a blind start many normal rows are marked. Hard labels would never let them go.
        return self._rules[kind], first_rule if method == "hard" and starts_blind else None
