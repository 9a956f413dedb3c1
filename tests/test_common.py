"""What scikit-learn's users expect of every public estimator."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from conftest import BACKBONES, FEW_TREES, few_backbones, few_detectors, small
from packaging.version import parse
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator
from sklearn.utils.validation import check_is_fitted

import lofe_sklearn
from lofe_sklearn import DTE, LOE, DeepSVDD, LOESearchCV, TrainingDivergedError
from lofe_sklearn._progress import _displays

PUBLIC = [
    getattr(lofe_sklearn, name)
    for name in lofe_sklearn.__all__
    if isinstance(getattr(lofe_sklearn, name), type)
    and issubclass(getattr(lofe_sklearn, name), BaseEstimator)
]


def quick(cls):
    if cls is LOESearchCV:
        # The checks' y is anything, and their random_state must reach the detector.
        detector = LOE(DeepSVDD(max_epochs=3), init=None, random_state=0)
        return LOESearchCV(detector, {"contamination": [0.1, 0.2]}, cv=2, scoring="excess_mass")
    if cls is LOE:
        return LOE(DeepSVDD(max_epochs=3), n_estimators=2, init=FEW_TREES)
    return small(cls)(max_epochs=2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:Scoring failed:UserWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)
def test_scikit_learns_own_checks(cls):
    results = check_estimator(quick(cls), on_fail=None, on_skip=None)
    failed = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    skipped = [r["check_name"] for r in results if r["status"] == "skipped"]
    assert not failed
    # Skipped unless SCIPY_ARRAY_API is set.
    assert set(skipped) <= {"check_array_api_input"}
    assert len(results) >= 40


def test_scikit_learns_checks_of_fits_with_the_default_first_labels():
    """Those where a forest that is seeded, or fitted to other rows, would show."""
    names = {
        "check_estimators_dtypes",
        "check_estimators_pickle",
        "check_estimator_sparse_array",
        "check_fit2d_1feature",
        "check_fit_idempotent",
        "check_methods_subset_invariance",
        "check_outliers_fit_predict",
    }
    detector = LOE(DeepSVDD(max_epochs=3), contamination=0.1)
    for estimator, check in estimator_checks_generator(detector):
        name = getattr(check, "func", check).__name__
        if name in names:
            check(estimator)
            names.discard(name)  # some are there twice
    assert not names


def test_the_fixture_has_every_public_estimator():
    assert set(PUBLIC) == {*BACKBONES, LOE, LOESearchCV}


def test_the_output_contract(detector, contaminated):
    X, _ = contaminated
    detector.set_params(contamination=0.2).fit(X)
    scores = detector.score_samples(X)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(detector.decision_function(X), scores - detector.offset_)
    predicted = detector.predict(X)
    assert set(predicted) == {-1, 1}
    assert np.issubdtype(predicted.dtype, np.integer)
    assert (predicted == -1).sum() == 40
    np.testing.assert_array_equal(detector.fit_predict(X), detector.predict(X))


def test_fits_are_repeatable_and_leave_global_seeds_alone(detector, contaminated):
    X, _ = contaminated
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.rand(), torch.rand(1)
    np.random.seed(3)
    torch.manual_seed(3)
    scores = detector.fit(X).score_samples(X)
    assert (np.random.rand(), torch.rand(1)) == expected
    np.testing.assert_array_equal(clone(detector).fit(X).score_samples(X), scores)
    other = clone(detector).set_params(random_state=1).fit(X)
    assert not np.allclose(other.score_samples(X), scores)


@few_detectors
def test_labels_given_as_y_change_nothing(detector, contaminated):
    X, y = contaminated
    expected = detector.fit(X).score_samples(X)
    rng = np.random.default_rng(0)
    for adversarial in (y, 1 - y, rng.permutation(y), np.array(["a", "b"] * 100)):
        np.testing.assert_array_equal(
            clone(detector).fit(X, adversarial).score_samples(X), expected
        )


def test_scores_do_not_depend_on_the_other_rows(detector, contaminated):
    X, _ = contaminated
    scores = detector.fit(X).score_samples(X)
    one_by_one = np.concatenate([detector.score_samples(row[None]) for row in X[:20]])
    np.testing.assert_allclose(one_by_one, scores[:20], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(detector.score_samples(X[::-1])[::-1], scores, rtol=1e-7, atol=1e-7)
    many = np.tile(X, (6, 1))  # more rows than a chunk
    np.testing.assert_allclose(
        detector.score_samples(many), np.tile(scores, 6), rtol=1e-7, atol=1e-7
    )


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))], ids=["deepcopy", "pickle"]
)
def test_copies_score_alike(detector, contaminated, copied):
    X, _ = contaminated
    detector.fit(X)
    np.testing.assert_array_equal(copied(detector).score_samples(X), detector.score_samples(X))


@few_detectors
def test_joblib_file(detector, contaminated, tmp_path):
    X, _ = contaminated
    detector.fit(X)
    joblib.dump(detector, tmp_path / "detector.joblib")
    loaded = joblib.load(tmp_path / "detector.joblib")
    np.testing.assert_array_equal(loaded.predict(X), detector.predict(X))


@few_detectors
@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame,
        pytest.param(
            pl.DataFrame,
            marks=pytest.mark.skipif(
                parse(sklearn.__version__) < parse("1.9"),
                reason="scikit-learn before 1.9 does not read polars 2",
            ),
        ),
    ],
    ids=["pandas", "polars"],
)
def test_data_frames(detector, contaminated, frame):
    X, _ = contaminated
    names = [f"feature {i}" for i in range(X.shape[1])]
    frame_X = frame(dict(zip(names, X.T, strict=True)))
    detector.fit(frame_X)
    assert detector.feature_names_in_.tolist() == names
    expected = clone(detector).fit(X).score_samples(X)
    np.testing.assert_array_equal(detector.score_samples(frame_X), expected)
    with pytest.raises(ValueError, match="feature names"):
        detector.score_samples(frame_X[names[::-1]])


@few_detectors
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_rows(detector, contaminated, container):
    X, _ = contaminated
    X = np.where(np.abs(X) > 1, X, 0.0)
    expected = clone(detector).fit(X).score_samples(X)
    detector.fit(container(X))
    np.testing.assert_allclose(detector.score_samples(container(X)), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.arange(7.0)[:, None],
        np.column_stack([np.ones(30), np.arange(30.0), np.full(30, 1e-9)]),
        np.repeat(np.arange(6.0).reshape(3, 2), 10, axis=0),
        np.ones((10, 3)),
        np.zeros((10, 3)),
        np.arange(60, dtype=np.uint8).reshape(20, 3),
        np.arange(60, dtype=np.int64).reshape(20, 3),
        np.arange(60, dtype=np.float32).reshape(20, 3),
        np.concatenate([np.arange(60.0).reshape(20, 3), [[1e6, -1e6, 1e6]]]),
        np.arange(129.0)[:, None] * np.ones(2),
    ],
    ids=[
        "two rows",
        "one feature",
        "constant columns",
        "duplicate rows",
        "all rows equal",
        "all zero",
        "uint8",
        "int64",
        "float32",
        "huge outlier",
        "one row over a batch",
    ],
)
def test_awkward_data(detector, rows):
    if rows.shape[1] < getattr(detector, "min_features", 1):
        pytest.skip("needs more features; the error is tested with the backbone")
    if isinstance(detector, LOE):  # its own defaults take rows that are all alike
        detector.set_params(contamination="auto", init="auto")
    before = rows.copy()
    rows.flags.writeable = False
    detector.fit(rows)
    scores = detector.score_samples(rows)
    assert np.isfinite(scores).all()
    assert len(detector.predict(rows[:1])) == 1
    np.testing.assert_array_equal(rows, before)


@few_detectors
def test_lists_and_read_only_memmaps(detector, contaminated, tmp_path):
    X, _ = contaminated
    expected = detector.fit(X).score_samples(X)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(clone(detector).fit(mapped).score_samples(mapped), expected)
    as_list = clone(detector).fit(X.tolist()).score_samples(X.tolist())
    np.testing.assert_array_equal(as_list, expected)


@few_backbones
def test_a_constant_columns_value_does_not_matter_after_scaling(backbone_class, contaminated):
    X, _ = contaminated
    scores = [
        backbone_class(scaling="standard", max_epochs=3, random_state=0)
        .fit(rows)
        .score_samples(rows)
        for rows in (np.column_stack([X, np.full(len(X), value)]) for value in (0.1, 1e5))
    ]
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_a_permutation_of_rows_is_another_order_of_batches_only(detector, contaminated):
    X, _ = contaminated
    if isinstance(detector, DTE):
        pytest.skip("each place of a batch has noise of its own")
    order = np.random.default_rng(0).permutation(len(X))
    whole = 256  # one batch, in which the order does not matter
    if isinstance(detector, LOE):  # what draws rows by their number would differ
        detector.set_params(estimator__batch_size=whole, init="auto", evidence="knn")
    else:
        detector.set_params(batch_size=whole)
    expected = clone(detector).fit(X).score_samples(X)
    np.testing.assert_allclose(detector.fit(X[order]).score_samples(X), expected, rtol=1e-3)


@few_detectors
def test_pipeline_and_cross_validation(detector, contaminated):
    X, y = contaminated
    pipeline = make_pipeline(StandardScaler(), detector)
    assert set(pipeline.fit(X).predict(X)) == {-1, 1}
    result = cross_validate(pipeline, X, 1 - y, cv=3, scoring="roc_auc", error_score="raise")
    expected = [
        roc_auc_score(1 - y[test], clone(pipeline).fit(X[train]).decision_function(X[test]))
        for train, test in KFold(3).split(X)
    ]
    np.testing.assert_allclose(result["test_score"], expected)


@few_detectors
def test_known_labels_are_routed_through_a_grid_search(detector, contaminated):
    X, y = contaminated
    known = np.where(y == 1, -1, 0)
    step = type(detector).__name__.lower()
    grid = {f"{step}__contamination": [0.2]}
    search = {"scoring": "roc_auc", "cv": KFold(2), "error_score": "raise"}
    direct = GridSearchCV(make_pipeline(clone(detector)), grid, **search)
    direct.fit(X, 1 - 2 * y, **{f"{step}__known_labels": known})
    alone = clone(detector).set_params(contamination=0.2).fit(X, known_labels=known)
    np.testing.assert_array_equal(direct.score_samples(X), alone.score_samples(X))
    with config_context(enable_metadata_routing=True):
        requesting = clone(detector).set_fit_request(known_labels=True)
        routed = GridSearchCV(make_pipeline(requesting), grid, **search)
        routed.fit(X, 1 - 2 * y, known_labels=known)
    np.testing.assert_array_equal(routed.score_samples(X), alone.score_samples(X))
    np.testing.assert_array_equal(
        routed.cv_results_["mean_test_score"], direct.cv_results_["mean_test_score"]
    )


@few_detectors
def test_known_labels_are_routed_through_a_pipeline(detector, contaminated):
    X, y = contaminated
    known = np.where(y == 1, -1, 0)
    expected = clone(detector).fit(X, known_labels=known).score_samples(X)
    step = type(detector).__name__.lower()
    direct = make_pipeline(clone(detector)).fit(X, **{f"{step}__known_labels": known})
    np.testing.assert_array_equal(direct.score_samples(X), expected)
    with config_context(enable_metadata_routing=True):
        requesting = clone(detector).set_fit_request(known_labels=True)
        routed = make_pipeline(requesting).fit(X, known_labels=known)
        np.testing.assert_array_equal(routed.score_samples(X), expected)
        labels = make_pipeline(clone(requesting)).fit_predict(X, known_labels=known)
        np.testing.assert_array_equal(labels, routed.predict(X))
    labels = make_pipeline(clone(detector)).fit_predict(X, **{f"{step}__known_labels": known})
    np.testing.assert_array_equal(labels, routed.predict(X))
    assert not np.allclose(clone(detector).fit(X).score_samples(X), expected)


@few_detectors
def test_a_grid_over_the_detectors_own_parameters(detector, contaminated):
    X, y = contaminated
    grid = {"contamination": [0.05, 0.2]}
    if isinstance(detector, LOE):
        grid |= {"method": ["hard", "blind"], "estimator__lr": [1e-3, 1e-2]}

    def mean_score(fitted, X, y):
        return fitted.score_samples(X).mean()

    search = GridSearchCV(detector, grid, scoring=mean_score, cv=2, error_score="raise")
    search.fit(X, 1 - y)
    # Each parameter changes the model, but the ratio of a blind one moves its threshold only.
    n_models = len(set(search.cv_results_["mean_test_score"]))
    assert n_models == (6 if isinstance(detector, LOE) else 1)
    assert search.best_estimator_.predict(X).shape == (200,)


BAD_PARAMETERS = [
    ("contamination", 0),
    ("contamination", 0.6),
    ("contamination", "half"),
    ("contamination", float("nan")),
    ("contamination", True),
]
BAD_TRAINING_PARAMETERS = [
    ("max_epochs", 0),
    ("max_epochs", 2.5),
    ("batch_size", 1),
    ("lr", 0.0),
    ("weight_decay", -1),
    ("gradient_clip_value", 0),
    ("n_iter_no_change", 0),
    ("tol", -1),
    ("verbose", -1),
]


@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_bad_contamination(detector, contaminated, name, value):
    check_bad_parameter(detector, contaminated, name, value)


@pytest.mark.parametrize(("name", "value"), BAD_TRAINING_PARAMETERS)
def test_bad_training_parameters(backbone_class, contaminated, name, value):
    check_bad_parameter(backbone_class(), contaminated, name, value)
    with pytest.raises(ValueError, match=f"{backbone_class.__name__}: {name} must be"):
        LOE(backbone_class(**{name: value})).fit(contaminated[0])


def test_bad_scaling(backbone_class, contaminated):
    check_bad_parameter(backbone_class(), contaminated, "scaling", "log")


def check_bad_parameter(detector, contaminated, name, value):
    detector.set_params(**{name: value})
    message = rf"{type(detector).__name__}: {name} must be .*got .*set_params\({name}="
    with pytest.raises(ValueError, match=message):
        detector.fit(contaminated[0])
    assert_unfitted(detector)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[0.0, np.nan], [1.0, 2.0]]), "NaN"),
        (np.array([[0.0, np.inf], [1.0, 2.0]]), "infinity"),
        (np.ones((1, 3)), "minimum of 2"),
        (np.empty((0, 3)), "0 sample"),
        (np.ones(5), "2D array"),
        (np.array([["a", "b"], ["c", "d"]]), "could not convert"),
    ],
)
def test_bad_rows(detector, X, message):
    with pytest.raises(ValueError, match=message):
        detector.fit(X)
    assert_unfitted(detector)


def test_wrong_number_of_features(detector, contaminated):
    X, _ = contaminated
    detector.fit(X)
    with pytest.raises(ValueError, match="4 features.*expecting 5 features"):
        detector.score_samples(X[:, :4])


def test_an_unfitted_detector(detector, contaminated):
    for method in ("predict", "score_samples", "decision_function"):
        with pytest.raises(NotFittedError, match="not fitted"):
            getattr(detector, method)(contaminated[0])


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "not a device's name"), ("cuda:99", "not available here"), ("meta", "not supported")],
)
def test_bad_devices(backbone_class, contaminated, device, message):
    detector = backbone_class(device=device)
    for d in (detector, LOE(detector, contamination=0.1, init=None)):
        with pytest.raises(ValueError, match=f"device='{device}'.*{message}"):
            d.fit(contaminated[0])
        assert_unfitted(d)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ([0, 1], r"shape \(200,\); got shape \(2,\)"),
        (np.full(200, 2), "got .*2.* in row 0"),
        (np.full(200, np.nan), "got .*nan.* in row 0"),
        (np.full(200, "yes"), "got .*yes.* in row 0"),
        (pd.Series([0] * 199 + [None], dtype="Int64"), "got .* in row 199"),
        (np.zeros(200, dtype=bool), "got one boolean mask"),
        ((np.zeros(200, dtype=bool), np.zeros(199, dtype=bool)), r"got shape \(199,\)"),
        ((np.zeros(200, dtype=bool), np.zeros(200)), "two boolean masks.*float64"),
        ((np.ones(200, dtype=bool), np.ones(200, dtype=bool)), "both.*in 200 rows"),
    ],
)
def test_bad_known_labels(detector, contaminated, known, message):
    with pytest.raises(ValueError, match=f"known_labels must .*{message}"):
        detector.fit(contaminated[0], known_labels=known)
    assert_unfitted(detector)


@few_detectors
def test_forms_of_known_labels(detector, contaminated):
    X, y = contaminated
    known = np.zeros(200, dtype=int)
    known[np.flatnonzero(y == 1)[:4]] = -1
    known[np.flatnonzero(y == 0)[:4]] = 1
    expected = clone(detector).fit(X, known_labels=known).score_samples(X)
    frame = pd.DataFrame(X, index=np.arange(200)[::-1])
    forms = [
        (X, known.astype(float).tolist()),
        (X, (known == 1, known == -1)),
        (frame, pd.Series(known, index=frame.index)),
        (frame, known),
        (frame, [pd.Series(known == 1, index=frame.index), known == -1]),
    ]
    for rows, labels in forms:
        fitted = clone(detector).fit(rows, known_labels=labels)
        np.testing.assert_array_equal(fitted.score_samples(rows), expected)
    predicted = clone(detector).fit_predict(X, known_labels=known)
    np.testing.assert_array_equal(predicted == 1, expected - fitted.offset_ >= 0)
    with pytest.raises(ValueError, match=r"known_labels must have the index of X.*reindex"):
        detector.fit(frame, known_labels=pd.Series(known))
    assert_unfitted(detector)


def test_divergence_leaves_the_detector_unfitted(detector, contaminated):
    X, _ = contaminated
    step = {"lr": 1e30} if not isinstance(detector, LOE) else {"estimator__lr": 1e30}
    with pytest.raises(TrainingDivergedError, match="model 0 .*epoch .*Lower lr"):
        detector.set_params(**step).fit(X)
    assert_unfitted(detector)


def test_divergence_of_a_second_fit(detector, contaminated):
    X, _ = contaminated
    detector.fit(X)
    step = {"lr": 1e30} if not isinstance(detector, LOE) else {"estimator__lr": 1e30}
    with pytest.raises(TrainingDivergedError):
        detector.set_params(**step).fit(X)
    assert_unfitted(detector)


@few_detectors
def test_bad_rows_for_a_second_fit_lose_nothing(detector, contaminated):
    X, _ = contaminated
    expected = detector.fit(X).score_samples(X)
    with pytest.raises(ValueError, match="NaN"):
        detector.fit(np.full((5, 3), np.nan))
    np.testing.assert_array_equal(detector.score_samples(X), expected)


def test_values_too_large_to_compute_with(backbone_class, contaminated):
    X, _ = contaminated
    detector = backbone_class(max_epochs=1)
    detector.scaling = None
    with pytest.raises(ValueError, match="magnitude 1e\\+30, too large.*scaling='minmax'"):
        detector.fit(np.where(X == X[3, 3], 1e30, X))
    assert_unfitted(detector)
    detector.fit(X)
    with pytest.raises(ValueError, match="magnitude 1e\\+200, too large"):
        detector.score_samples(np.where(X == X[3, 3], 1e200, X))


def assert_unfitted(detector):
    with pytest.raises(NotFittedError):
        check_is_fitted(detector)
    assert not hasattr(detector, "n_features_in_")


@few_backbones
def test_progress_is_shown_on_request(backbone_class, contaminated, capsys, monkeypatch):
    X, _ = contaminated
    backbone_class(max_epochs=2).fit(X)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(_displays, "FIRST_LINE", 0.0)
    monkeypatch.setattr(_displays, "LONGEST_GAP", 0.0)
    backbone_class(max_epochs=2, verbose=1).fit(X)
    out, shown = capsys.readouterr()
    assert out == ""
    assert f"{backbone_class.__name__}: " in shown
    assert "epoch 2/2" in shown


@pytest.mark.parametrize(
    ("test", "options"),
    [
        (test_fits_are_repeatable_and_leave_global_seeds_alone, {}),
        (test_labels_given_as_y_change_nothing, {}),
        (test_scores_do_not_depend_on_the_other_rows, {}),
        (test_copies_score_alike, {"copied": copy.deepcopy}),
        (test_data_frames, {"frame": pd.DataFrame}),
        (test_sparse_rows, {"container": sparse.csr_array}),
        (test_a_permutation_of_rows_is_another_order_of_batches_only, {}),
        (test_pipeline_and_cross_validation, {}),
        (test_known_labels_are_routed_through_a_pipeline, {}),
        (test_forms_of_known_labels, {}),
        (test_divergence_leaves_the_detector_unfitted, {}),
        (test_divergence_of_a_second_fit, {}),
        (test_bad_rows_for_a_second_fit_lose_nothing, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_loe_that_finds_the_ratio(contaminated, test, options):
    """What its other models, of the folds, could break."""
    detector = LOE(DeepSVDD(max_epochs=4), n_estimators=2, init=FEW_TREES, random_state=0)
    assert detector.contamination == "auto"
    test(detector, contaminated, **options)
