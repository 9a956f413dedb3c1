"""LOE: a backbone trained on contaminated data, by inferring each row's label as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._known_labels import Known
from lofe_sklearn._loe._cleaning import CleaningMixin
from lofe_sklearn._loe._decision import DecisionMixin
from lofe_sklearn._loe._ensemble import Ensemble, held_out_scores, mean_history
from lofe_sklearn._loe._ensemble_in_parts import EnsembleInPartsMixin
from lofe_sklearn._loe._evidence import EvidenceParameter
from lofe_sklearn._loe._members import EnsemblePlan
from lofe_sklearn._loe._one_feature import differ_in_one_feature
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
    """Latent Outlier Exposure: train a detector on unlabelled, contaminated data.

    A backbone gives two losses for each row: one is low if the row looks normal, the other if it
    looks anomalous. LOE minimises their sum over the network's parameters and the unknown labels in
    turn. The share `contamination` of the rows that look most anomalous is trained as anomalies
    (``"hard"``) or as either (``"soft"``), and all others as normal. The method is that of [1]_.

    Parameters
    ----------
    estimator : Backbone or list of Backbone, default=None
        The network to train: `NeuTraL`, `ICL`, `GOAD`, `DeepSVDD`, `AutoEncoder`, `TCCM`, `DTE`,
        `RealNVP`, `MHRot` or your own. It is cloned, never changed. Members take the backbones of a
        list in turn. None stands for ``[DeepSVDD(), RealNVP()]``, or, with 40 features or more,
        ``[AutoEncoder(), RealNVP()]``. These train at three times their own learning rate, the
        first for half of its epochs, from 20 (`AutoEncoder`: 10) to 80, and `RealNVP` for a fifth,
        from 2 to 80. Of n > 1,664 rows the first takes batches of n / 13, at most 512, and lr grows
        with the batch's square root. The first scales by ``"winsorized"``, so that far values do
        not hide all others. Of more than 1,024 features both see sums (``"sketched"``).
    method : {"auto", "hard", "soft", "refine", "blind"}, LabelRule, callable or list
        How the rows labelled as anomalies are trained. ``"auto"``, the default, is ``"hard"``. With
        one ratio and ``estimator=None``, it is ``"hard"`` for half of the members and
        ``rules.Margin()`` for the others, so that a ratio that is wrong does less harm. A list has
        one method for each backbone.
        ``"hard"`` uses the anomaly loss alone. ``"soft"`` uses a part of both losses, 1/2 or what
        the backbone says, which does not push the rows away without bound. ``"refine"`` leaves the
        rows out. ``"blind"`` labels none. ``rules.Margin()`` leaves out the rows near the cut, for
        a ratio that may be wrong. Other rules of `lofe_sklearn.rules` such as ``AAR()`` need no
        ratio, so `contamination` only sets the threshold; `PURisk` needs known anomalies. A
        callable ``(loss_n, loss_a, alpha, known) -> (w_n, w_a)`` turns the losses (M, b) of M
        members, ratios (M,) and known labels (M, b) or None into weights (M, b).
    contamination : "auto", float, pair of floats or thresholder, default="auto"
        The share of anomalies in the training rows, in (0, 0.5]. It steers the training and sets
        the threshold of `predict`. With a pair ``(low, high)``, members assume ratios from one to
        the other, and the threshold is set by their geometric mean. With ``"auto"``, members assume
        ratios from 0.002, or two rows of a small set, to 0.4, and the ratio of the threshold is
        estimated; see Notes. A thresholder is a callable, or an object with ``eval(scores)`` as in
        PyThresh. It gets the scores of the training rows, high for outliers, and returns a ratio,
        or labels with 1 for outliers. Members are then those of ``"auto"``.
    evidence : "auto", None, {"iforest", "knn", "mcd", "lof"}, detector or list, default="auto"
        Other detectors, whose scores are added to those of the members [2]_: scikit-learn's
        isolation forest, the distance to the 20th neighbour among rows that the others find normal,
        the robust covariance, the local outlier factor among such rows, or scikit-learn or PyOD
        detectors, cloned, seeded and fitted to all training rows. ``"auto"`` takes all names,
        ``"lof"`` only from 200 rows if no single ratio is given, ``"mcd"`` only with 2 to 100
        features and three rows for each and three more. It takes none for one member, for `MHRot`,
        or if `method` labels no row. A detector that cannot be fitted is left out, with a warning.
    n_estimators : int, optional
        The number of members, which differ in their seed and whose scores are averaged. With
        ``contamination="auto"`` the average is weighted by how likely their ratios are. Default:
        8, or, if a single ratio is given, one for each backbone with each of its methods.
    max_samples, max_features : float or int, default="auto" and 1.0
        The rows and features that each member is trained on, as a share or a number, drawn without
        replacement. ``"auto"`` is all rows. With ``estimator=None`` it is 50,000 at most, the same
        for all members and with all known rows, since more rows did no better.
    init : {"auto", "evidence", "iforest", "knn"}, outlier detector, array-like or None
        What gives the first labels, before the network has learned anything: the mean of the
        evidence, or of what ``evidence="auto"`` takes if there is none; scikit-learn's
        IsolationForest; the distance to the 5th neighbour (as for `evidence`); or a scikit-learn
        or PyOD detector, which is cloned, seeded and fitted. An array of shape (n_samples,) holds
        scores that are high for normal rows, as `score_samples`.
        None starts with blind epochs, as the paper does. ``"auto"`` is ``"evidence"``
        if a single ratio is given, else ``"iforest"``; for `MHRot` it is None.
    label_update : {"auto", "batch", "epoch"}, default="auto"
        When labels are inferred: in each batch, as in the paper, or before each epoch over all
        rows, which takes one more pass. ``"auto"`` is ``"epoch"`` if fewer than two rows of a batch
        would be labelled as anomalies, else ``"batch"``.
    warmup_epochs : int, optional
        The number of epochs before the network infers labels. They use the labels of `init`, by
        default for a quarter of all epochs. With ``init=None`` they are blind: by default 2 as in
        the paper, or 50 steps if that is more, up to a quarter of all.
    known_weight : float, optional
        The weight of the mean loss of all known rows beside the mean loss of all others. With 1,
        twenty known rows count as much as thousands of others. Default: every row counts the same.
    outlier_weight : float, default=1.0
        The weight of the mean anomaly loss of the `outliers` given to `fit` beside the mean loss of
        the training rows (outlier exposure [3]_).
    held_out_folds : int of at least 2, optional
        The number of folds for `held_out_scores_`. Each fold is scored by at most 8 models that are
        trained, as members are, on the other rows; evidence is fitted to these too. Default: no
        folds, which saves that time.
    keep : {"partial"} or None, default=None
        What a `fit` keeps when Ctrl-C interrupts it. None keeps nothing: the detector stays as it
        was, and KeyboardInterrupt is raised. ``"partial"`` keeps the members that are trained, and
        those in training as they were after their last whole epoch; a ConvergenceWarning says how
        many and how far. It trains one stack at a time. It keeps nothing if no member has got past
        the warm-up, in `fit_many` or in `LOESearchCV`.
    warm_start : bool, default=False
        Whether the next `fit` continues this one. If `n_estimators` is unchanged, all members are
        trained for `max_epochs` more. If it is larger, only the additional members are trained, as
        in scikit-learn's forests.
    n_jobs : int, optional
        The number of stacks that joblib trains at a time; members are split into as many. None is
        1, or what `joblib.parallel_config` says; -1 is all cores. Rows are scored by as many
        threads. A training of less than ten seconds starts no processes: that takes as long.
    verbose : int, default=0
        1 shows a progress bar over the whole fit, with the time left, once it takes more than
        two seconds (extra ``lofe-sklearn[progress]``). A backbone with ``verbose=1`` does too.
    random_state : int, RandomState instance or None, default=None
        Seeds the members. None takes the ``random_state`` of the first backbone.

    Attributes
    ----------
    estimator_ : Backbone
        The first fitted member.
    estimators_ : list of Backbone
        All fitted members.
    estimators_samples_, estimators_features_ : list of ndarray of int
        The rows and the features that each member was trained on. If rows came in blocks or
        parts, which are not kept, `estimators_samples_` is None and there are no `labels_`.
    contaminations_ : ndarray of shape (n_estimators,)
        The ratio that each member assumes.
    contamination_ : float
        The ratio that `offset_` cuts at: the one given or found, or that of `set_threshold`.
    contamination_interval_ : tuple of float
        The interval that holds the ratio with a probability of four fifths. If a ratio was given,
        both ends are that ratio; if a pair was given, it is that pair.
    evidence_ : dict of str to object, or None
        The fitted detectors of `evidence`, by name or class; None without evidence. Those that
        were given by name have ``outlier_scores(X)``, high for anomalies.
    held_out_scores_ : ndarray of shape (n_samples,) or None
        The score of each training row by models that have not seen it; None without
        `held_out_folds`, or if the fit was interrupted.
    labels_ : ndarray of int, shape (n_samples,)
        Inferred labels of the training rows: -1 anomaly, +1 normal. Known labels stay as given.
        After `set_threshold` they are those of `predict`.
    sample_indices_ : ndarray of int, shape (n_kept,)
        Numbers of the training rows labelled as normal, which `fit_resample` keeps.
    offset_ : float
        Threshold on `score_samples`: the share `contamination_` of the training rows lies below; of
        new rows a larger one may. See ``false_alarm_rate`` of `set_threshold`.
    n_iter_ : int
        The number of epochs that the longest-trained member was trained for.
    loss_history_ : ndarray of shape (`n_iter_`,)
        The minimised objective in each epoch, as a mean over rows and members. Both losses and
        the labels of each epoch are in ``estimators_[m].history_``.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names.

    See Also
    --------
    LOE.of_kinds : NeuTraL and a flow in one ensemble, if the ratio is known.
    LOESearchCV : Chooses parameters by cross-validation if some labels are known.
    fit_many : Fits many detectors in stacks.
    LOE.fit_resample : Cleans a training set for another estimator.
    lofe_sklearn.datasets.contaminate : Contaminate clean data, to try this out.

    Notes
    -----
    The number of rows labelled as anomalies is `contamination` times that of the batch or of all
    rows, rounded, but at least one: if no row is labelled, training treats all as normal.

    The score of one member is minus its normal loss. With several members or with evidence, the
    logarithms of the normal losses (of `RealNVP` the losses, which are log-densities already) are
    standardised over the training rows and averaged to u. If a single ratio is given, a member's
    unit is the standard deviation of the rows that it takes for normal, times the same number for
    all members. The scores of the evidence are brought to the same scale: the logarithms of their
    distances from the lowest one are standardised and averaged to t. The score is
    ``-(u + w t) / (1 + w)``. The weight w is 25 / n_samples if a single ratio is given, since few
    rows are too few to train networks on, and 250 / n_samples + 0.5 otherwise, since some members
    then assume wrong ratios.

    With ``"auto"`` the ratio is the geometric mean of a belief about it. No model is trained for
    that. The prior is log-normal: its median is 0.03, and the logarithm has a standard deviation of
    2. It is multiplied by how far detectors of different kinds, the backbones and the evidence,
    agree on the rows above each cut, compared with the usual agreement. If neither they nor three
    pairs of them agree on a group of rows, a `NoSeparateGroupWarning` says so, and at most one row
    in twenty is flagged. Where rows differ in one feature, agreement says nothing.

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
        method: Method = "auto",
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
            on disk and `lofe_sklearn.sources.ParquetRows` are read in blocks if they are large.
        y : Ignored
            Present for API consistency. True labels, which GridSearchCV hands on, would leak into
            the training and are never looked at.
        known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
            Masks of the rows known to be anomalies and of those known to be normal. A pandas Series
            must have the index of X. Known rows keep their label, and every batch has its share of
            them. The ratio among the others follows from `contamination`. If `contamination` is
            less than the share of known anomalies, it is raised to that, and if it is more than the
            share of rows not known to be normal, it is lowered to that, with a warning.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            The same in one array: -1 for known anomalies, +1 for rows known to be normal, 0 for
            unknown (data sets' 1 for anomalies is refused); or masks ``(normal, anomalous)``.
        outliers : array-like of shape (n_outliers, n_features), str or None
            Additional rows that are anomalies and do not belong to the training rows. Each step
            draws as many of them as a batch has rows, and trains them with the anomaly loss
            (outlier exposure). They affect no ratio, label or threshold. ``"uniform"``,
            ``"shuffled"`` and ``"gaussian"`` are made by `lofe_sklearn.datasets.make_outliers`.

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
        n_kinds = len(plan.backbones) // self._n_rounds()
        kinds = [task.kind % n_kinds for task in plan.members]
        is_one = differ_in_one_feature(X)
        belief = self._ensemble.believe(losses[0], kinds, plan.known, is_one_feature=is_one)
        self._belief = belief
        is_open = read_contamination(self.contamination).is_open
        if is_open:
            self._ensemble = self._ensemble.weighted(belief)
        self.held_out_scores_ = held_out_scores(
            plan, of_folds, self._ensemble, belief if is_open else None
        )
        self._decide(losses, plan, belief)
