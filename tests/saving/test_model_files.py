"""What is saved is loaded: the same scores, parameters and attributes."""

import dataclasses

import numpy as np
import pytest
import sklearn
import torch
from conftest import BACKBONES, FEW_TREES, OF_MEMORY, raises, slow_but, small
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope, MinCovDet
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import OneClassSVM
from torch import nn

import lofe_sklearn
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, ModelFileError
from lofe_sklearn.backbones import Backbone, energy_losses
from lofe_sklearn.model_selection import OutlierStratifiedKFold
from lofe_sklearn.rules import AAR, ALTBI, ODIM, Margin, PURisk
from lofe_sklearn.tabular import TableFeatures

pytest.importorskip("skops", reason="skops is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

SVDD = DeepSVDD(max_epochs=2)
GIVEN = {"contamination": 0.1, "init": None, "random_state": 0}


def saved(fitted, folder, **options):
    lofe_sklearn.save(fitted, folder / "model.lofe", **options)
    return lofe_sklearn.load(folder / "model.lofe", **options)


def assert_same(one, other):
    """Compare two values and all that they hold."""
    assert type(one) is type(other)
    if isinstance(one, nn.Module):
        assert_same(dict(one.state_dict()), dict(other.state_dict()))
        assert one.training == other.training
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        if one.flags.fnc:
            assert other.flags.fnc
        if one.dtype == object:
            assert_same(one.tolist(), other.tolist())
        else:
            assert np.ma.allequal(np.ma.getmaskarray(one), np.ma.getmaskarray(other))
            np.testing.assert_array_equal(one, other)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert_same(list(one.values()), list(other.values()))
    elif isinstance(one, np.random.RandomState):
        assert_same(one.get_state(legacy=False), other.get_state(legacy=False))
    elif dataclasses.is_dataclass(one) or hasattr(one, "get_params"):
        assert_same(vars(one), vars(other))
    elif isinstance(one, float):
        assert one == other or (np.isnan(one) and np.isnan(other))
    elif type(one).__module__.startswith("lofe_sklearn"):
        assert_same(vars(one), vars(other))
    else:
        assert one == other or type(one).__module__.startswith("sklearn")


def test_every_detector(detector, contaminated, tmp_path):
    X, _ = contaminated
    if "MHRot" in type(detector).__name__:
        X = X[:, :4]
    detector.fit(X)
    loaded = saved(detector, tmp_path)
    assert_same(detector, loaded)
    for method in ("score_samples", "predict", "decision_function", "embed", "anomaly_proba"):
        if hasattr(detector, method):
            values = getattr(loaded, method)(X)
            np.testing.assert_array_equal(values, getattr(detector, method)(X))


@pytest.mark.parametrize("cls", BACKBONES, ids=lambda cls: cls.__name__)
def test_a_loaded_detector_is_fitted_again_and_cloned(cls, contaminated, tmp_path):
    X = contaminated[0][:, :4]
    detector = small(cls)(max_epochs=1, random_state=np.random.RandomState(3)).fit(X)
    loaded = saved(detector, tmp_path)
    # The generator goes on where it was.
    again = loaded.fit(X).score_samples(X)
    np.testing.assert_array_equal(again, detector.fit(X).score_samples(X))
    assert not hasattr(clone(loaded), "module_")


RULES = AAR(), ALTBI(), ODIM(), Margin(), PURisk()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    "parameters",
    [
        {"contamination": "auto", "n_estimators": 3},
        {"contamination": (0.05, 0.2), "n_estimators": 3, "init": FEW_TREES},
        {"contamination": np.float64(0.1), "max_features": 0.6, "n_estimators": 2},
        {"contamination": 0.1, "method": "soft", "label_update": "epoch", "init": None},
        {"contamination": 0.1, "estimator": [SVDD, AutoEncoder(max_epochs=2)], "n_estimators": 2},
        *({"contamination": 0.1, "method": rule} for rule in RULES),
    ],
    ids=["auto", "pair", "features", "soft", "list", *map(str, RULES)],
)
def test_forms_of_loe(parameters, kind, contaminated, tmp_path):
    X = contaminated[0].astype(kind)
    detector = LOE(**{"estimator": SVDD, "random_state": 0, **parameters})
    known = np.zeros(len(X), bool)
    known[:3] = True
    detector.fit(X, known_anomalies=known, outliers="uniform")
    loaded = saved(detector, tmp_path)
    assert_same(detector, loaded)
    assert loaded.estimator_ is loaded.estimators_[0]
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    np.testing.assert_array_equal(loaded.anomaly_proba(X), detector.anomaly_proba(X))


