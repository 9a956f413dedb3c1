import numpy as np
import pytest

from lofe_sklearn._known_labels import Known
from lofe_sklearn.active import estimate_contamination
from lofe_sklearn.active._estimate import estimate_with_interval


def asked_by(rng, scores, y, bias, n_queries=40):
    """Answers for rows that were drawn the more often the lower their score, by `bias`."""
    weights = np.exp(-bias * (scores - scores.mean()) / scores.std())
    asked = rng.choice(len(y), n_queries, replace=False, p=weights / weights.sum())
    known = np.zeros(len(y), dtype=int)
    known[asked] = np.where(y[asked] == 1, -1, 1)
    return known


@pytest.mark.parametrize("bias", [0.0, 0.5, 1.0])
def test_a_biased_draw_is_made_good(bias):
    rng = np.random.default_rng(0)
    y = (np.arange(2000) < 200).astype(int)
    scores = np.where(y == 1, rng.normal(-1.5, 1, 2000), rng.normal(0, 1, 2000))
    known = [asked_by(rng, scores, y, bias) for _ in range(200)]
    estimates = np.array([estimate_contamination(scores, answers) for answers in known])
    raw = np.array([np.mean(answers[answers != 0] < 0) for answers in known])
    assert estimates.mean() == pytest.approx(0.1, abs=0.025)
    if bias:
        assert raw.mean() > 0.1 + bias * 0.1


def test_scale_and_forms():
    rng = np.random.default_rng(0)
    y = (np.arange(500) < 50).astype(int)
    scores = rng.normal(size=500) - y
    known = asked_by(rng, scores, y, 1.0)
    expected = estimate_contamination(scores, known)
    assert estimate_contamination(5 * scores - 3, known) == pytest.approx(expected)
    masks = known == 1, known == -1
    assert estimate_contamination(scores.tolist(), masks) == pytest.approx(expected)


@pytest.mark.parametrize("shift", [0.0, 1.0, -100.0])
@pytest.mark.parametrize("moved", ["scores", "an output"])
def test_an_embedding_far_from_zero_counts_as_one_near_it(moved, shift):
    rng = np.random.default_rng(0)
    y = (np.arange(500) < 50).astype(int)
    scores = rng.normal(size=500) - 2 * y
    embedding = rng.normal(size=(500, 20)) + y[:, None]
    known = asked_by(rng, scores, y, 0.5)
    expected = estimate_contamination(scores, known, embedding=embedding)
    assert 0.05 < expected < 0.2
    # A spread of a billionth of the size, far above the rounding of double precision.
    if moved == "scores":
        scores = 1e-9 * scores + shift
    else:
        embedding[:, 3] = 1e-9 * embedding[:, 3] + shift
    result = estimate_contamination(scores, known, embedding=embedding)
    assert result == pytest.approx(expected, rel=0.02)


def test_what_no_answer_speaks_of_keeps_the_prior():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(-3, 1, 100), rng.normal(0, 1, 900)])
    lowest = np.argsort(scores)[:20]
    known = np.zeros(1000, dtype=int)
    known[lowest] = -1
    assert estimate_contamination(scores, known) < 0.05
    assert estimate_contamination(scores, known, prior=0.1) == pytest.approx(0.1, abs=0.03)


def spread_answers(n_queries, every):
    """Answers all over the range, so that they represent all rows; each `every`-th an anomaly."""
    known = np.zeros(1000, dtype=int)
    asked = np.linspace(0, 999, n_queries).astype(int)
    known[asked], known[asked[1::every]] = 1, -1
    return known


def test_the_more_answers_the_less_a_prior_counts():
    scores = np.linspace(0, 1, 1000)
    gaps = []
    for n_queries in (5, 20, 200):
        alone, low, high = (
            estimate_contamination(
                scores, spread_answers(n_queries, 4), embedding=scores[:, None], prior=prior
            )
            for prior in (None, 0.01, 0.4)
        )
        assert low < high
        gaps.append(high - low)
        if n_queries == 200:
            assert low == pytest.approx(alone, abs=0.03)
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2]


