from itertools import pairwise

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.metrics import roc_auc_scorer
from lofe_sklearn.model_selection import OutlierStratifiedKFold
from lofe_sklearn.plotting import SearchDisplay, _cv_results

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


def test_folds_means_and_deviations(search):
    display = SearchDisplay.from_estimator(search)
    results = search.cv_results_
    assert display.param_name == "contamination"
    assert display.values == [0.01, 0.05, 0.1]
    assert list(display.scores) == ["method=soft", "method=hard"]
    for i, params in enumerate(results["params"]):
        own = display.scores[f"method={params['method']}"]
        line = list(display.scores).index(f"method={params['method']}")
        at = display.values.index(params["contamination"])
        np.testing.assert_array_equal(
            own[at], [results[f"split{k}_test_score"][i] for k in range(3)]
        )
        points, _, bars = display.lines_[line]
        assert points.get_ydata()[at] == pytest.approx(results["mean_test_score"][i])
        height = np.ptp(bars[0].get_segments()[at][:, 1])
        assert height == pytest.approx(2 * results["std_test_score"][i])
        assert len(display.points_[line].get_ydata()) == 9
    assert display.best_.get_ydata()[0] == pytest.approx(search.best_score_)


def test_estimators_equal_results(search):
    one, other = (
        SearchDisplay.from_estimator(search),
        SearchDisplay.from_cv_results(search.cv_results_),
    )
    for name in one.scores:
        np.testing.assert_array_equal(one.scores[name], other.scores[name])


def test_fixed_values_leave_one_line(search):
    display = SearchDisplay.from_estimator(search, fixed={"method": "hard"})
    assert list(display.scores) == [""]
    display = SearchDisplay.from_estimator(
        search, param_name="method", fixed={"contamination": np.float64(0.1)}
    )
    assert display.values == ["soft", "hard"]
    assert display.ax_.get_xticklabels()[1].get_text() == "hard"


def test_searches_of_pipelines_and_of_scikit_learn(rows, labels):
    pipeline = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=1, random_state=0))
    grid = {"deepsvdd__contamination": [0.01, 0.1]}
    search = GridSearchCV(pipeline, grid, cv=OutlierStratifiedKFold(2), scoring=roc_auc_scorer)
    display = SearchDisplay.from_estimator(search.fit(rows, labels))
    assert display.param_name == "deepsvdd__contamination"
    assert display.scores[""].shape == (2, 2)


def test_values_of_several_kinds(rows, labels):
    grid = {"contamination": ["auto", 0.05, (0.01, 0.1)]}
    detector = LOE(DeepSVDD(max_epochs=1), n_estimators=2, random_state=0)
    display = SearchDisplay.from_estimator(LOESearchCV(detector, grid, cv=2).fit(rows, labels))
    texts = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert texts == ["auto", "0.05", "(0.01, 0.1)"]


def results(**columns):
    return {"params": [{"a": 1}, {"a": 2}], "mean_test_score": [0, 0], **columns}


def test_folds_that_failed():
    display = SearchDisplay.from_cv_results(
        results(split0_test_score=[0.5, 0.6], split1_test_score=[0.7, np.nan])
    )
    assert display.best_.get_ydata()[0] == pytest.approx(0.6)
    assert np.isnan(display.lines_[0][0].get_ydata()[1])


def test_style_arguments(search):
    display = SearchDisplay.from_estimator(
        search, line_kwargs={"lw": 4}, point_kwargs={"ms": 9}, name="ratios"
    )
    assert display.lines_[0][0].get_linewidth() == 4
    assert display.points_[0].get_markersize() == 9
    assert display.ax_.get_title() == "ratios"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"param_name": "methods"}, "Did you mean 'method'"),
        ({"score_name": "auc"}, "score_name must be one of 'score'"),
        ({"fixed": {"lr": 1}}, "names 'lr', which was not searched"),
        ({"fixed": {"method": "blind"}}, "no candidate has"),
    ],
)
def test_bad_arguments(search, arguments, message):
    with pytest.raises(ValueError, match=message):
        SearchDisplay.from_estimator(search, **arguments)


def test_what_is_no_search(loe, rows):
    with pytest.raises(TypeError, match="fitted search with cv_results_"):
        SearchDisplay.from_estimator(loe)
    with pytest.raises(ValueError, match="cv_results must be"):
        SearchDisplay.from_cv_results({})


