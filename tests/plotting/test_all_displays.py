"""What holds for every display."""

import sys
from copy import copy

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, plotting
from lofe_sklearn.plotting import (
    ContaminationDisplay,
    DriftDisplay,
    ReasonsDisplay,
    ReliabilityDisplay,
    ScoresDisplay,
    SearchDisplay,
    TrainingDisplay,
)

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")

# How each is made of a detector, rows and labels.
OF_DETECTORS = {
    ScoresDisplay: lambda detector, X, y, **kw: ScoresDisplay.from_estimator(detector, **kw),
    TrainingDisplay: lambda detector, X, y, **kw: TrainingDisplay.from_estimator(detector, **kw),
    ContaminationDisplay: lambda detector, X, y, **kw: ContaminationDisplay.from_estimator(
        detector, **kw
    ),
    DriftDisplay: lambda detector, X, y, **kw: DriftDisplay.from_estimator(detector, X, **kw),
    ReasonsDisplay: lambda detector, X, y, **kw: ReasonsDisplay.from_estimator(detector, X, **kw),
    ReliabilityDisplay: lambda detector, X, y, **kw: ReliabilityDisplay.from_estimator(
        detector, X, y, **kw
    ),
}
every_detectors = pytest.mark.parametrize("display", OF_DETECTORS, ids=lambda kind: kind.__name__)


def drawn(display, detector, rows, labels, **kwargs):
    return OF_DETECTORS[display](detector, rows, labels, **kwargs)


def axes_of(display):
    return display.axes_ if hasattr(display, "axes_") else (display.ax_,)


def test_all_are_tried():
    assert {kind.__name__ for kind in OF_DETECTORS} | {"SearchDisplay"} == set(plotting.__all__)


@every_detectors
@pytest.mark.parametrize("kind", ["loe", "pipeline", "search"])
def test_detectors_pipelines_and_searches(display, kind, rows, labels, request):
    made = drawn(display, request.getfixturevalue(kind), rows, labels)
    assert all(axes.has_data() for axes in axes_of(made) if display is not ContaminationDisplay)
    made.figure_.canvas.draw()


@every_detectors
def test_a_new_figure_each_time(display, loe, rows, labels):
    first, second = (drawn(display, loe, rows, labels) for _ in range(2))
    assert first.figure_ is not second.figure_
    assert first.plot() is first
    assert first.figure_ is not second.figure_


@every_detectors
def test_given_axes_are_drawn_on(display, loe, rows, labels):
    figure, axes = plt.subplots()
    made = drawn(display, loe, rows, labels, ax=axes)
    assert made.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    inner = axes_of(made)
    assert inner == (axes,) or all(each in axes.child_axes for each in inner)


@pytest.mark.parametrize("display", [TrainingDisplay, ContaminationDisplay])
def test_two_axes_for_two_panels(display, loe, rows, labels):
    _, axes = plt.subplots(1, 2)
    made = drawn(display, loe, rows, labels, ax=axes)
    assert made.axes_ == tuple(axes)
    _, three = plt.subplots(1, 3)
    with pytest.raises(TypeError, match="one or two axes"):
        made.plot(three)


@pytest.mark.parametrize("display", [TrainingDisplay, ContaminationDisplay])
@pytest.mark.parametrize("size", [(9, 6), (6, 5)])
def test_two_panels_in_one_of_several_axes_do_not_hide_the_legend(display, size, loe, rows, labels):
    figure, axes = plt.subplots(2, 2, figsize=size, layout="constrained")
    made = drawn(display, loe, rows, labels, ax=axes[1, 0])
    figure.canvas.draw()
    upper, lower = made.axes_
    legend = lower.get_legend().get_window_extent()
    assert lower.bbox.y1 - 2 <= legend.y0 <= legend.y1 <= upper.bbox.y0  # its margin is empty


@pytest.mark.parametrize("display", [TrainingDisplay, ContaminationDisplay])
def test_a_second_picture_in_the_same_axes_has_the_same_panels(display, loe, rows, labels):
    _, axes = plt.subplots()
    first = drawn(display, loe, rows, labels, ax=axes)
    higher = copy(first)
    name = "belief" if display is ContaminationDisplay else "marked"
    setattr(higher, name, 9 * getattr(first, name))
    assert higher.plot(ax=axes).axes_ == first.axes_
    low, high = first.axes_[1].get_ylim()
    highest = max(np.nanmax(line.get_ydata()) for line in first.axes_[1].get_lines())
    assert low == 0 < highest <= high


