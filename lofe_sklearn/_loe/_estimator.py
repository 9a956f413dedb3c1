"""LOE: a backbone trained on contaminated data, by inferring each row's label as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._known_labels import Known, contamination_with_known
from lofe_sklearn._loe._cleaning import CleaningMixin
from lofe_sklearn._loe._decision import DecisionMixin
from lofe_sklearn._loe._ensemble import Ensemble, held_out_scores, mean_history
from lofe_sklearn._loe._ensemble_in_parts import EnsembleInPartsMixin
from lofe_sklearn._loe._evidence import EvidenceParameter
from lofe_sklearn._loe._members import EnsemblePlan
from lofe_sklearn._loe._outputs import ScoringMixin
from lofe_sklearn._loe._own_backbones import OwnBackbonesMixin
from lofe_sklearn._loe._parameters import Method
from lofe_sklearn._loe._planning import PlanningMixin
from lofe_sklearn._loe._posterior import PosteriorMixin
from lofe_sklearn._loe._ratio import ContaminationParameter, read_contamination
from lofe_sklearn._training import Trained, fit
from lofe_sklearn._types import KnownLabels, Mask, MatrixLike, RandomState
from lofe_sklearn.backbones import Backbone


class LOE(
    OwnBackbonesMixin,
    PlanningMixin,
    EnsembleInPartsMixin,
    ScoringMixin,
    CleaningMixin,
    PosteriorMixin,
    DecisionMixin,
    OutlierDetector,
):
    """Latent Outlier Exposure [1]_: train a detector on unlabelled, contaminated data.

    A backbone gives two losses for each row, low where it looks normal and low where it looks
    anomalous. LOE minimises their sum over the network's parameters and the rows' unknown labels
    in turn: the share `contamination` of the rows that look most anomalous is trained as anomalies
    (``"hard"``) or as either (``"soft"``), all others as normal.

    Parameters
    ----------
    estimator : Backbone or list of Backbone, default=None
        The backbone to train: `NeuTraL`, `ICL`, `GOAD`, `DeepSVDD`, `AutoEncoder`, `TCCM`,
        `RealNVP`, `MHRot` or your own. It is cloned, never changed. Of a list, members are copies
        in turn. None stands for ``[DeepSVDD(), AutoEncoder(), RealNVP()]``, the best on average, at
        three times their learning rate and for half of their epochs, or 20; the flow for a quarter
        of its own, or 2.
    method : {"hard", "soft", "refine", "blind"}, LabelRule, callable or list, default="hard"
        How rows are labelled; a list has one for each backbone. ``"hard"`` gives marked rows weight
        1 in the anomaly loss, ``"soft"`` gives both losses a part of it, 1/2 or what the backbone
        says, which does not push them away without bound; ``"refine"`` drops them; ``"blind"``
        marks none. Rules of `lofe_sklearn.rules`, as ``AAR()``, need no ratio: `contamination` then
        sets the threshold only; `PURisk` needs known anomalies. A callable
        ``(loss_n, loss_a, alpha, known) -> (w_n, w_a)`` turns losses (M, b) of M members, ratios
        (M,) and known labels (M, b) or None into weights (M, b).
    contamination : "auto", float, pair of floats or thresholder, default="auto"
        Share of anomalies in the training rows, in (0, 0.5]: it steers the training and sets the
        threshold of `predict`. Of a pair, ``(low, high)``, members assume ratios from one to the
        other, and the threshold is that of their geometric mean. With ``"auto"`` members assume
        ratios from 0.002, or two rows of a small set, to 0.4, and the threshold's is a belief; see
        Notes. A thresholder, an object with ``eval(scores)`` as
        PyThresh's or a callable, gets the outlier scores of the training rows, high for outliers,
        and returns labels, 1 for outliers, or a ratio; members are then those of ``"auto"``.
    evidence : "auto", None, {"iforest", "knn", "mcd"}, outlier detector or list, default="auto"
        Other detectors, fitted to all training rows, whose scores are added to the members', in
        training and for new rows [2]_: scikit-learn's isolation forest, the distance to the 20th
        neighbour, the robust covariance, or detectors of scikit-learn's or PyOD's, which are cloned
        and seeded as that of `init`. ``"auto"`` is all three names, ``"mcd"`` where there are 2 to
        100 features and three rows for each. It is None with one member, for `MHRot`, and where
        `method` labels no row. None is the LOE of the paper. See Notes for the weight. A detector
        that cannot be fitted to the rows is left out, with a warning.
    n_estimators : int, optional
        Members, which differ in their seed; their scores are averaged, by the belief in their
        ratios where ``contamination="auto"``. Default: 12 where no single ratio is given, else one
        for each backbone.
    max_samples, max_features : float or int, default="auto" and 1.0
        Rows and features that each member is trained on, drawn without replacement: a share, or a
        number. ``"auto"`` is all rows; of those for ``estimator=None``, 50,000 at most, the same
        for all members, with those of known label: more did no better.
    init : {"auto", "iforest", "knn"}, outlier detector, array-like of shape (n_samples,) or None
        Which rows the first latent labels take for anomalies, by the scores of another detector:
        scikit-learn's IsolationForest, the distance to the 5th neighbour (features standardised,
        among at most 5,000 rows), or a detector of scikit-learn's or PyOD's, which is cloned,
        seeded and fitted. An array of scores is high for normal rows, as `score_samples`. None
        starts with blind epochs, as the paper does. ``"auto"`` is the mean of the evidence where
        there is any and one ratio is given, ``"iforest"`` elsewhere, and None for `MHRot`.
    label_update : {"auto", "batch", "epoch"}, default="auto"
        Whether labels are inferred in each batch, as in the paper, or before each epoch over all
        rows, in one more pass. ``"auto"``: per epoch where fewer than two rows a batch are marked.
    warmup_epochs : int, optional
        Epochs before labels are inferred: with those of `init`, by default a quarter of all, or
        blind ones, by default 2 as in the paper, or 50 steps, up to a quarter of all.
    known_weight : float, optional
        How much the mean loss of the rows of known label counts beside the mean over all others,
        where `fit` is told any: 1 lets twenty known rows count as much as thousands of unknown
        ones. Default: every row counts the same.
    outlier_weight : float, default=1.0
        How much the mean anomaly loss of auxiliary outliers counts beside the mean over the
        training rows, where `fit` is given any (outlier exposure [3]_).
    held_out_folds : int of at least 2, optional
        Folds of training rows, each of which models trained on the other rows score, for
        `held_out_scores_`: at most 8 models a fold, trained as members are, on as many of the other
        rows at most. Evidence is fitted to the other rows too. Default: none.
    keep : {"partial"} or None, default=None
        What Ctrl-C leaves of a `fit`. ``"partial"``: the members that are trained, and those in
        training as they were after their last whole epoch; a ConvergenceWarning says how many and
        how far; stacks are then trained one by one. Where no member has an epoch with inferred
        labels behind it, by default, in `fit_many` and in `LOESearchCV`, nothing: the detector is
        as it was before, and KeyboardInterrupt is raised.
    warm_start : bool, default=False
        Whether a second `fit` goes on. With as many members as are fitted all of them are trained
        for `max_epochs` more; with a larger `n_estimators` these stay as they are, and only those
        that are added are trained, as in scikit-learn's forests.
    n_jobs : int, optional
        Stacks trained at a time, by joblib; members are split into as many. None is 1, or what
        `joblib.parallel_config` says; -1 all cores. Starting processes takes seconds.
    verbose : int, default=0
        1 shows a progress bar over the whole fit, with the time left, once it takes more than
        two seconds (extra ``lofe-sklearn[progress]``); so does a backbone with ``verbose=1``.
    random_state : int, RandomState instance or None, default=None
        Seeds the members. None takes the first backbone's own ``random_state``.

    Attributes
    ----------
    estimator_ : Backbone
        The first fitted member.
    estimators_ : list of Backbone
        All fitted members.
    estimators_samples_, estimators_features_ : list of ndarray of int
        The rows and the features that each member was trained on. Where rows came in blocks or
        parts, which are not kept, `estimators_samples_` is None and there are no `labels_`.
    contaminations_ : ndarray of shape (n_estimators,)
        The ratio that each member assumes.
    contamination_ : float
        The ratio that `offset_` cuts at: the one given or found, or that of `set_threshold`.
    contamination_interval_ : tuple of float
        Holds four fifths of the belief about the ratio, with a tenth below and a tenth above. Of a
        ratio that was given, twice the ratio; a pair that was given.
    evidence_ : dict of str to object, or None
        The fitted detectors of `evidence`, by name or class; None where there are none. Those of
        names have ``outlier_scores(X)``, high for anomalies.
    held_out_scores_ : ndarray of shape (n_samples,) or None
        The score of each training row by models that have not seen it; None without
        `held_out_folds`, or if the fit was interrupted.
    labels_ : ndarray of int, shape (n_samples,)
        Inferred labels of the training rows: -1 anomaly, +1 normal. Known labels stand as given.
        After `set_threshold`, those of `predict`.
    sample_indices_ : ndarray of int, shape (n_kept,)
        Numbers of the training rows labelled normal: those that `fit_resample` keeps.
    offset_ : float
        Threshold on `score_samples`: the share `contamination_` of the training rows lies below.
    n_iter_ : int
        Epochs trained; of the longest-trained member.
    loss_history_ : ndarray of shape (`n_iter_`,)
        The minimised objective in each epoch, as a mean over rows and members. Both losses and
        the labels of each epoch are in ``estimators_[m].history_``.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    LOE.of_kinds : NeuTraL and Deep SVDD in one ensemble, where the ratio is known.
    LOESearchCV : Chooses parameters by cross-validation where some labels are known.
    fit_many : Fits many detectors in stacks.
    LOE.fit_resample : Cleans a training set for another estimator.
    lofe_sklearn.datasets.contaminate : Contaminate clean data, to try this out.

    Notes
    -----
    The number of rows marked is `contamination` times that of the batch or of all rows, rounded,
    but at least one: where nothing is marked, training would take all rows for normal.

    The score of a member is minus its normal loss. Of several members, and where there is evidence,
    the logarithms of the normal losses (of `RealNVP` the losses, which are log-densities already)
    are standardised by their mean and standard deviation over the training rows, and averaged to u.
    Scores of the evidence are brought to the same scale: the logarithms of their distances from the
    lowest one, standardised, and averaged to t. The score is ``-(u + w t) / (1 + w)``. The weight w
    is 100 / n_samples where one ratio is given, since few rows are too few to train networks on,
    and 250 / n_samples + 0.5 elsewhere, since members then assume wrong ratios.

    The ratio of ``"auto"`` is the geometric mean of a belief, for which no model is trained. Its
    prior is log-normal: the median is 0.03, and the logarithm has a standard deviation of 2. It is
    updated by how far detectors of different kinds, the backbones and the evidence, agree on the
    rows above each cut, compared to what is usual. Where they agree on no group of rows, a
    `NoSeparateGroupWarning` says so, and at most one row in twenty is flagged.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.
    .. [2] S. Patra, S. Ben Taieb (2025). An Evidence-Based Post-Hoc Adjustment Framework for
       Anomaly Detection Under Data Contamination. NeurIPS. arXiv:2510.21296.
    .. [3] D. Hendrycks, M. Mazeika, T. Dietterich (2019). Deep Anomaly Detection with Outlier
       Exposure. ICLR. arXiv:1812.04606.

    Examples
    --------
    >>> from lofe_sklearn import LOE, NeuTraL
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = LOE(NeuTraL(max_epochs=5), contamination=0.025, random_state=0).fit(X)
    >>> detector.labels_.shape, int((detector.labels_ == -1).sum())
    ((3772,), 94)
    """

    def __init__(
        self,
        estimator: Backbone | Sequence[Backbone] | None = None,
        *,
        method: Method = "hard",
        contamination: ContaminationParameter = "auto",
        evidence: EvidenceParameter = "auto",
        n_estimators: int | None = None,
        max_samples: Literal["auto"] | float = "auto",
        max_features: float = 1.0,
        init: Any = "auto",
        label_update: Literal["auto", "batch", "epoch"] = "auto",
        warmup_epochs: int | None = None,
        known_weight: float | None = None,
        outlier_weight: float = 1.0,
        held_out_folds: int | None = None,
        keep: Literal["partial"] | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.contamination = contamination
        self.evidence = evidence
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.max_features = max_features
        self.init = init
        self.label_update = label_update
        self.warmup_epochs = warmup_epochs
        self.known_weight = known_weight
        self.outlier_weight = outlier_weight
        self.held_out_folds = held_out_folds
        self.keep = keep
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def fit(
        self,
        X: MatrixLike,
        y: Any = None,
        *,
        known_anomalies: Mask | None = None,
        known_normal: Mask | None = None,
        known_labels: KnownLabels | None = None,
        outliers: MatrixLike | str | None = None,
    ) -> Self:
        """Train on X, inferring which of its rows are anomalies.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows; at least two. Sparse rows are made dense a batch at a time. Arrays
            on disk and `lofe_sklearn.sources.ParquetRows` are read in blocks, where they are large.
        y : Ignored
            Present for API consistency. True labels, which GridSearchCV hands on, would leak into
            the training and are never looked at.
        known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
            Masks of the rows known to be anomalies and of those known to be normal. A pandas Series
            must have the index of X. Known rows keep their label exactly, every batch has its share
            of them, and the ratio among the others follows from `contamination`; if that is less
            than the share of known anomalies, it is raised to it, with a warning.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            The same in one array: -1 for known anomalies, +1 for rows known to be normal, 0 for
            unknown (data sets' 1 for anomalies is refused); or masks ``(normal, anomalous)``.
        outliers : array-like of shape (n_outliers, n_features), str or None
            Auxiliary rows that are anomalies and none of the training rows: each step trains as
            many of them, drawn anew, with the anomaly loss (outlier exposure). They count for
            no ratio, label or threshold. ``"uniform"``, ``"shuffled"`` and ``"gaussian"`` are
            synthetic ones, see `lofe_sklearn.datasets.make_outliers`.

        Returns
        -------
        self : LOE
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used; the message says which and why.
        TypeError
            If `estimator` is not a backbone.
        TrainingDivergedError
            If a member's loss stops being finite; the detector is then unfitted.
        ImportError
            With ``verbose=1``, if the package rich is not installed.
        """
        fit(self, X, Known(known_labels, known_anomalies, known_normal), outliers)
        return self

    def _finish_fit(self, plan: EnsemblePlan, trained: Sequence[Trained]) -> None:
        X = plan.rows.X
        members, of_folds = plan.by_fold(trained)
        self._layout = plan.rows.layout
        self._ensemble = Ensemble.of(plan, members)
        self.estimators_ = self._ensemble.members
        self.estimator_ = self.estimators_[0]
        self.estimators_samples_: list[np.ndarray] | None = self._ensemble.samples
        self.estimators_features_ = self._ensemble.features
        self.contaminations_ = np.array([member.contamination for member in self.estimators_])
        self.evidence_ = self._ensemble.evidence_detectors()
        self.n_iter_ = max(member.n_iter_ for member in self.estimators_)
        self.loss_history_ = mean_history(self.estimators_, self.n_iter_)

        losses = self._ensemble.losses_of_all(X, members)
        least = contamination_with_known(0.0, plan.known)
        belief = self._ensemble.believe(losses[0], plan.kinds, least)
        self._belief = belief
        is_open = read_contamination(self.contamination).is_open
        if is_open:
            self._ensemble = self._ensemble.weighted(belief)
        self.held_out_scores_ = held_out_scores(
            plan, of_folds, self._ensemble, belief if is_open else None
        )
        self._decide(losses, plan, belief)