def test_scores_as_first_labels_and_names_of_features(contaminated, tmp_path):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X = pd.DataFrame(contaminated[0], columns=list("abcde"))
    detector = LOE(SVDD, **{**GIVEN, "init": X["a"].to_numpy()}).fit(X)
    loaded = saved(detector, tmp_path)
    assert_same(detector, loaded)
    assert loaded.feature_names_in_.tolist() == list("abcde")


def test_a_search_in_and_around_a_pipeline(contaminated, tmp_path):
    X, y = contaminated
    inner = make_pipeline(StandardScaler(), LOE(SVDD, **GIVEN))
    cv = OutlierStratifiedKFold(3, random_state=0)
    search = LOESearchCV(inner, {"loe__contamination": [0.05, 0.1]}, cv=cv).fit(X, y)
    whole = make_pipeline(StandardScaler(), search).fit(X, y)
    for fitted in (search, whole):
        loaded = saved(fitted, tmp_path)
        np.testing.assert_array_equal(loaded.score_samples(X), fitted.score_samples(X))
    assert_same(search, saved(search, tmp_path))
    assert saved(search, tmp_path).score(X, y) == search.score(X, y)


def test_steps_of_a_table(contaminated, tmp_path):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    skrub = pytest.importorskip("skrub", reason="skrub is not installed")
    X, _ = contaminated
    table = pd.DataFrame({"a": X[:, 0], "city": np.resize(["x", "y", "z"], len(X))})
    table["when"] = pd.date_range("2026-01-01", periods=len(X))
    table.loc[3, "a"] = np.nan
    table["note"] = "none"
    options = {"high_cardinality": skrub.MinHashEncoder(n_components=4)}
    options["specific_transformers"] = [("drop", ["note"])]
    steps = [skrub.TableVectorizer(**options), skrub.ApplyToCols(StandardScaler())]
    pipeline = make_pipeline(*steps, FunctionTransformer(np.nan_to_num), LOE(SVDD, **GIVEN))
    pipeline.steps[2][1].func = np.tanh  # a NumPy function that a file may name
    table["a"] = table["a"].fillna(0.0)
    pipeline.fit(table)
    loaded = saved(pipeline, tmp_path)
    np.testing.assert_array_equal(loaded.score_samples(table), pipeline.score_samples(table))


@pytest.mark.parametrize("zone", slow_but(["Europe/Berlin"], ["UTC", "Europe/Berlin", "+02:00"]))
def test_times_with_a_zone(zone, contaminated, tmp_path):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    skrub = pytest.importorskip("skrub", reason="skrub is not installed")
    X, _ = contaminated
    times = pd.date_range("2026-03-01", periods=len(X), freq="7321s", tz=zone)
    table = pd.DataFrame({"a": X[:, 0], "when": times})
    for first in (TableFeatures(), skrub.TableVectorizer()):
        for rows in (table, table.assign(when=[time.isoformat() for time in times])):
            pipeline = make_pipeline(clone(first), clone(SVDD)).fit(rows)
            loaded = saved(pipeline, tmp_path)
            np.testing.assert_array_equal(loaded.score_samples(rows), pipeline.score_samples(rows))