@every_detectors
def test_what_is_no_axes(display, loe, rows, labels):
    with pytest.raises(TypeError, match="ax must be"):
        drawn(display, loe, rows, labels, ax="here")


@every_detectors
def test_unfitted(display, rows, labels):
    for detector in (LOE(), LOESearchCV(LOE(), {})):
        with pytest.raises(NotFittedError):
            drawn(display, detector, rows, labels)
    assert plt.get_fignums() == []


@every_detectors
def test_detectors_of_others(display, rows, labels):
    with pytest.raises(TypeError, match=f"{display.__name__}.*got IsolationForest"):
        drawn(display, IsolationForest(n_estimators=2).fit(rows), rows, labels)


@every_detectors
def test_a_search_without_a_refit(display, rows, labels):
    search = LOESearchCV(LOE(DeepSVDD(max_epochs=1)), {}, cv=2, refit=False).fit(rows, labels)
    with pytest.raises(ValueError, match="refit=False"):
        drawn(display, search, rows, labels)


@pytest.mark.parametrize("display", [ContaminationDisplay, ReliabilityDisplay])
def test_backbones_without_what_is_drawn(display, backbone, rows, labels):
    with pytest.raises(TypeError, match=r"LOE\(DeepSVDD\(\)\)"):
        drawn(display, backbone, rows, labels)


@pytest.mark.parametrize("display", [ScoresDisplay, DriftDisplay, TrainingDisplay, ReasonsDisplay])
def test_backbones(display, backbone, rows, labels):
    assert drawn(display, backbone, rows, labels).figure_ is not None


@every_detectors
def test_another_title(display, loe, rows, labels):
    made = drawn(display, loe, rows, labels, name="mine")
    for name in ("mine", "yours"):
        texts = [text.get_text() for text in axes_of(made)[0].findobj(Text)]
        assert any(name in text for text in texts)
        made.plot(name="yours")


@every_detectors
@pytest.mark.parametrize("name", ["a_name_of_one_word_" * 12, "a name of several words " * 9])
def test_a_long_title_is_not_cut_off(display, name, loe, rows, labels):
    made = drawn(display, loe, rows, labels, name=name)
    made.figure_.canvas.draw()
    renderer, width = made.figure_.canvas.get_renderer(), made.figure_.bbox.width
    drawn_texts = [text for axes in axes_of(made) for text in axes.findobj(Text)]
    assert any("name" in text.get_text() for text in drawn_texts)
    for text in drawn_texts:
        if "name" in text.get_text():
            box = text.get_window_extent(renderer)
            assert 0 <= box.x0 <= box.x1 <= width
    if display in (DriftDisplay, ReliabilityDisplay):  # which add something to the name
        ends = [text.get_text().replace("\n", " ") for text in drawn_texts]
        assert any("keep PSI" in end or "watch PSI" in end or "Brier score" in end for end in ends)


def test_without_matplotlib_the_extra_is_named(loe, search, rows, labels, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    calls = [lambda kind=kind: drawn(kind, loe, rows, labels) for kind in OF_DETECTORS]
    calls += [
        lambda: SearchDisplay.from_estimator(search),
        lambda: SearchDisplay.from_cv_results(search.cv_results_),
        lambda: ScoresDisplay.from_predictions([0.0, 1.0]),
        lambda: ScoresDisplay(scores=np.arange(3.0)).plot(),
        lambda: DriftDisplay.from_predictions([0.0, 1.0], [0.0, 1.0]),
        lambda: ContaminationDisplay.from_predictions([rows[:, 0]]),
        lambda: ReliabilityDisplay.from_predictions([0, 1], [0.1, 0.9]),
        lambda: TrainingDisplay.from_histories([loe.estimator_.history_]),
        lambda: ReasonsDisplay.from_explanation(loe.explain(rows[:1])),
    ]
    for call in calls:
        with pytest.raises(ImportError, match=r"pip install 'lofe-sklearn\[plot\]'"):
            call()


def test_importing_the_package_does_not_import_matplotlib():
    import subprocess

    code = (
        "import sys; from lofe_sklearn.plotting import ScoresDisplay;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
