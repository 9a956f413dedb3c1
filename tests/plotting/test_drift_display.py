import numpy as np
import pytest

from lofe_sklearn.inspection import drift_report
from lofe_sklearn.plotting import DriftDisplay

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


def heights(bars):
    return np.array([bar.get_height() for bar in bars])


def test_bars_are_the_shares_of_either_rows(loe, rows):
    display = DriftDisplay.from_estimator(loe, rows[:60] + 3, reference=rows)
    edges = [bar.get_x() for bar in display.bars_[0]]
    # The first bar's left edge is rounded; the lowest score lies in it.
    edges[0] = min(display.scores.min(), display.reference.min())
    edges.append(max(display.scores.max(), display.reference.max()))
    for bars, scores in zip(display.bars_, (display.reference, display.scores), strict=True):
        expected = np.histogram(scores, edges)[0] / len(scores)
        np.testing.assert_allclose(heights(bars), expected)
        assert heights(bars).sum() == pytest.approx(1)
    assert display.line_.get_xdata() == [loe.offset_, loe.offset_]


def test_rows_at_the_threshold_are_drawn_on_its_right():
    display = DriftDisplay.from_predictions(np.r_[0.0, np.ones(99)], np.ones(100), offset=1.0)
    for bars in display.bars_:
        (bar,) = (bar for bar in bars if bar.get_height() > 0.9)
        assert bar.get_x() == pytest.approx(1.0)


def test_the_title_has_the_verdict_and_both_measures(loe, rows):
    report = drift_report(loe, rows + 9, reference=rows)
    title = DriftDisplay.from_estimator(loe, rows + 9, reference=rows).ax_.get_title()
    assert title.startswith("LOE: refit\n")
    assert f"PSI {report.psi:.2f}, KS {report.ks:.2f}" in title


def test_estimators_equal_predictions(pipeline, rows):
    new = rows[::3]
    one = DriftDisplay.from_estimator(pipeline, new, reference=rows)
    other = DriftDisplay.from_predictions(
        pipeline.score_samples(new), pipeline.score_samples(rows), offset=pipeline[-1].offset_
    )
    assert repr(one.report) == repr(other.report)
    assert repr(one.report) == repr(drift_report(pipeline, new, reference=rows))
    for mine, theirs in zip(one.bars_, other.bars_, strict=True):
        np.testing.assert_array_equal(heights(mine), heights(theirs))


def test_nothing_but_a_few_scores():
    display = DriftDisplay.from_predictions([0.0, 1.0], [1.0, 1.0, 2.0], bins=2)
    assert display.line_ is None
    assert display.report.flagged is None
    assert display.ax_.get_title().startswith("too few rows to tell\n")


def test_style_arguments(loe, rows):
    display = DriftDisplay.from_estimator(
        loe, rows, hist_kwargs={"alpha": 0.3}, line_kwargs={"ls": ":"}, bins=7, xscale="linear"
    )
    assert len(display.bars_[0]) == 7
    assert display.bars_[0][0].get_alpha() == 0.3
    assert display.line_.get_linestyle() == ":"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": []}, "scores must be.*at least one value"),
        ({"reference": [1.0, np.nan]}, "reference must be finite, but row 1 has nan"),
        ({"offset": np.nan}, "offset must be"),
        ({"bins": 0}, "bins must be"),
        ({"xscale": "log"}, "xscale must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DriftDisplay.from_predictions(**{"scores": [1.0], "reference": [1.0, 2.0], **arguments})


def test_scores_are_seen_beside_a_threshold_far_away():
    scores = np.linspace(-1, 1, 60)
    display = DriftDisplay.from_predictions(scores, scores, offset=-1e9)
    display.figure_.canvas.draw()
    bars = [bar for container in display.bars_ for bar in container if bar.get_height()]
    assert min(bar.get_window_extent().width for bar in bars) > 1