def test_detectors_of_scikit_learn_within(contaminated, tmp_path):
    X, _ = contaminated
    detector = LOE(SVDD, **GIVEN).fit(X)
    detector.others_ = [
        IsolationForest(n_estimators=3, random_state=0).fit(X),
        EllipticEnvelope(random_state=0).fit(X),
        LocalOutlierFactor(novelty=True).fit(X),
    ]
    detector.neighbours_ = {
        "kd_tree": NearestNeighbors(algorithm="kd_tree").fit(X),
        "ball_tree": NearestNeighbors(algorithm="ball_tree", metric="manhattan").fit(X),
    }
    detector.location_ = MinCovDet(random_state=0).fit(X)
    loaded = saved(detector, tmp_path)
    for one, other in zip(detector.others_, loaded.others_, strict=True):
        np.testing.assert_array_equal(one.score_samples(X), other.score_samples(X))
    for name, one in detector.neighbours_.items():
        for a, b in zip(one.kneighbors(X), loaded.neighbours_[name].kneighbors(X), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        detector.location_.mahalanobis(X), loaded.location_.mahalanobis(X)
    )


def test_features_and_smoothing(tmp_path):
    features = pytest.importorskip("lofe_sklearn.features", reason="Pillow is not installed")
    pytest.importorskip("efficientnet_lite_pytorch", reason="efficientnet is not installed")
    images = np.random.default_rng(0).random((4, 64, 64, 3))
    transformer = features.ImageFeatures(image_size=64).fit(images)
    loaded = saved(transformer, tmp_path)
    np.testing.assert_array_equal(loaded.transform(images), transformer.transform(images))
    network = features.ImageFeatures(nn.Conv2d(3, 2, 3), image_size=64).fit(images)
    with pytest.raises(ModelFileError, match=r"ImageFeatures.network: .*Conv2d.*pickle the model"):
        saved(network, tmp_path)


def test_pyod_detector(contaminated, tmp_path):
    pyod = pytest.importorskip("lofe_sklearn.adapters.pyod", reason="PyOD is not installed")
    X, _ = contaminated
    detector = pyod.PyODDetector(LOE(SVDD, **GIVEN)).fit(X)
    loaded = saved(detector, tmp_path)
    np.testing.assert_array_equal(loaded.decision_function(X), detector.decision_function(X))


def test_requests_of_metadata_routing(contaminated, tmp_path):
    X, _ = contaminated
    with sklearn.config_context(enable_metadata_routing=True):
        detector = LOE(SVDD, **GIVEN).set_fit_request(known_labels=True, outliers=False).fit(X)
        loaded = saved(detector, tmp_path)
        assert str(loaded.get_metadata_routing()) == str(detector.get_metadata_routing())


def test_the_same_model_is_the_same_bytes(contaminated, tmp_path):
    detector = make_pipeline(StandardScaler(), LOE(SVDD, **{**GIVEN, "init": FEW_TREES}))
    detector.fit(contaminated[0])
    contents = []
    for name in ("a.lofe", "b.lofe"):
        lofe_sklearn.save(detector, str(tmp_path / name))
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_another_device(contaminated, tmp_path, monkeypatch):
    X, _ = contaminated
    detector = LOE(clone(SVDD), **GIVEN).fit(X)
    expected = detector.score_samples(X)
    for one in (detector.estimator, *detector.estimators_):
        one.device = "cuda"
    lofe_sklearn.save(detector, tmp_path / "model")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = lofe_sklearn.load(tmp_path / "model", device="cpu")
    np.testing.assert_allclose(loaded.score_samples(X), expected, rtol=1e-12)
    assert loaded.estimator.device == "cpu"


def rule(loss_n, loss_a, alpha, known):
    return torch.ones_like(loss_n), torch.zeros_like(loss_n)


class Squares(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_features))
        self.factor = 1.0

    def prepare(self, x):
        if self.keeps_a_secret:
            self.factor = float(x.mean()) + 3.0

    def forward(self, x):
        return energy_losses((x * self.weight * self.factor).square().sum(1))


class Own(Backbone):
    def __init__(self, *, secret=False, **shared):
        self.secret = secret
        super().__init__(**shared)

    def build_module(self, n_features):
        module = Squares(n_features)
        module.keeps_a_secret = self.secret
        return module


