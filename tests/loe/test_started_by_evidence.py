"""First labels by the evidence: where one ratio is given, and where they are asked for."""

import pickle

import numpy as np
import pytest

from lofe_sklearn import LOE, DeepSVDD, RealNVP

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(0, 1, (90, 4)), RNG.normal(4, 1, (10, 4))])
QUICK = DeepSVDD(max_epochs=4)


def plan_of(X=X, estimator=QUICK, **parameters):
    given = {"contamination": 0.1, "n_estimators": 2, "random_state": 0}
    detector = LOE(estimator, **(given | parameters))
    return detector._plan_fit(detector._prepare_rows(X), None, None, {})


def starts(plan):
    return [task.labelling.first_scores for task in plan.members]


def forest_start(**parameters):
    return starts(plan_of(init="iforest", **parameters))


def by_hand(evidence):
    """The mean of the detectors' scores, each no lower than half a deviation below its mean."""
    return np.maximum(evidence.training, -0.5).mean(axis=0)


def test_members_start_from_the_mean_of_the_evidence():
    plan = plan_of()
    expected = by_hand(plan.evidence)
    for scores in starts(plan):
        np.testing.assert_array_equal(scores, expected)
    assert np.argmax(expected) >= 90


def test_so_do_those_of_all_default_kinds():
    plan = plan_of(estimator=None, n_estimators=None)
    kinds = [type(task.model) for task in plan.members]
    assert kinds == [DeepSVDD, RealNVP] * 2
    for scores in starts(plan):
        np.testing.assert_array_equal(scores, by_hand(plan.evidence))


@pytest.mark.parametrize(
    "parameters", [{"contamination": "auto"}, {"contamination": (0.05, 0.2)}], ids=str
)
def test_members_of_several_ratios_start_from_the_forest(parameters):
    own, expected = starts(plan_of(**parameters)), forest_start(**parameters)
    for scores, of_forest in zip(own, expected, strict=True):
        np.testing.assert_array_equal(scores, of_forest)


def test_an_init_of_the_users_goes_first():
    given = RNG.normal(size=100)
    for scores in starts(plan_of(init=given)):
        np.testing.assert_array_equal(scores, -given)
    [first, _] = forest_start()
    assert not np.array_equal(first, starts(plan_of())[0])


def test_evidence_of_the_users_starts_too():
    plan = plan_of(evidence="knn")
    np.testing.assert_array_equal(starts(plan)[0], by_hand(plan.evidence))


@pytest.mark.parametrize(
    "parameters",
    [
        {"evidence": None},
        {"evidence": None, "contamination": "auto", "init": "evidence"},
        {"evidence": None, "max_samples": 40},
        {"n_estimators": 1},  # no evidence, then
        {"n_estimators": 1, "init": "evidence"},
    ],
    ids=str,
)
def test_without_evidence_in_the_scores(parameters):
    plan = plan_of(**parameters)
    assert plan.evidence is None
    expected = by_hand(plan_of().evidence)
    for task in plan.members:
        np.testing.assert_array_equal(task.labelling.first_scores, expected[task.rows])


def test_by_the_evidence_there_is():
    plan = plan_of(init="evidence", evidence="knn", contamination=(0.05, 0.2))
    np.testing.assert_array_equal(starts(plan)[0], by_hand(plan.evidence))


def test_folds_and_parts_without_evidence_in_the_scores():
    own = plan_of(init="evidence", evidence=None, held_out_folds=4)
    with_evidence = plan_of(held_out_folds=4)
    for fold, other in zip(own.folds, with_evidence.folds, strict=True):
        for task, expected in zip(fold.tasks, other.tasks, strict=True):
            np.testing.assert_array_equal(
                task.labelling.first_scores, expected.labelling.first_scores
            )
    scores = own.first_scores(X[:20])
    np.testing.assert_array_equal(scores, with_evidence.first_scores(X[:20]))


