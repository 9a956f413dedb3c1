"""``explain`` of every detector."""

from __future__ import annotations

import copy
from typing import Any

from numpy.typing import ArrayLike

from lofe_sklearn._reasons._explanation import Explanation, explanation_of
from lofe_sklearn._reasons._groups import read_groups
from lofe_sklearn._reasons._occlusion import occlude
from lofe_sklearn._reasons._plain_rows import PlainRows
from lofe_sklearn._reasons._typical import typical_values
from lofe_sklearn._types import Floats, Ints, MatrixLike
from lofe_sklearn.sources._find_source import check_computed


class ExplainMixin:
    """What a detector of rows needs to explain them: its scores, and typical values from `fit`.

    A class that has it keeps the medians of its training rows as ``_typical_values``.
    """

    _layout: Any
    _readers: Any
    _rows_to_score: Any
    _scores_of: Any
    _validated: Any
    _typical_values: Floats | None = None

    def explain(
        self,
        X: MatrixLike,
        *,
        background: MatrixLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Explanation:
        """Say how much each feature contributes to the anomaly of each row.

        A feature's typical value is its median over the training rows. Its contribution is the
        mean of two changes of the score: how much the row's score rises when the feature is given
        the typical value, and how much the score of the typical row falls when the feature is given
        the row's value. The whole of ``score_samples`` is asked, whatever it is made of.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to explain. Each takes two scores for every feature whose value is not typical,
            so pass the few that matter.
        background : {array-like, sparse matrix} of shape (n_background, n_features), optional
            Rows whose medians are the typical values. Default: the training rows.
        groups : array-like of int or str, shape (n_features,), optional
            Features with equal entries are replaced together, which takes fewer scores. They share
            their contribution evenly. Default: each feature by itself; `MHRot`'s pixels in patches,
            at most eight by eight of them.

        Returns
        -------
        explanation : Explanation
            Contributions in units of the score, with values and typical values.

        Raises
        ------
        ValueError
            If X, `background` or `groups` cannot be used.
        NotFittedError
            If the detector is not fitted.

        See Also
        --------
        lofe_sklearn.inspection.explain : The same of a Pipeline, by columns of its input.

        Notes
        -----
        The contributions of a row add up to the difference of its score to that of the typical row
        if features act on the score one by one or in pairs, as they nearly do in most backbones.
        `remainder` of the explanation says what is missing.

        Features that vary together are replaced one at a time, so that a row may get values that do
        not occur together. Put features that mean one thing into one group.

        Examples
        --------
        >>> import numpy as np
        >>> from lofe_sklearn import LOE, DeepSVDD
        >>> X = np.random.default_rng(0).normal(size=(200, 4))
        >>> X[0, 2] = 9.0
        >>> detector = LOE(DeepSVDD(), contamination=0.05, random_state=0).fit(X)
        >>> [[reason]] = detector.explain(X[:1]).top(1)
        >>> reason.feature, reason.value, reason.contribution > 0
        ('x2', 9.0, True)
        """
        owner = type(self).__name__
        names = getattr(self, "feature_names_in_", None)
        with self._rows_to_score(X) as rows:
            self._scores_of(rows)  # It names the row and the column of what cannot be scored.
            typical = self._typical(background)
            n_features = rows.shape[1]
            default = self._feature_groups(n_features) if groups is None else groups
            table = PlainRows(rows, typical, read_groups(default, n_features, owner, names))
            found = occlude(self._without_names().score_samples, table, owner)
        # A list has an `index` too, which is a method.
        index = getattr(X, "index", None) if hasattr(X, "iloc") else None
        return explanation_of(found, table, names, index)

    def _feature_groups(self, n_features: int) -> Ints | None:
        """Return the groups in which the backbones' features are explained; None for one by one."""
        for reader in self._readers(fitted=True):
            groups = reader.feature_groups(n_features, self._layout)
            if groups is not None:
                return groups
        return None

    def _typical(self, background: Any) -> Floats:
        if background is not None:
            check_computed(background, type(self).__name__, "background")
            like = self if hasattr(background, "columns") else self._without_names()
            readers, options = self._readers(fitted=True), {"name": "background", "reset": False}
            return typical_values(like._validated(background, readers, self._layout, **options)[0])
        if self._typical_values is None:
            raise ValueError(
                f"{type(self).__name__}: this detector was fitted by an earlier version, which "
                "kept no typical values. Pass background=X_train, or fit it again."
            )
        return self._typical_values

    def _without_names(self) -> Any:
        """Return a copy that compares no names: rows are arrays from here on."""
        detector = copy.copy(self)
        vars(detector).pop("feature_names_in_", None)
        return detector
