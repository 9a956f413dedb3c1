"""A detector in the shape that ADBench runs: a class of a seed, with `fit` and `predict_score`."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import has_fit_parameter

from lofe_sklearn._any_detector import innermost_step, prefix_of_parameters, scores_of_wrapped
from lofe_sklearn._containers import check_plain_values, check_unmasked
from lofe_sklearn._types import Floats, Ints, MatrixLike
from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.adapters._checks import checked_detector


class ADBenchDetector:
    """`LOE()`, or with `of` any detector, in the shape of ADBench's customized algorithms.

    ADBench [1]_ makes an instance for each data set, setting and seed itself, so it is given the
    class:
    ``RunPipeline(...).run(dataset=..., clf=ADBenchDetector)``, or
    ``clf=ADBenchDetector.of(LOE(NeuTraL()))``. ADBench itself need not be installed to import this.

    Parameters
    ----------
    seed : int, optional
        Replaces every ``random_state`` of the detector, so that ADBench's repetitions differ. None
        leaves them as they are.
    model_name : str, optional
        What ADBench calls the algorithm. Not used.

    Attributes
    ----------
    detector_ : object
        The fitted detector.

    See Also
    --------
    lofe_sklearn.datasets.adbench_split : ADBench's split, without ADBench.

    Notes
    -----
    ADBench catches every error, prints it and goes on with NaN for the result: where results are
    missing, fit the class to the data by hand.

    References
    ----------
    .. [1] S. Han, X. Hu, H. Huang, M. Jiang, Y. Zhao (2022). ADBench: Anomaly Detection Benchmark.
       NeurIPS Datasets and Benchmarks. arXiv:2206.09426. Its notebook ``run_customized`` shows the
       shape.

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.adapters.adbench import ADBenchDetector
    >>> from lofe_sklearn.datasets import adbench_split, load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = adbench_split(X, y, random_state=0)
    >>> Customized = ADBenchDetector.of(LOE(DeepSVDD(max_epochs=5), contamination=0.025))
    >>> clf = Customized(seed=1, model_name="Customized")   # as ADBench does
    >>> clf = clf.fit(X_train=X_train, y_train=y_train)     # never looks at y_train
    >>> clf.predict_score(X_test).shape                     # high for anomalies
    (1132,)
    """

    detector: ClassVar[Any] = None
    use_labels: ClassVar[bool] = False

    def __init__(self, seed: int | None = None, model_name: str | None = None) -> None:
        self.seed = seed
        self.model_name = model_name

    @classmethod
    def of(
        cls, detector: Any | Callable[[int | None], Any] = None, *, use_labels: bool = False
    ) -> type[ADBenchDetector]:
        """Return a class for ADBench to make instances of, that trains `detector`.

        Parameters
        ----------
        detector : detector or callable, default=None
            An instance with ``fit(X)`` and ``score_samples(X)``, high for normal rows: `LOE`, a
            backbone, a scikit-learn detector, or a Pipeline that ends in one. It is cloned, and
            every ``random_state`` of the clone is set to the seed. A callable gets the seed and
            returns such an instance, which is then trained as it is. None stands for `LOE()`.
        use_labels : bool, default=False
            Whether the anomalies that ADBench's semi-supervised settings mark in `y_train` are
            trained as known anomalies. By default `y_train` is not looked at: with unsupervised
            settings ADBench marks none, and with supervised ones all.

        Returns
        -------
        customized : type
            A subclass with the constructor ``(seed, model_name)``.

        Raises
        ------
        TypeError
            If `detector` is none of these, or cannot be given known labels where it should be:
            here, since an error while it runs ADBench only prints.

        Examples
        --------
        >>> from lofe_sklearn import LOE, NeuTraL
        >>> from lofe_sklearn.adapters.adbench import ADBenchDetector
        >>> Unsupervised = ADBenchDetector.of(LOE(NeuTraL()))
        >>> SemiSupervised = ADBenchDetector.of(LOE(NeuTraL()), use_labels=True)
        >>> Customized = ADBenchDetector.of(lambda seed: LOE(n_estimators=4, random_state=seed))
        """
        if not _is_factory(detector):
            checked = checked_detector(detector, cls.__name__)
            if use_labels:
                _check_takes_labels(checked, cls.__name__)
        # A factory in the class itself would be bound like a method.
        own = {"detector": staticmethod(detector) if _is_factory(detector) else detector}
        return type(cls.__name__, (cls,), {**own, "use_labels": use_labels, "__doc__": cls.__doc__})

    def fit(
        self, X_train: MatrixLike, y_train: ArrayLike | None = None, ratio: object = None
    ) -> Self:
        """Train the detector.

        Parameters
        ----------
        X_train : array-like of shape (n_samples, n_features)
            The training rows.
        y_train : array-like of shape (n_samples,), optional
            As ADBench gives it: 1 for anomalies that are known, 0 for all other rows, which may be
            normal or not. Looked at only with ``use_labels=True``.
        ratio : float, optional
            Not used. Versions of ADBench that give it count the anomalies of the test rows for it,
            which a detector cannot know.

        Returns
        -------
        self : ADBenchDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If the detector cannot use the rows, or with ``use_labels=True`` if `y_train` is missing
            or has other values than 0 and 1.
        TypeError
            If a callable given to `of` returns no detector.
        """
        check_unmasked(X_train, "X_train", type(self).__name__)
        detector = self._unfitted()
        labels = {}
        if self.use_labels:
            _check_takes_labels(detector, type(self).__name__)
            labels[f"{prefix_of_parameters(detector)}known_labels"] = _known_labels(
                y_train, type(self).__name__
            )
        self.detector_ = detector.fit(X_train, **labels)
        return self

    def predict_score(self, X: MatrixLike) -> Floats:
        """Score rows, high for anomalies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            Minus the detector's ``score_samples(X)``.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        if not hasattr(self, "detector_"):
            raise NotFittedError(f"{type(self).__name__}: call fit before predict_score.")
        check_unmasked(X, "X", type(self).__name__)
        scores = self.detector_.score_samples(X)
        return -scores_of_wrapped(scores, self.detector_, type(self).__name__)

    def _unfitted(self) -> Any:
        owner = type(self).__name__
        whole = Number(Integral, low=0, high=2**32 - 1, optional=True)
        check_argument(type(self).__name__, "seed", self.seed, whole)
        seed = None if self.seed is None else int(self.seed)
        if _is_factory(self.detector):
            made = self.detector(seed)
            if made is None:
                raise TypeError(f"{owner}: the callable returned None; it must return a detector.")
            return checked_detector(made, owner)
        detector = checked_detector(self.detector, owner)
        if seed is not None:
            names = [name for name in detector.get_params() if _is_random_state(name)]
            detector.set_params(**dict.fromkeys(names, seed))
        return detector


def _is_factory(detector: Any) -> bool:
    return callable(detector) and not isinstance(detector, type) and not hasattr(detector, "fit")


def _is_random_state(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


def _check_takes_labels(detector: Any, owner: str) -> None:
    if not has_fit_parameter(innermost_step(detector), "known_labels"):
        raise TypeError(
            f"{owner}: use_labels=True needs a detector whose fit takes known_labels, LOE or a "
            f"backbone; {type(innermost_step(detector)).__name__}'s does not."
        )


def _known_labels(y_train: ArrayLike | None, owner: str) -> Ints:
    """Known labels of `fit`, from ADBench's: only its anomalies are known."""
    if y_train is None:
        raise ValueError(f"{owner}: use_labels=True needs y_train; got None.")
    check_plain_values(y_train, "y_train", owner)
    labels = np.asarray(y_train)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"{owner}: y_train must be 1 for known anomalies and 0 for all other rows; got the "
            f"values {np.unique(labels)[:5].tolist()}."
        )
    return np.where(labels == 1, -1, 0)