def test_answers_that_are_all_normal_leave_room_for_anomalies():
    """Ten random rows without an anomaly are no reason to believe that there are none."""
    scores = np.linspace(0, 1, 1000)
    known = spread_answers(10, 5) != 0
    estimate = estimate_with_interval(scores, Known(normal=known), scores[:, None], 0.03)
    assert 0.015 < estimate.value < 0.06
    assert estimate.low < 0.03
    assert estimate.high > 0.1
    # A hundred of them are one.
    known = spread_answers(100, 5) != 0
    estimate = estimate_with_interval(scores, Known(normal=known), scores[:, None], 0.03)
    assert estimate.value < 0.015
    assert estimate.high < 0.04


def test_the_interval_is_that_of_the_binomial_with_the_prior():
    """Against draws from the prior, weighed by how likely they make the answers."""
    rng = np.random.default_rng(0)
    scores = np.linspace(0, 1, 1000)
    known = spread_answers(40, 8)
    estimate = estimate_with_interval(scores, Known(known), scores[:, None], 0.05)
    drawn = 0.05 * np.exp(2.0 * rng.normal(size=400_000))
    drawn = drawn[(drawn > 1e-4) & (drawn < 0.5)]
    weights = drawn**5 * (1 - drawn) ** 35
    order = np.argsort(drawn)
    reached = np.cumsum(weights[order]) / weights.sum()
    low, high = (drawn[order][np.searchsorted(reached, q)] for q in (0.5, 0.975))
    assert estimate.value == pytest.approx(np.average(drawn, weights=weights), rel=0.15)
    assert estimate.low == pytest.approx(low, rel=0.15)
    assert estimate.high == pytest.approx(high, rel=0.15)


def test_answers_speak_for_the_rows_around_them():
    rng = np.random.default_rng(0)
    # 90 % in one cluster, 10 % anomalies spread in a ring around it; scores say nothing.
    angle = rng.uniform(0, 2 * np.pi, 100)
    ring = 10 * np.column_stack([np.cos(angle), np.sin(angle)])
    places = np.concatenate([rng.normal(size=(900, 2)), ring])
    scores = rng.normal(size=1000)
    known = np.zeros(1000, dtype=int)
    known[[0, 1, 2, 3]] = 1
    known[900::6] = -1  # 17 answers, nearly all of them anomalies, as a diverse query has it
    assert estimate_contamination(scores, known) > 0.4
    near = estimate_contamination(scores, known, embedding=places)
    assert near < 0.3
    # A detector whose scores tell them apart as well.
    scores = np.where(np.arange(1000) < 900, 0.0, -3.0) + rng.normal(0, 0.3, 1000)
    near = estimate_contamination(scores, known, embedding=places)
    assert near == pytest.approx(0.1, abs=0.03)


def test_answers_about_equal_rows_share_the_rows_around_them():
    embedding = np.repeat([[0.0], [5.0]], [4, 6], axis=0)
    scores = -embedding[:, 0]
    for asked in ([4, 5], [5, 4], [9, 6]):  # an anomaly and a normal row, equal
        known = np.zeros(10, dtype=int)
        known[0], known[asked] = 1, (-1, 1)
        estimate = estimate_contamination(scores, known, embedding=embedding)
        assert estimate == pytest.approx(0.3)


def test_an_embedding_in_which_all_rows_are_alike():
    known = np.array([-1, 1, 1, 1] + [0] * 16)
    for scores in (np.ones(20), np.linspace(0, 1, 20)):
        for embedding in (np.ones((20, 3)), np.full((20, 1), 0.1)):
            estimate = estimate_contamination(scores, known, embedding=embedding)
            assert 0.05 <= estimate <= 0.5
    assert estimate_contamination(np.ones(20), known, embedding=embedding) == pytest.approx(0.25)


