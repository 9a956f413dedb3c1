"""Tables of numbers, text, dates and gaps, as rows that any detector takes."""

from lofe_sklearn.tabular._pipeline import table_pipeline
from lofe_sklearn.tabular._table_features import TableFeatures

__all__ = ["TableFeatures", "table_pipeline"]
