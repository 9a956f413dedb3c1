"""What is no array, frame or list of rows: it is read as rows, or the error says what to pass."""

import re
from array import array
from collections import UserList, deque

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch
from pyarrow import dataset

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.active import query
from lofe_sklearn.datasets import contaminate, loe_tabular_split, make_outliers

ROWS = np.random.default_rng(0).normal(size=(30, 3))
TABLE = pa.table({name: ROWS[:, i] for i, name in enumerate("abc")})


def svdd():
    return DeepSVDD(max_epochs=1, random_state=0)


FITTED = svdd().fit(ROWS)
# Each takes rows as the argument that comes first.
CALLS = {
    "X": lambda rows: svdd().fit(rows),
    "X to score": FITTED.score_samples,
    "X of LOE": lambda rows: LOE(svdd(), contamination=0.1).fit(rows),
    "X of query": lambda rows: query(FITTED, rows),
    "X of fit_many": lambda rows: fit_many([svdd()], rows),
    "X of make_outliers": make_outliers,
    "X of loe_tabular_split": lambda rows: loe_tabular_split(rows, np.arange(30) < 3),
    "outliers": lambda rows: svdd().fit(ROWS, outliers=rows),
    "outliers of contaminate": lambda rows: contaminate(ROWS, rows, contamination=0.1),
    "calibration": lambda rows: FITTED.p_values(ROWS, calibration=rows),
    "background": lambda rows: FITTED.explain(ROWS, background=rows),
}
FIELDS = np.rec.fromarrays(ROWS.T, names="a,b,c")
# What is given, and what the message advises.
NO_ROWS = {
    "lazy frame": (lambda: pl.LazyFrame(ROWS), "got a LazyFrame.*Pass {}.collect()"),
    "stored table": (lambda: dataset.dataset(TABLE), "an InMemoryDataset.*Pass {}.to_table()"),
    "batches": (TABLE.to_reader, "got a RecordBatchReader.*Pass {}.read_all()"),
    "fields": (lambda: FIELDS, "the fields 'a', 'b', 'c'. pandas.DataFrame({}[:]) makes columns"),
    "structs": (
        lambda: TABLE.to_struct_array().combine_chunks(),
        "StructArray; pyarrow.Table.from_struct_array({}) makes",
    ),
    "generator": (lambda: iter(ROWS), "array"),
    "dicts": (lambda: TABLE.to_pylist(), "pandas.DataFrame({}) makes a table of it"),
    "gradients": (
        lambda: list(torch.tensor(ROWS, requires_grad=True)),
        "torch.stack({}).detach().cpu().double() is",
    ),
    "sparse tensor": (
        lambda: torch.tensor(ROWS).to_sparse_csr(),
        "{}.detach().cpu().to_dense().double() is",
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", NO_ROWS)
def test_the_argument_is_named_and_what_to_pass(call, given):
    make, advice = NO_ROWS[given]
    name = call.partition(" ")[0]
    pattern = re.escape(advice.format(name)).replace(r"\.\*", ".*")
    with pytest.raises((ValueError, TypeError), match=rf"{name}\b.*{pattern}"):
        CALLS[call](make())


def test_uneven_outliers():
    with pytest.raises(ValueError, match="DeepSVDD: outliers must hold rows of one length.*row 1"):
        svdd().fit(ROWS, outliers=[[1.0, 2.0, 3.0], [1.0]])


def test_integers_that_no_float_can_hold():
    rows = ROWS.astype(object)
    rows[4, 1] = 10**400
    for call in (svdd().fit, FITTED.score_samples):
        with pytest.raises(ValueError, match=r"DeepSVDD: .*no float can hold in column 1 \(row 4"):
            call(rows)


def test_a_column_of_rows_of_polars():
    rows = pl.Series("rows", ROWS, dtype=pl.Array(pl.Float64, 3))
    np.testing.assert_array_equal(FITTED.score_samples(rows), FITTED.score_samples(ROWS))
    assert svdd().fit(rows).n_features_in_ == 3
    by_outliers = [svdd().fit(ROWS, outliers=given).score_samples(ROWS) for given in (ROWS, rows)]
    np.testing.assert_array_equal(*by_outliers)


REMEDIES = {
    "layout": (lambda t: t.to_sparse(), "X.detach().cpu().to_dense().double() is."),
    "quantized": (
        lambda t: torch.quantize_per_tensor(t.float(), 0.1, 0, torch.qint8),
        "X.dequantize().detach().cpu().double() is.",
    ),
    "meta": (lambda t: t.to("meta"), "It holds no values."),
    "nested": (lambda t: torch.nested.nested_tensor(list(t)), "torch.stack(X.unbind()) is."),
    "conjugate": (lambda t: (t + 0j).conj(), "must hold real numbers; got complex ones"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantize:UserWarning")
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize(("make", "message"), REMEDIES.values(), ids=REMEDIES)
def test_the_remedy_for_a_tensor_is_one(make, message):
    tensor = make(torch.tensor(ROWS))
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        svdd().fit(tensor)
    remedy = re.search(r"(\S*X\.\S+\)) is\.$", str(caught.value))
    if remedy is not None:
        readable = eval(remedy.group(1), {"torch": torch, "X": tensor})
        assert readable.numpy().shape == ROWS.shape


def test_labels_for_a_search_in_other_sequences_and_buffers():
    y = (np.arange(30) % 5 == 0).astype(int)
    search = LOESearchCV(LOE(svdd(), random_state=0), {"contamination": [0.1, 0.2]}, cv=2)
    expected = search.fit(ROWS, y).best_score_
    for given in (memoryview(y), deque(y), array("b", y.tolist()), UserList(y)):
        assert search.fit(ROWS, given).best_score_ == expected
