"""LOE: a backbone trained on contaminated data, by inferring each row's label as it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn import engine
from lofe_sklearn._known_labels import (
    check_known_labels,
    ratio_with_known,
    warn_of_a_low_ratio,
)
from lofe_sklearn._loe._cleaning import CleaningMixin
from lofe_sklearn._loe._members import backbones_of, held_out_rows, member_ratios, plan
from lofe_sklearn._loe._parameters import (
    CONSTRAINTS,
    check_backbones,
    is_interval,
    is_thresholder,
    label_rule,
)
from lofe_sklearn._loe._posterior import Posterior, PosteriorMixin
from lofe_sklearn._loe._ratio import FoundRatio, find_ratio, thresholded_ratio
from lofe_sklearn._loe._scale import CommonScale, mean_losses
from lofe_sklearn._validation import all_or_nothing, check_parameters
from lofe_sklearn.backbones._base import Backbone, OutlierDetector
from lofe_sklearn.backbones._training import threshold, train_tasks, unknown_ratio


class LOE(CleaningMixin, PosteriorMixin, OutlierDetector):
    """Latent Outlier Exposure [1]_: train a detector on unlabelled, contaminated data.

    A backbone gives two losses for each row, low where it looks normal and low where it looks
    anomalous. LOE minimises their sum over the network's parameters and the rows' unknown labels
    in turn: the share `contamination` of the rows that look most anomalous is trained as anomalies
    (``"hard"``) or as either (``"soft"``), all others as normal.

    Parameters
    ----------
    estimator : Backbone or list of Backbone, default=None
        The backbone to train: `NeuTraL`, `ICL`, `GOAD`, `DeepSVDD`, `AutoEncoder`, `MHRot` or your
        own. It is cloned, never changed. Of a list, members are copies in turn. None stands for
        ``[DeepSVDD(), AutoEncoder()]``, which did best on average where nothing is known.
    method : {"hard", "soft", "refine", "blind"} or callable, default="hard"
        How rows are labelled. ``"hard"`` gives the marked rows weight 1 in the anomaly loss, and
        did best with ratios spread over members; ``"soft"`` gives them weight 1/2 in both losses
        and is safer with one ratio that may be too large; ``"refine"`` drops them; ``"blind"``
        marks none. A callable ``(loss_n, loss_a, alpha, known) -> (w_n, w_a)`` gets the losses as
        tensors of shape (M, b) for M members, the ratio as a tensor (M,) and the known labels
        (M, b) or None, and returns the weights of both losses, (M, b) each.
    contamination : "auto", float, pair of floats or thresholder, default="auto"
        Share of anomalies in the training rows, in (0, 0.5]: it steers the training and sets the
        threshold of `predict`. Of a pair, ``(low, high)``, members assume ratios from one to the
        other, and the threshold is that of their geometric mean. ``"auto"`` is for those who do
        not know it: members assume different ratios, from 0.01 to 0.4, and the threshold's is found
        without labels; see Notes.
        A thresholder, an object with ``eval(scores)`` as PyThresh's or a callable, gets the
        outlier scores of the training rows, high for outliers, and returns labels, 1 for outliers,
        or a ratio; members are then those of ``"auto"``.
    n_estimators : int, optional
        Members, which differ in their seed, trained in one stack; their scores are averaged.
        Default: 16 where no single ratio is given, else one for each backbone.
    max_samples, max_features : float or int, default=1.0
        Rows and features that each member is trained on, drawn without replacement: a share, or a
        number. On the benchmarks subsampling did not help.
    init : {"auto", "iforest"}, outlier detector, array-like of shape (n_samples,) or None
        Which rows the first latent labels take for anomalies, by the scores of another detector.
        ``"iforest"`` is scikit-learn's IsolationForest. A detector of scikit-learn's or PyOD's is
        cloned and fitted. Scores given as an array are high for normal rows, as `score_samples`
        returns them. None starts with blind epochs, as the paper does. ``"auto"``, the default, is
        ``"iforest"``, but None for `MHRot`.
    label_update : {"auto", "batch", "epoch"}, default="auto"
        Whether labels are inferred in each batch, as in the paper, or before each epoch over all
        rows, at the price of one more pass. ``"auto"`` is per epoch where fewer than two rows a
        batch would be marked.
    warmup_epochs : int, optional
        Epochs before labels are inferred: blind ones, or with the labels of `init`. Default: 2
        blind ones, as in the paper, or a quarter of the epochs with those of `init`.
    known_weight : float, optional
        How much the mean loss of the rows of known label counts beside the mean over all others,
        where `fit` is told any: 1 lets twenty known rows count as much as thousands of unknown
        ones. Default: every row counts the same.
    outlier_weight : float, default=1.0
        How much the mean anomaly loss of auxiliary outliers counts beside the mean over the
        training rows, where `fit` is given any (outlier exposure [2]_).
    random_state : int, RandomState instance or None, default=None
        Seeds the members. None takes the first backbone's own ``random_state``.

    Attributes
    ----------
    estimator_ : Backbone
        The first fitted member.
    estimators_ : list of Backbone
        All fitted members.
    estimators_samples_, estimators_features_ : list of ndarray of int
        The rows and the features that each member was trained on.
    contaminations_ : ndarray of shape (n_estimators,)
        The ratio that each member assumes.
    contamination_ : float
        The ratio that `offset_` cuts at: the one given, or the one found.
    contamination_interval_ : tuple of float
        One standard deviation of the logarithm of the found ratio below and above it. Of a ratio
        that was given, twice the ratio; a pair that was given.
    held_out_scores_ : ndarray of shape (n_samples,) or None
        With ``contamination="auto"``, the score of each training row by models that have not seen
        it, high for normal. None for fewer than 36 rows.
    labels_ : ndarray of int, shape (n_samples,)
        Inferred labels of the training rows: -1 anomaly, +1 normal. Known labels stand as given.
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
    LOESearchCV : Chooses parameters by cross-validation where some labels are known.
    fit_many : Fits many detectors in stacks.
    LOE.fit_resample : Cleans a training set for another estimator.
    lofe_sklearn.datasets.contaminate : Contaminate clean data, to try this out.

    Notes
    -----
    The number of rows marked is `contamination` times that of the batch or of all rows, rounded,
    but at least one: where nothing is marked, training would take all rows for normal.

    The score of a member is minus its normal loss. Of several members, the logarithms of their
    normal losses are standardised by their mean and standard deviation over the training rows
    and averaged, so that the scale does not depend on the rows that are scored.

    The ratio that ``"auto"`` cuts at is the geometric mean of two estimates. One is the mean of the
    ratios from 0.01 to 0.4, weighted by how well models trained on two thirds of the rows put the
    rows above that cut on top among the other third (average precision, chance taken off, to the
    eighth power). The other is the weight of the upper component in a Dirichlet process mixture of
    normal distributions of the scores. The interval shows how far they, and the cuts, disagree.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.
    .. [2] D. Hendrycks, M. Mazeika, T. Dietterich (2019). Deep Anomaly Detection with Outlier
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
        estimator=None,
        *,
        method="hard",
        contamination="auto",
        n_estimators=None,
        max_samples=1.0,
        max_features=1.0,
        init="auto",
        label_update="auto",
        warmup_epochs=None,
        known_weight=None,
        outlier_weight=1.0,
        random_state=None,
    ):
        self.estimator = estimator
        self.method = method
        self.contamination = contamination
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.max_features = max_features
        self.init = init
        self.label_update = label_update
        self.warmup_epochs = warmup_epochs
        self.known_weight = known_weight
        self.outlier_weight = outlier_weight
        self.random_state = random_state

    def fit(self, X, y=None, *, known_labels=None, outliers=None):
        """Train on X, inferring which of its rows are anomalies.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows; at least two. Sparse rows are made dense a batch at a time.
        y : Ignored
            Present for API consistency. True labels, which GridSearchCV hands on, would leak into
            the training and are never looked at.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            +1 for rows known to be normal, -1 for known anomalies, 0 for unknown; or two boolean
            masks, (normal, anomalous). A pandas Series must have the index of X. Known rows keep
            their label exactly, every batch has its share of them, and the ratio among the others
            follows from `contamination`; if that is less than the share of known anomalies, it is
            raised to it, with a warning.
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
        """
        with all_or_nothing(self):
            X, known, tasks = self._start_fit(X, known_labels, outliers)
            self._end_fit(X, known, tasks, train_tasks(tasks, X))
        return self

    def _start_fit(self, X, known_labels, outliers=None, memo=None):
        templates, rule = self._check_parameters()
        # Which rows it takes is the backbone's own to say. What it finds out about them,
        # n_features_in_ and the like, goes to every member.
        prototypes, given = [clone(template) for template in templates], X
        for prototype in prototypes:
            X = prototype._check_training_rows(X)
            self._check_warmup(prototype.choose_max_epochs(X.shape[0]))
        known = check_known_labels(known_labels, X.shape[0], type(self).__name__, given)
        if not (isinstance(self.contamination, str) or is_thresholder(self.contamination)):
            largest = float(np.max(self.contamination))
            warn_of_a_low_ratio(largest, known, type(self).__name__)
        tasks = plan(self, prototypes, rule, X, known, outliers, {} if memo is None else memo)
        self._prototype = prototypes[0]
        return X, known, tasks

    def _end_fit(self, X, known, tasks, losses):
        n_members = len(member_ratios(self, len(backbones_of(self))))
        members, of_folds = tasks[:n_members], tasks[n_members:]
        self.contaminations_ = np.array([task.contamination for task in members])
        self.estimators_ = [task.member for task in members]
        self.estimator_ = self.estimators_[0]
        self.estimators_samples_ = [task.rows for task in members]
        self.estimators_features_ = [
            np.arange(X.shape[1]) if task.features is None else task.features for task in members
        ]
        self._scale = CommonScale.of([own[0] for own in losses[:n_members]])
        loss_n, loss_a = self._losses_of_all(X, losses[:n_members])
        scores = self._scale.combine(loss_n)

        self.held_out_scores_ = self._held_out_scores(X, of_folds, losses[n_members:])
        found = self._find_ratio(scores)
        self.contamination_, *interval = (
            ratio_with_known(ratio, known) for ratio in (found.value, found.low, found.high)
        )
        self.contamination_interval_ = tuple(interval)
        self.offset_ = threshold(scores, self.contamination_)
        self._posterior = Posterior.of(
            self._scale, scores, self.contamination_, self.held_out_scores_, known
        )
        self.labels_ = self._infer_labels(members[0].rule, loss_n, loss_a, known)
        self.n_iter_ = max(member.n_iter_ for member in self.estimators_)
        self.loss_history_ = _mean_history(self.estimators_, self.n_iter_)

    def _losses_of_all(self, X, losses):
        """Both losses of all rows under every member, (2, M, n), also of rows it was not given."""
        columns = zip(self.estimators_samples_, self.estimators_features_, strict=True)
        every = [
            own if len(rows) == X.shape[0] else np.stack(member._losses(X[:, features]))
            for member, own, (rows, features) in zip(self.estimators_, losses, columns, strict=True)
        ]
        return np.stack(every, axis=1)

    def _held_out_scores(self, X, tasks, losses):
        """Score each row by models that have not seen it; None where there are none."""
        if not tasks:
            return None
        scores = np.empty(X.shape[0])
        own_losses = dict(zip(map(id, tasks), losses, strict=True))
        for rows, group in held_out_rows(tasks, X.shape[0]):
            scale = CommonScale.of([own_losses[id(task)][0] for task in group])
            held_out = X[rows]
            loss_n = np.stack([task.member._losses(held_out)[0] for task in group])
            scores[rows] = scale.combine(loss_n)
        return scores

    def _find_ratio(self, scores):
        if is_thresholder(self.contamination):
            return thresholded_ratio(self.contamination, -scores)
        if isinstance(self.contamination, str):
            held_out = self.held_out_scores_
            return find_ratio(-scores, None if held_out is None else -held_out)
        if is_interval(self.contamination):
            low, high = map(float, self.contamination)
            return FoundRatio(float(np.sqrt(low * high)), low, high)
        ratio = float(self.contamination)
        return FoundRatio(ratio, ratio, ratio)

    def score_samples(self, X):
        """Score of each row: the higher, the more normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            Minus the normal loss; of several members, minus the mean of their standardised
            logarithms. It does not depend on the other rows of X.
        """
        X = self._check_rows(X)
        losses = [
            member._losses(X if len(features) == X.shape[1] else X[:, features])[0]
            for member, features in zip(self.estimators_, self.estimators_features_, strict=True)
        ]
        return self._scale.combine(np.stack(losses))

    def embed(self, X):
        """Embed rows by the members' networks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to embed.

        Returns
        -------
        embeddings : ndarray of float64, shape (n_samples, n_outputs)
            The members' embeddings side by side.
        """
        X = self._check_rows(X)
        seen = zip(self.estimators_, self.estimators_features_, strict=True)
        return np.hstack([member.embed(X[:, features]) for member, features in seen])

    @property
    def n_features_in_(self):
        """Number of features seen in `fit`."""
        return self._prototype.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features, if X has string column names."""
        return self._prototype.feature_names_in_

    def _check_rows(self, X):
        check_is_fitted(self)
        return self._prototype._check_rows(X)

    def _check_parameters(self) -> tuple[list[Any], engine.Rule]:
        check_parameters(self, CONSTRAINTS)
        templates = backbones_of(self)
        check_backbones(templates)
        return templates, label_rule(self.method)

    def _check_warmup(self, n_epochs: int) -> None:
        if self.method != "blind" and (self.warmup_epochs or 0) >= n_epochs:
            raise ValueError(
                f"LOE: warmup_epochs={self.warmup_epochs} must be below the estimator's "
                f"max_epochs={n_epochs}, or no label would be inferred. "
                "Lower warmup_epochs or raise max_epochs."
            )

    def _infer_labels(
        self,
        rule: engine.Rule,
        loss_n: np.ndarray,
        loss_a: np.ndarray,
        known: np.ndarray | None,
    ) -> np.ndarray:
        """Do the label step over all training rows at once, with the members' mean ranking."""
        n_samples = loss_n.shape[1]
        loss_n, loss_a = mean_losses(loss_n, loss_a)
        w_n, w_a = rule(
            torch.from_numpy(loss_n),
            torch.from_numpy(loss_a),
            torch.tensor([unknown_ratio(self.contamination_, known, n_samples)]),
            None if known is None else torch.from_numpy(known).unsqueeze(0),
        )
        return np.where((w_a >= w_n).numpy()[0], -1, 1)


def _mean_history(members: list[Backbone], n_iter: int) -> np.ndarray:
    histories = np.full((len(members), n_iter), np.nan)
    for row, member in zip(histories, members, strict=True):
        row[: member.n_iter_] = member.loss_history_
    return np.nanmean(histories, axis=0)
