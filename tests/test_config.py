"""Settings that hold within a block: the precision of scores."""

import threading

import joblib
import numpy as np
import pytest
import torch

import lofe_sklearn
from lofe_sklearn import (
    LOE,
    AutoEncoder,
    DeepSVDD,
    NeuTraL,
    RealNVP,
    config_context,
    engine,
    fit_many,
    get_config,
)
from lofe_sklearn.features import ImageFeatures

X = np.random.default_rng(0).normal(size=(600, 5))


def precision_used(monkeypatch, call):
    """Return the precisions in which rows were loaded while `call` ran."""
    found, rows = set(), engine._score.Rows

    def spy(*args, dtype, **options):
        found.add(dtype)
        return rows(*args, dtype=dtype, **options)

    monkeypatch.setattr(engine._score, "Rows", spy)
    call()
    return found


@pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder, RealNVP, NeuTraL])
def test_single_precision_is_close_to_double(backbone, monkeypatch):
    detector = LOE(backbone(max_epochs=3), n_estimators=3, random_state=0).fit(X)
    precise = detector.score_samples(X)
    with config_context(scoring_dtype="float32"):
        used = precision_used(monkeypatch, lambda: detector.score_samples(X))
        fast = detector.score_samples(X)
    assert used == {torch.float32}
    assert fast.dtype == np.float64
    np.testing.assert_allclose(fast, precise, rtol=0, atol=1e-3)
    assert np.median(np.abs(fast - precise)) < 1e-5
    np.testing.assert_array_equal(detector.score_samples(X), precise)  # the block is over


@pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder, RealNVP])
def test_the_relative_error_of_a_lone_backbone(backbone):
    detector = backbone(max_epochs=3, random_state=0).fit(X)
    far = np.concatenate([X, 100 * X])
    precise = detector.score_samples(far)
    with config_context(scoring_dtype="float32"):
        error = np.abs(detector.score_samples(far) / precise - 1)
    assert error.max() < 1e-4
    assert 0 < np.median(error) < 2e-6


def test_the_error_of_the_default_ensemble_and_that_evidence_has_none():
    rows = np.random.default_rng(1).normal(size=(2_000, 8))
    rows[:60] *= 8
    backbones = [DeepSVDD(max_epochs=3), AutoEncoder(max_epochs=3), RealNVP(max_epochs=2)]
    detector = LOE(backbones, n_estimators=6, random_state=0).fit(rows)
    evidence = detector._ensemble.evidence
    precise, of_evidence = detector.score_samples(rows), evidence.score(rows)
    with config_context(scoring_dtype="float32"):
        error = np.abs(detector.score_samples(rows) - precise)
        np.testing.assert_array_equal(evidence.score(rows), of_evidence)
    assert error.max() < 1e-3
    assert 0 < np.median(error) < 1e-6


def test_a_block_restores_what_held_before():
    with config_context(scoring_dtype="float32"):
        with config_context():
            assert get_config()["scoring_dtype"] == "float32"
        with pytest.raises(KeyError), config_context(scoring_dtype="float64"):
            {}[get_config()["scoring_dtype"]]
        assert get_config()["scoring_dtype"] == "float32"
        seen = []
        thread = threading.Thread(target=lambda: seen.append(get_config()["scoring_dtype"]))
        thread.start()
        thread.join()
        assert seen == ["float64"]  # another thread has settings of its own
    assert get_config() == {"device": "auto", "scoring_dtype": "float64"}


@pytest.mark.parametrize("wrong", ["float16", torch.float32, 32])
def test_other_precisions_are_refused(wrong):
    with (
        pytest.raises(ValueError, match="must be 'float64' or 'float32'; got"),
        config_context(scoring_dtype=wrong),
    ):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("processes_for_little")
def test_stacks_that_are_trained_in_other_processes_have_the_settings_too():
    detector = LOE(DeepSVDD(max_epochs=2), contamination=0.1, n_estimators=2, random_state=0)
    with config_context(scoring_dtype="float32"):
        here = detector.fit(X)._training_scores
        there = detector.set_params(n_jobs=2).fit(X)._training_scores
    precise = detector.set_params(n_jobs=None).fit(X)._training_scores
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-5)
    assert not np.array_equal(there, precise)


class TestDevice:
    """What ``device="auto"`` means within a block."""

    @pytest.mark.parametrize(
        "use",
        [
            lambda detector: detector.fit(X),
            lambda detector: LOE().fit(X),
            lambda detector: detector.score_samples(X),
            lambda detector: fit_many([LOE(DeepSVDD(max_epochs=1), contamination=0.1)], X),
        ],
        ids=["fit", "LOE()", "score_samples", "fit_many"],
    )
    def test_it_reaches_what_is_trained_and_scored(self, use):
        detector = DeepSVDD(max_epochs=1, random_state=0).fit(X)
        message = "device='cuda:99' is not available here"
        with config_context(device="cuda:99"), pytest.raises(ValueError, match=message):
            use(detector)
        use(detector)

    @pytest.mark.parametrize("device", ["cuda:99", "gpu"])
    def test_the_error_names_what_was_called(self, device, tmp_path):
        pytest.importorskip("skops", reason="skops is not installed")
        fitted = DeepSVDD(max_epochs=1, device="cpu").fit(X)
        lofe_sklearn.save(fitted, tmp_path / "model.lofe")
        fitted.set_params(device=device)
        for owner, call in {
            "LOE": lambda: LOE(DeepSVDD(device=device)).fit(X),
            "DeepSVDD": lambda: fitted.score_samples(X),
            "AutoEncoder": lambda: AutoEncoder(device=device).fit(X),
            "load": lambda: lofe_sklearn.load(tmp_path / "model.lofe", device=device),
            "ImageFeatures": lambda: ImageFeatures(device=device).fit(np.zeros((2, 8, 8, 3))),
        }.items():
            with pytest.raises(ValueError, match=f"^{owner}: device='{device}' is not "):
                call()

    @pytest.mark.usefixtures("processes_for_little")
    def test_it_reaches_workers(self):
        detector = LOE([DeepSVDD(max_epochs=1), AutoEncoder(max_epochs=1)], n_jobs=2)
        with (
            joblib.parallel_config(backend="loky"),
            config_context(device="cuda:99"),
            pytest.raises(ValueError, match="not available here"),
        ):
            detector.fit(X)

    def test_a_device_that_is_chosen_counts(self):
        with config_context(device="cuda:99"):
            DeepSVDD(max_epochs=1, device="cpu").fit(X).score_samples(X)

    def test_blocks_in_blocks(self):
        with config_context(device="cpu", scoring_dtype="float32"):
            with config_context(device="auto"):
                assert get_config() == {"device": "auto", "scoring_dtype": "float32"}
            assert get_config()["device"] == "cpu"
        assert get_config() == {"device": "auto", "scoring_dtype": "float64"}

    def test_what_is_no_name(self):
        with (
            pytest.raises(ValueError, match="device must be the name of a device"),
            config_context(device=torch.device("cpu")),
        ):
            pass
        assert get_config()["device"] == "auto"
