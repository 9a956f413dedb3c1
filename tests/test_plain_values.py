"""Masks, dates and complex numbers are refused wherever rows, labels or scores are taken."""

import datetime
from collections import namedtuple
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from conftest import BACKBONES, FEW_TREES, small
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn._containers import check_plain_values
from lofe_sklearn.active import estimate_contamination, query, refit
from lofe_sklearn.adapters.adbench import ADBenchDetector
from lofe_sklearn.datasets import (
    adbench_split,
    adbench_unsupervised,
    bootstrap_unsupervised,
    contaminate,
    contaminated_one_class_split,
    image_one_vs_rest,
    load_npz,
    loe_tabular_split,
    make_outliers,
    one_class_split,
)
from lofe_sklearn.features import TemporalSmoothing, smooth_scores
from lofe_sklearn.metrics import (
    average_precision,
    consensus,
    excess_mass_scorer,
    f1_at_true_ratio,
    is_anomaly,
    precision_at_n,
    roc_auc,
    roc_auc_scorer,
)
from lofe_sklearn.model_selection import OutlierStratifiedKFold

N = 24
DATES = pd.date_range("2024-01-31", periods=N)


def plain():
    X = np.random.default_rng(0).normal(size=(N, 4))
    X[:3] += 5.0
    return X


def masked(values=None, column=1):
    values = np.ma.masked_array(plain() if values is None else values)
    values[(5, column) if values.ndim > 1 else 5] = np.ma.masked
    return values


def framed(column):
    return pd.DataFrame(plain(), columns=list("abcd")).assign(when=column)


def objects(value):
    X = plain().astype(object)
    X[7, 2] = value
    return X


MASKED = {
    "array": masked,
    "integers": lambda: masked((100 * plain()).astype(int)),
    "list of arrays": lambda: list(masked()),
}
TIMES = {
    "datetime64": lambda: DATES.to_numpy()[:, None] + np.zeros((1, 4), dtype="m8[D]"),
    "timedelta64": lambda: np.full((N, 4), np.timedelta64(3, "h")),
    "frame": lambda: framed(DATES),
    "frame with a zone": lambda: framed(DATES.tz_localize("UTC")),
    "frame of durations": lambda: framed(DATES - DATES[0]),
    "frame of periods": lambda: framed(DATES.to_period("M")),
    "frame of dates as objects": lambda: framed(list(DATES.date)),
    "frame of NumPy dates as objects": lambda: framed(
        pd.Series(list(DATES.to_numpy()), dtype=object)
    ),
    "frame of categories": lambda: framed(pd.Categorical(DATES)),
    "polars' datetimes": lambda: pl.from_pandas(framed(DATES)),
    "polars' dates": lambda: pl.from_pandas(framed(DATES)).with_columns(
        pl.col("when").cast(pl.Date)
    ),
    "polars' durations": lambda: pl.from_pandas(framed(DATES - DATES[0])),
    "datetime among objects": lambda: objects(datetime.datetime(2024, 1, 31)),
    "date among objects": lambda: objects(datetime.date(2024, 1, 31)),
    "duration among objects": lambda: objects(datetime.timedelta(hours=1)),
    "datetime64 among objects": lambda: objects(np.datetime64("2024-01-31")),
    "timedelta64 among objects": lambda: objects(np.timedelta64(3, "h")),
    "list": lambda: [[1.0, datetime.datetime(2024, 1, 31), 2.0, 3.0]] * N,
    "list of datetime64": lambda: [[np.datetime64("2024-01-31")] * 4] * N,
}
COMPLEX = {
    "array": lambda: plain() + 1j,
    "zero imaginary part": lambda: plain().astype(np.complex64),
    "frame": lambda: framed(plain()[:, 0] + 1j),
    "sparse": lambda: sparse.csr_matrix(plain() + 1j),
    "among objects": lambda: objects(1 + 2j),
    "list": lambda: [[1.0, 2j, 3.0, 4.0]] * N,
}
KINDS = [
    *(pytest.param(make, "masked values", id=f"masked {name}") for name, make in MASKED.items()),
    *(pytest.param(make, "dates or times", id=f"times: {name}") for name, make in TIMES.items()),
    *(pytest.param(make, "complex ones", id=f"complex: {name}") for name, make in COMPLEX.items()),
]
# All of them go to detectors, below. Whatever else takes rows looks at them as these do.
TELLING = ["masked array", "masked list of arrays", "complex: array", "complex: sparse"]
TELLING += ["complex: among objects", "times: datetime64", "times: frame of durations"]
TELLING += ["times: frame with a zone", "times: polars' dates", "times: date among objects"]
FEW_KINDS = [
    pytest.param(*kind.values, id=kind.id, marks=[pytest.mark.slow] * (kind.id not in TELLING))
    for kind in KINDS
]


