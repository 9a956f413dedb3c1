"""The ratio: given, believed, or found by a thresholder; and label_update."""

import warnings

import numpy as np
import pytest
import torch
from conftest import FEW_TREES, in_units_of_normal_rows
from sklearn.base import BaseEstimator

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn.exceptions import NoSeparateGroupWarning


@pytest.fixture
def clustered():
    """10 % of the rows lie together, far from the others."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (180, 5)), rng.normal(6, 0.7, (20, 5))])
    return rng.permutation(X)


def backbone(**parameters):
    return DeepSVDD(**{"max_epochs": 4, "batch_size": 100, **parameters})


def loe(estimator=None, **parameters):
    estimator = backbone() if estimator is None else estimator
    return LOE(estimator, **{"init": FEW_TREES, "random_state": 0, **parameters})


def assert_consistent(detector, X):
    low, high = detector.contamination_interval_
    assert 0 < low <= detector.contamination_ <= high <= 0.5
    scores = detector.score_samples(X)
    expected = np.percentile(scores, 100 * detector.contamination_)
    assert detector.offset_ == pytest.approx(expected, rel=1e-4, abs=1e-6)
    n_flagged = (detector.predict(X) == -1).sum()
    assert abs(n_flagged - detector.contamination_ * len(X)) <= 1
    n_marked = (detector.labels_ == -1).sum()
    if detector.evidence_ is None:
        assert n_marked == max(1, np.floor(detector.contamination_ * len(X) + 0.5))
    else:
        assert abs(n_marked - detector.contamination_ * len(X)) <= 1


def spread(n_members):
    """Ratios of members of one kind on 200 rows: from two rows to the largest."""
    return np.geomspace(0.01, 0.4, n_members)


class TestAuto:
    @pytest.mark.parametrize(
        ("n_estimators", "expected"),
        [
            (None, spread(8)),
            (1, [np.sqrt(0.01 * 0.4)]),
            (2, [0.01, 0.4]),
            (9, spread(9)),
            (12, spread(12)),
        ],
    )
    def test_members_are_spread_over_the_ratios(self, clustered, n_estimators, expected):
        detector = loe(backbone(max_epochs=2), n_estimators=n_estimators).fit(clustered)
        assert detector.contamination == "auto"
        np.testing.assert_allclose(detector.contaminations_, expected)
        assert [m.contamination for m in detector.estimators_] == list(detector.contaminations_)
        assert_consistent(detector, clustered)

    def test_each_backbone_gets_all_ratios(self, clustered):
        pair = [backbone(max_epochs=2), AutoEncoder(max_epochs=2)]
        detector = loe(pair, n_estimators=16).fit(clustered)
        for kind in (DeepSVDD, AutoEncoder):
            own = [m.contamination for m in detector.estimators_ if isinstance(m, kind)]
            np.testing.assert_allclose(own, spread(8))

    def test_each_member_marks_its_own_share(self, clustered):
        detector = loe(n_estimators=8, label_update="epoch", warmup_epochs=1).fit(clustered)
        for member, ratio in zip(detector.estimators_, spread(8), strict=True):
            n_marked = np.floor(ratio * 200 + 0.5)
            assert (member.history_.labels.sum(axis=2) == n_marked).all()

    @pytest.mark.parametrize("n_samples", [2, 3, 5, 35, 36, 40])
    def test_tiny_sets(self, n_samples):
        X = np.random.default_rng(0).normal(size=(n_samples, 3))
        detector = loe(backbone(max_epochs=2), n_estimators=3, init="auto").fit(X)
        assert_consistent(detector, X)

    def test_a_cluster_of_anomalies(self, clustered):
        detector = loe(backbone(max_epochs=20), init="auto").fit(clustered)
        assert 0.04 <= detector.contamination_ <= 0.25
        assert_consistent(detector, clustered)
        found = clustered[detector.labels_ == -1].mean(axis=1) > 3
        assert found[:20].mean() > 0.6

    def test_clean_rows(self):
        X = np.random.default_rng(1).normal(size=(120, 5))
        detector = loe(n_estimators=8).fit(X)
        assert_consistent(detector, X)
        # Nothing says how many: no narrow interval around a large ratio.
        low, high = detector.contamination_interval_
        assert low < 0.1
        assert high > 1.2 * low

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_rows_that_are_all_equal(self):
        detector = loe(n_estimators=2, init="auto").fit(np.ones((50, 3)))
        low, high = detector.contamination_interval_
        assert 0 < low <= detector.contamination_ <= high <= 0.5

    def test_known_labels(self, clustered):
        known = np.zeros(200, dtype=int)
        known[np.flatnonzero(clustered.mean(axis=1) > 3)[:6]] = -1
        known[np.flatnonzero(clustered.mean(axis=1) < 3)[:50]] = 1
        detector = loe(n_estimators=8).fit(clustered, known_labels=known)
        np.testing.assert_array_equal(detector.labels_[known != 0], known[known != 0])
        for member in detector.estimators_:
            assert not member.history_.labels[1:, 0][:, known == 1].any()
            assert member.history_.labels[1:, 0][:, known == -1].all()
        low, high = detector.contamination_interval_
        assert 0 < low <= detector.contamination_ <= high <= 0.5

    def test_every_row_is_known(self, clustered):
        known = np.where(clustered.mean(axis=1) > 3, -1, 1)
        detector = loe(n_estimators=2).fit(clustered, known_labels=known)
        np.testing.assert_array_equal(detector.labels_, known)


@pytest.mark.parametrize("ratio", [0.01, 0.25, 0.5, np.float32(0.25)])
def test_a_given_ratio_is_itself(clustered, ratio):
    detector = loe(contamination=ratio, n_estimators=2).fit(clustered)
    assert detector.contamination_ == ratio
    assert detector.contamination_interval_ == (ratio, ratio)
    np.testing.assert_array_equal(detector.contaminations_, [ratio, ratio])


def test_an_interval_is_spread_over(clustered):
    for pair in ((0.05, 0.2), [0.05, 0.2]):
        detector = loe(contamination=pair, n_estimators=3).fit(clustered)
        np.testing.assert_allclose(detector.contaminations_, [0.05, 0.1, 0.2])
        assert detector.contamination_ == pytest.approx(0.1)
        assert detector.contamination_interval_ == (0.05, 0.2)
        assert detector.held_out_scores_ is None
    both = LOE([backbone(), AutoEncoder(max_epochs=2)], contamination=(0.1, 0.1), random_state=0)
    np.testing.assert_allclose(both.fit(clustered).contaminations_, [0.1] * 8)


def test_an_interval_below_what_is_known(clustered):
    known = np.zeros(len(clustered), dtype=int)
    known[:30] = -1  # 15 %
    with pytest.warns(UserWarning, match=r"more than contamination=\(0.05, 0.1\) allows"):
        detector = loe(contamination=(0.05, 0.1), n_estimators=2).fit(clustered, known_labels=known)
    np.testing.assert_allclose(detector.contaminations_, [0.15, 0.15])
    assert_consistent(detector, clustered)
    # Known anomalies are all there may be.
    np.testing.assert_array_equal(np.flatnonzero(detector.labels_ == -1), np.arange(30))


@pytest.mark.parametrize("evidence", ["auto", None])
@pytest.mark.parametrize("contamination", ["auto", 0.1, (0.08, 0.2)])
def test_no_more_anomalies_than_rows_not_known_to_be_normal(contamination, evidence):
    """Of 300 rows, 290 are known to be normal: at most 10 can be anomalies."""
    X = np.random.default_rng(0).normal(size=(300, 4))
    normal = np.arange(300) < 290
    detector = loe(contamination=contamination, n_estimators=2, evidence=evidence)
    message = "fewer anomalies than contamination=.* says. 0.0333 is used"
    if contamination == "auto":
        message = "no separate group"
    with pytest.warns(UserWarning, match=message):
        detector.fit(X, known_normal=normal)
    low, high = detector.contamination_interval_
    assert low <= detector.contamination_ <= high <= 10 / 300 + 1e-9
    assert max(detector.contaminations_) <= 10 / 300 + 1e-9
    assert (detector.predict(X) == -1).sum() <= 10
    if contamination == "auto":  # it takes no member's word for more than half of the ten
        assert max(detector.contaminations_) <= 5 / 300 + 1e-9


def test_the_ratio_of_rows_that_are_all_known():
    X = np.random.default_rng(0).normal(size=(200, 4))
    anomalous = np.arange(200) < 20
    with pytest.warns(UserWarning, match="the known labels leave no row unknown"):
        detector = loe(contamination="auto", n_estimators=2).fit(
            X, known_anomalies=anomalous, known_normal=~anomalous
        )
    assert detector.contamination_ == pytest.approx(0.1)
    assert detector.contamination_interval_ == pytest.approx((0.1, 0.1))


def test_a_share_of_false_alarms_if_all_rows_are_known_to_be_normal():
    X = np.random.default_rng(0).normal(size=(200, 4))
    with pytest.warns(UserWarning, match="the known labels leave no row unknown"):
        detector = DeepSVDD(max_epochs=2, contamination=0.05, random_state=0).fit(
            X, known_normal=np.ones(200, dtype=bool)
        )
    assert (detector.predict(X) == -1).sum() == 10


@pytest.mark.parametrize("seed", [1, 2])
def test_a_guess_flags_no_more_than_one_row_in_twenty_where_rows_tie(seed):
    """Each row comes four times, and 5 % of 60 rows are three."""
    X = np.repeat(np.random.default_rng(seed).normal(size=(15, 4)), 4, axis=0)
    with pytest.warns(NoSeparateGroupWarning, match="predict flags 0 of the training rows"):
        detector = LOE(random_state=seed).fit(X)
    assert (detector.predict(X) == 1).all()


@pytest.mark.parametrize(
    "value",
    [
        *[0, -0.1, 0.51, 1, True, None, "Auto", "0.1", np.nan, [0.1], DeepSVDD, object()],
        *[(0.2, 0.1), (0, 0.1), (0.1, 0.6), (0.1, 0.2, 0.3), ("0.1", 0.2)],
    ],
)
def test_a_ratio_that_is_none(clustered, value):
    with pytest.raises(ValueError, match=r"LOE: contamination must be .*'auto'.*eval.*got"):
        loe(contamination=value).fit(clustered)


class Thresholder(BaseEstimator):
    """In PyThresh's manner."""

    def __init__(self, share=0.15):
        self.share = share

    def eval(self, decision):
        self.seen_ = decision
        return (decision > np.quantile(decision, 1 - self.share)).astype(int)


