"""What a fitted LOE says of rows: scores and embeddings."""

from __future__ import annotations

from typing import Any

from lofe_sklearn._containers import Matrix
from lofe_sklearn._loe._ensemble import Ensemble
from lofe_sklearn._types import Floats, MatrixLike


class ScoringMixin:
    """The methods that put rows through the members."""

    _of_each_row: Any
    _ensemble: Ensemble
    n_jobs: int | None

    def _scores_of(self, X: Matrix) -> Floats:
        return self._ensemble.score(X, self.n_jobs)

    def score_samples(self, X: MatrixLike) -> Floats:
        """Score of each row: the higher, the more normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            Minus the normal loss; of several members, minus the mean of their standardised
            logarithms, with that of the evidence. It does not depend on the other rows of X.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        scores: Floats = self._of_each_row(X, self._scores_of)
        return scores

    def embed(self, X: MatrixLike) -> Floats:
        """Embed rows by the members' networks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to embed.

        Returns
        -------
        embeddings : ndarray of float64, shape (n_samples, n_outputs)
            The members' embeddings side by side.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        embedded: Floats = self._of_each_row(X, lambda rows: self._ensemble.embed(rows))
        return embedded