def detectors():
    loe = LOE(DeepSVDD(max_epochs=3), n_estimators=2, init=FEW_TREES, random_state=0)
    return [loe, *(small(cls)(max_epochs=1, random_state=0) for cls in BACKBONES)]


@pytest.fixture(scope="module", params=detectors(), ids=lambda detector: type(detector).__name__)
def fitted(request):
    return request.param.fit(plain())


METHODS = ("score_samples", "decision_function", "predict", "embed", "anomaly_proba")


@pytest.mark.filterwarnings("ignore:.*do not look like square images:UserWarning")
@pytest.mark.parametrize(("make", "message"), KINDS)
def test_detectors_refuse_rows_of_such_values(fitted, make, message):
    name = type(fitted).__name__
    X = make()
    with pytest.raises(ValueError, match=f"{name}: X (must hold|contains) .*{message}"):
        clone(fitted).fit(X)
    for method in METHODS:
        if hasattr(fitted, method):
            with pytest.raises(ValueError, match=f"{name}: X (must hold|contains) .*{message}"):
                getattr(fitted, method)(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.filterwarnings("ignore:Scoring failed:UserWarning")
@pytest.mark.parametrize(("make", "message"), FEW_KINDS)
def test_whatever_takes_rows_refuses_them(make, message):
    X, y, loe = make(), np.repeat([1, 0], [6, N - 6]), detectors()[0]
    n_features = 5 if hasattr(X, "columns") else 4
    fitted = clone(loe).fit(np.resize(plain(), (N, n_features)))
    known = np.zeros(N, dtype=int)
    known[[0, 10]] = -1, 1
    for take in (
        lambda: loe.fit_predict(X),
        lambda: clone(loe).fit_resample(X),
        lambda: clone(loe).fit(np.resize(plain(), (N, n_features)), outliers=X),
        lambda: fit_many([loe, loe], X),
        lambda: fit_many([loe], np.resize(plain(), (N, n_features)), outliers=X),
        lambda: query(fitted, X, 2),
        lambda: refit(fitted, X, known, contamination=0.1),
        lambda: refit(fitted, X, known),
        lambda: ADBenchDetector.of(loe)().fit(X),
        lambda: roc_auc_scorer(fitted, X, y),
        lambda: excess_mass_scorer(fitted, X),
        lambda: TemporalSmoothing(loe).fit(X),
        lambda: LOESearchCV(loe, {"contamination": [0.1, 0.2]}, cv=2).fit(X, y),
    ):
        with pytest.raises(ValueError, match=message):
            take()


@pytest.mark.filterwarnings("ignore:.*the known labels leave no row unknown:UserWarning")
@pytest.mark.parametrize("value", [masked(), plain() + 1j, TIMES["datetime64"]()])
def test_functions_of_tables_refuse_them(value):
    y = np.repeat([1, 0], [6, N - 6])
    for name, take in (
        ("X", lambda: contaminate(value, plain(), contamination=0.1)),
        ("outliers", lambda: contaminate(plain(), value, contamination=0.1)),
        ("X", lambda: make_outliers(value, 5)),
        ("X", lambda: loe_tabular_split(value, y)),
        ("X", lambda: adbench_split(value, y)),
        ("X", lambda: adbench_unsupervised(value, y)),
        ("X", lambda: one_class_split(value, y)),
        ("X", lambda: contaminated_one_class_split(value, y)),
        ("X", lambda: bootstrap_unsupervised(value, y)),
        ("X", lambda: image_one_vs_rest(value, y, value, y, normal_class=0, contamination=0.1)),
        ("scores", lambda: consensus(value)),
        ("embedding", lambda: estimate_contamination(plain()[:, 0], 1 - 2 * y, embedding=value)),
    ):
        with pytest.raises(ValueError, match=rf"{name} must hold (no masked|numbers|real numbers)"):
            take()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.filterwarnings("ignore:.*the known labels leave no row unknown:UserWarning")
@pytest.mark.parametrize(
    "spoil",
    [masked, lambda values: values + 1j, lambda values: DATES[values.astype(int)].to_numpy()],
    ids=["masked", "complex", "times"],
)
def test_labels_and_scores(spoil, tmp_path):
    y, scores = np.repeat([1, 0], [6, N - 6]), plain()[:, 0].round()
    labels, marks = spoil(y), spoil(abs(scores))
    known = spoil(np.where(y == 1, 1, 0))
    X, loe = plain(), detectors()[0]
    fitted = clone(loe).fit(X)
    for take in (
        lambda: is_anomaly(labels),
        lambda: is_anomaly(list(labels)),
        lambda: roc_auc(labels, scores),
        lambda: roc_auc(y, marks),
        lambda: average_precision(y, marks),
        lambda: f1_at_true_ratio(labels, scores),
        lambda: precision_at_n(y, marks),
        lambda: list(OutlierStratifiedKFold(2).split(X, labels)),
        lambda: LOESearchCV(loe, {"contamination": [0.1]}, cv=2).fit(X, labels),
        lambda: clone(loe).fit(X, known_labels=known),
        lambda: DeepSVDD().fit(X, known_labels=known),
        lambda: LOESearchCV(loe, {"contamination": [0.1]}, cv=2).fit(X, y, known_labels=known),
        lambda: GridSearchCV(loe, {"contamination": [0.1]}, cv=2, scoring=roc_auc_scorer).fit(
            X, y, known_labels=known
        ),
        lambda: clone(loe).fit_resample(X, known_labels=known),
        lambda: fit_many([loe], X, known_labels=known),
        lambda: refit(fitted, X, known),
        lambda: query(fitted, X, 2, known_labels=known),
        lambda: estimate_contamination(scores, known),
        lambda: estimate_contamination(marks, 1 - 2 * y),
        lambda: ADBenchDetector.of(loe, use_labels=True)().fit(X, labels),
        lambda: clone(loe).set_params(init=marks).fit(X),
        lambda: smooth_scores(marks, y),
        lambda: smooth_scores(scores, y, frames=marks),
        lambda: loe_tabular_split(X, labels),
        lambda: adbench_split(X, labels),
    ):
        with pytest.raises(ValueError, match=r"(masked values|dates or times|complex ones)"):
            take()


def test_masks_of_known_rows():
    mask = np.zeros(N, dtype=bool)
    hidden = np.ma.masked_array(mask, mask=~mask)
    with pytest.raises(ValueError, match="LOE: known_labels must hold no masked values"):
        LOE().fit(plain(), known_labels=(mask, hidden))


def test_the_default_detector_names_itself():
    with pytest.raises(ValueError, match="LOE: X must hold no masked values"):
        LOE().fit(masked())


def test_messages_name_the_column_and_what_to_do():
    message = r"DeepSVDD: X contains dates or times in column 'when' .*table_pipeline\(DeepSVDD"
    with pytest.raises(ValueError, match=message):
        DeepSVDD().fit(framed(DATES))
    with pytest.raises(ValueError, match="got dates or times in column 2"):
        DeepSVDD().fit(objects(datetime.date(2024, 1, 31)))
    twice = pd.concat([framed(DATES), framed(1.0)], axis=1)
    with pytest.raises(ValueError, match="in column 'when'"):
        DeepSVDD().fit(twice)
    with pytest.raises(ValueError, match="got complex ones in column 'when'"):
        DeepSVDD().fit(framed(1j))
    with pytest.raises(ValueError, match=r"1 of 96 are masked\. Fill them, as in X\.filled\(value"):
        DeepSVDD().fit(masked())
    with pytest.raises(ValueError, match=r"as in y_true\.filled"):
        roc_auc(masked(np.repeat([1, 0], 12)), plain()[:, 0])


class Table:
    """What is looked at of a table of Arrow: the names and types of its columns."""

    column_names = ("size", "when")

    def __init__(self, kind):
        field = namedtuple("Field", ["name", "type"])
        self.schema = [field("size", "double"), field("when", kind)]


@pytest.mark.parametrize(
    "kind", ["timestamp[ns, tz=UTC]", "date32[day]", "date64[ms]", "time64[us]", "duration[s]"]
)
def test_tables_of_arrow(kind):
    with pytest.raises(ValueError, match="LOE: X must hold numbers; got dates .* column 'when'"):
        check_plain_values(Table(kind), "X", "LOE")
    check_plain_values(Table("int64"), "X", "LOE")


def test_a_masked_array_without_masked_values_is_an_array():
    X = plain()
    expected = DeepSVDD(max_epochs=2, random_state=0).fit(X).score_samples(X)
    for values in (np.ma.masked_array(X), np.ma.masked_array(X, mask=np.zeros_like(X, dtype=bool))):
        detector = DeepSVDD(max_epochs=2, random_state=0).fit(values)
        np.testing.assert_array_equal(detector.score_samples(values), expected)


def test_filled_as_the_message_says():
    filled = make_pipeline(SimpleImputer(), DeepSVDD(max_epochs=1, random_state=0))
    assert np.isfinite(filled.fit(masked().filled(np.nan)).score_samples(plain())).all()


def test_a_mask_before_a_pipeline_that_would_drop_it():
    X, y = masked(), np.repeat([1, 0], [6, N - 6])
    pipeline = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=1))
    fitted = clone(pipeline).fit(plain())
    for take in (
        lambda: LOESearchCV(pipeline, {"deepsvdd__lr": [0.1]}, cv=2).fit(X, y),
        lambda: query(fitted, X, 2),
        lambda: refit(fitted, X, 1 - 2 * y, contamination=0.1),
        lambda: roc_auc_scorer(fitted, X, y),
        lambda: TemporalSmoothing(IsolationForest()).fit(X),
        lambda: ADBenchDetector.of(pipeline)().fit(X),
    ):
        with pytest.raises(ValueError, match="must hold no masked values"):
            take()


