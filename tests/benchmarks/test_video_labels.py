"""The study of labels on video: what is trained on, what is scored, and what is left out."""

from functools import partial

import numpy as np
import pytest
import torch

from benchmarks import pictures
from benchmarks.studies import video_labels
from benchmarks.studies.video_labels import MEMBERSHIP, STUDY, other_clips, run, same_clips
from lofe_sklearn import DeepSVDD
from lofe_sklearn.features import ImageFeatures, VideoFeatures


@pytest.fixture
def rows():
    """Four normal clips and four test clips, two thirds of which are anomalous."""
    clip, frame = np.divmod(np.arange(240), 30)
    is_test = clip >= 4
    y = (is_test & (frame >= 10)).astype(int)
    X = np.random.default_rng(0).normal(size=(240, 6)) + 4 * y[:, None]
    return pictures.VideoRows(X, y, is_test, clip, frame)


@pytest.mark.parametrize("ratio", [0.1, 0.2, 0.3])
def test_the_split_of_the_suite(rows, ratio):
    train, scored = same_clips(rows, ratio, seed=0)
    assert set(np.flatnonzero(rows.y == 0)) <= set(train)
    assert rows.y[train].mean() == pytest.approx(ratio, abs=0.01)
    np.testing.assert_array_equal(scored, np.flatnonzero(rows.is_test))


@pytest.mark.parametrize("ratio", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_clip_is_trained_on_and_scored(rows, ratio, seed):
    train, scored = other_clips(rows, ratio, seed)
    assert not set(rows.clip[train]) & set(rows.clip[scored])
    assert rows.is_test[scored].all()
    assert len(np.unique(rows.clip[scored])) == 2
    assert rows.y[train].mean() == pytest.approx(ratio, abs=0.02)


def test_every_way_has_its_figures(rows, monkeypatch):
    monkeypatch.setattr(video_labels, "video_rows", lambda name, every: rows)
    monkeypatch.setattr(video_labels, "N_COMPONENTS", 4)
    monkeypatch.setitem(video_labels.BACKBONES, "DeepSVDD", partial(DeepSVDD, max_epochs=8))
    cell = {"seed": 0, "backbone": "DeepSVDD", "protocol": "same", "ratio": 0.1}
    found = {row["way"]: row for row in run(cell)}
    assert len(found) == 7
    # All normal frames and 17 of 80 anomalous ones were trained on: ties count one half.
    assert found[MEMBERSHIP]["roc_auc"] == pytest.approx(1 - 17 / 80 / 2, abs=1e-3)
    assert found[MEMBERSHIP]["roc_auc_trained_on"] == 0.5
    assert found["blind"]["marked_anomalous"] is None
    # Neighbouring frames share their label here, and the anomalies are far away.
    assert found["smooth hard, forest"]["marked_anomalous"] > 0.9
    assert "smooth hard, forest" in STUDY.tables([cell | row for row in found.values()])


def test_each_second_window_of_a_video(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    clips = [rng.random((7, 12, 16)), rng.random((4, 12, 16))]
    y, is_test = np.repeat([0, 1], [7, 4]), np.repeat([False, True], [7, 4])
    monkeypatch.setattr(pictures, "pedestrians", lambda root, name: (clips, y, is_test))
    monkeypatch.setenv("LOFE_CACHE", str(tmp_path))
    images = ImageFeatures(torch.nn.AvgPool2d(4), image_size=16)
    monkeypatch.setattr(pictures, "VideoFeatures", lambda: VideoFeatures(images))
    pictures.video_rows.cache_clear()
    whole, part = pictures.video_rows("ped1"), pictures.video_rows("ped1", every=2)
    pictures.video_rows.cache_clear()
    assert part.frame.tolist() == [0, 2, 4, 6, 0, 2]
    assert part.clip.tolist() == [0, 0, 0, 0, 1, 1]
    chosen = [0, 2, 4, 6, 7, 9]
    np.testing.assert_allclose(part.X, whole.X[chosen])
    np.testing.assert_array_equal(part.y, whole.y[chosen])
    np.testing.assert_array_equal(part.is_test, whole.is_test[chosen])
