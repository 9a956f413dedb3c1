"""Reports of result files: tables, published figures beside ours, statistics and plots."""

from benchmarks.reports.grid import ReportError
from benchmarks.reports.write import write_report

__all__ = ["ReportError", "write_report"]
