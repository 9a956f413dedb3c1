"""Errors and warnings name what was called, the argument or the column, and what to do."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
import torch
from conftest import slow_but
from packaging.version import parse
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import get_scorer, make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, MHRot, NeuTraL, fit_many
from lofe_sklearn.active import query
from lofe_sklearn.backbones import MLP
from lofe_sklearn.datasets import (
    adbench_split,
    contaminate,
    loe_tabular_split,
    make_mulcross,
    make_outliers,
)
from lofe_sklearn.exceptions import TrainingDivergedError
from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.inspection import drift_report
from lofe_sklearn.metrics import (
    ExcessMassScorer,
    average_precision,
    consensus,
    f1_at_true_ratio,
    precision_at_n,
    roc_auc,
    roc_auc_scorer,
)
from lofe_sklearn.model_selection import OutlierStratifiedKFold, check_cv
from lofe_sklearn.tabular import TableFeatures

NAMES = ["age", "city", "pay", "when"]
ROWS = np.random.default_rng(0).normal(size=(60, 4))
FRAME = pd.DataFrame(ROWS, columns=NAMES)


def loe(**parameters):
    return LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0, **parameters)


def default():
    return LOE(contamination=0.1)


def lone():
    return DeepSVDD(max_epochs=2, random_state=0)


def with_cells(frame, cells):
    changed = frame.astype(object)
    for (row, column), value in cells.items():
        changed.iloc[row, column] = value
    return changed


TEXT = FRAME.assign(city="Paris")
TABLE = "lofe_sklearn.tabular.table_pipeline({}())"
FILL = "make_pipeline(SimpleImputer(), {}())"
MISSING = with_cells(FRAME, {(7, 0): np.nan, (5, 2): np.nan}).astype(float)
TABLES = {
    "text": (TEXT, r"text in column 'city' \('Paris' in row 0\)", TABLE),
    "category": (
        TEXT.astype({"city": "category"}),
        r"text in column 'city' \('Paris' in row 0\)",
        TABLE,
    ),
    "one word": (
        with_cells(FRAME, {(3, 1): "n/a"}),
        r"text in column 'city' \('n/a' in row 3\)",
        TABLE,
    ),
    "missing": (
        MISSING,
        r"missing values \(NaN\) in column 'age' \(row 7\), column 'pay' \(row 5\)",
        FILL,
    ),
    "missing, nullable": (
        MISSING.convert_dtypes(),
        r"missing values \(NaN\) in column 'age' \(row 7\)",
        FILL,
    ),
    "missing, polars": (
        pl.from_pandas(MISSING),
        r"missing values \(NaN\) in column 'age' \(row 7\)",
        FILL,
    ),
    "missing, array": (
        MISSING.to_numpy(),
        r"missing values \(NaN\) in column 0 \(row 7\), column 2 \(row 5\)",
        FILL,
    ),
    "missing, sparse": (
        sparse.csr_matrix(MISSING.to_numpy()),
        r"missing values \(NaN\) in column 0 \(row 7\), column 2 \(row 5\)",
        FILL,
    ),
    "missing, list": (
        [[1.0, None], [2.0, 3.0], [4.0, 5.0]],
        r"missing values \(NaN\) in column 1 \(row 0\)",
        FILL,
    ),
    "infinite": (
        with_cells(FRAME, {(5, 2): -np.inf}).astype(float),
        r"infinity in column 'pay' \(row 5\)",
        FILL,
    ),
    "text and missing": (
        with_cells(TEXT, {(5, 2): None}),
        r"text in column 'city' .*; missing values \(NaN\) in column 'pay' \(row 5\)",
        TABLE,
    ),
}


@pytest.mark.parametrize("make", [loe, default, lone])
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_that_cannot_be_taken(make, kind):
    table, what, remedy = TABLES[kind]
    owner = type(make()).__name__
    with pytest.raises((ValueError, TypeError), match=f"^{owner}: X contains {what}") as raised:
        make().fit(table)
    assert remedy.format(owner) in str(raised.value)


@pytest.mark.parametrize("make", [loe, default, lone])
def test_dates(make):
    table = FRAME.assign(when=pd.date_range("2020", periods=60))
    message = f"^{type(make()).__name__}: X contains dates or times in .*'when'.*table_pipeline"
    with pytest.raises(ValueError, match=message):
        make().fit(table)


@pytest.mark.parametrize("make", slow_but([loe, lone], [loe, default, lone]))
@pytest.mark.parametrize("container", [lambda table: table, pl.from_pandas, pa.Table.from_pandas])
def test_all_columns_that_cannot_be_taken(make, container):
    table = container(MISSING.assign(city="Paris", when=pd.date_range("2020", periods=60)))
    message = (
        r"X contains missing values \(NaN\) in column 'age' \(row 7\), column 'pay' \(row 5\); "
        r"text in column 'city' \('Paris' in row 0\); dates or times in column 'when' "
        r"\('2020-01-01.*table_pipeline"
    )
    with pytest.raises(ValueError, match=f"^{type(make()).__name__}: {message}"):
        make().fit(table)
    fitted = make().fit(container(FRAME))
    with pytest.raises(ValueError, match=f"^{type(make()).__name__}: {message}"):
        fitted.score_samples(table)


@pytest.mark.parametrize("container", [lambda table: table, pl.from_pandas, pa.Table.from_pandas])
def test_lists_in_a_column(container):
    table = container(FRAME.assign(city=[[1, 2]] * 60))
    with pytest.raises((ValueError, TypeError), match="lists or other objects in column 'city'"):
        lone().fit(table)


def test_many_columns_are_counted():
    message = r"column 'a' \('x' in row 0\), .*'b'.*, .*'c'.* and 2 more\."
    with pytest.raises(ValueError, match=message):
        lone().fit(pd.DataFrame({name: ["x", "y"] for name in "abcde"}))


METHODS = ["score_samples", "decision_function", "predict", "embed", "anomaly_proba"]


@pytest.mark.parametrize("method", METHODS)
def test_rows_to_score(method):
    detector = loe().fit(FRAME)
    call = getattr(detector, method)
    with pytest.raises(
        ValueError, match=r"^LOE: X contains missing values .* column 'age' \(row 7\)"
    ):
        call(MISSING)
    with pytest.raises(ValueError, match=r"^LOE: X contains text in column 'city'"):
        call(TEXT)
    with pytest.raises(ValueError, match=r"^LOE: The feature names should match"):
        call(TEXT.rename(columns={"city": "town"}))
    with pytest.warns(UserWarning, match="but LOE was fitted with feature names"):
        call(ROWS)
    few = "^LOE: X has 2 features, but DeepSVDD is expecting 4 features"
    with pytest.warns(UserWarning, match="names"), pytest.raises(ValueError, match=few):
        call(ROWS[:, :2])


@pytest.mark.parametrize("n_features", [2, 5])
@pytest.mark.parametrize("make", [np.zeros, lambda shape: np.zeros(shape).tolist()])
def test_rows_without_names_of_another_width(n_features, make):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)), columns=list("abcd"))
    detector = LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0).fit(frame)
    rows = make((3, n_features))
    for name in ("score_samples", "predict", "anomaly_proba", "severity", "embed", "partial_fit"):
        with pytest.raises(ValueError, match=f"^LOE: X has {n_features} features, .* expecting 4"):
            getattr(detector, name)(rows)


def test_columns_in_another_order_or_twice():
    detector = loe().fit(FRAME)
    hint = r"(?s)^LOE: The feature names.*X\[detector.feature_names_in_\] has them in that order"
    with pytest.raises(ValueError, match=hint):
        detector.predict(FRAME[NAMES[::-1]])
    right = detector.score_samples(FRAME[NAMES[::-1]][detector.feature_names_in_])
    np.testing.assert_array_equal(right, detector.score_samples(FRAME))
    if parse(sklearn.__version__) >= parse("1.9"):
        with pytest.raises(ValueError, match="(?s)^LOE: .*Rename columns of X"):
            loe().fit(pd.DataFrame(ROWS, columns=list("aabc")))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("n_columns", [3, 5])
def test_rows_without_names_of_another_number_of_columns(n_columns):
    frame = pd.DataFrame(ROWS, columns=NAMES)
    message = f"X has {n_columns} features, but DeepSVDD is expecting 4 features"
    X = np.zeros((30, n_columns))
    detector = loe().fit(frame)
    calls = ["score_samples", "predict", "anomaly_proba", "severity", "embed", "explain"]
    for call in [*(getattr(detector, name) for name in calls), lone().fit(frame).partial_fit]:
        for rows in (X, X.tolist(), sparse.csr_matrix(X + 1)):
            with pytest.raises(ValueError, match=message):
                call(rows)
    with pytest.raises(ValueError, match=message):
        drift_report(detector, X, reference=ROWS)
    X[7, n_columns - 1] = np.nan
    with pytest.raises(ValueError, match=rf"in column {n_columns - 1} \(row 7\)"):
        detector.predict(X)


NO_ROWS = {
    "records": (FRAME.to_dict("records"), "a dict for each row; pandas.DataFrame(X) makes a table"),
    "array of records": (np.array(FRAME.to_dict("records")), "a dict for each row; pandas."),
    "columns": (FRAME.to_dict("list"), "a dict; pandas.DataFrame(X) makes a table of it."),
    "set": ({1.0, 2.0}, "a set; pass a list of rows, an array or a data frame."),
    "generator": ((row for row in ROWS), "a generator; pass a list of rows, an array or"),
}


@pytest.mark.parametrize("kind", NO_ROWS)
@pytest.mark.parametrize("make", [loe, lone, lambda: MHRot(max_epochs=1)])
def test_dicts_sets_and_generators_are_no_rows(make, kind):
    bad, got = NO_ROWS[kind]
    message = f"^{type(make()).__name__}: X must hold rows of numbers; got {re.escape(got)}"
    with pytest.raises(TypeError, match=message):
        make().fit(bad)
    if make is not loe:
        return
    detector = make().fit(ROWS)
    for call in (detector.score_samples, detector.explain, detector.partial_fit):
        with pytest.raises(TypeError, match=message):
            call(bad)
    with pytest.raises((TypeError, ValueError), match="got a (dict|set|generator)"):
        LOESearchCV(make(), {"contamination": [0.1]}, cv=2).fit(bad)
    with pytest.raises((TypeError, ValueError), match="got a (dict|set|generator)"):
        fit_many([make()], bad)


def test_a_backbone_that_nobody_chose_is_not_named():
    detector = LOE(n_estimators=2, contamination=0.1)
    detector.set_params(estimator=None).fit(ROWS)
    with pytest.raises(ValueError, match="^LOE: X has 2 features, but LOE is expecting 4"):
        detector.score_samples(ROWS[:, :2])


def test_other_entry_points():
    message = r"^LOE: X contains missing values \(NaN\) in column 'age'"
    for call in (
        lambda: fit_many([loe(), loe()], MISSING),
        lambda: loe().fit_resample(MISSING),
        lambda: LOESearchCV(
            loe(), {"contamination": [0.1]}, scoring="excess_mass", cv=2, error_score="raise"
        ).fit(MISSING),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("make", [loe, default, lone])
def test_outliers_are_called_so(make):
    owner = type(make()).__name__
    for table, what in ((MISSING, "missing values .* column 'age'"), (TEXT, "text in .*'city'")):
        with pytest.raises(ValueError, match=f"^{owner}: outliers cannot be used. .*{what}"):
            make().fit(FRAME, outliers=table)
        with pytest.raises(ValueError, match=r"as its last step gets X.*pipeline\[:-1\]"):
            make().fit(FRAME, outliers=table)
    with pytest.raises(ValueError, match=f"^{owner}: outliers cannot be made. .*got 'noise'"):
        make().fit(FRAME, outliers="noise")


def test_outliers_without_names():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nameless = loe().fit(FRAME, outliers=ROWS[:9] + 5)
    assert [str(w.message).startswith("LOE: outliers has no feature names") for w in caught] == [
        True
    ]
    named = loe().fit(FRAME, outliers=FRAME.iloc[:9] + 5)
    np.testing.assert_array_equal(nameless.score_samples(FRAME), named.score_samples(FRAME))
    assert nameless.feature_names_in_.tolist() == NAMES


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("make", [loe, lone, lambda: NeuTraL(max_epochs=2, random_state=0)])
def test_scores_are_never_silently_missing(make, bad):
    """scikit-learn's own check is left out under assume_finite."""
    table = with_cells(FRAME, {(7, 0): bad}).astype(float)
    what = r"X contains (missing values|infinity).* in column 'age' \(row 7\)"
    detector, owner = make().fit(FRAME), type(make()).__name__
    expected = detector.score_samples(FRAME)
    with config_context(assume_finite=True), np.errstate(invalid="ignore"):
        with pytest.raises(ValueError, match=f"^{owner}: {what}.*SimpleImputer"):
            make().fit(table)
        with pytest.raises(ValueError, match=f"^{owner}: {what}.*SimpleImputer"):
            fit_many([make(), make()], table)
        for method in METHODS if owner == "LOE" else METHODS[:-1]:
            with pytest.raises(ValueError, match=f"^{owner}: {what}.*SimpleImputer"):
                getattr(detector, method)(table)
        with pytest.raises(ValueError, match=f"^{owner}: outliers cannot be used.*row 7"):
            make().fit(FRAME, outliers=table)
        np.testing.assert_array_equal(make().fit(FRAME).score_samples(FRAME), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_names_the_detector():
    for detector in (
        LOE(DeepSVDD(lr=1e30, max_epochs=9), contamination=0.1),
        LOE([AutoEncoder(lr=1e30)], contamination=0.1),
        DeepSVDD(lr=1e30, max_epochs=9),
    ):
        owner = type(detector).__name__
        message = f"^{owner}: Training diverged.*Lower lr"
        with pytest.raises(TrainingDivergedError, match=message):
            detector.fit(ROWS)
        with pytest.raises(TrainingDivergedError, match=re.compile(message)):
            fit_many([detector], ROWS)


def fit(detector):
    return detector.fit(ROWS)


NEAR = {
    "method": (lambda: fit(loe(method="hrad")), "hard"),
    "init": (lambda: fit(loe(init="iforst")), "iforest"),
    "contamination": (lambda: fit(LOE(contamination="atuo")), "auto"),
    "label_update": (lambda: fit(loe(label_update="epochs")), "epoch"),
    "scaling": (lambda: fit(DeepSVDD(scaling="min-max")), "minmax"),
    "anomaly_loss": (lambda: fit(DeepSVDD(anomaly_loss="inverted")), "inverse"),
    "transform_type": (lambda: fit(NeuTraL(transform_type="Residual")), "residual"),
    "kind": (lambda: make_outliers(ROWS, kind="shuffle"), "shuffled"),
    "outliers": (lambda: loe().fit(ROWS, outliers="gausian"), "gaussian"),
    "strategy": (lambda: query(fit(lone()), ROWS, 2, strategy="divers"), "diverse"),
    "activation": (lambda: MLP([2, 2], activation="rellu"), "relu"),
    "scoring": (
        lambda: LOESearchCV(loe(), {}, scoring="roc_acu").fit(ROWS, ROWS[:, 0] > 0),
        "roc_auc",
    ),
    "refit": (
        lambda: LOESearchCV(loe(), {}, scoring=["roc_auc", "excess_mass"], refit="excess_mas").fit(
            ROWS, ROWS[:, 0] > 0
        ),
        "excess_mass",
    ),
    "error_score": (lambda: LOESearchCV(loe(), {}, error_score="rais").fit(ROWS), "raise"),
    "fit parameter": (
        lambda: LOESearchCV(loe(), {}, scoring="excess_mass").fit(ROWS, known_label=[0] * 60),
        "known_labels",
    ),
    "backbone's parameter": (lambda: DeepSVDD(contaminaton=0.1), "contamination"),
}


@pytest.mark.parametrize("name", NEAR)
def test_did_you_mean(name):
    call, meant = NEAR[name]
    with pytest.raises((ValueError, TypeError), match=f"Did you mean '{meant}'"):
        call()


def test_nothing_near_is_not_guessed():
    for bad in ("zzz", 3, None):
        with pytest.raises(ValueError, match="method must be") as raised:
            fit(loe(method=bad))
        assert "Did you mean" not in str(raised.value)


SEEDED = {
    "LOE": lambda seed: fit(loe().set_params(random_state=seed)),
    "DeepSVDD": lambda seed: fit(DeepSVDD(max_epochs=1, random_state=seed)),
    "LOESearchCV": lambda seed: LOESearchCV(loe(), {}, random_state=seed).fit(ROWS, ROWS[:, 0] > 0),
    "OutlierStratifiedKFold": lambda seed: OutlierStratifiedKFold(random_state=seed),
    "ExcessMassScorer": lambda seed: ExcessMassScorer(random_state=seed)(fit(lone()), ROWS),
    "query": lambda seed: query(fit(lone()), ROWS, 2, random_state=seed),
    "contaminate": lambda seed: contaminate(ROWS, ROWS, random_state=seed),
    "make_outliers": lambda seed: make_outliers(ROWS, random_state=seed),
    "make_mulcross": lambda seed: make_mulcross(random_state=seed),
    "loe_tabular_split": lambda seed: loe_tabular_split(ROWS, ROWS[:, 0] > 1, random_state=seed),
    "adbench_split": lambda seed: adbench_split(ROWS, ROWS[:, 0] > 1, random_state=seed),
}


@pytest.mark.parametrize("owner", SEEDED)
@pytest.mark.parametrize("bad", ["a", 0.5, -1, 2**32, [1, 2], np.random.default_rng(0)])
def test_random_state(owner, bad):
    with pytest.raises(ValueError, match=f"^{owner}: random_state must be an integer in") as raised:
        SEEDED[owner](bad)
    assert f"got {bad!r}." in str(raised.value)


NOT_WEIGHTS = {
    "nan": (lambda n, a, alpha, known: (n * np.nan, a), "w_n holds nan"),
    "inf": (lambda n, a, alpha, known: (n, a * 0 + np.inf), "w_a holds inf"),
    "complex": (lambda n, a, alpha, known: (n, a + 1j), "w_a holds complex numbers"),
    "sparse": (
        lambda n, a, alpha, known: (n.to_sparse(), a),
        r"torch.sparse_coo; w_n.to_dense\(\)",
    ),
    "meta": (lambda n, a, alpha, known: (n, a.to("meta")), "w_a holds no values, on the device"),
    "array": (lambda n, a, alpha, known: (n.numpy(), a.numpy()), r"holds ndarray; torch.as_tensor"),
}


@pytest.mark.parametrize("label_update", ["batch", "epoch"])
@pytest.mark.parametrize("kind", NOT_WEIGHTS)
def test_weights_of_a_rule_of_ones_own(kind, label_update):
    method, what = NOT_WEIGHTS[kind]
    detector = loe(method=method, init=None, label_update=label_update)
    message = f"^LOE: the weights that the callable method returns .* finite real numbers; .*{what}"
    with pytest.raises(ValueError, match=message):
        detector.fit(ROWS)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rule_is_not_blamed_for_a_divergence():
    detector = LOE(DeepSVDD(lr=1e30, max_epochs=9), contamination=0.1, init=None)
    detector.set_params(method=lambda n, a, alpha, known: (n, a), warmup_epochs=1)
    with pytest.raises(TrainingDivergedError, match="Lower lr"):
        detector.fit(ROWS)


LABELS = np.repeat([0, 1], [50, 10])


@pytest.mark.parametrize("metric", [roc_auc, average_precision, f1_at_true_ratio, precision_at_n])
def test_scores_of_a_metric(metric):
    name, scores = metric.__name__, ROWS[:, 0]
    for bad, what in (
        (scores[:5], "5 scores for 60 labels"),
        (ROWS, r"got shape \(60, 4\)"),
        (None, r"got shape \(\)"),
        (scores + 1j, "real numbers; got complex"),
        (["a"] * 60, "numbers"),
        (np.where(LABELS, np.nan, scores), "finite; got nan in row 50"),
    ):
        with pytest.raises(ValueError, match=f"^{name}: scores must .*{what}"):
            metric(LABELS, bad)
    assert metric(LABELS, scores[:, None]) == metric(LABELS, scores)


def test_scores_of_consensus():
    for bad in (ROWS[:, 0], [["a", "b"]] * 3, ROWS[:1], MISSING):
        with pytest.raises(ValueError, match="^consensus: scores must be finite numbers of shape"):
            consensus(bad)


@pytest.mark.parametrize(
    "bad", ["a", 1, True, 2.5, object(), [1, 2], [([0], [1], [2])], OutlierStratifiedKFold]
)
def test_cv(bad):
    with pytest.raises(ValueError, match="^check_cv: cv must be an integer of at least 2"):
        check_cv(bad)
    with pytest.raises(ValueError, match="^LOESearchCV: cv must be an integer of at least 2"):
        LOESearchCV(loe(), {"contamination": [0.1]}, cv=bad).fit(ROWS, LABELS)


def test_folds_of_other_rows():
    folds = [(np.arange(40), np.arange(40, 70))]
    with pytest.raises(ValueError, match="^LOESearchCV: the folds of cv must be .* of the 60 rows"):
        LOESearchCV(loe(), {"contamination": [0.1]}, cv=folds).fit(ROWS, LABELS)


@pytest.mark.parametrize(
    ("preprocess", "came"),
    [
        (lambda image: None, "got NoneType"),
        (lambda image: image.numpy(), r"got ndarray of shape \(3, 8, 8\)"),
        (lambda image: image[0], r"got Tensor of shape \(8, 8\)"),
    ],
)
def test_preprocess(preprocess, came):
    network = torch.nn.Conv2d(3, 4, 3)
    extractor = ImageFeatures(network=network, preprocess=preprocess)
    message = rf"^ImageFeatures: preprocess must return a tensor \(channels, h, w\).*{came}"
    with pytest.raises(ValueError, match=message):
        extractor.fit_transform(np.zeros((2, 8, 8, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("detector", "needed"),
    [
        (DeepSVDD(lr=np.inf), "lr must be a finite number above 0; got inf"),
        (DeepSVDD(tol=np.inf), "tol must be a finite number of at least 0; got inf"),
        (LOE(known_weight=np.inf), "known_weight must be a finite number above 0 or None"),
        (LOE(n_estimators=0), "n_estimators must be an integer of at least 1 or None; got 0"),
    ],
)
def test_numbers_without_an_end_are_called_finite(detector, needed):
    with pytest.raises(ValueError, match=needed):
        detector.fit(ROWS)


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_failing_candidates_take_a_line_each():
    grid = {"contamination": [0.1], "estimator__lr": [1e-3, 1e30, "fast"]}
    search = LOESearchCV(loe(), grid, cv=3)
    expected = GridSearchCV(loe(), grid, cv=check_cv(3, LABELS), scoring=roc_auc_scorer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected.fit(ROWS, LABELS)
    with pytest.warns(FitFailedWarning) as caught:
        search.fit(ROWS, LABELS)
    [warning] = [w for w in caught if w.category is FitFailedWarning]
    first, *lines = str(warning.message).splitlines()
    assert first.startswith("LOESearchCV: 6 fits failed out of a total of 9; their score is nan.")
    assert len(lines) == 2
    assert "'estimator__lr': 1e+30}, folds 0, 1, 2: TrainingDivergedError: LOE: " in lines[0]
    assert "'estimator__lr': 'fast'}, folds 0, 1, 2: ValueError: DeepSVDD: lr must be" in lines[1]
    assert warning.filename == __file__
    for name in ("mean_test_score", "rank_test_score", "split0_test_score"):
        np.testing.assert_allclose(search.cv_results_[name], expected.cv_results_[name], rtol=1e-5)
    search.set_params(param_grid={"estimator__lr": [1e30, 1e31]})
    with pytest.raises(
        ValueError, match="All the 6 fits failed:\n.*1e\\+30.*\n.*1e\\+31"
    ) as raised:
        search.fit(ROWS, LABELS)
    assert "Traceback" not in str(raised.value)


SCORERS_OF_SCIKIT_LEARN = {
    "roc_auc": get_scorer("roc_auc"),
    "average_precision": get_scorer("average_precision"),
    "balanced_accuracy": get_scorer("balanced_accuracy"),
    "several": {"a": roc_auc_scorer, "b": get_scorer("roc_auc")},
    "made": make_scorer(roc_auc_score, response_method="decision_function"),
}


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(90, 4)), rng.normal(5, 1, size=(15, 4))])


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.parametrize("name", slow_but(["roc_auc", "several"], SCORERS_OF_SCIKIT_LEARN))
def test_a_scorer_that_ranks_backwards(blobs, name):
    scoring = SCORERS_OF_SCIKIT_LEARN[name]
    y = np.repeat([0, 1], [90, 15])
    search = LOESearchCV(loe(), {"contamination": [0.1]}, scoring=scoring, cv=3, refit=False)
    message = (
        r"^LOESearchCV: scoring=make_scorer\(.* ranked from worst to best\. .*scoring='roc_auc'"
    )
    for labels in (y, y == 1, pd.Series(y), y.tolist(), y.astype(float)):
        with pytest.warns(UserWarning, match=message) as caught:
            search.fit(blobs, labels)
        assert caught[0].filename == __file__
    if name in ("roc_auc", "made"):
        assert search.cv_results_["mean_test_score"][0] < 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search.fit(blobs, np.where(y, -1, 1))  # right for these labels
    if name in ("roc_auc", "made"):
        assert search.cv_results_["mean_test_score"][0] > 0.9


def test_scorers_that_are_right_are_not_warned_of(blobs):
    y = np.repeat([0, 1], [90, 15])
    turned = make_scorer(
        roc_auc_score, greater_is_better=False, response_method="decision_function"
    )
    mine = make_scorer(roc_auc, response_method="decision_function")
    for scoring in (None, "roc_auc", roc_auc_scorer, ["roc_auc", "precision_at_n"], turned, mine):
        refit = "roc_auc" if isinstance(scoring, list) else True
        search = LOESearchCV(loe(), {"contamination": [0.1]}, scoring=scoring, cv=3, refit=refit)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            search.fit(blobs, y)


def test_values_that_are_too_large():
    huge = FRAME.copy()
    huge.loc[41, "pay"] = -1e200
    where = r"-1e\+200 in row 41, column 'pay'"
    for make in (loe, lone, lambda: LOE([DeepSVDD(), AutoEncoder()], contamination=0.1)):
        owner, detector = type(make()).__name__, make().fit(FRAME)
        for method in ("score_samples", "embed"):
            with pytest.raises(ValueError, match=f"^{owner}: X has a value .*{where}"):
                getattr(detector, method)(huge)
        with pytest.raises(ValueError, match=f"^{owner}: outliers has a value .*{where}"):
            make().fit(FRAME, outliers=huge)
    unscaled = DeepSVDD(scaling=None, max_epochs=2)
    for detector in (LOE(unscaled, contamination=0.1), unscaled):
        owner = type(detector).__name__
        for call in (detector.fit, lambda X, d=detector: fit_many([d, d], X)):
            with pytest.raises(ValueError, match=f"^{owner}: X has a value .*{where}"):
                call(huge)


@pytest.mark.parametrize("detector", [LOE(), DeepSVDD()])
def test_images_for_a_detector_of_rows(detector):
    with pytest.raises(ValueError, match=r"Found array with dim 3.*ImageFeatures, before \w+ in"):
        detector.fit(np.zeros((9, 4, 4)))
    with pytest.raises(ValueError, match="X must hold rows of one length, or images of one size"):
        detector.fit([np.zeros((4, 4)), np.zeros((5, 4))])


@pytest.mark.parametrize("detector", [LOE(), DeepSVDD()])
@pytest.mark.parametrize(
    "files",
    ["photos", Path("photos"), [Path("a.png"), Path("b.png")], ["a.png", "b.png"], [b"1", b"2x"]],
)
def test_files_for_a_detector_of_rows(detector, files):
    owner = type(detector).__name__
    message = (
        rf"^{owner}: X must hold rows of numbers; got text, .*ImageFeatures, before {owner} in"
    )
    with pytest.raises((ValueError, TypeError), match=message):
        detector.fit(files)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1.0, 2.0], [3.0], [4.0, 5.0]], "row 1 has 1 value, and row 0 has 2 values"),
        (((1.0, 2.0), (3.0, 4.0), (1.0, 2.0, 3.0)), "row 2 has 3 values, and row 0 has 2 values"),
        ([[1.0, 2.0], 3.0], "row 1 has no values but is 3.0, and row 0 has 2 values"),
        (np.array([[1.0, 2.0], [3.0]], dtype=object), "row 1 has 1 value, and row 0 has 2 values"),
        ([[1.0, [2.0]], [3.0, 4.0]], "Some of its values are lists themselves"),
        ([np.ones((2, 2)), np.ones((2, 3))], r"row 1 has the shape \(2, 3\), and row 0 has the"),
    ],
    ids=["short", "long", "number", "array of lists", "nested", "images"],
)
def test_rows_of_several_lengths(rows, words):
    X = np.random.default_rng(0).normal(size=(20, 2))
    fitted = DeepSVDD(max_epochs=1, random_state=0).fit(X)
    for owner, call in (
        ("DeepSVDD", DeepSVDD().fit),
        ("LOE", LOE().fit),
        ("DeepSVDD", fitted.predict),
        ("DeepSVDD", lambda rows: fitted.p_values(X, calibration=rows)),
    ):
        with pytest.raises(ValueError, match=f"^{owner}: .* must hold rows of one length.*{words}"):
            call(rows)


def test_rows_of_several_lengths_in_a_search_and_a_table():
    rows = [[1.0, 2.0], [3.0]] * 5
    words = "must hold rows of one length.* row 1 has 1 value, and row 0 has 2 values"
    search = LOESearchCV(LOE(), {"contamination": [0.1]}, scoring="excess_mass")
    with pytest.raises(ValueError, match=f"^LOESearchCV: X {words}"):
        search.fit(rows)
    with pytest.raises(ValueError, match=f"^TableFeatures: X {words}.*Put None where"):
        TableFeatures().fit(rows)
