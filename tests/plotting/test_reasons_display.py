import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from lofe_sklearn import DeepSVDD
from lofe_sklearn.inspection import Explanation
from lofe_sklearn.plotting import ReasonsDisplay

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


def widths(display):
    return np.array([bar.get_width() for bar in display.bars_])


def test_bars_are_the_contributions(loe, rows):
    explanation = loe.explain(rows[-3:])
    display = ReasonsDisplay.from_explanation(explanation, row=1)
    own = explanation.contributions[1]
    np.testing.assert_allclose(widths(display), np.sort(own)[::-1])
    assert display.features[0] == explanation.feature_names[np.argmax(own)]
    assert "row 1" in display.ax_.get_title(loc="right")


def test_estimators_equal_explanations(pipeline, rows):
    one = ReasonsDisplay.from_estimator(pipeline, rows, row=195, background=rows)
    from lofe_sklearn.inspection import explain

    other = ReasonsDisplay.from_explanation(explain(pipeline, rows[195:196], background=rows))
    np.testing.assert_allclose(widths(one), widths(other))
    assert "row 195" in one.name


def test_only_one_row_is_explained(loe, rows, monkeypatch):
    seen = []
    monkeypatch.setattr(
        type(loe), "explain", lambda self, X, **kw: seen.append(len(X)) or explain(self, X, **kw)
    )
    explain = super(type(loe), loe).explain.__func__
    ReasonsDisplay.from_estimator(loe, rows, row=7)
    assert seen == [1]


def test_the_rest_is_one_bar(loe, rows):
    explanation = loe.explain(rows[-1:])
    display = ReasonsDisplay.from_explanation(explanation, k=1)
    own = explanation.contributions[0]
    largest = own[np.argmax(np.abs(own))]
    np.testing.assert_allclose(widths(display), [largest, own.sum() - largest])
    assert display.ax_.get_yticklabels()[-1].get_text() == "3 other features"


def test_rounding_is_no_reason():
    """A difference of scores that should be 0 may be 1e-15."""
    contributions = np.array([[2.0, 0.3, 1e-15, -2e-15]])
    explanation = explanation_of(contributions)
    display = ReasonsDisplay.from_explanation(explanation)
    assert widths(display).tolist() == [2.0, 0.3, 0.0]
    display = ReasonsDisplay.from_explanation(explanation, k=1)
    assert widths(display).tolist() == [2.0, 0.3]


def explanation_of(contributions):
    n = contributions.shape[1]
    return Explanation(
        contributions=contributions,
        values=np.ones((1, n)),
        typical=np.zeros(n),
        feature_names=np.array([f"x\n{j}" for j in range(n)], dtype=object),
        scores=np.array([-1.0]),
        typical_score=1.3,
        row_names=np.array([0]),
    )


def test_the_text_of_a_row_is_one_line_whatever_the_names_are():
    lines = repr(explanation_of(np.array([[2.0, 0.3]]))).split("\n")
    assert lines[1] == "row 0, score -1: x 0 +2 (1, typically 0), x 1 +0.3 (1, typically 0)"


def test_names_of_frames(rows):
    table = pd.DataFrame(rows, columns=["a", "b", "c", "d"], index=[f"r{i}" for i in range(200)])
    detector = DeepSVDD(max_epochs=2, random_state=0).fit(table)
    display = ReasonsDisplay.from_estimator(detector, table, row=3)
    assert set(display.features) == set("abcd")
    assert display.name.startswith("row r3\n")


def test_a_typical_row_has_no_reasons(loe, rows):
    typical = loe.explain(rows[:1]).typical[np.newaxis]
    display = ReasonsDisplay.from_estimator(loe, typical)
    np.testing.assert_array_equal(widths(display), [0, 0])
    display.figure_.canvas.draw()


def test_style_arguments(loe, rows):
    display = ReasonsDisplay.from_estimator(
        loe, rows, bar_kwargs={"fc": "green", "height": 0.2}, text_kwargs={"size": 5}
    )
    assert display.bars_[0].get_height() == pytest.approx(0.2)
    assert display.ax_.texts[0].get_fontsize() == 5