def test_pyods_detectors_refuse_a_mask():
    pytest.importorskip("pyod", reason="the extra 'pyod' is not installed")
    from lofe_sklearn.adapters.pyod import PyODDetector

    detector = PyODDetector(IsolationForest(random_state=0))
    with pytest.raises(ValueError, match="PyODDetector: X must hold no masked values"):
        detector.fit(masked())
    with pytest.raises(ValueError, match="PyODDetector: X must hold no masked values"):
        detector.fit(plain()).decision_function(masked())


@pytest.mark.parametrize("name", ["X", "y"])
@pytest.mark.parametrize("change", [lambda v: v + 0j, lambda v: v.astype("M8[s]")])
def test_files_of_complex_numbers_or_dates(name, change, tmp_path):
    arrays = {"X": np.ones((4, 2), dtype=int), "y": np.array([0, 0, 1, 1])}
    arrays[name] = change(arrays[name])
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(ValueError, match=rf"mine\.npz: {name} must hold .*numbers"):
        load_npz(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    "data",
    [
        plain(),
        plain().astype(object),
        [[1, 2.5], [3, 4]],
        [[Fraction(1, 2)], [None]],
        [[1], [2, 3]],
        ["a", "b"],
        sparse.csr_matrix(plain()),
        pd.DataFrame(plain()).astype({0: "category"}),
        pd.DataFrame({"a": ["1", "2"], "b": pd.array([1, None], dtype="Int64")}),
        pl.DataFrame({"a": [1, None], "b": ["x", "y"]}),
        pd.Series([True, False]),
        pl.Series([1.0, 2.0]),
        None,
        3.5,
        np.float64(2),
        iter([1]),
        "text",
    ],
    ids=lambda data: type(data).__name__,
)
def test_everything_else_is_left_to_the_validation(data):
    check_plain_values(data, "X", "LOE")


