"""The detectors of other libraries under one surface: `fit(X)`, `anomaly_scores(X)`.

    peer = build("pyod.KNN", {"n_neighbors": 10}, seed=0, n_features=6, contamination=0.1)
    scores = peer.fit(X).anomaly_scores(X)  # high = anomalous

`PEERS` names those that are known here. Any other scikit-learn- or PyOD-style detector is named
``package.module:Class``. Parameters go to the constructor; without any, a detector has its
library's own defaults. What else it is given, where its constructor has such an argument and
`params` has not: the seed (``random_state`` or ``seed``), ``contamination``, and for PyOD's and
DeepOD's ``verbose=0``, ``device="cpu"`` and the number of features. Two parameters are kept here:

scaling : {"raw", "standard"}
    "standard" puts scikit-learn's StandardScaler before the detector, as PyOD's users do for
    distances, kernels and networks. "raw", also the default of ``package.module:Class``, is for
    what does not depend on it (trees, ECOD, COPOD, HBOS, robust covariances) and for what scales
    on its own (PyOD's PCA, AutoEncoder, DeepSVDD and DIF).
high_means : {"outlier", "normal"}
    What a high score of a ``package.module:Class`` means, where it cannot be told.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import io
import random
import warnings
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.preprocessing import StandardScaler

Scaling = Literal["raw", "standard"]
Meaning = Literal["outlier", "normal"]

INSTALL = (
    "{library} is not installed. benchmarks/peers/requirements.txt has what the peers need: "
    "`make peers` installs it in .venv-peers, and .venv-peers/bin/python runs the benchmarks."
)


class PeerError(Exception):
    """A peer that is not available, and what to do."""


class NotInstalledError(PeerError):
    """A peer whose library is not installed."""


class Known(NamedTuple):
    """Where a detector is, and how its rows are scaled."""

    module: str
    name: str
    scaling: Scaling


PEERS: dict[str, Known] = {
    "sklearn.IsolationForest": Known("sklearn.ensemble", "IsolationForest", "raw"),
    "sklearn.LocalOutlierFactor": Known("sklearn.neighbors", "LocalOutlierFactor", "standard"),
    "sklearn.OneClassSVM": Known("sklearn.svm", "OneClassSVM", "standard"),
    "sklearn.EllipticEnvelope": Known("sklearn.covariance", "EllipticEnvelope", "raw"),
    "pyod.IForest": Known("pyod.models.iforest", "IForest", "raw"),
    "pyod.ECOD": Known("pyod.models.ecod", "ECOD", "raw"),
    "pyod.COPOD": Known("pyod.models.copod", "COPOD", "raw"),
    "pyod.KNN": Known("pyod.models.knn", "KNN", "standard"),
    "pyod.LOF": Known("pyod.models.lof", "LOF", "standard"),
    "pyod.CBLOF": Known("pyod.models.cblof", "CBLOF", "standard"),
    "pyod.HBOS": Known("pyod.models.hbos", "HBOS", "raw"),
    "pyod.OCSVM": Known("pyod.models.ocsvm", "OCSVM", "standard"),
    "pyod.PCA": Known("pyod.models.pca", "PCA", "raw"),
    "pyod.MCD": Known("pyod.models.mcd", "MCD", "raw"),
    "pyod.AutoEncoder": Known("pyod.models.auto_encoder", "AutoEncoder", "raw"),
    "pyod.DeepSVDD": Known("pyod.models.deep_svdd", "DeepSVDD", "raw"),
    "pyod.DIF": Known("pyod.models.dif", "DIF", "raw"),
    "deepod.NeuTraL": Known("deepod.models.tabular", "NeuTraL", "standard"),
    "deepod.ICL": Known("deepod.models.tabular", "ICL", "standard"),
    "deepod.DeepSVDD": Known("deepod.models.tabular", "DeepSVDD", "standard"),
    "deepod.RCA": Known("deepod.models.tabular", "RCA", "standard"),
    "deepod.SLAD": Known("deepod.models.tabular", "SLAD", "standard"),
}


class Peer:
    """A detector behind a scaler, whatever its library calls its scores.

    Parameters
    ----------
    name : str
        What messages call it.
    cls : type
        Its class.
    arguments : dict
        What its constructor is given.
    scaling : {"raw", "standard"}
        Whether rows are standardised.
    seed : int
        Seeds numpy's and torch's own generators in each fit: some libraries draw from them.
    high_means : {"outlier", "normal"}, optional
        What a high score means. None finds out.
    """

    def __init__(
        self,
        name: str,
        cls: type,
        arguments: dict[str, Any],
        scaling: Scaling,
        seed: int,
        high_means: Meaning | None = None,
    ) -> None:
        self.name, self.scaling, self.seed, self.high_means = name, scaling, seed, high_means
        self._cls, self._arguments = cls, arguments
        # Made once already here, so that a wrong parameter is found before the first fit.
        self.detector = self._make()

    def fit(self, X: np.ndarray) -> Peer:
        """Fit a new detector to the rows `X`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The training rows. They are kept, to know them again.

        Returns
        -------
        self : Peer
            The fitted peer.
        """
        self._rows = X
        self._scaler = StandardScaler().fit(X) if self.scaling == "standard" else None
        _seed_everything(self.seed)
        self.detector = self._make()
        with _silence(self._cls):
            self.detector.fit(self._scaled(X))
        self._high_means = self.high_means or _meaning(self.detector, self.name)
        return self

    def anomaly_scores(self, X: np.ndarray) -> np.ndarray:
        """Score rows; high means anomalous.

        The training rows themselves get the scores that the detector gave them when it was
        fitted: of its neighbours, for one, a row is then not its own first.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            The higher, the more anomalous.
        """
        known = self._training_scores() if self._are_training_rows(X) else None
        if known is None:
            known = self._new_scores(self._scaled(X))
        scores = np.asarray(known, dtype=np.float64).ravel()
        if len(scores) != len(X):
            raise PeerError(f"{self.name} gave {len(scores)} scores for {len(X)} rows.")
        return scores

    def _make(self) -> Any:
        with _silence(self._cls):
            return self._cls(**self._arguments)

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return X if self._scaler is None else self._scaler.transform(X)

    def _are_training_rows(self, X: np.ndarray) -> bool:
        return X is self._rows or np.array_equal(X, self._rows)

    def _training_scores(self) -> Any:
        if self._high_means == "outlier":
            return getattr(self.detector, "decision_scores_", None)
        factor = getattr(self.detector, "negative_outlier_factor_", None)
        return None if factor is None else -factor

    def _new_scores(self, X: np.ndarray) -> Any:
        with _silence(self._cls):
            if self._high_means == "outlier":
                return self.detector.decision_function(X)
            # score_samples before decision_function: both have the same order, but the first has
            # no threshold in it.
            method = getattr(self.detector, "score_samples", None)
            return -np.asarray((method or self.detector.decision_function)(X))


def build(
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    seed: int,
    n_features: int,
    contamination: float | None = None,
) -> Peer:
    """Make a detector of another library.

    Parameters
    ----------
    name : str
        A name in `PEERS`, or ``package.module:Class``.
    params : mapping, optional
        Arguments of its constructor; ``scaling`` and ``high_means`` are kept here.
    seed : int
        Of its random numbers.
    n_features : int
        Number of features of the rows; PyOD's DeepSVDD must know.
    contamination : float, optional
        Share of anomalies to tell it, where it takes one. For all in `PEERS` it only moves a
        threshold, not the scores.

    Returns
    -------
    peer : Peer
        The unfitted detector.

    Raises
    ------
    PeerError
        If there is no such detector, its library is missing, or its parameters are wrong.
    """
    known, cls = _find(name)
    own = dict(params or {})
    scaling = own.pop("scaling", known.scaling)
    if scaling not in get_args(Scaling):
        raise PeerError(f"scaling of {name} is 'raw' or 'standard', not {scaling!r}.")
    high_means = own.pop("high_means", None)
    if high_means not in (None, *get_args(Meaning)):
        raise PeerError(f"high_means of {name} is 'outlier' or 'normal', not {high_means!r}.")
    arguments = _arguments(cls, own, seed, n_features, contamination)
    try:
        peer = Peer(name, cls, arguments, scaling, seed, high_means)
    except (TypeError, ValueError) as error:
        raise PeerError(f"{name} does not take these parameters: {error}") from error
    _check_surface(peer.detector, name)
    return peer


def _find(name: str) -> tuple[Known, type]:
    if name in PEERS:
        known = PEERS[name]
    elif ":" in name:
        module_name, _, class_name = name.partition(":")
        known = Known(module_name, class_name, "raw")
    else:
        near = difflib.get_close_matches(name, PEERS, n=1, cutoff=0.5)
        by_class = [peer for peer in PEERS if peer.split(".")[-1].lower() == name.lower()]
        meant = " or ".join(by_class or near)
        hint = f" Did you mean {meant}?" if meant else ""
        raise PeerError(
            f"there is no peer {name!r}.{hint} Known: {', '.join(PEERS)}; any other detector is "
            "named package.module:Class."
        )
    library = known.module.split(".")[0]
    try:
        module = importlib.import_module(known.module)
    except ModuleNotFoundError as error:
        if library in ("pyod", "deepod"):
            missing = (error.name or library).split(".")[0]
            what = library if missing == library else f"{missing}, which {library} takes,"
            raise NotInstalledError(INSTALL.format(library=what)) from error
        raise PeerError(f"{name} cannot be imported: {error}.") from error
    cls = getattr(module, known.name, None)
    if not isinstance(cls, type):
        near = difflib.get_close_matches(known.name, dir(module), n=1)
        hint = f" Did you mean {known.module}:{near[0]}?" if near else ""
        raise PeerError(f"{known.module} has no class {known.name!r}.{hint}")
    return known, cls


def _arguments(
    cls: type, own: dict[str, Any], seed: int, n_features: int, contamination: float | None
) -> dict[str, Any]:
    takes = inspect.signature(cls).parameters
    given: dict[str, Any] = {"random_state": seed, "seed": seed}
    # Libraries take no more than half of the rows for anomalies.
    if contamination is not None and 0 < contamination <= 0.5:
        given["contamination"] = contamination
    if _base_of(cls):
        given |= {"verbose": 0, "device": "cpu"}
        if "n_features" in takes and takes["n_features"].default is inspect.Parameter.empty:
            given["n_features"] = n_features
    if issubclass(cls, OutlierMixin) and "novelty" in takes:
        given["novelty"] = True  # without it, scikit-learn's LocalOutlierFactor scores no new rows
    return {key: value for key, value in given.items() if key in takes} | own


def _base_of(cls: type) -> str | None:
    """Return whose base class `cls` has: "pyod", "deepod" or None."""
    bases = {"BaseDetector": "pyod", "BaseDeepAD": "deepod"}
    for base in cls.__mro__:
        library = bases.get(base.__name__)
        if library and base.__module__.split(".")[0] == library:
            return library
    return None


def _check_surface(detector: Any, name: str) -> None:
    if not hasattr(detector, "fit"):
        raise PeerError(f"{name} is no detector: it has no fit.")
    if not (hasattr(detector, "decision_function") or hasattr(detector, "score_samples")):
        raise PeerError(f"{name} has neither decision_function nor score_samples to score rows.")


def _meaning(detector: Any, name: str) -> Meaning:
    """Find out what a high score of a fitted detector means."""
    pyod_style = _base_of(type(detector)) is not None
    sklearn_style = isinstance(detector, OutlierMixin)
    if not pyod_style and not sklearn_style:
        # Neither base class: what it has then tells, if only one of them.
        pyod_style = getattr(detector, "decision_scores_", None) is not None
        sklearn_style = hasattr(detector, "score_samples")
    if pyod_style != sklearn_style:
        return "outlier" if pyod_style else "normal"
    raise PeerError(
        f"it cannot be told whether a high score of {name} means an outlier, as in PyOD "
        "(subclasses of its BaseDetector or DeepOD's BaseDeepAD; decision_scores_), or a normal "
        "row, as in scikit-learn (OutlierMixin; score_samples): it has "
        f"{'the marks of both' if pyod_style else 'no mark of either'}. Say so with the parameter "
        "high_means='outlier' or high_means='normal'."
    )


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - PyOD and DeepOD draw from the global generator
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("torch").manual_seed(seed)


def _silence(cls: type) -> contextlib.AbstractContextManager[Any]:
    # DeepOD prints and draws progress bars even with verbose=0.
    if _base_of(cls) == "deepod":
        stack = contextlib.ExitStack()
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        return stack
    # PyOD's networks ask for pinned memory, and torch warns in each epoch where there is no GPU.
    warnings.filterwarnings("ignore", message=".*pin_memory")
    return contextlib.nullcontext()