@pytest.mark.parametrize("row", [-1, 200, 1.5, "r3"])
def test_rows_that_are_not_there(loe, rows, row):
    with pytest.raises(ValueError, match=r"row must be an integer in \[0, 199\]"):
        ReasonsDisplay.from_estimator(loe, rows, row=row)
    with pytest.raises(ValueError, match="row must be"):
        ReasonsDisplay.from_explanation(loe.explain(rows[:1]), row=1)
    with pytest.raises(ValueError, match="ReasonsDisplay.from_estimator: there are 0 rows"):
        ReasonsDisplay.from_estimator(loe, rows[:0])


def test_bad_arguments(loe, rows):
    with pytest.raises(ValueError, match="k must be"):
        ReasonsDisplay.from_estimator(loe, rows, k=0)
    with pytest.raises(ValueError, match="NaN"):
        ReasonsDisplay.from_estimator(loe, np.full((1, 4), np.nan))


def reasons(names, values, **parameters):
    n = len(names)
    contributions = np.arange(n, 0.0, -1)
    return ReasonsDisplay(
        features=names, contributions=contributions, values=values, typical=[0] * n, **parameters
    ).plot()


def test_names_that_differ_at_the_end_and_long_values():
    names = [f"a very long name of a column {i}" for i in range(3)]
    display = reasons([*names, "b" * 40, "short"], [1.5, 2, "c" * 24, "d" * 24, "e" * 24])
    lines = [text.get_text().split("\n")[0] for text in display.ax_.get_yticklabels()]
    assert lines == [
        "a very lo...column 0 = 1.5",
        "a very lon... column 1 = 2",
        "a ver...mn 2 = cccccccc...",
        "bbbbb...bbbb = dddddddd...",
        "short = eeeeeeeeeeeeeee...",
    ]


def test_dollars_are_no_formulas():
    display = reasons(["price in $", "$x$ and $y_{"], ["$5 to $9", "$"], name=None)
    display.figure_.canvas.draw()  # a formula that is not closed was an error
    assert not any("$" in t.get_text().replace(r"\$", "") for t in display.ax_.get_yticklabels())


def test_a_new_figure_has_room_for_all_bars():
    few, many = (reasons(["x"] * n, [1] * n) for n in (10, 50))
    assert few.figure_.get_figheight() == 4.8
    assert many.figure_.get_figheight() > 50 * 0.3
    # A second line is written where two are not too high for a bar.
    assert few.ax_.get_yticklabels()[0].get_text() == "x = 1\ntypically 0"
    assert many.ax_.get_yticklabels()[0].get_text() == "x = 1"


def test_the_room_for_the_numbers_does_not_depend_on_the_unit_of_the_scores():
    of_one, of_many = (
        ReasonsDisplay.from_explanation(explanation_of(unit * np.array([[2.0, -0.3]]))).ax_
        for unit in (1.0, 1024.0)
    )
    np.testing.assert_allclose(of_many.get_xlim(), 1024 * np.array(of_one.get_xlim()))


def test_what_is_no_explanation(rows):
    with pytest.raises(TypeError, match="must be what explain returns; got ndarray"):
        ReasonsDisplay.from_explanation(rows)


def test_a_long_name_of_a_row_with_dollars_is_not_cut_off(backbone, rows):
    name = "order of $100 to $200, " * 10
    frame = pd.DataFrame(rows[-3:], index=[name, "b", "c"])
    display = ReasonsDisplay.from_explanation(backbone.explain(frame))
    display.figure_.canvas.draw()
    title = next(text for text in display.ax_.findobj(Text) if "order" in text.get_text())
    box = title.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= display.figure_.bbox.x1
    assert title.get_text().count(r"\$") == title.get_text().count("$") > 2


def test_wide_signs_take_the_room_of_two_letters(rows):
    frame = pd.DataFrame(rows, columns=["很长的列名" * 4, "b", "c", "d"])
    detector = DeepSVDD(max_epochs=1).fit(frame)
    labels = ReasonsDisplay.from_estimator(detector, frame, row=199).ax_.get_yticklabels()
    [label] = [text.get_text() for text in labels if "很" in text.get_text()]
    first = label.split("\n")[0]
    assert first.startswith("很长")
    assert 15 <= len(first) + sum("一" <= sign <= "鿿" for sign in first) <= 26
