import numpy as np
import pandas as pd
import pytest

from lofe_sklearn import LOE, DeepSVDD, load, save
from lofe_sklearn.plotting import ContaminationDisplay

pytest_plugins = ["fits_to_draw"]
pytestmark = pytest.mark.usefixtures("figures")


def test_what_is_drawn_is_what_loe_found(loe):
    display = ContaminationDisplay.from_estimator(loe)
    assert display.is_found
    assert display.contamination == loe.contamination_
    assert display.interval == loe.contamination_interval_
    assert display.prior.sum() == pytest.approx(1)
    np.testing.assert_array_equal(display.belief_line_.get_ydata(), display.belief)
    np.testing.assert_array_equal(display.prior_line_.get_ydata(), display.prior)
    np.testing.assert_array_equal(display.agreement_line_.get_ydata(), display.agreement)
    mean = np.exp(display.belief @ np.log(display.ratios))
    assert loe.contamination_ == pytest.approx(min(mean, 0.05) if mean > 0.05 else mean) or (
        (display.agreement > display.separate_at).any()
        and loe.contamination_ == pytest.approx(mean)
    )


def test_estimators_equal_predictions(loe, rows):
    losses = np.stack([member.score_samples(rows) for member in loe.estimators_])
    units = loe._ensemble.scale.units(-losses)
    parties = [units[kind::2].mean(axis=0) for kind in range(2)]
    parties += list(loe._ensemble.evidence.training)
    other = ContaminationDisplay.from_predictions([-own for own in parties])
    one = ContaminationDisplay.from_estimator(loe)
    np.testing.assert_allclose(one.agreement, other.agreement)
    np.testing.assert_allclose(one.belief, other.belief)
    assert one.contamination == pytest.approx(other.contamination)


def test_a_planted_group_is_agreed_on():
    rng = np.random.default_rng(0)
    truth = np.concatenate([rng.normal(0, 1, 480), rng.normal(-12, 1, 20)])
    display = ContaminationDisplay.from_predictions(
        [truth + rng.normal(0, 1, 500) for _ in range(3)]
    )
    at = np.argmax(display.agreement)
    assert display.agreement[at] > display.separate_at[at]
    assert display.ratios[at] == pytest.approx(0.04, rel=0.3)
    assert 0.02 < display.contamination < 0.08


def test_one_detector_leaves_the_prior(rows):
    display = ContaminationDisplay.from_predictions([rows[:, 0]])
    assert display.agreement is display.agreement_line_ is None
    np.testing.assert_array_equal(display.belief, display.prior)
    assert "nothing to compare" in display.axes_[0].texts[0].get_text()


@pytest.mark.parametrize("contamination", [0.1, (0.05, 0.2), lambda scores: 0.1])
def test_a_ratio_that_was_not_believed_is_said_to_be_given(rows, contamination):
    detector = LOE(
        DeepSVDD(max_epochs=1), contamination=contamination, n_estimators=2, random_state=0
    )
    display = ContaminationDisplay.from_estimator(detector.fit(rows))
    assert not display.is_found
    assert display.contamination == pytest.approx(0.1)
    assert display.ratio_line_.get_label().startswith("set: ")
    assert (display.span_ is not None) == isinstance(contamination, tuple)


def test_a_threshold_that_was_set_is_given(rows):
    detector = LOE(DeepSVDD(max_epochs=1), n_estimators=2, random_state=0).fit(rows)
    assert ContaminationDisplay.from_estimator(detector).is_found
    detector.set_threshold(contamination=0.2)
    display = ContaminationDisplay.from_estimator(detector)
    assert (display.is_found, display.contamination) == (False, 0.2)


def test_style_arguments(loe):
    display = ContaminationDisplay.from_estimator(
        loe, belief_kwargs={"c": "green"}, agreement_kwargs={"ls": ":"}, span_kwargs={"alpha": 0.5}
    )
    assert display.belief_line_.get_color() == "green"
    assert display.agreement_line_.get_linestyle() == ":"
    assert display.span_.get_alpha() == 0.5


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], "scores must be a list"),
        ([1.0, 2.0], "pass \\[scores\\]"),
        ([[1.0, 2.0], [1.0]], r"scores\[0\] has 2, scores\[1\] has 1"),
        ([[1.0, np.inf]], r"scores\[0\] must be finite"),
    ],
)
def test_bad_scores(scores, message):
    with pytest.raises(ValueError, match=message):
        ContaminationDisplay.from_predictions(scores)


def test_a_loaded_model_knows_what_its_ratio_rests_on(loe, tmp_path):
    pytest.importorskip("skops")
    pytest.importorskip("safetensors")
    save(loe, tmp_path / "model.lofe")
    one = ContaminationDisplay.from_estimator(loe)
    other = ContaminationDisplay.from_estimator(load(tmp_path / "model.lofe"))
    for name in ("prior", "belief", "agreement"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert other.is_found


@pytest.mark.parametrize("scores", [pd.DataFrame({"a": [1.0, 2]}), {"a": [1.0, 2]}, iter([[1.0]])])
def test_scores_that_are_no_list(scores):
    with pytest.raises(ValueError, match="scores must be a list with the scores of each detector"):
        ContaminationDisplay.from_predictions(scores)
