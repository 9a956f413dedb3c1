import numpy as np
import pytest
from conftest import slow_but

from lofe_sklearn import DeepSVDD
from lofe_sklearn._training import _seen_rows
from lofe_sklearn.plotting import ScoresDisplay

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


def heights(bars):
    return np.array([bar.get_height() for bar in bars])


def test_bars_count_the_rows_of_each_label(loe):
    display = ScoresDisplay.from_estimator(loe)
    normal, anomalous = map(heights, display.bars_)
    assert normal.sum() == (loe.labels_ == 1).sum()
    assert anomalous.sum() == (loe.labels_ == -1).sum()
    edges = [bar.get_x() for bar in display.bars_[0]] + [display.scores.max()]
    expected, _ = np.histogram(display.scores[loe.labels_ == 1], edges)
    np.testing.assert_array_equal(normal, expected)


def test_the_training_rows_are_the_default(loe, rows):
    kept = ScoresDisplay.from_estimator(loe)
    np.testing.assert_allclose(kept.scores, loe.score_samples(rows), atol=1e-6)
    np.testing.assert_array_equal(kept.labels, loe.labels_)


def test_rows_through_a_pipeline(pipeline, rows):
    display = ScoresDisplay.from_estimator(pipeline, rows[:50])
    np.testing.assert_allclose(display.scores, pipeline.score_samples(rows[:50]))
    np.testing.assert_array_equal(display.labels, pipeline.predict(rows[:50]))


def test_estimators_equal_predictions(loe, rows):
    new = rows[::3]
    one = ScoresDisplay.from_estimator(loe, new)
    other = ScoresDisplay.from_predictions(
        loe.score_samples(new), offset=loe.offset_, labels=loe.predict(new), interval=one.interval
    )
    for mine, theirs in zip(one.bars_, other.bars_, strict=True):
        np.testing.assert_array_equal(heights(mine), heights(theirs))
    assert one.line_.get_xdata() == other.line_.get_xdata()


def test_threshold_and_interval(loe):
    display = ScoresDisplay.from_estimator(loe)
    assert display.line_.get_xdata() == [loe.offset_, loe.offset_]
    low, high = display.interval
    scores = display.scores
    shares = [np.mean(scores < low), np.mean(scores < high)]
    np.testing.assert_allclose(shares, loe.contamination_interval_, atol=1 / len(scores))
    assert low <= loe.offset_ <= high
    assert display.span_ is not None


def test_nothing_but_scores():
    display = ScoresDisplay.from_predictions([0.0, 1.0, 2.0, 2.0], bins=2)
    assert display.line_ is display.span_ is display.labels is None
    assert heights(display.bars_[0]).tolist() == [1, 3]


@pytest.mark.parametrize("scores", [np.ones(5), np.r_[np.zeros(50), 1.0], np.array([3.0])])
def test_scores_that_are_equal(scores):
    display = ScoresDisplay.from_predictions(scores, offset=1.0)
    assert sum(heights(bars).sum() for bars in display.bars_) == len(scores)
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    "scores",
    [
        np.random.default_rng(0).normal(size=200),
        -np.random.default_rng(0).pareto(0.5, 500),  # on the other scale
        np.r_[np.zeros(5), np.ones(195)],  # two values, as of a column of 0 and 1
        np.r_[np.zeros(3), 1e-9, np.ones(196)],
    ],
)
@pytest.mark.parametrize("at", [0, 7, 100, -1])
@pytest.mark.parametrize("bins", slow_but([7], [2, 7, 50]))
def test_bars_are_on_the_side_of_the_threshold_that_their_rows_are_on(scores, at, bins):
    offset = np.sort(scores)[at]
    labels = np.where(scores < offset, -1, 1)
    display = ScoresDisplay.from_predictions(scores, offset=offset, labels=labels, bins=bins)
    assert len(display.bars_[0]) == bins
    for bars, label in zip(display.bars_, (1, -1), strict=True):
        full = [bar for bar in bars if bar.get_height()]
        assert sum(bar.get_height() for bar in full) == np.sum(labels == label)
        ends = np.array([bar.get_x() + [0, bar.get_width()] for bar in full]).reshape(-1, 2)
        distance = (ends - offset) * label
        assert np.all(distance >= -1e-9 * np.ptp(scores))