class TestThresholders:
    @pytest.mark.parametrize(
        "thresholder",
        [
            Thresholder(),
            lambda scores: scores > np.quantile(scores, 0.85),
            lambda scores: list((scores > np.quantile(scores, 0.85)) * 1.0),
            lambda scores: 0.15,
            lambda scores: np.float32(0.15),
            lambda scores: torch.tensor(0.15, requires_grad=True),
        ],
        ids=["eval", "bools", "list", "ratio", "numpy ratio", "tensor"],
    )
    def test_find_the_ratio(self, clustered, thresholder):
        detector = loe(contamination=thresholder, n_estimators=2).fit(clustered)
        assert detector.contamination_ == pytest.approx(0.15)
        assert detector.contamination_interval_ == (detector.contamination_,) * 2
        assert len(set(detector.contaminations_)) == 2
        assert_consistent(detector, clustered)

    def test_are_given_scores_high_for_outliers(self, clustered):
        seen = []

        def thresholder(scores):
            seen.append(scores)
            return 0.1

        detector = loe(backbone(max_epochs=20), contamination=thresholder).fit(clustered)
        [scores] = seen
        assert scores.shape == (200,)
        np.testing.assert_allclose(scores, -detector.score_samples(clustered), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize(
        ("returned", "expected"),
        [
            (lambda s: np.zeros(len(s), dtype=int), 1 / 200),
            (lambda s: 0, 1 / 200),
            (lambda s: np.ones(len(s)), 0.5),
            (lambda s: 1.0, 0.5),
        ],
        ids=["no label", "nothing", "all labels", "everything"],
    )
    def test_mark_at_least_one_row_and_at_most_half(self, clustered, returned, expected):
        detector = loe(contamination=returned, n_estimators=1).fit(clustered)
        assert detector.contamination_ == pytest.approx(expected)
        assert_consistent(detector, clustered)

    @pytest.mark.parametrize("returned", [lambda s: 0.9, lambda s: s < np.quantile(s, 0.9)])
    def test_of_more_than_half_of_the_rows_warn(self, clustered, returned):
        with pytest.warns(UserWarning, match=r"takes 0\.9 of the rows for outliers; at most half"):
            detector = loe(contamination=returned, n_estimators=1).fit(clustered)
        assert detector.contamination_ == 0.5

    @pytest.mark.parametrize("share", [0.15, 0.5])
    def test_are_believed_where_no_group_is_seen(self, share):
        rows = np.random.default_rng(0).normal(size=(200, 5))
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            detector = loe(contamination=lambda _: share, n_estimators=1).fit(rows)
        assert (detector.predict(rows) == -1).sum() == 200 * share

    @pytest.mark.parametrize(
        ("returned", "got"),
        [
            (lambda s: None, "got None"),
            (lambda s: "many", "got 'many'"),
            (lambda s: 1.5, "got 1.5"),
            (lambda s: -0.1, "got -0.1"),
            (lambda s: np.nan, "got nan"),
            (lambda s: 1j, "got 1j"),
            (lambda s: np.where(s > 0, -1, 1), r"got .*of shape \(200,\)"),
            (lambda s: s, r"got float64 of shape \(200,\)"),
            (lambda s: np.zeros(199), r"got .*of shape \(199,\)"),
            (lambda s: np.zeros((200, 1)), r"got .*of shape \(200, 1\)"),
            (lambda s: np.array(["a"] * 200), r"got .*of shape \(200,\)"),
            (lambda s: [], r"got .*of shape \(0,\)"),
            (lambda s: [1, [0, 1]], r"got object of shape \(2,\)"),
            (lambda s: torch.tensor(np.nan), "got nan"),
        ],
        ids=lambda v: v if isinstance(v, str) else "",
    )
    def test_that_return_nonsense(self, clustered, returned, got):
        detector = loe(backbone(max_epochs=2), contamination=returned, n_estimators=1)
        with pytest.raises(ValueError, match=rf"the thresholder .* or a ratio in \[0, 1\]; {got}"):
            detector.fit(clustered)
        assert not hasattr(detector, "estimators_")


class TestLabelUpdate:
    @pytest.mark.parametrize(
        ("contamination", "batch_size", "expected"),
        [(0.1, 50, "batch"), (0.02, 50, "epoch"), (0.02, 200, "batch"), (0.005, 200, "batch")],
    )
    def test_auto(self, clustered, contamination, batch_size, expected):
        """Per epoch where less than two rows of a batch would be marked, if there are several."""

        def labels(label_update):
            detector = loe(
                backbone(batch_size=batch_size),
                contamination=contamination,
                label_update=label_update,
                init=None,
                warmup_epochs=1,
            )
            return detector.fit(clustered).estimator_.history_.labels

        each = {update: labels(update) for update in ("auto", "batch", "epoch")}
        np.testing.assert_array_equal(each["auto"], each[expected])
        if batch_size < 200:
            assert (each["batch"] != each["epoch"]).any()
            assert (each["epoch"][1:].sum(axis=2) == round(200 * contamination)).all()

    def test_per_epoch_marks_the_share_exactly_where_batches_mark_one_row_each(self, clustered):
        n_marked = {}
        for update in ("batch", "epoch"):
            detector = loe(
                backbone(batch_size=10), contamination=0.01, label_update=update, warmup_epochs=1
            ).fit(clustered)
            n_marked[update] = set(detector.estimator_.history_.labels[1:].sum(axis=(1, 2)))
        assert n_marked == {"batch": {20}, "epoch": {2}}

    def test_known_labels_hold_in_both(self, clustered):
        known = np.zeros(200, dtype=int)
        known[:4], known[4:8] = -1, 1
        for update in ("batch", "epoch"):
            detector = loe(contamination=0.1, label_update=update).fit(
                clustered, known_labels=known
            )
            labels = detector.estimator_.history_.labels[1:, 0]
            assert labels[:, :4].all()
            assert not labels[:, 4:8].any()

    def test_blind_training_infers_nothing(self, clustered):
        scores = [
            loe(contamination=0.01, method="blind", label_update=update)
            .fit(clustered)
            .score_samples(clustered)
            for update in ("epoch", "batch")
        ]
        np.testing.assert_array_equal(*scores)

    @pytest.mark.parametrize("value", ["step", None, 1, True])
    def test_of_another_name(self, clustered, value):
        with pytest.raises(ValueError, match="LOE: label_update must be one of 'auto', 'batch'"):
            loe(label_update=value).fit(clustered)


class TestSubsets:
    @pytest.mark.parametrize(("max_samples", "n"), [(0.5, 100), (60, 60), (1.0, 200), (200, 200)])
    def test_of_rows(self, clustered, max_samples, n):
        detector = loe(max_samples=max_samples, contamination=0.1, n_estimators=3).fit(clustered)
        for rows in detector.estimators_samples_:
            assert len(rows) == len(set(rows.tolist())) == n
            assert (np.diff(rows) > 0).all()
        if n < 200:
            assert (detector.estimators_samples_[0] != detector.estimators_samples_[1]).any()
        assert detector.labels_.shape == (200,)
        assert_consistent(detector, clustered)

    @pytest.mark.parametrize(("max_features", "n"), [(0.5, 2), (3, 3), (1.0, 5), (1, 1)])
    def test_of_features(self, clustered, max_features, n):
        detector = loe(
            max_features=max_features, contamination=0.1, n_estimators=3, evidence=None
        ).fit(clustered)
        assert [len(features) for features in detector.estimators_features_] == [n] * 3
        assert [member.n_features_in_ for member in detector.estimators_] == [n] * 3
        assert detector.n_features_in_ == 5
        assert_consistent(detector, clustered)
        # What no member sees does not count.
        unseen = np.setdiff1d(np.arange(5), np.concatenate(detector.estimators_features_))
        other = clustered.copy()
        other[:, unseen] = 1e3
        np.testing.assert_array_equal(
            detector.score_samples(other), detector.score_samples(clustered)
        )

    def test_scores_are_the_members_of_their_features(self, clustered):
        detector = loe(
            max_features=2, max_samples=90, contamination=0.1, n_estimators=3, evidence=None
        ).fit(clustered)
        own, logs_of_all = [], []
        for member, features, rows in zip(
            detector.estimators_,
            detector.estimators_features_,
            detector.estimators_samples_,
            strict=True,
        ):
            logs = np.log(-member.score_samples(clustered[:, features]))
            own.append(logs[rows])
            logs_of_all.append(logs)
        expected = -in_units_of_normal_rows(own, logs_of_all, 0.1).mean(axis=0)
        np.testing.assert_allclose(detector.score_samples(clustered), expected, rtol=1e-6)

    def test_of_both_with_a_ratio_to_find(self, clustered):
        detector = loe(max_features=3, max_samples=0.8, n_estimators=8).fit(clustered)
        assert_consistent(detector, clustered)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"max_samples": 201}, r"max_samples=201 is more than X has \(200\)"),
            ({"max_features": 6}, r"max_features=6 is more than X has \(5\)"),
            ({"max_samples": 1}, "max_samples=1 leaves 1 of 200; at least 2"),
            ({"max_samples": 0.001}, "leaves 0 of 200"),
            ({"max_features": 0.01}, "max_features=0.01 leaves 0 of 5; at least 1"),
            ({"max_features": 1, "estimator": ICL(max_epochs=1)}, "at least"),
            ({"max_samples": 1.5}, r"max_samples must be .*float in \(0, 1\].*got 1.5"),
            ({"max_samples": 0}, "max_samples must be"),
            ({"max_features": 0.0}, "max_features must be"),
            ({"max_features": True}, "max_features must be"),
            ({"max_features": None}, "max_features must be"),
            ({"max_samples": "all"}, "max_samples must be"),
            ({"max_samples": np.nan}, "max_samples must be"),
        ],
        ids=str,
    )
    def test_that_cannot_be(self, clustered, parameters, message):
        detector = loe(**parameters)
        with pytest.raises(ValueError, match=f"LOE: .*{message}"):
            detector.fit(clustered)
        assert not hasattr(detector, "estimators_")


