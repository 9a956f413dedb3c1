"""A fitted detector as a function of frames, for engines that send it to where the rows are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._any_detector import check_detector, innermost_detector, rows_of_detector
from lofe_sklearn._conformal import percentiles
from lofe_sklearn._saving._model_file import load
from lofe_sklearn._types import FilePath
from lofe_sklearn._validation import did_you_mean
from lofe_sklearn.distributed._frames import column_names, count, select, with_columns
from lofe_sklearn.distributed._rows_of_model import names_fitted_to, rows_for
from lofe_sklearn.engine import ForkSafeLock

# The outputs for each row, and their types.
OUTPUTS = {
    "score": np.dtype(np.float64),
    "label": np.dtype(np.int64),
    "probability": np.dtype(np.float64),
    "percentile": np.dtype(np.float64),
}
_SPARK_TYPES = {"score": "double", "label": "long", "probability": "double", "percentile": "double"}
# Models that one process keeps at a time.
_KEPT = 8


class BatchScorer:
    """Score data frames with a fitted detector: one frame in, one frame of scores out.

    It is called with one frame of rows at a time, as Dask's ``map_partitions``, Ray Data's
    ``map_batches`` and Spark's ``mapInPandas`` do. It can be pickled. If the model is a file, its
    path is sent to the workers, and each process reads the file once.

    Parameters
    ----------
    model : str, path, or fitted estimator
        A file of `lofe_sklearn.save` that every worker can read, or a fitted `LOE`, backbone,
        `LOESearchCV`, or Pipeline that ends in one. An estimator is pickled to the workers.
    keep : sequence of str, default=()
        Columns of the frame that are kept before the scores, such as an order number.
    outputs : sequence of {"score", "label", "probability", "percentile"}, optional
        The outputs for each row, in this order. Default: all four. A backbone alone gives no
        probability: leave it out.
    trusted : list of classes and functions, default=()
        As `lofe_sklearn.load` takes them; for a path only.
    device : str, optional
        The device for a model from a file, such as ``"cpu"`` on workers without a GPU.

    Raises
    ------
    TypeError
        If `model` is neither a path nor a detector of this package.
    ValueError
        If an output is unknown, none is asked for, the detector has no probabilities, a name is
        both kept and an output, or comes twice.
    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    lofe_sklearn.save : Writes the file.

    Notes
    -----
    ``score`` is that of ``score_samples``, high for normal rows; ``label`` that of ``predict``, -1
    or 1; ``probability`` that of ``anomaly_proba``; ``percentile`` that of ``severity``, from 0 to
    100. They are those of one process that scores all rows at once, to 1e-12.

    A model that was fitted to named columns gets these of each frame, in its order, and no others.
    A model that was fitted to an array gets all columns that are not kept, in their order. If a
    Pipeline starts with steps that do not remember their columns, the names of a later step count;
    if these are not all in the frame, the Pipeline gets the other columns that are not kept too.
    Rows that cannot be scored end the job: the message names the columns and rows.

    Names of pandas that are no text count as the text of them, so that ``keep=["0"]`` is column 0.

    Frames are those of pandas, polars and pyarrow, and Ray's dicts of arrays; the result is of the
    same kind, and a pandas frame keeps its index. A frame without rows gives one without rows, with
    all columns and their types.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.distributed import BatchScorer
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    >>> detector = LOE(DeepSVDD(max_epochs=5), contamination=0.05, random_state=0).fit(frame)
    >>> frame["order"] = range(200)
    >>> scorer = BatchScorer(detector, keep=["order"])
    >>> scorer(frame[:50]).dtypes.astype(str).to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'order': 'int64', 'score': 'float64', 'label': 'int64', 'probability': 'float64',
     'percentile': 'float64'}
    """

    def __init__(
        self,
        model: FilePath | Any,
        *,
        keep: Sequence[str] = (),
        outputs: Sequence[str] | None = None,
        trusted: Sequence[Any] = (),
        device: str | None = None,
    ) -> None:
        self.model = model
        if not isinstance(trusted, Iterable):
            raise TypeError(
                f"BatchScorer: trusted must be a list of classes and functions; got {trusted!r}."
            )
        self.keep, self.trusted, self.device = _listed("keep", keep), tuple(trusted), device
        self.outputs = list(OUTPUTS) if outputs is None else _listed("outputs", outputs)
        self._check()

    def __call__(self, frame: Any) -> Any:
        """Score the rows of one frame.

        Parameters
        ----------
        frame : DataFrame, Table or dict of arrays
            Of pandas, polars, pyarrow or Ray.

        Returns
        -------
        scored : DataFrame, Table or dict of arrays
            As many rows, in their order: the kept columns and the outputs.

        Raises
        ------
        ValueError, TypeError
            If a column is missing, or rows cannot be scored; the message names the rows.
        FileNotFoundError, PermissionError
            If the model is a path, and this process finds no file there, or may not read it.
        """
        names, rows_named = column_names(frame), _which(frame)
        _check_columns(self.keep, names, rows_named, "keep asks for")
        if count(frame) == 0:
            empty = {name: np.empty(0, OUTPUTS[name]) for name in self.outputs}
            return with_columns(select(frame, self.keep), empty)
        fitted = self._fitted()
        wanted = names_fitted_to(fitted) or ()
        _check_columns(wanted, names, rows_named, "the model was fitted to")
        try:
            found = self._of_rows(fitted, rows_for(fitted, frame, self.keep))
        except (ValueError, TypeError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"BatchScorer: {rows_named} cannot be scored. {error}") from error
        return with_columns(select(frame, self.keep), found)

    def over(self, frames: Iterable[Any]) -> Iterator[Any]:
        """Score frame after frame, as Spark's ``mapInPandas`` wants it.

        Parameters
        ----------
        frames : iterable of DataFrame

        Yields
        ------
        scored : DataFrame

        Raises
        ------
        ValueError, TypeError
            If a frame cannot be used.
        """
        for frame in frames:
            yield self(frame)

    def empty(self, frame: Any) -> Any:
        """Return the result for no rows of a frame: the columns and types, as Dask's ``meta``.

        Parameters
        ----------
        frame : DataFrame of Dask, pandas, polars or pyarrow

        Returns
        -------
        scored : DataFrame
            Without rows. The model is not read.
        """
        # A column of pandas may be named as the attribute of Dask's frames.
        return self((frame._meta if hasattr(type(frame), "_meta") else frame)[:0])

    def spark_schema(self, frame: Any) -> Any:
        """Return the schema of the result for a Spark frame.

        Parameters
        ----------
        frame : pyspark.sql.DataFrame

        Returns
        -------
        schema : pyspark.sql.types.StructType
        """
        from pyspark.sql.types import StructType

        _check_columns(self.keep, frame.columns, "the rows", "keep asks for")
        schema = StructType([frame.schema[name] for name in self.keep])
        for name in self.outputs:
            schema = schema.add(name, _SPARK_TYPES[name])
        return schema

    def _check(self) -> None:
        if not self.outputs:
            raise ValueError("BatchScorer: outputs must name at least one output; got none.")
        for name in self.outputs:
            if name not in OUTPUTS:
                raise ValueError(
                    f"BatchScorer: outputs must be of {', '.join(map(repr, OUTPUTS))}; got "
                    f"{name!r}.{did_you_mean(name, tuple(OUTPUTS))}"
                )
        for argument in ("keep", "outputs"):
            own = getattr(self, argument)
            twice = [name for name in own if own.count(name) > 1]
            if twice:
                raise ValueError(
                    f"BatchScorer: {argument} must name each column once; got {twice[0]!r} "
                    f"{own.count(twice[0])} times."
                )
        both = sorted({*self.keep} & {*self.outputs})
        if both:
            raise ValueError(
                f"BatchScorer: {', '.join(both)} would be a column that is kept and an output. "
                "Rename the column, or leave the output out of outputs."
            )
        if isinstance(self.model, (str, os.PathLike)):
            return
        if self.trusted or self.device is not None:
            raise ValueError(
                "BatchScorer: trusted and device are for a model that is read from a file; got a "
                "fitted estimator. Set its own device before, or pass the path of a file."
            )
        self._check_model(self.model)

    def _check_model(self, model: Any) -> None:
        if hasattr(model, "fit"):
            check_is_fitted(model)
        detector = innermost_detector(model)
        check_detector(
            detector,
            "BatchScorer",
            "model",
            wanted="the path of a model that lofe_sklearn.save wrote, or a fitted detector",
        )
        if "probability" in self.outputs and not hasattr(detector, "anomaly_proba"):
            others = [name for name in self.outputs if name != "probability"]
            raise ValueError(
                f"BatchScorer: {type(detector).__name__} knows no probability; LOE does. Pass "
                f"outputs={others!r}."
            )

    def _fitted(self) -> Any:
        if not isinstance(self.model, (str, os.PathLike)):
            return self.model
        path = Path(self.model)
        try:
            state = path.stat()  # a file that is replaced is read again
        except PermissionError as error:
            what = f"BatchScorer: there is no permission to read {path.absolute()}."
            raise PermissionError(error.errno, what) from error
        except (OSError, ValueError) as error:  # of names that no file can have too
            raise FileNotFoundError(
                f"BatchScorer: there is no model file {path.absolute()}. Every worker must be able "
                "to read it under this path."
            ) from error
        with _reading.held:
            model = _read(path, state.st_mtime_ns, state.st_size, self.trusted, self.device)
        self._check_model(model)
        return model

    def _of_rows(self, fitted: Any, frame: Any) -> dict[str, np.ndarray]:
        """All outputs of the rows of a frame, with one pass through the model."""
        detector = innermost_detector(fitted)
        scores = detector.score_samples(rows_of_detector(fitted, frame, "frame", "BatchScorer"))
        found: dict[str, np.ndarray] = {"score": scores}
        if "label" in self.outputs:
            found["label"] = np.where(scores - detector.offset_ < 0, -1, 1)
        if "probability" in self.outputs:
            found["probability"] = detector._posterior.proba(scores)
        if "percentile" in self.outputs:
            training = detector._training_scores
            found["percentile"] = percentiles(scores, training, detector._near(scores))
        return {name: found[name].astype(OUTPUTS[name], copy=False) for name in self.outputs}


_reading = ForkSafeLock()


@lru_cache(maxsize=_KEPT)
def _read(
    path: Path, modified: int, size: int, trusted: tuple[Any, ...], device: str | None
) -> Any:
    return load(path, trusted=trusted, device=device)


def _listed(name: str, given: Any) -> list[str]:
    is_list = isinstance(given, Iterable) and not isinstance(given, str)
    if not is_list or not all(isinstance(each, str) for each in given):
        raise TypeError(f"BatchScorer: {name} must be a list of names; got {given!r}.")
    return list(given)


def _check_columns(wanted: Sequence[str], names: Sequence[Any], rows: str, whose: str) -> None:
    counts = Counter(map(str, names))
    missing = [name for name in wanted if name not in counts]
    if missing:
        raise ValueError(
            f"BatchScorer: {rows} lack columns that {whose}: {', '.join(map(repr, missing))}. "
            f"They have {', '.join(map(repr, names)) or 'none'}."
        )
    twice = next((name for name in wanted if counts[name] > 1), None)
    if twice is not None:
        raise ValueError(
            f"BatchScorer: {rows} have more than one column {twice!r}, and {whose} one. Rename the "
            "others, or drop those that are copies."
        )


def _which(frame: Any) -> str:
    """Name the rows of a frame for messages."""
    n_rows, index = count(frame), getattr(frame, "index", None)
    if index is None or n_rows == 0:
        return f"{n_rows} rows"
    first, last = index[[0, -1]].tolist()  # as numbers of Python
    return f"{n_rows} rows with index {first!r} to {last!r}"