def test_integers_of_polars_that_64_bits_do_not_hold():
    long = pl.DataFrame([pl.Series(str(j), range(j, N + j), dtype=pl.Int128) for j in range(4)])
    detector = small(DeepSVDD)(max_epochs=1, random_state=0).fit(long)
    np.testing.assert_array_equal(
        detector.score_samples(long), detector.score_samples(long.cast(pl.Float64))
    )


UNREADABLE = {
    "gradient": lambda values: torch.tensor(values, requires_grad=True),
    "bfloat16": lambda values: torch.tensor(values).bfloat16(),
}


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_a_tensor_that_numpy_cannot_read_is_named_with_a_remedy(make):
    X, y = plain(), np.arange(N) < 3
    remedy = r"a tensor of torch\.\w+ on cpu is not: .*\. {}\.detach\(\)\.cpu\(\)\.double\(\) is\."
    fitted = DeepSVDD(max_epochs=1).fit(X)
    for call in (LOE().fit, fit_many_of_one, fitted.predict, fitted.partial_fit):
        with pytest.raises(ValueError, match=remedy.format("X")):
            call(make(X))
    with pytest.raises(ValueError, match="readable by NumPy"):
        roc_auc(y, make(X[:, 0]))
    with pytest.raises(ValueError, match="LOE: init must be readable by NumPy"):
        LOE(DeepSVDD(), init=make(X[:, 0]), contamination=0.1).fit(X)
    tensor = make(X).detach().cpu().double()
    np.testing.assert_array_equal(
        fitted.score_samples(tensor), fitted.score_samples(tensor.numpy())
    )


def fit_many_of_one(X):
    return fit_many([DeepSVDD(max_epochs=1)], X)