def test_blind_training_fits_no_evidence(monkeypatch):
    from lofe_sklearn._loe._classical import Forest

    monkeypatch.setattr(Forest, "fit", None)
    plan = plan_of(init="evidence", method="blind")
    assert starts(plan) == [None, None]
    assert plan.first_scores is None


def test_the_forest_where_no_evidence_can_be_fitted(monkeypatch):
    from lofe_sklearn._loe import _evidence
    from lofe_sklearn._loe._classical import Unfit

    def fails(*_):
        raise Unfit("of this test")

    monkeypatch.setattr(_evidence, "fitted", fails)
    with pytest.warns(UserWarning, match="left out.*of this test.*Pass another init, such as"):
        plan = plan_of(init="evidence", evidence=None)
    for scores, expected in zip(starts(plan), forest_start(evidence=None), strict=True):
        np.testing.assert_array_equal(scores, expected)


def test_members_of_some_rows_start_from_theirs():
    plan = plan_of(max_samples=40)
    whole = by_hand(plan.evidence)
    for task in plan.members:
        assert len(task.rows) == 40
        np.testing.assert_array_equal(task.labelling.first_scores, whole[task.rows])


def test_models_of_a_fold_start_from_evidence_that_has_not_seen_it():
    moved = X.copy()
    fold = plan_of(held_out_folds=4).folds[0]
    moved[fold.held_out] += RNG.normal(0, 5, (len(fold.held_out), 4))
    again = plan_of(moved, held_out_folds=4).folds[0]
    np.testing.assert_array_equal(again.held_out, fold.held_out)
    for task, other in zip(fold.tasks, again.tasks, strict=True):
        assert not np.isin(task.rows, fold.held_out).any()
        np.testing.assert_array_equal(task.labelling.first_scores, other.labelling.first_scores)


def test_evidence_that_is_left_out_is_named_once():
    rows = np.column_stack([X, X[:, 0] + X[:, 1]])
    with pytest.warns(UserWarning, match="mcd") as told:
        plan_of(rows, held_out_folds=3)
    assert len(told) == 1


def test_a_detector_that_fails_on_the_rows_outside_a_fold_is_named(monkeypatch):
    from lofe_sklearn._loe._classical import RobustCovariance, Unfit

    fit = RobustCovariance.fit

    def fails_on_some(self, rows, y=None):
        if len(rows) < len(X):
            raise Unfit("of this test")
        return fit(self, rows)

    monkeypatch.setattr(RobustCovariance, "fit", fails_on_some)
    with pytest.warns(UserWarning, match="'mcd' is left out of the first labels.*to 50 .*of this"):
        plan = plan_of(init="evidence", evidence=None, held_out_folds=2)
    assert starts(plan)[0] is not None
    assert plan.folds[0].tasks[0].labelling.first_scores is not None


def test_a_blind_start_where_evidence_finds_all_rows_alike():
    with pytest.warns(UserWarning, match="mcd"):
        plan = plan_of(np.ones((40, 3)))
    assert starts(plan) == [None, None]


@pytest.mark.parametrize("parameters", [{}, {"init": "evidence", "evidence": None}], ids=str)
def test_rows_that_come_in_parts(parameters):
    detector = LOE(QUICK, contamination=0.1, n_estimators=2, random_state=0, **parameters)
    detector.partial_fit(X).partial_fit(X + 0.01)
    assert np.argmin(detector.score_samples(X)) >= 90
    again = pickle.loads(pickle.dumps(detector)).partial_fit(X)
    np.testing.assert_array_equal(again.score_samples(X), detector.partial_fit(X).score_samples(X))
    [scores] = plan_of(**parameters).first_scores(X[:20])
    np.testing.assert_allclose(scores, plan_of().evidence.score(X[:20]))


def test_it_costs_no_further_fit(monkeypatch):
    from lofe_sklearn._loe._classical import Forest, NearNeighbors

    fitted = []
    for kind in (Forest, NearNeighbors):
        fit = kind.fit
        monkeypatch.setattr(
            kind, "fit", lambda self, X, y=None, fit=fit: fitted.append(type(self)) or fit(self, X)
        )
    plan_of()
    assert fitted == [Forest]