def test_an_output_that_is_constant_up_to_rounding_does_not_decide():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(60, 2))
    known = np.where(np.arange(60) < 20, np.where(places[:, 0] > 0.7, -1, 1), 0)
    expected = estimate_contamination(places[:, 0], known, embedding=places)
    noise = 0.1 * (1 + np.finfo(float).eps * rng.integers(-1, 2, size=(60, 20)))
    embedding = np.column_stack([places, noise])
    assert estimate_contamination(places[:, 0], known, embedding=embedding) == expected


def test_bounds():
    scores = np.arange(100.0)
    known = np.zeros(100, dtype=int)
    known[50:60] = 1
    assert estimate_contamination(scores, known_normal=known > 0) == 0.01  # one row, not none
    # All of those asked about are anomalies, but of rows like them there are few.
    assert 0.1 <= estimate_contamination(scores, -known) < 0.2
    assert estimate_contamination(scores, np.repeat([-1, 0], [50, 50])[::-1]) == 0.5
    known[:] = 0
    known[:30], known[30:32] = -1, 1
    assert estimate_contamination(scores, known) >= 0.3
    seventh = np.arange(100) == 7
    assert estimate_contamination(scores, known_normal=seventh) == 0.01
    assert estimate_contamination(np.zeros(100), known_normal=seventh) == 0.01


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**1000])
def test_the_unit_of_scores_and_embedding_does_not_matter(unit):
    # Their squares are 0, or infinite.
    rng = np.random.default_rng(0)
    scores, embedding = rng.normal(size=200), rng.normal(size=(200, 3))
    known = np.zeros(200, dtype=int)
    known[:10], known[10:20] = -1, 1
    expected = estimate_contamination(scores, known)
    assert estimate_contamination(unit * scores, known) == pytest.approx(expected)
    both = {"embedding": embedding, "prior": 0.1}
    expected = estimate_contamination(scores, known, **both)
    both["embedding"] = unit * embedding
    assert estimate_contamination(unit * scores, known, **both) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "known", "message"),
    [
        (np.zeros(5), np.zeros(5), "no label is known"),
        (np.zeros(5), None, "no label is known"),
        (np.zeros(5), np.ones(4), r"shape \(5,\); got shape \(4,\)"),
        ([0, np.nan, 1, 2, 3], [1, 0, 0, 0, -1], "scores must be finite; row 1"),
        (np.zeros((5, 2)), np.ones(5), "1d array"),
    ],
)
def test_bad_parameters(scores, known, message):
    with pytest.raises(ValueError, match=message):
        estimate_contamination(scores, known)


def test_an_embedding_of_other_rows():
    with pytest.raises(ValueError, match="a row for each of the 5 scores; got 4"):
        estimate_contamination(np.arange(5.0), [1, 0, 0, 0, -1], embedding=np.zeros((4, 2)))
    for bad in (np.arange(5.0), np.full((5, 2), np.nan)):
        with pytest.raises(ValueError, match="estimate_contamination: embedding must hold finite"):
            estimate_contamination(np.arange(5.0), [1, 0, 0, 0, -1], embedding=bad)


def test_rounding_of_scores_does_not_decide():
    """Answers about equal rows count alike, if the last bit of their scores differs."""
    scores = np.random.default_rng(0).normal(size=200)
    scores[:4] = -1.0
    known = np.zeros(200, dtype=int)
    known[:4] = -1, -1, 1, 1
    expected = estimate_contamination(scores, known, prior=0.1)
    scores[0] = np.nextafter(-1.0, 0.0)
    assert estimate_contamination(scores, known, prior=0.1) == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_known_labels_of_all_rows_are_no_reason_for_a_warning():
    assert estimate_contamination(np.arange(10.0), [-1, *[1] * 9], prior=0.1) == pytest.approx(0.1)


@pytest.mark.parametrize("prior", [-0.1, 0, 0.6, np.nan, "0.1"])
def test_bad_priors(prior):
    with pytest.raises(ValueError, match="prior must be.*got"):
        estimate_contamination(np.arange(5.0), [1, 0, 0, 0, -1], prior=prior)
