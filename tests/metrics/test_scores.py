import numpy as np
import pytest
from sklearn.metrics import f1_score

from lofe_sklearn.metrics import f1_at_true_ratio


def test_it_is_the_f1_score_at_that_threshold():
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.1).astype(int)
    scores = rng.normal(size=500) - 2 * y
    flagged = scores <= np.sort(scores)[y.sum() - 1]
    assert f1_at_true_ratio(y, scores) == pytest.approx(f1_score(y, flagged))


@pytest.mark.parametrize("encode", [lambda y: y, lambda y: y == 1, lambda y: 1 - 2 * y, list])
def test_all_ways_to_write_the_labels(encode):
    y, scores = np.array([0, 1, 1, 0, 1]), [5, 1, 9, 4, 2]
    assert f1_at_true_ratio(encode(y), scores) == pytest.approx(2 / 3)


def test_ties_do_not_flag_more():
    assert f1_at_true_ratio([0, 0, 0, 1], np.zeros(4)) == 0.0


@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        ([0, 2], [1, 2], "y_true must hold 1 for anomalies"),
        ([0, 0], [1, 2], "both anomalies and normal rows"),
        ([1, 1], [1, 2], "both anomalies and normal rows"),
        ([0, 1], [1, np.nan], "finite"),
        ([0, 1], [1, 2, 3], "inconsistent"),
        (["a", "b"], [1, 2], "y_true must hold"),
    ],
)
def test_it_refuses(y, scores, message):
    with pytest.raises(ValueError, match=message):
        f1_at_true_ratio(y, scores)
