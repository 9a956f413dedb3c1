"""Several machines: one large model trained by several processes, and rows scored by workers.

`fit_shard` trains a detector on rows of which each process has a part. `BatchScorer` takes a fitted
detector to where the rows are: partitions of Dask, blocks of Ray Data, batches of Spark.
"""

# The names are in __init__.pyi, and imported when they are first used.
from lofe_sklearn._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__)
