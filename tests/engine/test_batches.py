"""Batches: every row once an epoch, evenly, the same on every device."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from lofe_sklearn.engine._batches import Rows, batch_sizes, epoch_batches


@given(n_rows=st.integers(2, 5000), batch_size=st.integers(2, 600))
def test_sizes_are_even_and_complete(n_rows, batch_size):
    sizes = batch_sizes(n_rows, batch_size)
    assert sum(sizes) == n_rows
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    assert max(sizes) <= max(batch_size, 3)


@pytest.mark.parametrize(("n_rows", "batch_size"), [(2, 128), (129, 128), (7, 2)])
def test_each_model_sees_each_of_its_rows_once(n_rows, batch_size):
    index = torch.stack([torch.arange(n_rows), torch.arange(n_rows) + 1000])
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    position, row = (
        torch.cat(parts, dim=1)
        for parts in zip(*epoch_batches(index, batch_size, generators), strict=True)
    )
    assert torch.equal(row.sort(dim=1).values, index)
    assert torch.equal(index.gather(1, position), row)


def test_a_models_order_does_not_depend_on_the_others():
    index = torch.arange(50).expand(2, -1)
    both = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    alone = [torch.Generator().manual_seed(1)]
    together = [row[1] for _, row in epoch_batches(index, 16, both)]
    by_itself = [row[0] for _, row in epoch_batches(index[:1], 16, alone)]
    assert all(map(torch.equal, together, by_itself))


def test_sparse_rows_are_the_dense_ones():
    X = sparse.random(20, 6, density=0.3, format="csr", random_state=0)
    scaling = np.arange(6.0), np.full(6, 0.5)
    options = {"scaling": scaling, "device": torch.device("cpu")}
    index = torch.tensor([[3, 3, 0], [19, 1, 2]])
    expected = Rows(X.toarray(), **options).take(index)
    assert expected.shape == (2, 3, 6)
    torch.testing.assert_close(Rows(X, **options).take(index), expected)


def test_the_users_array_is_never_shared():
    X = np.ones((3, 2), dtype=np.float32)
    rows = Rows(X, device=torch.device("cpu"))
    rows.take(torch.tensor([0])).zero_()
    rows._X.zero_()
    assert (X == 1).all()
