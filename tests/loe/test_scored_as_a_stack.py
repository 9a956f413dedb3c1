"""Members are scored as one stack, with the scores that each of them gives alone."""

import numpy as np
import pytest
from scipy import sparse

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, NeuTraL, engine
from lofe_sklearn.backbones._deep_svdd import DeepSVDDModule

X = np.random.default_rng(0).normal(size=(90, 4))
BACKBONES = [
    DeepSVDD(max_epochs=2),
    [DeepSVDD(max_epochs=2), DeepSVDD(anomaly_loss="inverse", max_epochs=2)],
    [AutoEncoder(max_epochs=2), NeuTraL(max_epochs=2, n_transforms=3)],
    ICL(max_epochs=2),
]


@pytest.mark.parametrize("options", [{}, {"max_samples": 0.5}, {"max_features": 0.75}], ids=str)
@pytest.mark.parametrize("backbone", BACKBONES, ids=range(len(BACKBONES)))
def test_members_scored_together_are_members_scored_alone(backbone, options):
    given = {"contamination": 0.1, "n_estimators": 4, "evidence": None, "random_state": 0}
    detector = LOE(backbone, **given, **options).fit(X)
    ensemble = detector._ensemble
    assert sorted(m for stack in ensemble.stacks for m in stack) == [0, 1, 2, 3]
    if not options:
        assert len(ensemble.stacks) == (len(backbone) if isinstance(backbone, list) else 1)
    new = np.vstack([X, 3 * X[::-1]])
    loss_n = [
        -member.score_samples(new[:, features])
        for member, features in zip(detector.estimators_, ensemble.features, strict=True)
    ]
    expected = ensemble.scale.combine(np.stack(loss_n))
    np.testing.assert_allclose(detector.score_samples(new), expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        detector.score_samples(sparse.csr_matrix(new)), expected, rtol=0, atol=1e-10
    )


def test_a_stack_is_called_once_for_a_chunk_of_rows(monkeypatch):
    detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, n_estimators=5).fit(X)
    calls, chunks = [], engine._score._chunks
    monkeypatch.setattr(engine._score, "_chunks", lambda *args: calls.append(args) or chunks(*args))
    detector.score_samples(X)
    assert len(calls) == 1


def test_many_members_see_fewer_rows_at_a_time(monkeypatch):
    # On a CPU: a GPU is given more rows at a time.
    backbone = DeepSVDD(max_epochs=1, device="cpu")
    detector = LOE(backbone, contamination=0.1, n_estimators=30, evidence=None).fit(X)
    n_rows, forward = [], DeepSVDDModule.forward
    monkeypatch.setattr(
        DeepSVDDModule, "forward", lambda self, x: n_rows.append(x.shape[1]) or forward(self, x)
    )
    detector.score_samples(np.tile(X, (10, 1)))
    # 2 MB, as if a row had 48 values: the layers are wider than the 4 features.
    assert max(n_rows) == 2**21 // (30 * 48 * 8)
    assert sum(n_rows) == 900


def test_a_row_too_large_is_named():
    detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, n_estimators=3).fit(X)
    rows = np.tile(X, (10, 1))
    rows[700, 2] = 1e200
    with pytest.raises(ValueError, match="row 700, column 2"):
        detector.score_samples(rows)
