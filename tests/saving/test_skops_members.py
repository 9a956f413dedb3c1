"""What is taken from skops is what its public function writes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pytest.importorskip("skops", reason="skops is not installed")

from lofe_sklearn._saving._steps import dump_step, load_step

ROWS = np.random.default_rng(0).integers(0, 3, (40, 3)).astype(float)


@pytest.mark.parametrize(
    "fitted",
    [
        make_column_transformer((OneHotEncoder(), [0]), (StandardScaler(), [1, 2])).fit(ROWS),
        IsolationForest(n_estimators=2, random_state=0).fit(ROWS),
    ],
    ids=["columns", "trees"],
)
def test_a_version_without_the_functions_writes_the_same(fitted, monkeypatch):
    written = dump_step(fitted, "step")
    monkeypatch.delattr("skops.io._utils.get_state")
    assert dump_step(fitted, "step") == written
    assert type(load_step(written)) is type(fitted)


def test_the_schema_is_not_indented(monkeypatch):
    """Python does so slowly."""

    def dumps(value):
        raise AssertionError("skops.io.dumps was called")

    monkeypatch.setattr("skops.io.dumps", dumps)
    dump_step(StandardScaler().fit(ROWS), "step")
