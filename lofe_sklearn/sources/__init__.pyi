# What the package exports: read by type checkers, and at run time.
from lofe_sklearn.sources._parquet import ParquetRows as ParquetRows
