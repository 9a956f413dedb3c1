"""Errors and warnings that callers may want to catch, or to filter, by name."""


class TrainingDivergedError(ArithmeticError):
    """A loss or a weight stopped being finite; the estimator is left unfitted."""


class UnusableRowsError(ValueError):
    """Rows that no network can compute with; the caller adds its name to the message."""


class NoSuchDeviceError(ValueError):
    """A device that is none, or that is not here; the caller adds its name to the message."""


class ModelFileError(ValueError):
    """A model cannot be stored safely, or a file is not a valid file of a model."""


class ProcessGroupError(RuntimeError):
    """A training on several processes cannot go on, since one of them failed or ended."""


class NoSeparateGroupWarning(UserWarning):
    """The training rows do not tell how many are anomalies; there may be none."""
