"""Real engines on this machine, which take long to start: Dask's cluster, Ray and Spark.

The recipes are those of the page 'Use several machines', as they stand there.
"""

import os
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from recipes import run
from scoring import assert_equal_to_one_process, make_model
from sklearn.base import clone

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, fit_many
from lofe_sklearn.distributed import BatchScorer

# Fits in other processes have all trees.
pytestmark = [pytest.mark.engines, pytest.mark.all_trees]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5))
X[:20] += 4.0
Y = np.arange(400) < 20
RATIOS = [0.02, 0.05, 0.1, 0.2]
DETECTORS = [LOE(DeepSVDD(max_epochs=3), contamination=r, random_state=0) for r in RATIOS]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Scores of one process; the recipes' files are in the folder that they run in.

    Engines start in it, so that it is their workers' folder too.
    """
    folder, before = tmp_path_factory.mktemp("recipes"), Path.cwd()
    _, table, scores = make_model(folder)
    (folder / "orders").mkdir()
    for i in range(4):
        # Spark reads no nanoseconds.
        path = folder / "orders" / f"part-{i}.parquet"
        table[75 * i : 75 * i + 75].to_parquet(path, coerce_timestamps="us")
    os.chdir(folder)
    yield scores
    os.chdir(before)


def assert_equal_fits(fitted, expected):
    """As fits in other stacks are."""
    for one, other in zip(fitted, expected, strict=True):
        scores = other.score_samples(X)
        np.testing.assert_allclose(one.score_samples(X), scores, rtol=0, atol=1e-5 * np.ptp(scores))


@pytest.fixture(scope="module")
def ray(expected):
    ray = pytest.importorskip("ray")
    ray.init(
        num_cpus=4,  # actors hold one each, and something has to read
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        logging_level="error",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}},
    )
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def spark(expected):
    sql = pytest.importorskip("pyspark.sql")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path))
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def cluster(expected):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_dask_scores(expected, cluster):
    """On the workers of a cluster."""
    assert_equal_to_one_process(run("dask")["scored"].compute(), expected)


def test_dask_trains():
    """Members, grids and folds; X goes to the workers once, not with each task."""
    detector = LOE([DeepSVDD(max_epochs=3), AutoEncoder(max_epochs=3)], random_state=0)
    search = LOESearchCV(
        LOE(DeepSVDD(max_epochs=3), random_state=0), {"contamination": RATIOS}, cv=2, random_state=0
    )
    found = run("joblib-dask", X=X, y=Y, detector=detector, detectors=DETECTORS, search=search)
    assert_equal_fits(found["fitted"], fit_many(DETECTORS, X))
    assert_equal_fits([found["detector"]], [clone(detector).fit(X)])
    alone = clone(search).fit(X, Y).cv_results_["mean_test_score"]
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(found["search"].cv_results_["mean_test_score"], alone, atol=0.02)


def test_a_worker_that_dies(cluster, tmp_path):
    """Dask gives its stacks to another one; X, which was put on both, is still there."""
    flag = tmp_path / "kill"

    def kill_one(loss_n, loss_a, alpha, known):
        if flag.exists():
            flag.unlink()
            os._exit(9)
        return loss_n * 0 + 1, loss_a * 0

    detectors = [
        LOE(DeepSVDD(max_epochs=3), method=kill_one, contamination=r, random_state=0, init=None)
        for r in (0.05, 0.1)
    ]
    expected = fit_many(detectors, X)
    flag.touch()
    with joblib.parallel_config(backend="dask", scatter=[X]):
        fitted = fit_many(detectors, X)
    assert not flag.exists()
    assert_equal_fits(fitted, expected)


def test_ray_scores(expected, ray):
    assert_equal_to_one_process(run("ray")["scored"].to_pandas(), expected)


def test_ray_tasks_score(expected, ray):
    """Without actors too, and with Ray's dicts of arrays."""
    rows = ray.data.read_parquet("orders")
    scorer = BatchScorer("model.lofe", keep=["transaction_id"])
    assert_equal_to_one_process(rows.map_batches(scorer).to_pandas(), expected)


def test_ray_says_which_rows_it_cannot_score(expected, ray):
    rows = ray.data.read_parquet("orders").drop_columns(["amount"])
    scorer = BatchScorer("model.lofe", keep=["transaction_id"])
    with pytest.raises(Exception, match="lack columns that the model was fitted to: 'amount'"):
        rows.map_batches(scorer, batch_format="pandas").materialize()


def test_ray_trains(ray, monkeypatch):
    """X is put into the object store once for all stacks."""
    put, times = ray.put, []
    monkeypatch.setattr(ray, "put", lambda value, **k: times.append(value is X) or put(value, **k))
    found = run("joblib-ray", X=X, detectors=DETECTORS)
    assert_equal_fits(found["fitted"], fit_many(DETECTORS, X))
    assert times.count(True) == 1


def test_spark_scores(expected, spark):
    scored = run("spark", spark=spark)["scored"]
    assert_equal_to_one_process(scored.toPandas(), expected)
    assert scored.dtypes[1:] == [
        ("score", "double"),
        ("label", "bigint"),
        ("probability", "double"),
        ("percentile", "double"),
    ]


def test_spark_with_empty_partitions(expected, spark):
    rows = spark.read.parquet("orders").filter("amount > 50").repartition(20)
    scorer = BatchScorer("model.lofe", keep=["transaction_id"])
    scored = rows.mapInPandas(scorer.over, schema=scorer.spark_schema(rows)).toPandas()
    kept = expected[expected["transaction_id"].isin(scored["transaction_id"])]
    assert 0 < len(scored) < len(expected)
    assert_equal_to_one_process(scored, kept)


def test_spark_says_which_rows_it_cannot_score(expected, spark):
    rows = spark.read.parquet("orders").drop("amount")
    scorer = BatchScorer("model.lofe", keep=["transaction_id"])
    with pytest.raises(Exception, match="lack columns that the model was fitted to: 'amount'"):
        rows.mapInPandas(scorer.over, schema=scorer.spark_schema(rows)).toPandas()
    with pytest.raises(ValueError, match="the rows lack columns that keep asks for: 'order'"):
        BatchScorer("model.lofe", keep=["order"]).spark_schema(rows)
