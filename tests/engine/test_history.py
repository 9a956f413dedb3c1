"""What is recorded of a training: means of the losses, and labels."""

import numpy as np
import pytest
import torch

from lofe_sklearn.engine._batches import Batch
from lofe_sklearn.engine._history import HistoryRecorder


def recorded(w_n, w_a, labels_rows=None):
    """Return the history of one epoch of four rows with the normal losses 1, 3, 10 and 5."""
    recorder = HistoryRecorder([4], torch.device("cpu"), labels_rows)
    place = torch.arange(4).unsqueeze(0)
    batch = Batch(place, place, sizes=(4,), own=None, n_rows=torch.tensor(4.0), weight=None)
    losses = torch.tensor([[1.0, 3.0, 10.0, 5.0]]), torch.tensor([[2.0, 2.0, 4.0, 2.0]])
    recorder.add_batch(batch, losses, (torch.tensor([w_n]), torch.tensor([w_a])))
    recorder.close_epoch(np.array([True]), [4])
    return recorder.history({}, interrupted=False)


@pytest.mark.parametrize(
    ("w_n", "w_a", "objective", "kept"),
    [
        ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], 2.0, 2.0),
        ([1.0, 0.5, 0.5, 0.0], [0.0, 0.5, 0.5, 0.0], 2.625, 3.75),
        # The normal loss of a known anomaly is subtracted, as `PURisk` does.
        ([1.0, 1.0, -0.2, 1.0], [0.0, 0.0, 0.2, 0.0], 1.95, 3.0),
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.2, 0.0], 0.2, np.nan),
    ],
)
def test_the_means_of_an_epoch(w_n, w_a, objective, kept):
    history = recorded(w_n, w_a)
    np.testing.assert_allclose(history.objective, [[objective]], rtol=1e-6)
    np.testing.assert_allclose(history.loss_n, [[4.75]])
    np.testing.assert_allclose(history.loss_kept, [[kept]], rtol=1e-6)


@pytest.mark.parametrize(
    ("labels_rows", "expected"),
    [(None, [False, True, True, True]), ([False], [False, False, True, False])],
)
def test_rows_that_are_left_out_are_anomalies_if_the_rule_labels_any(labels_rows, expected):
    history = recorded([1.0, 0.5, 0.0, 0.0], [0.0, 0.5, 0.2, 0.0], labels_rows)
    assert history.labels[0, 0].tolist() == expected
