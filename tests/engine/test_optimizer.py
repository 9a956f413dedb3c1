"""Adam for a stack, whatever the layout of parameters and gradients in memory is."""

import pytest
import torch
from torch import nn

from lofe_sklearn.engine._optimizer import StackOptimizer


def _row_by_row(tensor):
    return tensor.clone()


def _column_by_column(tensor):
    return tensor.mT.clone(memory_format=torch.contiguous_format).mT


def _part_of_a_larger_one(tensor):
    return torch.cat([tensor, tensor], dim=-1)[..., : tensor.shape[-1]]


LAYOUTS = [_row_by_row, _column_by_column, _part_of_a_larger_one]


def _rates(n_models):
    return [0.1] * (n_models - 1) + [0.01]  # models of unlike rates are slices of the stack


def _drawn():
    values, *gradients = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    return values, gradients


def _trained(parameter, gradients, n_models, states=None):
    """Take one step for each gradient; return what is remembered."""
    optimizer = StackOptimizer([parameter], _rates(n_models), [0.0] * n_models, states=states)
    for gradient in gradients:
        optimizer.step(
            lambda w_n, w_a: setattr(parameter, "grad", w_n), (gradient, gradient), lambda _: None
        )
    return optimizer.states()


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("of_gradients", LAYOUTS)
@pytest.mark.parametrize("of_values", LAYOUTS)
def test_steps_are_those_of_torch_whatever_the_layouts(of_values, of_gradients, n_models):
    values, gradients = _drawn()
    found = nn.Parameter(of_values(values))
    states = _trained(found, list(map(of_gradients, gradients)), n_models)
    for m, rate in enumerate(_rates(n_models)):
        own = slice(None) if n_models == 1 else m
        expected = nn.Parameter(values[own].clone())
        adam = torch.optim.Adam([expected], lr=rate, foreach=False, fused=False)
        for gradient in gradients:
            expected.grad = gradient[own].clone()
            adam.step()
        torch.testing.assert_close(found[own], expected)
        torch.testing.assert_close(states[m].means[0], adam.state[expected]["exp_avg"])
        torch.testing.assert_close(states[m].squares[0], adam.state[expected]["exp_avg_sq"])


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_goes_on_from_its_states(layout, n_models):
    values, gradients = _drawn()
    at_once, in_two = nn.Parameter(layout(values)), nn.Parameter(layout(values))
    _trained(at_once, gradients, n_models)
    states = _trained(in_two, gradients[:3], n_models)
    _trained(in_two, gradients[3:], n_models, states)
    torch.testing.assert_close(in_two, at_once, rtol=0, atol=0)
