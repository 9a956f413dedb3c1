"""BatchScorer on Dask: partitions in threads of this process."""

import numpy as np
import pandas as pd
import pytest
from scoring import assert_equal_to_one_process, make_model, make_scorer

dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("skops")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model"))


def test_map_partitions(model):
    path, table, expected = model
    frame = dd.from_pandas(table, npartitions=3)
    scorer = make_scorer(path)
    lazy = frame.map_partitions(scorer, meta=scorer.empty(frame))
    scored = lazy.compute(scheduler="threads")
    assert_equal_to_one_process(scored, expected)
    assert scored.dtypes.equals(lazy.dtypes)


def test_empty_partitions(model):
    path, table, expected = model
    frame = dd.from_pandas(table, npartitions=3)
    frame = dd.concat([frame[frame["amount"] > np.inf], frame])
    scorer = make_scorer(path)
    lazy = frame.map_partitions(scorer, meta=scorer.empty(frame))
    parts = [part.compute(scheduler="threads") for part in lazy.partitions]
    assert {len(part) for part in parts} == {0, 100}
    assert all(part.dtypes.equals(lazy.dtypes) for part in parts)
    assert_equal_to_one_process(pd.concat(parts), expected)


def test_a_partition_that_lacks_a_column(model):
    path, table, _ = model

    def read(start):
        part = table[start : start + 100]
        return part.drop(columns="amount") if start == 100 else part

    frame = dd.from_map(read, [0, 100, 200], meta=table[:0], enforce_metadata=False)
    scorer = make_scorer(path)
    scored = frame.map_partitions(scorer, meta=scorer.empty(frame))
    with pytest.raises(ValueError, match="100 rows with index 100 to 199 lack columns .* 'amount'"):
        scored.compute(scheduler="threads")
