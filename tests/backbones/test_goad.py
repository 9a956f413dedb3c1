"""GOAD against its formulas."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lofe_sklearn import GOAD


def module_of(n_features, **parameters):
    torch.manual_seed(0)
    return GOAD(**parameters).build_module(n_features)


@pytest.mark.parametrize("triplet_weight", [0.0, 0.7])
def test_losses_are_the_formulas(triplet_weight):
    module = module_of(
        4, n_transforms=5, transform_size=3, margin=2.0, triplet_weight=triplet_weight
    ).double()
    rows = torch.randn(6, 4, dtype=torch.float64)
    loss_n, loss_a = module(rows)
    maps = module.maps.view(4, 5, 3)
    for row, n, a in zip(rows, loss_n, loss_a, strict=True):
        terms_n, terms_a = [], []
        for m in range(5):
            z = row @ maps[:, m] + module.shifts.view(5, 3)[m]
            first, second = module.encoder.layers
            z = second(F.leaky_relu(first(z), 0.2))
            distance = (z - module.centers).square().sum(dim=1)
            p = torch.softmax(-distance, dim=0)[m]
            others = torch.cat([distance[:m], distance[m + 1 :]])
            triplet = F.relu(distance[m] + 2.0 - others.min())
            terms_n.append(-torch.log(p) + triplet_weight * triplet)
            terms_a.append(-torch.log(1 - p))
        torch.testing.assert_close(n, torch.stack(terms_n).mean())
        torch.testing.assert_close(a, torch.stack(terms_a).mean())


def test_centres_start_at_the_mean_embeddings():
    module = module_of(4)
    rows = torch.randn(50, 4)
    with torch.no_grad():
        module.prepare(rows)
    torch.testing.assert_close(module.centers.data, module.embed(rows).mean(dim=0).data)


def test_the_maps_are_not_trained():
    X = np.random.default_rng(0).normal(size=(60, 4))
    short, long = (GOAD(max_epochs=n, random_state=0).fit(X).module_ for n in (1, 4))
    torch.testing.assert_close(short.maps, long.maps)
    assert not torch.equal(short.centers, long.centers)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_transforms", 1), ("transform_size", 0), ("hidden_sizes", None), ("margin", -1)],
)
def test_bad_parameters(name, value):
    with pytest.raises(ValueError, match=f"GOAD: {name} must be"):
        GOAD(**{name: value}).fit(np.ones((4, 2)))
