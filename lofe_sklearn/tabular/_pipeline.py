"""From a table to its anomalies: the pipeline of `TableFeatures` and a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

from lofe_sklearn._loe import LOE
from lofe_sklearn.tabular._table_features import TableFeatures


def table_pipeline(
    detector: Any = None, *, vectorizer: Any = None, keep: Sequence[str] = ()
) -> Pipeline:
    """Make the pipeline that finds anomalies in a table with text, dates and missing values.

    Its first step, :class:`TableFeatures`, named ``"tablefeatures"``, turns a table of pandas,
    polars or pyarrow into rows of numbers. Its last step is the detector, named by its class in
    small letters, as in ``"loe"``. It needs ``pip install 'lofe-sklearn[table]'``.

    Parameters
    ----------
    detector : estimator, optional
        `LOE`, a backbone, another outlier detector of scikit-learn's interface, or a Pipeline that
        ends in one. Default: ``LOE()``.
    vectorizer : skrub.TableVectorizer, optional
        See :class:`TableFeatures`.
    keep : sequence of str, default=()
        See :class:`TableFeatures`.

    Returns
    -------
    pipeline : :class:`~sklearn.pipeline.Pipeline`
        It is not fitted. ``score_samples``, ``decision_function`` and ``predict`` take tables.
        Parameters of `fit` go to the detector by its name, as in
        ``pipeline.fit(table, loe__known_anomalies=mask)``. Results of the detector for the training
        rows, such as its ``labels_``, are in ``pipeline[-1]``.

    Raises
    ------
    TypeError
        If `detector` is a class, or has no ``fit``.

    See Also
    --------
    TableFeatures : Documents the features of each kind of column.

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.datasets import make_transactions
    >>> from lofe_sklearn.tabular import table_pipeline
    >>> X, y = make_transactions(400, random_state=0)
    >>> X = X.drop(columns=["transaction_id", "currency"])
    >>> detector = LOE(DeepSVDD(max_epochs=5), contamination=0.02, random_state=0)
    >>> pipeline = table_pipeline(detector).fit(X)
    >>> pipeline.score_samples(X).shape
    (400,)
    >>> ranked = X.iloc[pipeline.score_samples(X).argsort()]  # the most anomalous rows first
    """
    owner = "table_pipeline"
    wanted = (
        "LOE(...), a backbone such as NeuTraL(), another outlier detector such as "
        "IsolationForest(), or a Pipeline that ends in one of them"
    )
    if isinstance(detector, type):
        name = detector.__name__
        raise TypeError(
            f"{owner}: detector must be {wanted}; got the class {name}. Write {name}()."
        )
    if detector is not None and not hasattr(detector, "fit"):
        raise TypeError(f"{owner}: detector must be {wanted}; got {type(detector).__name__}.")
    features = TableFeatures(vectorizer, keep=keep)
    return make_pipeline(features, LOE() if detector is None else detector)
