"""How long a training is by default."""

import pytest

from lofe_sklearn import ICL, AutoEncoder, DeepSVDD, NeuTraL


@pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder])
@pytest.mark.parametrize(
    ("n_features", "n_steps"), [(1, 800), (256, 800), (512, 400), (1024, 200), (9000, 200)]
)
def test_wide_rows_take_fewer_steps(backbone, n_features, n_steps):
    n_batches = 4
    n_epochs = backbone().choose_max_epochs(128 * n_batches, n_features)
    assert n_epochs == n_steps // n_batches
    assert backbone(max_epochs=7).choose_max_epochs(128 * n_batches, n_features) == 7


def test_the_papers_trainings_do_not_depend_on_the_width():
    assert ICL().choose_max_epochs(512, 9000) == ICL().choose_max_epochs(512, 4)
    assert NeuTraL().choose_max_epochs(512, 9000) == 300
