import numpy as np
import pytest

from lofe_sklearn import DeepSVDD
from lofe_sklearn.plotting import TrainingDisplay

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


def test_curves_are_those_of_the_histories(loe):
    display = TrainingDisplay.from_estimator(loe)
    assert display.loss_n.shape == (4, 4)
    for m, member in enumerate(loe.estimators_):
        n = member.n_iter_
        np.testing.assert_array_equal(display.loss_n[:n, m], member.history_.loss_n[:, 0])
        np.testing.assert_array_equal(display.loss_a[:n, m], member.history_.loss_a[:, 0])
        labels = member.history_.labels[:, 0]
        np.testing.assert_allclose(display.marked[:n, m], labels.mean(axis=1))
        changed = (labels[1:] != labels[:-1]).mean(axis=1)
        np.testing.assert_allclose(display.changed[1:n, m], changed)
        assert np.isnan(display.loss_n[n:, m]).all()
        np.testing.assert_array_equal(display.lines_["loss_n"][m].get_ydata(), display.loss_n[:, m])


def test_the_median_is_of_members_that_are_still_trained(loe):
    display = TrainingDisplay.from_estimator(loe)
    middle = display.lines_["loss_n"][-1].get_ydata()
    assert len(display.lines_["loss_n"]) == 5
    np.testing.assert_allclose(middle, np.nanmedian(display.loss_n, axis=1))


def test_estimators_equal_histories(loe, backbone):
    one = TrainingDisplay.from_estimator(loe, members=[2, 0])
    other = TrainingDisplay.from_histories([loe.estimators_[m].history_ for m in (2, 0)])
    np.testing.assert_array_equal(one.marked, other.marked)
    single = TrainingDisplay.from_estimator(backbone)
    assert [len(lines) for lines in single.lines_.values()] == [1, 1, 1, 1]
    np.testing.assert_array_equal(single.loss_n, backbone.history_.loss_n)


def test_style_arguments(loe):
    lines = TrainingDisplay.from_estimator(loe, line_kwargs={"lw": 3}).lines_
    assert {line.get_linewidth() for own in lines.values() for line in own} == {3}


@pytest.mark.parametrize("members", [[], [4], [-1], [True], [0.5]])
def test_members_that_are_not_there(loe, members):
    with pytest.raises(ValueError, match="members must be numbers from 0 to 3"):
        TrainingDisplay.from_estimator(loe, members=members)


def test_no_history():
    with pytest.raises(ValueError, match="at least one"):
        TrainingDisplay.from_histories([])


def test_a_single_epoch_is_seen(rows):
    detector = DeepSVDD(max_epochs=1, random_state=0).fit(rows)
    display = TrainingDisplay.from_estimator(detector)
    assert [line.get_marker() for line in display.lines_["loss_n"]] == ["o"]
    assert display.axes_[1].get_xlim() == (0.5, 1.5)


def test_one_member_or_history_that_is_not_in_a_list(loe):
    assert TrainingDisplay.from_estimator(loe, members=1).loss_n.shape[1] == 1
    with pytest.raises(ValueError, match="histories must be a list of at least one"):
        TrainingDisplay.from_histories(loe.estimators_[0].history_)


def test_a_fit_to_parts_says_that_it_has_no_labels(rows):
    detector = DeepSVDD(random_state=0).partial_fit(rows)
    upper, lower = TrainingDisplay.from_estimator(detector).axes_
    assert "not kept" in lower.texts[0].get_text()
    assert lower.get_legend() is None
    assert upper.get_legend() is not None
