"""Models in one file without code: what `lofe_sklearn.save` writes and `load` reads."""