class TestSeveralBackbones:
    @pytest.mark.parametrize("container", [list, tuple])
    def test_in_turn(self, clustered, container):
        given = container([backbone(), AutoEncoder(max_epochs=3)])
        detector = LOE(given, contamination=0.1, random_state=0).fit(clustered)
        assert [type(m) for m in detector.estimators_] == [DeepSVDD, AutoEncoder]
        assert not hasattr(given[0], "module_")
        assert detector.estimator_ is detector.estimators_[0]
        assert detector.n_iter_ == 4
        assert detector.loss_history_.shape == (4,)
        assert_consistent(detector, clustered)
        more = LOE(given, contamination=0.1, n_estimators=3).fit(clustered)
        assert [type(m) for m in more.estimators_] == [DeepSVDD, AutoEncoder, DeepSVDD]

    def test_of_one_kind_and_other_parameters(self, clustered):
        given = [NeuTraL(n_transforms=k, max_epochs=2) for k in (2, 3)]
        detector = LOE(given, contamination=0.1, random_state=0).fit(clustered)
        assert [m.n_transforms for m in detector.estimators_] == [2, 3]

    def test_none(self, clustered):
        for empty in ([], ()):
            with pytest.raises(ValueError, match="at least one backbone; got an empty list"):
                LOE(empty).fit(clustered)

    @pytest.mark.parametrize("bad", [BaseEstimator(), "DeepSVDD", DeepSVDD, None, LOE()])
    def test_of_what_is_none(self, clustered, bad):
        got = bad.__name__ if isinstance(bad, type) else type(bad).__name__
        with pytest.raises(TypeError, match=rf"LOE: estimator must be .*list of such; got {got}"):
            LOE([backbone(), bad]).fit(clustered)

    def test_a_bad_parameter_of_the_second(self, clustered):
        with pytest.raises(ValueError, match="AutoEncoder: max_epochs must be"):
            LOE([backbone(), AutoEncoder(max_epochs=0)]).fit(clustered)

    def test_a_warm_up_too_long_for_the_second(self, clustered):
        with pytest.raises(ValueError, match="warmup_epochs=3 must be below"):
            LOE([backbone(), AutoEncoder(max_epochs=3)], warmup_epochs=3).fit(clustered)
