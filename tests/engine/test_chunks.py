"""How many rows are scored at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from lofe_sklearn.engine._score import losses


class Recorder(nn.Module):
    """Losses that are the rows' sums, and a list of how many rows came at a time."""

    def __init__(self, values_per_row=None):
        super().__init__()
        self.n_rows = []
        if values_per_row is not None:
            self.values_per_row = values_per_row

    def __deepcopy__(self, memo):
        return self

    def forward(self, x):
        self.n_rows.append(len(x))
        return x.sum(dim=1), -x.sum(dim=1)


@pytest.mark.parametrize(
    ("values_per_row", "at_a_time"),
    [
        (None, 1_280),  # what fills a CPU
        (2_048, 128),  # 2 MB in double precision
        (100_000, 32),  # no fewer, so that a call pays
        (2**22, 2),  # but never more than 64 MB
        (2**30, 1),
    ],
)
def test_fewer_rows_at_a_time_of_a_module_that_makes_much_of_them(values_per_row, at_a_time):
    module = Recorder(values_per_row)
    X = np.arange(2_600.0).reshape(1_300, 2)
    found, _ = losses(module, X, device=torch.device("cpu"))
    np.testing.assert_array_equal(found, X.sum(axis=1))
    assert max(module.n_rows) == at_a_time
    assert sum(module.n_rows) == 1_300
