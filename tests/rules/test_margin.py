"""Margin: which rows are trained as what, by hand, and what LOE makes of a ratio that is wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lofe_sklearn import LOE, DeepSVDD, fit_many
from lofe_sklearn.engine import RULES
from lofe_sklearn.metrics import average_precision
from lofe_sklearn.rules import Margin


def counts(rule, n_rows, ratio):
    """How many rows are trained as anomalies, left out within the ratio and beyond it."""
    losses = torch.rand(1, n_rows, generator=torch.Generator().manual_seed(0))
    w_n, w_a = rule(losses, -losses, torch.tensor([ratio]))
    by_rank = losses[0].argsort(descending=True)
    w_n, w_a = w_n[0, by_rank], w_a[0, by_rank]
    trained, labelled, normal = w_a == 1, w_a >= w_n, w_n == 1
    # In the order of the ranks: anomalies, left out, normal rows.
    assert (w_a == trained).all()
    for in_front in (trained, labelled, ~normal):
        assert in_front[0]
        assert in_front.diff().sum() <= 1
    assert (w_n[~normal] < 1e-5).all()
    return int(trained.sum()), int((labelled & ~trained).sum()), int((~normal & ~labelled).sum())


@pytest.mark.parametrize(
    ("rule", "ratio", "expected"),
    [
        (Margin(), 0.04, (20, 20, 80)),  # up to three times the ratio
        (Margin(), 0.1, (50, 50, 50)),  # up to the largest share
        (Margin(), 0.3, (150, 150, 0)),  # the ratio is more than that
        (Margin(most=0.5), 0.1, (50, 50, 200)),
        (Margin(sure=1.0, reach=1.2), 0.1, (100, 0, 20)),
        (Margin(sure=0.2, reach=1.0), 0.1, (20, 80, 0)),
        (Margin(), 1e-6, (1, 0, 0)),  # never none
    ],
)
def test_shares_by_hand(rule, ratio, expected):
    assert counts(rule, 1000, ratio) == expected


@given(st.integers(1, 60), st.floats(0, 0.5), st.integers(0, 2**30))
@settings(deadline=None, max_examples=100)
def test_without_a_margin_it_is_hard(n_rows, ratio, seed):
    generator = torch.Generator().manual_seed(seed)
    loss_n, loss_a = torch.rand(2, 3, n_rows, generator=generator)
    known = torch.randint(-1, 2, (3, n_rows), generator=generator)
    alpha = torch.tensor([0.0, ratio, 0.5])
    for of_known in (None, known):
        expected = RULES["hard"](loss_n, loss_a, alpha, of_known)
        found = Margin(sure=1.0, reach=1.0, most=0.0)(loss_n, loss_a, alpha, of_known)
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one, other)


def test_labels_are_as_many_as_the_ratio_says(contaminated):
    X, _ = contaminated
    backbone = DeepSVDD(max_epochs=6, batch_size=200)
    detector = LOE(backbone, method=Margin(), contamination=0.1, random_state=0).fit(X)
    assert (detector.labels_ == -1).sum() == 20
    assert (detector.estimator_.history_.labels.sum(axis=2) == 20).all()


@pytest.fixture(scope="module")
def close_anomalies():
    """900 normal rows, and 100 at a distance at which their tails meet."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 6))
    X[:100] += rng.choice([-2.5, 2.5], size=(100, 6))
    return X, np.arange(1000) < 100


def test_a_wrong_ratio_costs_less_than_with_hard_labels(close_anomalies):
    X, y = close_anomalies
    asked = [(method, ratio) for method in ("hard", Margin()) for ratio in (0.05, 0.1, 0.2)]
    detectors = [
        LOE(
            DeepSVDD(max_epochs=40),
            method=method,
            contamination=ratio,
            n_estimators=3,
            evidence=None,
            random_state=0,
        )
        for method, ratio in asked
    ]
    hard, margin = np.reshape(
        [average_precision(y, each.score_samples(X)) for each in fit_many(detectors, X)], (2, 3)
    )
    costs = hard[1] - hard, hard[1] - margin
    assert costs[1][0] < 0.7 * costs[0][0]
    assert costs[1][2] < 0.7 * costs[0][2]
    assert costs[1][1] < 0.03


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Margin(sure=0), r"Margin: sure must be a number in \(0, 1\]; got 0"),
        (Margin(reach=0.5), "Margin: reach must be .* at least 1; got 0.5"),
        (Margin(most=1.0), r"Margin: most must be a number in \[0, 1\); got 1.0"),
    ],
)
def test_bad_parameters(rule, message, contaminated):
    with pytest.raises(ValueError, match=message):
        LOE(DeepSVDD(), method=rule).fit(contaminated[0])
