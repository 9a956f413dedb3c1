"""Label rules: exact minimisers, exact counts, no row lost."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lofe_sklearn.engine._rules import RULES, blind, hard, mark, refine, soft


def n_marked(alpha, n):
    """How many of n rows are to be marked."""
    return min(n, max(1, math.floor(alpha * n + 0.5))) if alpha > 0 else 0


def losses(seed, n, n_models=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, n_models, n, generator=generator, dtype=torch.float64) * 5


def best_by_brute_force(loss_n, loss_a, count, marked_weights):
    """Smallest objective over all labellings that mark exactly `count` rows."""
    w_n, w_a = marked_weights
    return min(
        sum(
            w_n * loss_n[i] + w_a * loss_a[i] if i in chosen else loss_n[i]
            for i in range(len(loss_n))
        )
        for chosen in map(set, itertools.combinations(range(len(loss_n)), count))
    )


@pytest.mark.parametrize(
    ("rule", "marked_weights"), [(hard, (0, 1)), (soft, (0.5, 0.5)), (refine, (0, 0))]
)
@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.35, 0.5])
@pytest.mark.parametrize("n", [2, 3, 7, 10])
@pytest.mark.parametrize("seed", range(3))
def test_label_step_is_the_minimum_over_all_labellings(rule, marked_weights, alpha, n, seed):
    loss_n, loss_a = losses(seed, n)
    w_n, w_a = rule(loss_n, loss_a, torch.tensor([alpha]))
    objective = (w_n * loss_n + w_a * loss_a).sum().item()
    expected = best_by_brute_force(
        loss_n[0].numpy(), loss_a[0].numpy(), n_marked(alpha, n), marked_weights
    )
    assert objective == pytest.approx(expected)


@given(
    alpha=st.floats(1e-6, 0.5),
    n=st.integers(1, 300),
    ties=st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_never_marks_nothing_and_never_loses_a_row(alpha, n, ties):
    score = torch.zeros(2, n) if ties else torch.randn(2, n)
    marked = mark(score, torch.tensor([alpha, alpha]))
    assert marked.shape == (2, n)
    assert marked.sum(dim=1).tolist() == [n_marked(np.float32(alpha), n)] * 2
    assert marked.any(dim=1).all()


@pytest.mark.parametrize(
    ("alpha", "n", "count"), [(0.0, 10, 0), (0.1, 4, 1), (0.1, 128, 13), (0.5, 3, 2), (0.1, 1, 1)]
)
def test_rounding(alpha, n, count):
    assert n_marked(alpha, n) == count
    assert mark(torch.randn(1, n), torch.tensor([alpha])).sum() == count


def test_models_of_a_stack_have_their_own_ratio():
    marked = mark(torch.randn(3, 20), torch.tensor([0.0, 0.1, 0.5]))
    assert marked.sum(dim=1).tolist() == [0, 2, 10]


def test_ties_of_one_model_change_no_other():
    scores = torch.stack([torch.zeros(8), torch.arange(8.0), torch.tensor([1.0, 0.0]).repeat(4)])
    marked = mark(scores, torch.full((3,), 0.25))
    assert [torch.nonzero(own).flatten().tolist() for own in marked] == [[0, 1], [6, 7], [0, 2]]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_known_labels_are_fixed_exactly(rule):
    loss_n, loss_a = losses(0, 12)
    # The known rows' losses say the opposite of their labels.
    loss_n[0, 0], loss_a[0, 0] = 0.0, 100.0
    loss_n[0, 1], loss_a[0, 1] = 100.0, 0.0
    known = torch.zeros(1, 12, dtype=torch.int8)
    known[0, 0], known[0, 1] = -1, 1
    w_n, w_a = rule(loss_n, loss_a, torch.tensor([0.2]), known)
    assert (w_n[0, :2].tolist(), w_a[0, :2].tolist()) == ([0, 1], [1, 0])
    count_of_unknown = ((w_n < 1) & (known == 0)).sum()
    assert count_of_unknown == (0 if rule is blind else n_marked(0.2, 10))


def test_all_rows_known():
    known = torch.tensor([[1, -1, 1]])
    w_n, w_a = soft(*losses(0, 3), torch.tensor([0.3]), known)
    assert (w_n.tolist(), w_a.tolist()) == ([[1, 0, 1]], [[0, 1, 0]])


@given(
    values=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=40),
    alpha=st.floats(0, 0.6),
    some_known=st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_marks_the_first_of_the_highest_rows(values, alpha, some_known):
    """By brute force: in the order of the scores, of those that tie the first."""
    score = torch.tensor([values])
    known = torch.zeros(1, len(values), dtype=torch.int8)
    if some_known:
        known[0, ::3] = 1
    unknown = [i for i in range(len(values)) if known[0, i] == 0]
    in_order = sorted(unknown, key=lambda i: (-values[i], i))
    count = n_marked(float(np.float32(alpha)), len(unknown))
    marked = mark(score, torch.tensor([alpha]), known if some_known else None)[0]
    assert torch.nonzero(marked).flatten().tolist() == sorted(in_order[:count])