def test_what_the_user_names(contaminated, tmp_path):
    X, _ = contaminated
    detector = LOE(Own(max_epochs=1), method=rule, **GIVEN).fit(X)
    with pytest.raises(ModelFileError, match=r"LOE\.estimator: an object of .*\.Own cannot"):
        saved(detector, tmp_path)
    with pytest.raises(ModelFileError, match=r"LOE\.method: the function .*\.rule cannot"):
        saved(detector, tmp_path, trusted=[Own])
    loaded = saved(detector, tmp_path, trusted=[Own, rule])
    assert loaded.method is rule
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    with pytest.raises(ModelFileError, match=r"model.lofe cannot be loaded: it holds .*Own, which"):
        lofe_sklearn.load(tmp_path / "model.lofe", trusted=[rule])


def test_a_network_with_more_to_it_than_its_values(contaminated, tmp_path):
    detector = Own(secret=True, max_epochs=1).fit(contaminated[0])
    with pytest.raises(ModelFileError, match=r"Squares, built again .* computes other"):
        saved(detector, tmp_path, trusted=[Own])
    assert not list(tmp_path.iterdir())


class Centred(Squares):
    """Its buffers have no shape before `prepare` has seen the rows."""

    def __init__(self, n_features):
        super().__init__(n_features)
        self.keeps_a_secret = False
        self.register_buffer("center", None)
        self.register_buffer("spread", torch.empty(0), persistent=False)

    def prepare(self, x):
        self.center, self.spread = x.mean(dim=0), x.std(dim=0)

    def forward(self, x):
        return super().forward((x - self.center) / self.spread)


class OwnCentred(Own):
    def build_module(self, n_features):
        return Centred(n_features)


@pytest.mark.parametrize("method", ["hard", ALTBI()])
def test_buffers_that_prepare_makes(method, contaminated, tmp_path):
    X, _ = contaminated
    detector = LOE(OwnCentred(max_epochs=4), method=method, n_estimators=2, **GIVEN).fit(X)
    loaded = saved(detector, tmp_path, trusted=[OwnCentred])
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))


@pytest.mark.parametrize("trusted", ["Own", [Own()], ["Own"], [lambda x: x], None])
def test_trusted_takes_classes_and_functions(trusted, contaminated, tmp_path):
    detector = SVDD.__class__(max_epochs=1).fit(contaminated[0])
    lofe_sklearn.save(detector, tmp_path / "model")
    for call in (
        lambda: lofe_sklearn.save(detector, tmp_path / "model", trusted=trusted),
        lambda: lofe_sklearn.load(tmp_path / "model", trusted=trusted),
    ):
        with pytest.raises(TypeError, match="trusted must"):
            call()


