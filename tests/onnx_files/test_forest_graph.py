"""The isolation forest as a torch module scores rows as the forest does, in any units."""

import numpy as np
import pytest
import torch

from lofe_sklearn._loe._classical import Forest
from lofe_sklearn._onnx._evidence_graphs import ForestGraph

ROWS = np.random.default_rng(0).normal(size=(100, 3))


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e40])
@pytest.mark.parametrize("start", [0.0, 1e10])
def test_scores_are_those_of_the_forest(unit, start):
    X = (ROWS + start) * unit
    forest = Forest().fit(X)
    got = ForestGraph(forest)(torch.from_numpy(X)).numpy()
    assert np.ptp(got) > 0.1
    np.testing.assert_allclose(got, forest.outlier_scores(X), rtol=1e-9)
