import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.calibration import calibration_curve

from lofe_sklearn.plotting import ReliabilityDisplay

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


@pytest.fixture
def calibrated():
    rng = np.random.default_rng(0)
    proba = rng.beta(0.5, 2, 3000)
    return (rng.uniform(size=3000) < proba).astype(int), proba


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_bins_are_those_of_scikit_learn(calibrated, strategy):
    y, proba = calibrated
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=7, strategy=strategy)
    observed, predicted = calibration_curve(y, proba, n_bins=7, strategy=strategy)
    np.testing.assert_allclose(display.observed, observed)
    np.testing.assert_allclose(display.predicted, predicted)
    assert display.counts.sum() == 3000
    assert display.brier_score == pytest.approx(np.mean((y - proba) ** 2))
    np.testing.assert_allclose(display.container_[0].get_ydata(), observed)


@pytest.mark.parametrize("high", [np.full(4, 0.9), np.linspace(0.3, 0.9, 40)], ids=["two", "more"])
def test_many_rows_of_the_lowest_probability_are_a_bin(high):
    proba = np.concatenate([np.full(96, 0.02), high])
    y = proba > 0.02
    display = ReliabilityDisplay.from_predictions(y, proba, strategy="quantile")
    observed, predicted = calibration_curve(y, proba, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(display.predicted, predicted)
    np.testing.assert_allclose(display.observed, observed)
    assert display.counts[0] == 96
    assert display.predicted[0] == pytest.approx(0.02)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(20):  # displays, which take most of the time, of 100 bins of 40 rows each
        proba = rng.uniform(size=4000)
        y = rng.uniform(size=4000) < proba
        display = ReliabilityDisplay.from_predictions(y, proba, n_bins=100)
        inside.append((display.low <= display.predicted) & (display.predicted <= display.high))
        plt.close(display.figure_)
    assert 0.85 < np.mean(inside) < 0.95


def test_estimators_equal_predictions(loe, pipeline, search, rows, labels):
    for detector in (loe, pipeline, search):
        inner = getattr(detector, "best_estimator_", detector)
        X = pipeline[:-1].transform(rows) if detector is pipeline else rows
        proba = (pipeline[-1] if detector is pipeline else inner).anomaly_proba(X)
        one = ReliabilityDisplay.from_estimator(detector, rows, labels)
        other = ReliabilityDisplay.from_predictions(labels == 1, proba)
        np.testing.assert_allclose(one.predicted, other.predicted)
        np.testing.assert_allclose(one.observed, other.observed)


def test_another_contamination(loe, rows, labels):
    one, more = (
        ReliabilityDisplay.from_estimator(loe, rows, labels, contamination=share, n_bins=1)
        for share in (0.01, 0.3)
    )
    assert more.predicted[0] > one.predicted[0]


def test_two_on_the_same_axes(calibrated):
    y, proba = calibrated
    first = ReliabilityDisplay.from_predictions(y, proba, name="one")
    second = ReliabilityDisplay.from_predictions(y, proba / 10, name="two", ax=first.ax_)
    assert first.reference_line_ is not None
    assert second.reference_line_ is None
    assert first.ax_.get_xlim()[1] > 1
    texts = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert [text.partition(":")[0] for text in texts] == ["calibrated", "one", "two"]


def test_small_probabilities_fill_the_picture(calibrated):
    _, proba = calibrated
    display = ReliabilityDisplay.from_predictions(np.zeros(3000, dtype=int), proba / 100)
    assert display.ax_.get_xlim()[1] < 0.1


def test_style_arguments(calibrated):
    display = ReliabilityDisplay.from_predictions(
        *calibrated, line_kwargs={"c": "green"}, reference_line=False, show_counts=False
    )
    assert display.container_[0].get_color() == "green"
    assert display.reference_line_ is None
    assert not display.ax_.texts


@pytest.mark.parametrize(
    ("y", "proba", "arguments", "message"),
    [
        ([0, 1], [0.5], {}, "y_true has 2, y_proba has 1"),
        ([0, 1], [0.5, np.nan], {}, "row 1 has nan"),
        ([0, 1], [0.5, 1.5], {}, r"must be in \[0, 1\]"),
        ([0, 2], [0.5, 0.5], {}, "y_true must hold"),
        ([0, 1], [0.5, 0.5], {"n_bins": 0}, "n_bins must be"),
        ([0, 1], [0.5, 0.5], {"strategy": "quantiles"}, "Did you mean 'quantile'"),
    ],
)
def test_bad_arguments(y, proba, arguments, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(y, proba, **arguments)


def test_displays_on_one_axes_have_colours_of_their_own():
    y, proba = np.array([False, True, False, True]), np.array([0.0, 0.9, 0.1, 0.8])
    one = ReliabilityDisplay.from_predictions(y, proba, name="one")
    two = ReliabilityDisplay.from_predictions(y, proba, name="two", ax=one.ax_)
    lines = [display.container_.lines[0] for display in (one, two)]
    assert lines[0].get_color() != lines[1].get_color()
    assert lines[0].get_marker() != lines[1].get_marker()
    assert len(one.ax_.texts) == 4  # the counts of the same points are not written twice
    at_foot = next(text for text in one.ax_.texts if text.xy[1] == 0)
    assert at_foot.get_verticalalignment() == "bottom"  # not over the numbers of the axis


@pytest.mark.parametrize(("n_rows", "n_bins"), [(20_000, 30), (20_000, 12), (3_000_000, 12)])
def test_no_number_of_rows_is_written_over_another(n_rows, n_bins):
    proba = np.linspace(0, 1, n_rows)
    display = ReliabilityDisplay.from_predictions(proba > 0.995, proba, n_bins=n_bins)
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    assert len(boxes) > n_bins / 5
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    plt.close(display.figure_)
