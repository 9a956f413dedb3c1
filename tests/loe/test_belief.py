"""What is believed of the ratio: a prior, updated by how far detectors of different kinds agree."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lofe_sklearn._loe import _find_ratio
from lofe_sklearn._loe._find_ratio import (
    MOST_UNSEEN,
    PRIOR_DEVIATION,
    PRIOR_MEAN,
    RATIOS,
    Belief,
    FoundRatio,
    believe,
    is_prior,
    most_unseen,
    warn_of_prior,
)
from lofe_sklearn._loe._posterior import Posterior
from lofe_sklearn._loe._scale import CommonScale
from lofe_sklearn.exceptions import NoSeparateGroupWarning

HALF_A_STEP = np.sqrt(RATIOS[1] / RATIOS[0])


def agreements(parties):
    return believe(parties, len(parties[0])).agreement


def two_kinds(n_outliers, seed=0, n=1000, noise=0.3):
    """Outlier scores of rows of two kinds; within each kind they are chance."""
    rng = np.random.default_rng(seed)
    kind = np.zeros(n)
    kind[:n_outliers] = 5.0
    return kind + rng.normal(0, noise, n)


def believed(probability, is_separate):
    """A belief that rests on no agreement."""
    return Belief(probability, is_separate, probability)


def at(ratio):
    """A belief in one of the ratios only."""
    probability = np.zeros(len(RATIOS))
    probability[np.abs(RATIOS - ratio).argmin()] = 1.0
    return believed(probability, True)


class TestPrior:
    @pytest.mark.parametrize("parties", [[], [np.arange(100_000.0)]], ids=["nobody", "one"])
    def test_is_all_where_nobody_can_agree(self, parties):
        belief = believe(parties, 100_000)
        density = np.exp(-0.5 * (np.log(RATIOS / PRIOR_MEAN) / PRIOR_DEVIATION) ** 2)
        np.testing.assert_allclose(belief.probability, density / density.sum())
        assert not belief.is_separate
        assert belief.found.value <= MOST_UNSEEN

    @pytest.mark.parametrize("n_samples", [2, 10, 100])
    def test_no_ratio_is_less_than_one_row(self, n_samples):
        belief = believe([], n_samples)
        assert (belief.probability[RATIOS < 1 / n_samples] == 0).all()
        assert belief.probability.sum() == pytest.approx(1)

    @pytest.mark.parametrize("least", [0.02, 0.1, 0.3, 0.5, 0.9])
    def test_no_ratio_is_less_than_what_is_known(self, least):
        belief = believe([], 1000, least)
        assert (belief.probability[RATIOS < min(least, RATIOS[-1])] == 0).all()
        assert belief.found.high >= min(least, 0.5) / HALF_A_STEP


class TestAgreements:
    def test_by_hand(self):
        """Ten rows, two parties; of the upper two they share one, of the upper five four."""
        first = np.array([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0])
        second = np.array([9.0, 6, 8, 7, 3, 5, 4, 2, 1, 0])
        agreement = agreements([first, second])
        for ratio, share, shared in ((0.2, 0.2, 1), (0.5, 0.5, 4)):
            n_above = round(share * 10)
            i = int(np.abs(RATIOS - ratio).argmin())
            assert round(RATIOS[i] * 10) == n_above
            part = (shared + 0.5 * share) / (n_above + 0.5)
            expected = (part - share) / max(1 - share, 0.5)
            assert agreement[i] == pytest.approx(expected)

    def test_which_of_equal_rows_are_above_a_cut_is_chance(self):
        """Two of ten rows are above the cut: one, and one of two that tie."""
        first = np.array([9.0, 8, 8, 6, 5, 4, 3, 2, 1, 0])
        second = np.array([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0])
        i, shared, share = int(np.abs(RATIOS - 0.2).argmin()), 1.5, 0.2
        part = (shared + 0.5 * share) / 2.5
        expected = (part - share) / max(1 - share, 0.5)
        assert agreements([first, second])[i] == pytest.approx(expected)

    def test_that_all_others_are_above_equal_rows_is_no_agreement(self):
        """Two rows are above all others, and eight tie, or seven with another below them."""
        scores = np.array([0.0, 5, 0, 0, 0, 0, 0, 0, 7, 0])
        other = np.array([1.0, 9, 1, 1, 1, 1, 1, 1, 8, 1])
        i = int(np.abs(RATIOS - 0.5).argmin())
        assert agreements([scores, other])[i] == _find_ratio._CHANCE
        scores[0] = other[0] = -1
        assert agreements([scores, other])[i] == _find_ratio._CHANCE

    @pytest.mark.parametrize("order", [1, -1])
    def test_rows_of_equal_scores_are_no_group_wherever_they_stand(self, order):
        """Chance decides among 800 equal rows: their order in X must not."""
        rng = np.random.default_rng(0)
        parties = [np.r_[rng.normal(3, 1, 200), np.zeros(800)][::order] for _ in range(3)]
        assert not believe(parties, 1000).is_separate
        assert believe(parties, 1000).found.value <= MOST_UNSEEN

    @pytest.mark.parametrize("n_equal", [300, 500, 800, 950])
    def test_a_group_above_many_equal_rows_is_found(self, n_equal):
        rng = np.random.default_rng(0)
        parties = [
            np.r_[rng.normal(9, 1, 20), rng.normal(3, 1, 980 - n_equal), np.zeros(n_equal)]
            for _ in range(3)
        ]
        belief = believe(parties, 1000)
        assert belief.is_separate
        assert 0.01 < belief.found.value < 0.04
        assert belief.found.low <= 0.02 <= belief.found.high

    @pytest.mark.parametrize("which", [6, 12, 18])
    def test_equal_rows_say_no_more_than_one(self, which):
        """Half a row of chance, added to one row that is above both cuts, leaves 2/3."""
        n_equal = round(RATIOS[which] * 10_000)
        rng = np.random.default_rng(0)
        parties = [np.r_[rng.normal(size=10_000 - n_equal), np.full(n_equal, 9.0)] for _ in "ab"]
        assert agreements(parties)[which] == pytest.approx(2 / 3)
        parties = [np.append(rng.normal(size=999), 9.0) for _ in "ab"]
        assert agreements(parties)[0] == pytest.approx(2 / 3)

    @pytest.mark.parametrize("n_kinds", [5, 10, 20])
    def test_few_kinds_of_equal_rows_are_no_group(self, n_kinds):
        """Categories, of which all detectors find the rarest one most anomalous."""
        kinds = np.repeat(np.arange(n_kinds), 1000 // n_kinds)
        parties = [np.sqrt(kinds), kinds.astype(float), kinds**2.0]
        belief = believe(parties, 1000)
        assert not belief.is_separate
        assert belief.found.value <= MOST_UNSEEN

    def test_without_ties_it_goes_by_the_order_alone(self):
        rng = np.random.default_rng(0)
        parties = [two_kinds(50, seed) for seed in range(3)]
        rows = rng.permutation(1000)
        np.testing.assert_array_equal(
            agreements([scores[rows] for scores in parties]), agreements(parties)
        )

    def test_is_the_mean_over_the_pairs_that_agree_best(self):
        rng = np.random.default_rng(0)
        parties = rng.normal(size=(3, 200)) + 3 * rng.normal(size=200)
        pairs = [agreements([parties[a], parties[b]]) for a, b in ((0, 1), (0, 2), (1, 2))]
        unclipped = np.min(pairs, axis=0) > 0.06
        assert unclipped.sum() > 10
        np.testing.assert_allclose(
            agreements(parties)[unclipped], np.sort(pairs, axis=0)[1:].mean(axis=0)[unclipped]
        )

    @pytest.mark.parametrize("n", [2, 3, 10, 1000])
    def test_lies_between_chance_and_full(self, n):
        scores = np.random.default_rng(0).normal(size=n)
        for other in (scores, -scores, np.zeros(n)):
            agreement = agreements([scores, other])
            assert ((agreement > 0) & (agreement < 1)).all()

    def test_of_the_same_rows_is_nearly_full_of_opposite_ones_none(self):
        scores = np.random.default_rng(0).normal(size=5000)
        assert agreements([scores, scores])[8:].min() > 0.95
        assert agreements([scores, -scores]).max() == agreements([scores, -scores]).min()

    def test_does_not_depend_on_the_scale_of_the_scores(self):
        scores = [two_kinds(50, seed) for seed in range(3)]
        expected = agreements(scores)
        moved = [1e3 * scores[0] - 7, np.exp(scores[1]), scores[2]]
        np.testing.assert_array_equal(agreements(moved), expected)


class TestUpdate:
    @pytest.mark.parametrize("n_outliers", [20, 50, 100])
    def test_moves_to_the_cut_that_all_agree_on(self, n_outliers):
        truth = n_outliers / 1000
        belief = believe([two_kinds(n_outliers, seed) for seed in range(4)], 1000)
        assert belief.is_separate
        found = belief.found
        assert truth / 1.5 < found.value < truth * 1.5
        assert found.low <= truth * HALF_A_STEP
        assert found.high >= truth / HALF_A_STEP

    def test_kinds_that_differ_more_leave_less_doubt(self):
        clear = believe([two_kinds(50, seed) for seed in range(3)], 1000).found
        vague = believe([two_kinds(50, seed, noise=3.0) for seed in range(3)], 1000).found
        assert clear.high / clear.low < vague.high / vague.low

    @pytest.mark.parametrize("seed", range(5))
    def test_scores_that_have_nothing_in_common_leave_it_wide(self, seed):
        belief = believe(list(np.random.default_rng(seed).normal(size=(4, 500))), 500)
        assert not belief.is_separate
        assert belief.found.value <= MOST_UNSEEN
        assert belief.found.high > 4 * belief.found.low

    def test_more_agreement_at_a_cut_makes_it_likelier(self, monkeypatch):
        usual = np.full(len(RATIOS), 0.5)
        before = 0.0
        for agreement in (0.3, 0.5, 0.7, 0.9):
            of_one_pair = np.where(np.arange(len(RATIOS)) == 15, agreement, usual)[:, None]
            monkeypatch.setattr(_find_ratio, "_of_pairs", lambda parties, a=of_one_pair: a)
            probability = believe([np.arange(9.0)] * 2, 10_000).probability[15]
            assert probability > before
            before = probability

    @pytest.mark.parametrize(("n_that_find_it", "is_separate"), [(3, True), (2, False)])
    def test_three_detectors_that_find_a_large_group_are_enough(self, n_that_find_it, is_separate):
        """Neighbours among its own rows, say, hide a group of a tenth from two others."""
        parties = [two_kinds(100, seed) for seed in range(n_that_find_it)]
        parties += list(np.random.default_rng(0).normal(size=(5 - n_that_find_it, 1000)))
        belief = believe(parties, 1000)
        assert belief.is_separate == is_separate
        assert (belief.found.value > MOST_UNSEEN) == is_separate

    def test_what_is_known_goes_before_what_is_agreed_on(self):
        parties = [two_kinds(20, seed) for seed in range(3)]
        assert believe(parties, 1000).found.value < 0.05
        assert believe(parties, 1000, least=0.1).found.value >= 0.09


class TestFound:
    @pytest.mark.parametrize("i", [0, 7, 20, 27])
    def test_of_one_ratio_only(self, i):
        found = at(RATIOS[i]).found
        assert found.value == pytest.approx(RATIOS[i])
        assert found.low == pytest.approx(RATIOS[i] / HALF_A_STEP)
        assert found.high == pytest.approx(min(0.5, RATIOS[i] * HALF_A_STEP))

    def test_by_hand(self):
        """A tenth of the belief lies outside the interval at each end."""
        probability = np.zeros(len(RATIOS))
        probability[[3, 6, 10, 12, 18]] = 0.05, 0.1, 0.5, 0.3, 0.05
        found = believed(probability, True).found
        assert found.value == pytest.approx(np.exp(probability @ np.log(RATIOS)))
        assert found.low == pytest.approx(RATIOS[6] / HALF_A_STEP)
        assert found.high == pytest.approx(RATIOS[12] * HALF_A_STEP)

    def test_is_cut_where_no_group_is_seen(self):
        probability = at(0.3).probability
        found = believed(probability, False).found
        assert found.value == MOST_UNSEEN
        assert found.low <= MOST_UNSEEN < 0.3 < found.high

    @pytest.mark.parametrize(("n", "n_flagged"), [(2, 1), (19, 1), (30, 1), (50, 2), (1000, 50)])
    def test_is_cut_where_it_flags_one_row_in_twenty(self, n, n_flagged):
        assert (np.arange(n) < np.percentile(np.arange(n), 100 * most_unseen(n))).sum() == n_flagged

    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 10**6),
        n=st.integers(2, 400),
        n_parties=st.integers(0, 5),
        common=st.floats(0, 5),
        least=st.floats(0, 1),
    )
    def test_the_value_is_inside_the_interval(self, seed, n, n_parties, common, least):
        rng = np.random.default_rng(seed)
        parties = list(rng.normal(size=(n_parties, n)) + common * rng.normal(size=n))
        belief = believe(parties, n, least)
        assert np.isfinite(belief.probability).all()
        assert belief.probability.sum() == pytest.approx(1)
        found = belief.found
        assert 0 < found.low <= found.value <= found.high <= 0.5


class TestWeights:
    def test_members_count_as_much_as_their_ratio_is_likely(self):
        probability = np.full(len(RATIOS), 1e-9)
        probability[[5, 9]] = 0.25, 0.75
        weights = believed(probability, True).weights(RATIOS[[5, 9, 20]])
        np.testing.assert_allclose(weights, [0.75, 2.25, 0], atol=1e-6)

    def test_their_mean_is_one(self):
        belief = believe([two_kinds(30, seed) for seed in range(3)], 1000)
        weights = belief.weights(np.geomspace(0.002, 0.4, 16))
        assert weights.mean() == pytest.approx(1)
        assert (weights >= 0).all()
        largest = np.geomspace(0.002, 0.4, 16)[weights.argmax()]
        assert 0.01 < largest < 0.1

    def test_where_no_ratio_is_believed_in_all_count_alike(self):
        np.testing.assert_array_equal(at(0.3).weights(np.array([0.01, 0.02])), 1)

    def test_ratios_beyond_the_ends_count_as_these(self):
        belief = believe([], 1000)
        np.testing.assert_allclose(
            belief.weights(np.array([1e-4, RATIOS[0], 0.5, RATIOS[-1]]))[::2],
            belief.weights(np.array([1e-4, RATIOS[0], 0.5, RATIOS[-1]]))[1::2],
        )

    def test_scores_by_weights(self):
        scale = CommonScale(
            np.zeros((3, 1), dtype=bool), np.zeros((3, 1)), np.ones((3, 1)), np.ones(3), True
        )
        losses = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, -1.0]])
        np.testing.assert_allclose(scale.combine(losses), [-4 / 3, -2])
        weighted = scale.weighted(np.array([3.0, 0.0, 0.0]))
        np.testing.assert_allclose(weighted.combine(losses), [-1, -2])
        weighted = scale.weighted(np.array([1.5, 1.5, 0.0]))
        np.testing.assert_allclose(weighted.combine(losses), [-2, -3.5])


class TestWarning:
    found = FoundRatio(0.02, 0.001, 0.1)

    @pytest.mark.parametrize(
        ("told", "reason"),
        [
            ({}, "without evidence"),
            ({"agreement": np.zeros(len(RATIOS))}, "of different kinds do not agree"),
            ({"is_one_feature": True}, "differ in one feature"),
        ],
    )
    def test_names_the_reason_what_is_flagged_and_the_interval(self, told, reason):
        belief = replace(believed(at(0.02).probability, False), **told)
        message = rf"no separate .*{reason}.*flags 0.02 .*is 0.001 to 0.1.*set_threshold"
        with pytest.warns(NoSeparateGroupWarning, match=message):
            warn_of_prior(belief, self.found, 0.02)
        assert issubclass(NoSeparateGroupWarning, UserWarning)

    def test_is_for_want_of_a_group_and_of_a_known_anomaly(self):
        assert not is_prior(at(0.02), None)
        known = np.zeros(9, dtype=np.int8)
        known[0] = -1
        unseen = believed(at(0.02).probability, False)
        assert is_prior(unseen, None)
        assert not is_prior(unseen, known)
        assert is_prior(unseen, -known)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 300),
    ratio=st.floats(0.001, 0.5),
    spread=st.floats(0.01, 20),
    factor=st.floats(1, 20),
    held_out=st.booleans(),
    is_known=st.booleans(),
    is_rounded=st.booleans(),
)
def test_never_more_rows_above_one_half_than_the_upper_end(
    seed, n, ratio, spread, factor, held_out, is_known, is_rounded
):
    """Whatever scores and labels are: rows that tie, held-out scores, known labels."""
    rng = np.random.default_rng(seed)
    scores = spread * rng.standard_t(2, size=n)
    scores = np.round(scores) if is_rounded else scores
    known = rng.choice([-1, 0, 1], size=n).astype(np.int8) if is_known else None
    scale = CommonScale(
        np.ones((2, 1), dtype=bool), np.zeros((2, 1)), np.ones((2, 1)), np.ones(2), True
    )
    high = min(1.0, factor * ratio)
    unseen = scores + rng.normal(size=n) if held_out else None
    posterior = Posterior.of(scale, scores, ratio, unseen, known, most=high)
    again = scores * (1 + 1e-15)  # as computed another time
    for proba in (posterior.proba(scores), posterior.proba(again)):
        assert np.isfinite(proba).all()
        assert (proba > 0.5).sum() <= high * n
