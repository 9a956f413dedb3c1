"""The search over parameters that trains all candidates in few stacked fits."""

from lofe_sklearn._search._search_cv import LOESearchCV

__all__ = ["LOESearchCV"]
