"""Rows larger than memory, read from where they are stored, a block at a time.

Memory-mapped arrays, HDF5 datasets, Zarr and Dask arrays, and whatever else has ``shape``,
``dtype`` and slices of rows, are given to ``fit`` and ``score_samples`` as they are. Files of
Parquet are given as `ParquetRows`.
"""

# The names are in __init__.pyi, and imported when they are first used.
from lofe_sklearn._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__)