def test_long_tails_are_drawn_on_another_scale():
    scores = -np.random.default_rng(0).pareto(0.5, 500)
    display = ScoresDisplay.from_predictions(scores)
    assert display.ax_.get_xscale() == "function"
    assert heights(display.bars_[0]).sum() == 500
    ticks = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert len(set(ticks)) == len(ticks)
    assert display.plot(xscale="linear").ax_.get_xscale() == "linear"
    # Also where the axes had another scale: values below 0 are not seen on a logarithmic one.
    assert display.plot(display.ax_).ax_.get_xscale() == "function"
    assert display.plot(display.ax_, xscale="linear").ax_.get_xscale() == "linear"
    display.ax_.set_xscale("log")
    assert (
        ScoresDisplay.from_predictions([-2.0, -1.0, 1.0], ax=display.ax_).ax_.get_xscale()
        == "linear"
    )


def test_style_arguments(loe):
    display = ScoresDisplay.from_estimator(
        loe, hist_kwargs={"alpha": 0.5}, line_kwargs={"ls": ":"}, span_kwargs={"fc": "red"}, bins=7
    )
    assert len(display.bars_[0]) == 7
    assert display.bars_[0][0].get_alpha() == 0.5
    assert display.line_.get_linestyle() == ":"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": []}, "at least one value"),
        ({"scores": [[1.0]]}, "one-dimensional"),
        ({"scores": [1.0, np.nan]}, "finite, but row 1 has nan"),
        ({"scores": ["a"]}, "must be numbers"),
        ({"scores": [1.0, 2.0], "labels": [1]}, "scores has 2, labels has 1"),
        ({"scores": [1.0, 2.0], "labels": [0, 1]}, "-1 for anomalies"),
        ({"scores": [1.0, 2.0], "offset": np.nan}, "offset must be"),
        ({"scores": [1.0, 2.0], "interval": (1.0, 0.0)}, "lower one first"),
        ({"scores": [1.0, 2.0], "interval": (0.0, 1.0, 2.0)}, "two thresholds"),
        ({"scores": [1.0, 2.0], "bins": 0}, "bins must be"),
        ({"scores": [1.0, 2.0], "xscale": "log"}, "xscale must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScoresDisplay.from_predictions(**arguments)


@pytest.mark.parametrize("scores", [[1e17] * 9, [-1e17] * 9, [1.0, 1.0 + 1e-15, 1.0], [0.0, 0.0]])
def test_scores_that_are_alike_are_seen(scores):
    display = ScoresDisplay.from_predictions(scores)
    bars = list(display.bars_[0])
    assert sum(bar.get_height() for bar in bars) == len(scores)
    low, high = display.ax_.get_xlim()
    assert all(bar.get_width() > 0.01 * (high - low) for bar in bars)


def test_a_fit_to_parts_counts_all_rows(rows, monkeypatch):
    monkeypatch.setattr(_seen_rows, "_LEAST", 100)
    monkeypatch.setattr(_seen_rows, "_MOST", 100)
    detector = DeepSVDD(contamination=0.1, random_state=0).partial_fit(rows)
    display = ScoresDisplay.from_estimator(detector)
    assert len(display.scores) == 100
    assert sum(heights(bars).sum() for bars in display.bars_) == pytest.approx(200)
    assert "labelled anomalous: about 20" in display.ax_.get_legend_handles_labels()[1]
    assert ScoresDisplay.from_estimator(detector, rows[:50]).n_rows is None


@pytest.mark.parametrize("scores", [np.linspace(-1, 1, 60), np.full(60, 3.0), np.eye(60)[0]])
@pytest.mark.parametrize("offset", slow_but([1e6], [-1e6, 1e6]))
def test_scores_are_seen_beside_a_threshold_far_away(scores, offset):
    display = ScoresDisplay.from_predictions(scores, offset=offset)
    display.figure_.canvas.draw()
    bars = [bar for container in display.bars_ for bar in container if bar.get_height()]
    assert min(bar.get_window_extent().width for bar in bars) > 1
    # In points of the picture, the threshold is within the axes.
    place = display.ax_.transData.transform((offset, 1.0))[0]
    assert display.ax_.bbox.x0 <= place <= display.ax_.bbox.x1


def test_higher_bars_of_a_second_display_are_not_cut_off():
    display = ScoresDisplay.from_predictions(np.arange(20.0))
    other = ScoresDisplay.from_predictions(np.repeat(3.0, 500), ax=display.ax_)
    highest = max(bar.get_height() for bar in other.bars_[0])
    assert other.ax_.get_ylim()[1] > highest == 500
    assert other.ax_.get_ylim()[0] == 0.7
