"""The inferred labels as a product of their own: training rows without the anomalies among them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Self

import numpy as np
from sklearn.utils.metadata_routing import UNCHANGED

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._containers import count_rows
from lofe_sklearn._take_rows import take_rows
from lofe_sklearn._types import Ints, KnownLabels, Mask
from lofe_sklearn.sources._find_source import in_memory, source_of


class CleaningMixin:
    """Rows in, clean rows out, by the labels that `fit` infers.

    The interface is imbalanced-learn's, by duck typing: a step with ``fit_resample`` is a sampler
    to its Pipeline, which calls it in ``fit`` and leaves the step out when it predicts.
    """

    fit: Any
    labels_: np.ndarray
    get_metadata_routing: Any

    @property
    def sample_indices_(self) -> Ints:
        """Numbers of the training rows that are kept: those not labelled anomalous."""
        # Not stored, so that no later fit can leave it behind.
        return np.flatnonzero(self.labels_ != -1)

    def fit_resample(
        self,
        X: Any,
        y: Any = None,
        *,
        known_anomalies: Mask | None = None,
        known_normal: Mask | None = None,
        known_labels: KnownLabels | None = None,
        **fit_params: Any,
    ) -> tuple[Any, Any]:
        """Fit on X, and return its rows without those labelled anomalous.

        Whatever is trained on these rows is trained on cleaner data. In imbalanced-learn's Pipeline
        [1]_ LOE is a step that cleans: rows are dropped in ``fit`` only, and none when the pipeline
        predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to train on and to clean; at least two.
        y : array-like of shape (n_samples, ...), optional
            Values that belong to the rows, such as classes or targets for the next estimator. They
            are cut to the kept rows, and do not affect which rows are kept: a rare class is dropped
            if its rows look anomalous.
        known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
            As in `fit`: known anomalies are dropped, and known normal rows are kept, whatever they
            look like.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            The same in one array of -1, +1 and 0, as in `fit`.
        **fit_params : dict
            Whatever else `fit` takes.

        Returns
        -------
        X_clean : {array-like, sparse matrix} of shape (n_kept, n_features)
            The rows whose `labels_` are +1, in their order and as they were given: neither scaled
            nor of another type, since what comes next has its own demands. The container is that of
            X: an array, a data frame with its index, a list. Sparse formats that have no rows to
            take, such as COO, become CSR.
        y_clean : array-like of shape (n_kept, ...) or None
            The entries of y of the same rows, in the container of y.

        Raises
        ------
        ValueError
            If y has another length than X, if X is a source of more rows than are read whole, or if
            all rows were labelled anomalous; and whatever `fit` raises. The detector is then as it
            was before.
        TrainingDivergedError
            If a member's loss stops being finite; the detector is then unfitted.

        See Also
        --------
        set_fit_resample_request : Known labels in an imbalanced-learn Pipeline.

        Notes
        -----
        `sample_indices_` has the numbers of the rows that are kept, `labels_` all labels. Both
        follow `set_threshold`: ``X[cleaner.set_threshold(n_flagged=20).sample_indices_]`` leaves
        out other rows without training again.

        The labels are those of the training, not ``predict(X)``: they honour known labels. LOE
        marks at least one row, so at least one is dropped, also from clean data; how many are is up
        to `contamination`. Without evidence, methods that label no row (``"blind"``, `rules.ODIM`
        and `rules.PURisk`) drop known anomalies at most. Equal rows stay or go
        together; of rows that are all equal, none goes. Rows that are normal but rare go first.
        If that costs more than anomalies that stay, give a small `contamination`.

        There is no ``transform``: rows to predict on must not be dropped, and scikit-learn's own
        Pipeline keeps the number of rows.

        References
        ----------
        .. [1] G. Lemaitre, F. Nogueira, C. K. Aridas (2017). Imbalanced-learn: A Python Toolbox to
           Tackle the Curse of Imbalanced Datasets in Machine Learning. JMLR 18(17).

        Examples
        --------
        >>> from lofe_sklearn import LOE, DeepSVDD
        >>> from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
        >>> X, y = load_thyroid(return_X_y=True)
        >>> X_train, _, y_train, _ = loe_tabular_split(X, y, random_state=0)
        >>> cleaner = LOE(DeepSVDD(), contamination=0.1, random_state=0)
        >>> X_clean, _ = cleaner.fit_resample(X_train)
        >>> X_train.shape, X_clean.shape
        ((2043, 6), (1839, 6))
        >>> dropped = cleaner.labels_ == -1
        >>> bool(y_train[dropped].mean() > 0.8)   # most of them are anomalies
        True
        """
        owner = type(self).__name__
        _refuse_blocks(X, owner)
        X = in_memory(X, owner)
        if y is not None:
            n_rows, n_entries = count_rows(X, "X", owner), _count_entries(y, owner)
            if n_rows != n_entries:
                raise ValueError(
                    f"{owner}: y must have one entry for each row of X; got {n_entries} for "
                    f"{n_rows} rows. y=None if there is nothing to cut beside X."
                )
        with all_or_nothing(self) as fitted:
            # Only what was given: a subclass may have a `fit` that does not take all of them.
            labels = {
                "known_anomalies": known_anomalies,
                "known_normal": known_normal,
                "known_labels": known_labels,
            }
            given = {name: value for name, value in labels.items() if value is not None}
            fitted.fit(X, **given, **fit_params)
            kept = fitted.sample_indices_
            if len(kept) == 0:
                raise ValueError(
                    f"{owner}: fit_resample has no row left: all {len(fitted.labels_)} were "
                    "labelled anomalous, by known labels or by a method of your own. Leave some "
                    "rows unknown, or let the method give some a greater weight w_n than w_a."
                )
            return take_rows(X, kept), None if y is None else take_rows(y, kept)

    def set_fit_resample_request(
        self,
        *,
        known_anomalies: bool | str | None = UNCHANGED,
        known_normal: bool | str | None = UNCHANGED,
        known_labels: bool | str | None = UNCHANGED,
    ) -> Self:
        """Say which known labels a Pipeline of imbalanced-learn's hands on to `fit_resample`.

        Only for scikit-learn's metadata routing (``enable_metadata_routing=True``). Such a Pipeline
        asks for the request of `fit` too: ``set_fit_request(known_anomalies=True)``. Without
        routing imbalanced-learn hands nothing to a step that cleans, and does not say so.

        scikit-learn makes these methods for the methods that it knows when a class is defined, and
        of `fit_resample` imbalanced-learn tells it on import. Written out, it does not depend on
        which of the two is imported first.

        Parameters
        ----------
        known_anomalies, known_normal, known_labels : bool, str or None
            True hands it on, False does not, None is an error if it is passed; a string is the
            name that it is passed by. By default the request stays as it is.

        Returns
        -------
        self : object
            The detector.

        Raises
        ------
        RuntimeError
            If imbalanced-learn was not imported before the first request was set.

        Examples
        --------
        >>> import sklearn, imblearn.pipeline  # doctest: +SKIP
        >>> from lofe_sklearn import LOE
        >>> with sklearn.config_context(enable_metadata_routing=True):  # doctest: +SKIP
        ...     cleaner = LOE().set_fit_request(known_anomalies=True)
        ...     cleaner = cleaner.set_fit_resample_request(known_anomalies=True)
        """
        requests = self.get_metadata_routing()
        if not hasattr(requests, "fit_resample"):
            raise RuntimeError(
                f"{type(self).__name__}: set_fit_resample_request needs imbalanced-learn, which "
                "tells scikit-learn of fit_resample. Import imblearn.pipeline before any request "
                "is set."
            )
        aliases = {
            "known_anomalies": known_anomalies,
            "known_normal": known_normal,
            "known_labels": known_labels,
        }
        for name, alias in aliases.items():
            if alias != UNCHANGED:
                requests.fit_resample.add_request(param=name, alias=alias)
        self._metadata_request = requests
        return self


def _count_entries(y: Any, owner: str) -> int:
    """Return the number of entries of y, of which some can be taken."""
    if isinstance(y, (Mapping, Set, str, bytes)):
        raise ValueError(
            f"{owner}: y must be a list, an array, a Series or a frame with an entry for each row "
            f"of X, of which those of the rows that stay are taken; got a {type(y).__name__}."
        )
    return count_rows(y, "y", owner)


def _refuse_blocks(X: Any, owner: str) -> None:
    """Raise ValueError for a source that `fit` reads in blocks: it keeps no label of a row."""
    source = source_of(X, owner)
    if source is not None and not source.is_small:
        raise ValueError(
            f"{owner}: fit_resample takes rows that are in memory; got a {source.name} of shape "
            f"{source.shape}, which is read in blocks, and then no labels_ are kept. Load the rows "
            "if the memory is large enough; or call fit(X), and drop the rows that predict(X) "
            "labels -1."
        )
