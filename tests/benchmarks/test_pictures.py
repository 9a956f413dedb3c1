"""Sets of pictures in the benchmarks: made once, split as the protocols say, reported as means."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from benchmarks import pictures, sets
from benchmarks.fits import PROTOCOLS
from benchmarks.ledger import read
from benchmarks.reports import write_report
from benchmarks.reports.pictures import paper_pictures
from benchmarks.suites import SUITES
from lofe_sklearn.features import ImageFeatures


@pytest.fixture
def fashion(monkeypatch, tmp_path):
    """Let Fashion-MNIST have ten training and six test pictures a class; count the fetches."""
    fetched = []

    def fetch(subset, classes):
        fetched.append(subset)
        rng = np.random.default_rng(classes)
        images = rng.integers(0, 60, (10 if subset == "train" else 6, 8, 8)) + 19 * classes
        return Bunch(images=images.astype(np.uint8))

    monkeypatch.setitem(pictures.FETCH, "fmnist", fetch)
    monkeypatch.setenv("LOFE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        pictures, "ImageFeatures", lambda **other: ImageFeatures(image_size=32, **other)
    )
    pictures.one_class.cache_clear()
    yield fetched
    pictures.one_class.cache_clear()


def test_pixels_of_the_first_pictures_of_each_class(fashion):
    X, classes, X_test, classes_test, normal = sets.load("fmnist-pixels:trouser", 5)
    assert normal == 1
    assert X.shape == (50, 8, 8)
    assert np.bincount(classes).tolist() == [5] * 10
    assert classes_test.tolist() == list(range(10))
    assert len(X_test) == 10


def test_halved_pictures_are_means_of_four_pixels(fashion):
    whole, *_ = sets.load("fmnist-pixels:trouser", 5)
    half, classes, half_test, _, normal = sets.load("fmnist-halved:trouser", 5)
    assert half.shape == (50, 4, 4)
    assert half_test.shape == (10, 4, 4)
    assert (normal, np.bincount(classes).tolist()) == (1, [5] * 10)
    np.testing.assert_allclose(half[3, 1, 2], whole[3, 2:4, 4:6].mean())


def test_features_are_computed_once(fashion):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'images' is not installed")
    first = sets.load("fmnist:trouser", 5)
    np.testing.assert_allclose(np.linalg.norm(first[0], axis=1), 1, rtol=1e-5)
    n_fetched = len(fashion)
    again = sets.load("fmnist:coat", 5)
    assert len(fashion) == n_fetched
    np.testing.assert_array_equal(again[0], first[0])
    assert again[-1] == 4
    sets.load("fmnist:coat", 6)
    assert len(fashion) > n_fetched


def test_a_class_that_is_not_there(fashion):
    with pytest.raises(sets.SetError, match="fmnist has no class 'hat'; it has t-shirt"):
        sets.load("fmnist:hat", 5)


def test_one_class_against_the_rest(fashion):
    data = sets.load("fmnist-pixels:trouser", 9)
    X, X_test, y, y_test = PROTOCOLS["one_vs_rest"](data, 0.1, 0)
    assert (len(X), int(y.sum())) == (10, 1)
    assert len(X_test) == 10
    assert y_test.tolist() == [1, 0, *[1] * 8]


def test_a_video_is_trained_on_itself():
    X = np.arange(100.0)[:, None]
    y = (X[:, 0] >= 70).astype(int)
    is_test = X[:, 0] >= 50
    X_train, X_test, y_train, y_test = PROTOCOLS["video"]((X, y, is_test), 0.2, 0)
    assert len(X_train) == 70 + 17
    assert set(np.arange(70.0)) <= set(X_train[:, 0])
    assert len(np.unique(X_train)) == len(X_train)
    assert (y_train == (X_train[:, 0] >= 70)).all()
    np.testing.assert_array_equal(X_test, X[50:])
    assert y_test.sum() == 30


def test_clean_training_is_one_fit():
    fits = [fit for fit in SUITES["paper-image"].fits() if fit.dataset == "cifar10:frog"]
    methods = [(fit.true_ratio, fit.method) for fit in fits]
    assert methods == [(0.0, "blind"), *((0.1, m) for m in ("blind", "refine", "hard", "soft"))]


def rows_of(method, ratio, figures, suite="paper-image"):
    return [
        {
            "suite": suite,
            "protocol": "one_vs_rest",
            "dataset": f"cifar10:{name}",
            "detector": "NeuTraL.for_features",
            "method": method,
            "true_ratio": ratio,
            "assumed_ratio": ratio,
            "seed": seed,
            "roc_auc": figure,
            "error": "",
        }
        for name, seeds in figures.items()
        for seed, figure in enumerate(seeds)
    ]


def test_means_over_classes_and_what_is_lost():
    rows = [
        *rows_of("blind", 0.0, {"frog": [0.9], "cat": [0.8]}),
        *rows_of("blind", 0.1, {"frog": [0.8, 0.7], "cat": [0.6, 0.7]}),
        *rows_of("soft", 0.1, {"frog": [0.85], "cat": [0.75]}),
    ]
    rows[-1]["roc_auc"] = None
    rows[-1]["error"] = "ValueError"
    [sheet] = paper_pictures(rows)
    cells = [[cell.text for cell in row] for row in sheet.rows]
    assert cells == [
        ["0 %", "clean", "2", "85.0", "", "95.7", ""],
        ["10 %", "blind", "2", "70.0", "15.0", "91.3", "4.4"],
        ["10 %", "soft", "1", "85.0", "0.0", "94.9", "0.8"],
    ]


def test_a_report_from_a_run(fashion, tmp_path):
    from benchmarks.__main__ import main

    output = tmp_path / "rows.jsonl"
    arguments = "run paper-image --sets fmnist-pixels:trouser fmnist-pixels:pullover --detectors"
    arguments += " MHRot --methods blind soft --max-rows 5 --params depth=10 width=1 max_epochs=3"
    assert main([*arguments.split(), "n_views=1", "--output", str(output)]) == 0
    assert len(read([output])) == 2 * 3
    written = write_report([output], tmp_path / "reports")
    text = written[0].read_text()
    assert "# The LOE paper's image experiments" in text
    assert "Fashion-MNIST, MHRot: mean ROC AUC, per cent" in text
    assert "93.7" in text  # the paper's clean figure