def test_several_parameters_and_too_many_settings():
    params = [{"a": a, "b": b} for a in (1, 2) for b in range(7)]
    many = {"params": params, "mean_test_score": np.ones(14), "split0_test_score": np.ones(14)}
    with pytest.raises(ValueError, match="several parameters were searched: a, b"):
        SearchDisplay.from_cv_results(many)
    with pytest.raises(ValueError, match="7 settings of b"):
        SearchDisplay.from_cv_results(many, param_name="a")
    assert len(SearchDisplay.from_cv_results(many, param_name="b").scores) == 2


def test_several_scores(rows, labels):
    search = LOESearchCV(
        DeepSVDD(max_epochs=1, random_state=0),
        {"contamination": [0.05, 0.1]},
        scoring=["roc_auc", "average_precision"],
        refit="average_precision",
        cv=2,
    ).fit(rows, labels)
    assert SearchDisplay.from_estimator(search).score_name == "average_precision"
    with pytest.raises(ValueError, match="score_name must be one of"):
        SearchDisplay.from_cv_results(search.cv_results_)


def test_nothing_but_failures():
    with pytest.raises(ValueError, match="nothing to draw"):
        SearchDisplay.from_cv_results(results(split0_test_score=[np.nan, np.nan]))


def searched(values, scores, name="method"):
    folds = {f"split{i}_test_score": column for i, column in enumerate(np.transpose(scores))}
    params = [{name: value} for value in values]
    return {"params": params, "mean_test_score": np.mean(scores, axis=1), **folds}


def test_long_names_of_values_do_not_overlap():
    values = ["a long name", "another $", "$ and more", "hard", "soft", "blind", "refine", "own"]
    display = SearchDisplay.from_cv_results(searched(values, np.ones((8, 1))))
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.get_xticklabels()]
    assert {text.get_rotation() for text in display.ax_.get_xticklabels()} == {30}
    assert boxes[0].x0 >= 0  # nothing is cut
    assert display.ax_.get_ylabel() == "score, 1 fold"
    short = SearchDisplay.from_cv_results(searched(["hard", "soft"], np.ones((2, 2))))
    assert {text.get_rotation() for text in short.ax_.get_xticklabels()} == {0}


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1e-4, 1e-3, 1e-2], "log"), ([1, 10, 100], "log"), ([0, 1e-3, 1], "linear")],
)
def test_an_axis_of_wide_numbers_is_logarithmic(values, scale):
    display = SearchDisplay.from_cv_results(searched(values, np.ones((3, 1)), "lr"))
    assert display.ax_.get_xscale() == scale


def test_candidates_that_all_failed_on_a_fold_have_no_best_mean():
    with pytest.raises(ValueError, match="no candidate has a finite score"):
        SearchDisplay.from_cv_results(searched(["a", "b"], [[np.nan, 1], [1, np.nan]]))


@pytest.mark.parametrize("values", [[0, 1e-4, 1e-3, 0.01, 0.1, 0.5], [0.1, 0.11, 0.12, 0.5, 0.51]])
def test_marks_of_close_values_do_not_overlap(values):
    results = {"params": [{"contamination": value} for value in values]}
    scores = np.linspace(0, 1, len(values))
    results |= {"mean_test_score": scores, "split0_test_score": scores}
    display = SearchDisplay.from_cv_results(results)
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.get_xticklabels()]
    assert len(boxes) > 1
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_a_long_setting_is_not_cut_off():
    names = ["estimator__hidden_sizes", "estimator__latent_dimensions", "estimator__normalisation"]
    results = {
        "params": [
            {"contamination": ratio, **dict.fromkeys(names, text)}
            for ratio in (0.01, 0.1)
            for text in ("(128, 64, 32, 16)", "(256, 128, 64, 32)")
        ]
    }
    scores = np.linspace(0, 1, 4)
    results |= {"mean_test_score": scores, "split0_test_score": scores}
    display = SearchDisplay.from_cv_results(results)
    display.figure_.canvas.draw()
    for text in display.ax_.get_legend().get_texts():
        assert text.get_window_extent().x1 <= display.figure_.bbox.x1


def test_the_settings_of_a_large_grid_are_found_once(monkeypatch):
    asked = []

    def counted(values):
        asked.append(len(values))
        return distinct(values)

    distinct = _cv_results._distinct
    monkeypatch.setattr(_cv_results, "_distinct", counted)
    params = [{"a": a / 100, "b": b} for a in range(50) for b in ("x", 1)]
    scores = np.arange(100.0)
    results = {"params": params, "mean_test_score": scores, "split0_test_score": scores}
    display = SearchDisplay.from_cv_results(results, param_name="a")
    assert len(asked) <= 6
    assert display.values == [a / 100 for a in range(50)]
    assert {name: own.ravel().tolist() for name, own in display.scores.items()} == {
        "b=x": scores[::2].tolist(),
        "b=1": scores[1::2].tolist(),
    }