class Threshold:
    def eval(self, scores):
        return 0.1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"method": lambda n, a, alpha, known: rule(n, a, alpha, known)}, "LOE.method: .*<lambda>"),
        ({"contamination": Threshold()}, "LOE.contamination: .*Threshold"),
        ({"init": OneClassSVM()}, "LOE.init: .*OneClassSVM"),
    ],
    ids=["lambda", "thresholder", "svm"],
)
def test_what_is_refused(change, named, contaminated, tmp_path):
    detector = LOE(SVDD, **GIVEN).fit(contaminated[0]).set_params(**change)
    with pytest.raises(ModelFileError, match=named):
        lofe_sklearn.save(detector, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_steps_that_are_refused(contaminated, tmp_path):
    X, _ = contaminated
    for step in (FunctionTransformer(lambda X: X), FunctionTransformer(rule)):
        pipeline = make_pipeline(step, LOE(SVDD, **GIVEN))
        pipeline.steps[0][1].func, func = None, pipeline.steps[0][1].func
        pipeline.fit(X).steps[0][1].func = func
        with pytest.raises(ModelFileError, match=r"Pipeline\.steps\[0\]\[1\]"):
            lofe_sklearn.save(pipeline, tmp_path / "model")
    pipeline = make_pipeline(StandardScaler(), LOE(SVDD, **GIVEN), memory=str(tmp_path)).fit(X)
    with pytest.raises(ModelFileError, match=r"Pipeline\.memory"):
        lofe_sklearn.save(pipeline, tmp_path / "model")


def test_what_is_no_fitted_estimator(tmp_path):
    with pytest.raises(NotFittedError):
        lofe_sklearn.save(LOE(), tmp_path / "model")
    for value in (3, LOE, None):
        with pytest.raises(TypeError, match="save: fitted must be a fitted estimator"):
            lofe_sklearn.save(value, tmp_path / "model")


def test_a_value_that_holds_itself(contaminated, tmp_path):
    detector = SVDD.__class__(max_epochs=1).fit(contaminated[0])
    detector.circle_ = [detector]
    with pytest.raises(ModelFileError, match=r"DeepSVDD.circle_\[0\] refers to an object that"):
        lofe_sklearn.save(detector, tmp_path / "model")


def test_values_of_all_kinds(contaminated, tmp_path):
    detector = DeepSVDD(max_epochs=1).fit(contaminated[0])
    shared = np.arange(3)
    detector.values_ = {
        "numbers": [np.inf, -np.inf, -0.0, 1e-320, 2**70, np.float32(0.1), np.int8(3)],
        "truth": [True, np.bool_(True)],
        ("a", 1): {1, 2},
        "arrays": [
            shared,
            shared,
            np.array(2.5),
            np.zeros((0, 3)),
            np.asfortranarray(np.eye(3, 2)),
        ],
        "half": np.ones(2, np.float16),
        "strings": np.array(["a", "longer"]),
        "objects": np.array([["a", None], [1.5, (2,)]], dtype=object),
        "dates": np.array(["2026-01-02", "NaT"], dtype="datetime64[D]"),
        "masked": np.ma.MaskedArray([1, 2], [False, True], fill_value=7),
        "types": [np.float32, int, np.dtype("int16"), range(3), frozenset({3}), np.str_("x")],
        "bfloat": torch.ones(2, dtype=torch.bfloat16),
    }
    loaded = saved(detector, tmp_path)
    assert_same(detector.values_, loaded.values_)
    first, second, *_ = loaded.values_["arrays"]
    assert first is second
    assert np.signbit(loaded.values_["numbers"][2])


def test_a_missing_package_names_the_extra(contaminated, tmp_path, monkeypatch):
    detector = DeepSVDD(max_epochs=1).fit(contaminated[0])
    lofe_sklearn.save(detector, tmp_path / "model")
    monkeypatch.setattr("lofe_sklearn._saving._steps.find_spec", lambda _: None)
    for call in (
        lambda: lofe_sklearn.save(detector, tmp_path / "model"),
        lambda: lofe_sklearn.load(tmp_path / "model"),
    ):
        with pytest.raises(ImportError, match=r"lofe-sklearn\[save\]"):
            call()


def test_the_state_of_torch_and_numpy_stays(contaminated, tmp_path):
    detector = small(BACKBONES[0])(max_epochs=1).fit(contaminated[0])
    np.random.seed(3)
    torch.manual_seed(3)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    saved(detector, tmp_path)
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])
    assert torch.equal(before[1], torch.get_rng_state())


@pytest.mark.parametrize("error", OF_MEMORY)
def test_too_little_memory_is_no_damage(error, contaminated, tmp_path, monkeypatch):
    X, path = contaminated[0], tmp_path / "model.lofe"
    fitted, pipeline = clone(SVDD).fit(X), make_pipeline(StandardScaler(), clone(SVDD)).fit(X)
    lofe_sklearn.save(fitted, path)
    before = path.read_bytes()
    for place, calls in (
        ("_steps.schema_and_files", [lambda: lofe_sklearn.save(pipeline, path)]),
        (
            "_decoder.Decoder.decode",
            [lambda: lofe_sklearn.save(fitted, path), lambda: lofe_sklearn.load(path)],
        ),
    ):
        for call in calls:
            with monkeypatch.context() as patch:
                patch.setattr(f"lofe_sklearn._saving.{place}", raises(error))
                with pytest.raises(type(error)) as raised:
                    call()
            assert raised.value is error
    assert path.read_bytes() == before
    assert_same(lofe_sklearn.load(path).score_samples(X), fitted.score_samples(X))
