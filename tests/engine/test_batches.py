"""Batches: every row once an epoch, evenly, the same on every device."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from lofe_sklearn.engine._batches import Batches, batch_sizes
from lofe_sklearn.engine._rows import Rows, RowsOfModels


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
    epoch = list(Batches(list(index), batch_size, seeds=[0, 1]).epoch())
    position, row = (torch.cat([batch[i] for batch in epoch], dim=1) for i in range(2))
    assert torch.equal(row.sort(dim=1).values, index)
    assert torch.equal(index.gather(1, position), row)
    assert all(batch.own is None for batch in epoch)
    assert all(batch.row.is_contiguous() for batch in epoch)  # to be taken without a copy


@pytest.mark.parametrize(("n_rows", "batch_size"), [((9, 10), 4), ((8, 9, 7), 9), ((257, 256), 86)])
def test_models_of_unequal_numbers_of_rows_get_the_batches_they_would_alone(n_rows, batch_size):
    index = [torch.arange(n) + 1000 * m for m, n in enumerate(n_rows)]
    together = Batches(index, batch_size, seeds=range(len(n_rows)))
    alone = [Batches([own], batch_size, seeds=[m]) for m, own in enumerate(index)]
    for _ in range(3):  # epochs
        batches = list(together.epoch())
        for m, single in enumerate(alone):
            for batch, expected in zip(batches, single.epoch(), strict=True):
                size = batch.sizes[m]
                assert torch.equal(batch.row[m, :size], expected.row[0])
                assert torch.equal(batch.position[m, :size], expected.position[0])
                filled = [True] * size + [False] * (batch.row.shape[1] - size)
                assert (batch.own is None and all(filled)) or batch.own[m].tolist() == filled


def test_models_of_other_numbers_of_batches_do_not_fit_into_one_stack():
    with pytest.raises(ValueError, match=r"same number of batches; got \[1, 2\]"):
        Batches([torch.arange(8), torch.arange(9)], 8, seeds=[0, 1])


def test_a_models_order_does_not_depend_on_the_others():
    index = torch.arange(50)
    together = [batch.row[1] for batch in Batches([index, index], 16, seeds=[0, 1]).epoch()]
    by_itself = [batch.row[0] for batch in Batches([index], 16, seeds=[1]).epoch()]
    assert all(map(torch.equal, together, by_itself))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("limits", [(), (np.full(6, -1.5), np.full(6, 0.1))])
def test_sparse_rows_are_the_dense_ones(dtype, limits):
    X = sparse.random(20, 6, density=0.3, format="csr", random_state=0)
    X.data[0] = 0.0  # stored all the same
    scaling = np.arange(6.0) / 3, np.full(6, 0.7), *limits
    options = {"scaling": scaling, "device": torch.device("cpu"), "dtype": dtype}
    index = torch.tensor([[3, 3, 0], [19, 1, 2]])
    expected = Rows(X.toarray(), **options).take(index)
    assert expected.shape == (2, 3, 6)
    assert torch.equal(Rows(X, **options).take(index), expected)


def test_what_zero_is_scaled_to_may_be_too_large_where_there_is_none():
    X = sparse.csr_matrix([[1e30, 0.0], [1e30 + 1e28, 5.0], [0.0, 5.0]])
    scaling = np.array([1e30, 0.0]), np.array([1e-10, 1.0])
    options = {"scaling": scaling, "device": torch.device("cpu")}
    rows = Rows(X, **options)
    assert rows.take(torch.tensor([0])).tolist() == [[0.0, 0.0]]
    assert rows.take(torch.tensor([1])).tolist() == [[pytest.approx(1e18), 5.0]]
    with pytest.raises(ValueError, match="magnitude 0, too large .* 0 in row 2, column 0"):
        rows.take(torch.tensor([2]))


def test_the_users_array_is_never_shared():
    X = np.ones((3, 2), dtype=np.float32)
    rows = Rows(X, device=torch.device("cpu"))
    rows.take(torch.tensor([0])).zero_()
    rows._X.zero_()
    assert (X == 1).all()


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_each_model_scales_its_own_features(make):
    X = np.random.default_rng(0).normal(size=(20, 6)) + 1e6
    scalings = [(np.full(2, 1e6), np.full(2, 2.0)), None, (np.zeros(2), np.full(2, 1e-6))]
    features = np.array([[0, 5], [1, 2], [4, 3]])
    rows = RowsOfModels(make(X), scalings=scalings, features=features, device=torch.device("cpu"))
    index = torch.tensor([[0, 3], [5, 6], [19, 0]])
    taken = rows.take(index)
    assert taken.shape == (3, 2, 2)
    for m, scaling in enumerate(scalings):
        own = X[:, features[m]]
        alone = Rows(own, scaling=scaling, device=torch.device("cpu")).take(index[m])
        assert torch.equal(taken[m], alone)
    assert torch.equal(rows.take(index[1:2], [1])[0], taken[1])


def test_too_large_values_are_refused_as_the_model_sees_them():
    X = np.full((4, 2), 1e30)
    scalings = [(np.zeros(2), np.full(2, 1e-30)), (np.zeros(2), np.ones(2))]
    rows = RowsOfModels(X, scalings=scalings, device=torch.device("cpu"))
    rows.check_magnitudes(torch.arange(4), 0)
    with pytest.raises(ValueError, match="magnitude 1e\\+30, too large"):
        rows.check_magnitudes(torch.arange(4), 1)


class TestKnownRows:
    @given(
        n_rows=st.integers(2, 400),
        n_known=st.integers(1, 400),
        batch_size=st.integers(2, 130),
        weight=st.none() | st.floats(0.1, 10),
    )
    def test_every_batch_has_its_share_and_the_objective_stays(
        self, n_rows, n_known, batch_size, weight
    ):
        n_known = min(n_known, n_rows)
        known = torch.zeros(n_rows, dtype=torch.int8)
        known[torch.randperm(n_rows)[:n_known]] = 1
        index = torch.arange(n_rows) + 1000
        batches = Batches([index], batch_size, [0], known=[known.numpy()], known_weights=[weight])
        epoch = list(batches.epoch())
        assert len(epoch) == len(batch_sizes(n_rows, batch_size))
        position = torch.cat([batch.position[0] for batch in epoch])
        assert len(position) == batches.n_drawn[0]
        assert torch.equal(index[position], torch.cat([batch.row[0] for batch in epoch]))

        times = position.bincount(minlength=n_rows)
        assert (times[known == 0] == 1).all()
        assert len(set(times[known != 0].tolist())) == 1
        n_unknown = n_rows - n_known
        shares = [int((known[batch.position[0]] != 0).sum()) for batch in epoch]
        assert max(shares) - min(shares) <= 1
        if n_unknown:
            assert min(shares) >= min(n_known, batch_size / 8)

        counts = [batch.weight if batch.weight is not None else torch.ones(1) for batch in epoch]
        of_each = torch.zeros(n_rows)
        for batch, count in zip(epoch, counts, strict=True):
            of_each.index_add_(0, batch.position[0], count[0].expand(batch.position.shape[1]))
        torch.testing.assert_close(of_each[known == 0], torch.ones(n_unknown))
        total = n_known if weight is None or not n_unknown else weight * n_unknown
        assert of_each[known != 0].sum().item() == pytest.approx(total, rel=1e-4)

    def test_models_that_know_more_or_nothing_in_one_stack(self):
        index, known = torch.arange(40), np.zeros(40, dtype=np.int8)
        known[[3, 7]] = 1
        labels = [known, None, -known[::-1], np.zeros_like(known)]
        weights = [None, None, 2.0, 2.0]
        together = Batches([index] * 4, 10, range(4), labels, weights)
        alone = [Batches([index], 10, [m], [labels[m]], [weights[m]]) for m in range(4)]
        for _ in range(2):  # epochs
            batches = list(together.epoch())
            for m, single in enumerate(alone):
                for batch, expected in zip(batches, single.epoch(), strict=True):
                    own = slice(0, batch.sizes[m])
                    assert torch.equal(batch.row[m, own], expected.row[0])
                    if expected.weight is None:
                        assert (batch.weight[m, own] == 1).all()
                    else:
                        assert torch.equal(batch.weight[m, own], expected.weight[0])
