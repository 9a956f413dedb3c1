"""Errors that callers may want to catch by name."""


class TrainingDivergedError(ArithmeticError):
    """A loss or a weight stopped being finite; the estimator is left unfitted."""
