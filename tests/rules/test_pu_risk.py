"""PURisk: the formula by brute force, and what LOE makes of it."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, engine, fit_many, load, save
from lofe_sklearn.engine._batches import Batches
from lofe_sklearn.engine._labels import LabelStep
from lofe_sklearn.metrics import roc_auc
from lofe_sklearn.rules import PURisk


def risk(loss_n, loss_a, alpha, known, non_negative=True):
    """Return the formula, row by row."""
    anomalies = [i for i, label in enumerate(known) if label < 0]
    unknown = [i for i, label in enumerate(known) if label == 0]
    of_anomalies = sum(loss_a[i] for i in anomalies) / len(anomalies)
    of_unknown = sum(loss_n[i] for i in unknown) / len(unknown)
    of_normal = of_unknown - alpha * sum(loss_n[i] for i in anomalies) / len(anomalies)
    return alpha * of_anomalies + (max(0.0, of_normal) if non_negative else of_normal)


def losses_of_linear_model(X, theta):
    """Two losses of at least 0 that are simple functions of the parameters."""
    error = (X @ theta).square()
    return error, torch.nn.functional.softplus(1 - error)


@pytest.mark.parametrize("non_negative", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.4, 0.9])
@pytest.mark.parametrize("size", [0.1, 3.0])
def test_an_epoch_minimises_the_formula(non_negative, alpha, size):
    """Batches, the weights of their rows and the rule make the gradient of the risk."""
    generator = torch.Generator().manual_seed(0)
    n_rows, n_known = 30, 3
    X = torch.randn(n_rows, 4, generator=generator, dtype=torch.float64)
    X[:n_known] *= size
    known = np.zeros(n_rows, dtype=int)
    known[:n_known] = -1
    theta = torch.randn(4, generator=generator, dtype=torch.float64).requires_grad_()
    loss_n, loss_a = losses_of_linear_model(X, theta)
    [expected] = torch.autograd.grad(risk(loss_n, loss_a, alpha, known, non_negative), theta)

    labelling = engine.Labelling(PURisk(non_negative), alpha, known=known, by_rank=False)
    batches = Batches([torch.arange(n_rows)], 64, [0], [known], known_weights=[PURisk.known_weight])
    labels = LabelStep([labelling], batches.n_rows, batches.index)
    labels.start_epoch(0, None, None)
    [batch] = batches.epoch()
    own_n, own_a = losses_of_linear_model(X[batch.row], theta)
    w_n, w_a = labels.weights(batch, own_n.detach(), own_a.detach())
    n_unknown = n_rows - n_known
    found = ((w_n * own_n + w_a * own_a).sum() / n_unknown,)
    [gradient] = torch.autograd.grad(found, theta)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-7)


def test_a_known_normal_row_counts_as_one_and_not_in_the_risk():
    known, loss_n = torch.tensor([[-1, 0, 0, 1]]), torch.tensor([[5.0, 1.0, 2.0, 1e9]])
    for alpha, of_others in ((0.1, [-0.1, 1.0, 1.0]), (0.4, [0.0, 0.0, 0.0])):  # risk 1.0 and -0.5
        w_n, w_a = PURisk()(loss_n, loss_n, torch.tensor([alpha]), known)
        torch.testing.assert_close(w_n, torch.tensor([[*of_others, 1.0]]))
        torch.testing.assert_close(w_a, torch.tensor([[alpha, 0.0, 0.0, 0.0]]))


def test_the_cut_off_leaves_the_known_anomalies_alone():
    known = torch.tensor([[-1, 0, 0]])
    loss_n, loss_a = torch.tensor([[9.0, 1.0, 1.0]]), torch.ones(1, 3)
    # 1 - .2 * 9 < 0 < 1 - .1 * 9
    w_n, w_a = PURisk()(loss_n, loss_a, torch.tensor([0.2]), known)
    assert not w_n.any()
    torch.testing.assert_close(w_a, torch.tensor([[0.2, 0.0, 0.0]]))
    w_n, _ = PURisk()(loss_n, loss_a, torch.tensor([0.1]), known)
    torch.testing.assert_close(w_n, torch.tensor([[-0.1, 1.0, 1.0]]))


def test_models_of_a_stack_are_cut_off_by_themselves():
    known = torch.tensor([[-1, 0, 0]]).expand(2, 3)
    loss_n = torch.tensor([[9.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
    together = PURisk()(loss_n, loss_n, torch.tensor([0.2, 0.2]), known)
    assert (together[0] != 0).any(dim=1).tolist() == [False, True]


def test_negative_losses_are_refused_unless_they_are_meant():
    known, loss_n = torch.tensor([[-1, 0]]), torch.tensor([[2.0, -3.0]])
    with pytest.raises(ValueError, match=r"at least 0.*got -3.*non_negative=False"):
        PURisk()(loss_n, -loss_n, torch.tensor([0.1]), known)
    w_n, _ = PURisk(non_negative=False)(loss_n, -loss_n, torch.tensor([0.1]), known)
    torch.testing.assert_close(w_n, torch.tensor([[-0.1, 1.0]]))


@pytest.fixture
def some_known(contaminated):
    X, y = contaminated
    known = np.zeros(len(X), dtype=bool)
    known[np.flatnonzero(y)[:5]] = True
    return X, y, known


def loe(**parameters):
    estimator = DeepSVDD(max_epochs=30, batch_size=64)
    return LOE(
        estimator,
        **{"method": PURisk(), "contamination": 0.1, "random_state": 0, **parameters},
    )


def test_it_finds_the_unknown_anomalies(some_known):
    X, y, known = some_known
    detector = loe().fit(X, known_anomalies=known)
    blind = loe(method="blind").fit(X)
    assert roc_auc(y[~known], detector.score_samples(X[~known])) > 0.9
    mean = [
        -d.score_samples(X)[known].mean() / -d.score_samples(X).mean() for d in (detector, blind)
    ]
    assert mean[0] > mean[1]


def test_labels_are_the_known_ones(some_known):
    X, _, known = some_known
    detector = loe().fit(X, known_anomalies=known)
    np.testing.assert_array_equal(detector.labels_ == -1, known)
    assert (detector.predict(X) == -1).sum() == 20
    assert detector.evidence_ is None


@pytest.mark.parametrize("kind", ["none", "normal", "both"])
def test_other_known_labels_are_refused(some_known, kind):
    X, y, known = some_known
    normal = np.zeros(len(X), dtype=bool)
    normal[np.flatnonzero(y == 0)[:2]] = True
    told = {
        "none": {},
        "normal": {"known_normal": normal},
        "both": {"known_anomalies": known, "known_normal": normal},
    }[kind]
    with pytest.raises(ValueError, match=r"PURisk\(\) is for known anomalies.*known_anomalies="):
        loe().fit(X, **told)


def test_bad_parameter(some_known):
    X, _, known = some_known
    with pytest.raises(ValueError, match="PURisk: non_negative must be"):
        loe(method=PURisk("yes")).fit(X, known_anomalies=known)


def test_a_fit_in_a_stack_is_the_fit_alone(some_known):
    X, _, known = some_known
    many = [
        loe(n_estimators=2),
        loe(method=PURisk(non_negative=False)),
        loe(method="hard", contamination=0.2),
        loe(label_update="epoch", random_state=1),
        loe(known_weight=0.3),
    ]
    stacked = fit_many(many, X, known_anomalies=known)
    for one, together in zip(many, stacked, strict=True):
        alone = clone(one).fit(X, known_anomalies=known)
        np.testing.assert_allclose(
            together.score_samples(X), alone.score_samples(X), rtol=1e-4, atol=1e-4
        )


def test_the_weight_of_known_rows_counts(some_known):
    X, _, known = some_known
    scores = [
        loe(known_weight=weight).fit(X, known_anomalies=known).score_samples(X)
        for weight in (None, 1.0, 0.1)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2], rtol=1e-3)


def test_unknown_ratios(some_known):
    X, y, known = some_known
    detector = LOE(
        [DeepSVDD(max_epochs=20), AutoEncoder(max_epochs=20)],
        method=PURisk(),
        n_estimators=4,
        random_state=0,
    ).fit(X, known_anomalies=known)
    assert roc_auc(y[~known], detector.score_samples(X[~known])) > 0.8


def test_it_is_saved_and_pickled(some_known, tmp_path):
    X, _, known = some_known
    detector = loe().fit(X, known_anomalies=known)
    save(detector, tmp_path / "pu.lofe")
    for other in (load(tmp_path / "pu.lofe"), pickle.loads(pickle.dumps(detector))):
        np.testing.assert_array_equal(other.score_samples(X), detector.score_samples(X))
        assert repr(other.method) == "PURisk()"


@pytest.fixture(scope="module")
def cut_off():
    """Return an ICL whose known anomalies are soon pushed so far away that the risk is cut off."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 6))
    X[:, 3:] = X[:, :3] + 0.1 * rng.normal(size=(100, 3))
    known = np.arange(100) < 20
    X[known] = rng.normal(0, 3, size=(20, 6))
    icl = ICL(max_epochs=60, n_permutations=1)
    options = {"contamination": 0.4, "evidence": None, "random_state": 0}
    detector = LOE(icl, method=PURisk(), **options).fit(X, known_anomalies=known)
    return detector.estimator_, known


def test_training_goes_on_where_the_risk_is_cut_off(cut_off):
    backbone, _ = cut_off
    loss_kept = backbone.history_.loss_kept[:, 0]
    # Such an epoch has no row that is trained as normal, and so no loss below a threshold.
    assert np.isnan(loss_kept).any()
    assert backbone.n_iter_ == 60
    # In all others it is the mean over the rows of unknown label.
    assert np.nanmin(loss_kept) > 0.1


def test_no_row_of_unknown_label_is_an_anomaly_in_the_history(cut_off):
    backbone, known = cut_off
    for labels in backbone.history_.labels[:, 0]:
        np.testing.assert_array_equal(labels, known)
