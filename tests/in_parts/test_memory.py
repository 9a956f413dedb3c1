"""Peak memory of a fit to rows on disk, measured in a process of its own."""

import sys

import pytest

from benchmarks.studies.larger_than_memory import run


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("detector", ["DeepSVDD", "LOE"])
def test_a_gigabyte_of_rows_is_fitted_in_a_fraction_of_it(detector):
    [row] = run({"detector": detector, "rows": 9_000_000, "place": "disk"})
    assert row["rows_mb"] == 1080
    assert row["peak_mb"] - row["mb_before"] < row["rows_mb"] / 3
    assert row["flagged"] == pytest.approx(0.01, abs=0.003)
