"""Windows of frames, their features, and scores smoothed within clips."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ComparedName
from pictures import network, pixels, write_folder
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GroupKFold, cross_val_predict, cross_val_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline

from lofe_sklearn.features import (
    BrokenImage,
    ImageFeatures,
    TemporalSmoothing,
    VideoFeatures,
    smooth_scores,
    video_windows,
)
from lofe_sklearn.inspection import drift_report


def small(**parameters):
    return VideoFeatures(ImageFeatures(network(), image_size=16, device="cpu"), **parameters)


@pytest.fixture
def clips():
    return [pixels(9, seed=0), pixels(12, seed=1)]


def write_video(path, frames):
    """Write without loss, so that the frames are known."""
    av = pytest.importorskip("av", reason="the extra 'video' is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="bgr0")
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


class TestFoldersOfFrames:
    def test_frames_come_in_the_order_of_their_numbers(self, clips, tmp_path):
        names = ["1.png", "2.png", "9.png", "10.png", "11.png", "100.png"]
        folder = write_folder(tmp_path / "frames", clips[0][:6])
        for old, new in zip(sorted(folder.iterdir()), names, strict=True):
            old.rename(folder / f"new{new}")
        windows = video_windows([folder], length=1)
        for i in range(6):
            np.testing.assert_allclose(windows[i][0], clips[0][i] / np.float32(255))

    def test_folders_in_a_clip_are_clips_of_their_own(self, clips, tmp_path):
        write_folder(tmp_path / "clips" / "one", clips[0])
        write_folder(tmp_path / "clips" / "two", clips[1])
        with pytest.raises(ValueError, match=r"such as .*one\. .*pass each folder as a clip"):
            video_windows([tmp_path / "clips"])
        assert len(video_windows(sorted((tmp_path / "clips").iterdir()), length=4)) == 15


def test_a_video_whose_stream_cannot_be_decoded_is_named(monkeypatch, tmp_path):
    class Container:
        streams = SimpleNamespace(video=[SimpleNamespace(codec_context=None)])
        __enter__ = lambda self: self  # noqa: E731
        __exit__ = close = lambda self, *error: None
        demux = lambda self, video: [SimpleNamespace(size=1)] * 9  # noqa: E731
        decode = lambda self, video: iter(())  # noqa: E731

    av = SimpleNamespace(open=lambda path: Container(), FFmpegError=OSError)
    monkeypatch.setattr("lofe_sklearn.features._clips._pyav", lambda owner: av)
    (tmp_path / "cut.mp4").write_bytes(b"cut")
    windows = video_windows([tmp_path / "cut.mp4"], length=2)
    with pytest.raises(BrokenImage, match=r"cut\.mp4.*: frame 0 cannot be decoded"):
        windows[0]


class TestWindows:
    def test_they_are_cut_within_clips(self, clips):
        windows = video_windows(clips, length=4, step=2)
        assert windows.groups.tolist() == [0] * 3 + [1] * 5
        assert windows.frames.tolist() == [3, 5, 7, 3, 5, 7, 9, 11]
        assert windows.shape == (8, 4)
        np.testing.assert_allclose(windows[1], clips[0][2:6] / np.float32(255))
        np.testing.assert_allclose(windows[-1], clips[1][8:12] / np.float32(255))

    def test_padding_gives_each_frame_its_window(self, clips):
        windows = video_windows(clips, length=4, pad=True)
        assert len(windows) == 21
        first = clips[1][[0, 0, 0, 1]] / np.float32(255)
        np.testing.assert_allclose(windows[9 + 1], first)
        assert len(video_windows(clips, length=50, pad=True)) == 21

    def test_indexing_reads_nothing(self, clips):
        windows = video_windows(clips, length=4)
        for rows in ([7, 2], slice(3, 9), np.arange(15) % 2 == 0):
            chosen = windows[rows]
            assert chosen.groups.tolist() == windows.groups[rows].tolist()
            np.testing.assert_array_equal(chosen[0], windows[int(np.arange(15)[rows][0])])
        with pytest.raises(IndexError, match="there are 15 windows; got 15"):
            windows[15]
        assert [window.shape for window in windows] == [(4, 16, 16, 3)] * 15

    def test_clips_in_folders_lists_and_files(self, clips, tmp_path):
        folder = write_folder(tmp_path / "frames", clips[0])
        video = write_video(tmp_path / "clip.mkv", clips[1])
        expected = video_windows(clips, length=3)
        for first in (folder, str(folder), sorted(folder.iterdir()), list(clips[0])):
            windows = video_windows([first, video], length=3)
            assert windows.groups.tolist() == expected.groups.tolist()
            for i in (0, 6, 7, 16):
                np.testing.assert_array_equal(windows[i], expected[i])

    def test_a_video_file_is_read_in_any_order(self, clips, tmp_path, monkeypatch):
        from lofe_sklearn.features import _clips

        monkeypatch.setattr(_clips, "KEPT", 4)
        windows = video_windows([write_video(tmp_path / "clip.mkv", clips[1])], length=3)
        expected = video_windows([clips[1]], length=3)
        for i in (5, 0, 9, 3, 3):
            np.testing.assert_array_equal(windows[i], expected[i])
        again = pickle.loads(pickle.dumps(windows))
        np.testing.assert_array_equal(again[2], expected[2])

    def test_threads_share_a_video_file(self, tmp_path):
        """Without a lock they ran one decoder at once, which is an error or a crash."""
        frames = np.arange(60, dtype=np.uint8).repeat(16 * 16 * 3).reshape(60, 16, 16, 3)
        windows = video_windows([write_video(tmp_path / "clip.mkv", frames)], length=2)

        def read(start):
            return [windows[i][0, 0, 0, 0] for i in range(start, 59, 4)]

        with ThreadPoolExecutor(4) as threads:
            rows = list(threads.map(read, range(4)))
        for start, row in enumerate(rows):
            np.testing.assert_allclose(row, np.arange(start, 59, 4) / 255, atol=1e-6)


class TestBadClips:
    def test_a_clip_shorter_than_the_window(self, clips, tmp_path):
        folder = write_folder(tmp_path / "short", pixels(3))
        with pytest.raises(ValueError, match=r"short has 3 frames, fewer than length=5.*pad=True"):
            video_windows([clips[0], folder])

    def test_a_broken_frame(self, tmp_path):
        folder = write_folder(tmp_path / "frames", pixels(6))
        (folder / "002.png").write_bytes(b"broken")
        windows = video_windows([folder], length=2)
        with pytest.raises(BrokenImage, match=r"frames, frame 2 \(.*002.png\): this file is no"):
            small().fit(windows[:1]).transform(windows)

    def test_what_is_no_video(self, tmp_path):
        pytest.importorskip("av", reason="the extra 'video' is not installed")
        (tmp_path / "clip.mp4").write_bytes(b"broken")
        with pytest.raises(BrokenImage, match=r"clip.mp4: it is no video that can be read"):
            video_windows([tmp_path / "clip.mp4"])

    def test_a_damaged_video(self, tmp_path, clips):
        path = write_video(tmp_path / "clip.mkv", clips[1])
        windows = video_windows([path], length=3)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        windows = pickle.loads(pickle.dumps(windows))
        with pytest.raises(BrokenImage, match=r"clip.mkv: .*(ends before frame|damaged)"):
            windows[9]

    def test_without_pyav(self, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "av", None)
        (tmp_path / "clip.mp4").write_bytes(b"")
        with pytest.raises(ImportError, match=r"PyAV.*lofe-sklearn\[video\]"):
            video_windows([tmp_path / "clip.mp4"])

    def test_frames_of_several_shapes(self):
        windows = video_windows([[*pixels(2), *pixels(2, side=20)]], length=3)
        message = r"clip 0, window that ends with frame 2: .*\(16, 16, 3\) and \(20, 20, 3\)"
        with pytest.raises(ValueError, match=message):
            windows[0]

    @pytest.mark.parametrize(
        ("clips", "message"),
        [
            ([], r"list of at least one clip; got \[\]"),
            ("clip.mp4", "got 'clip.mp4'. Put one clip into a list"),
            (["nowhere.mp4"], "there is no file or folder nowhere.mp4"),
            ([np.zeros((8, 8))], r"clip 0 is an array of shape \(8, 8\)"),
            ([np.zeros((0, 8, 8))], "clip 0 has no frames"),
        ],
    )
    def test_what_is_no_clips(self, clips, message):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            video_windows(clips)

    @pytest.mark.parametrize(("name", "value"), [("length", 0), ("step", 1.5)])
    def test_bad_parameters(self, clips, name, value):
        with pytest.raises(ValueError, match=f"video_windows: {name} must be an integer"):
            video_windows(clips, **{name: value})


class TestFeatures:
    def test_appearance_and_difference(self, clips):
        windows = video_windows(clips, length=4)
        last, first = (np.concatenate([c[k : k + len(c) - 3] for c in clips]) for k in (3, 0))
        images = small().images
        expected = [
            images.fit_transform(last),
            images.fit_transform(np.abs(last.astype(float) - first) / 255),
        ]
        features = small().fit_transform(windows)
        np.testing.assert_allclose(features, np.concatenate(expected, axis=1), atol=1e-5)
        only = small(appearance=False).fit_transform(windows)
        np.testing.assert_array_equal(only, features[:, 6:])
        only = small(motion=None).fit_transform(windows)
        np.testing.assert_array_equal(only, features[:, :6])

    def test_parameters_that_are_set_after_the_fit(self, clips):
        windows = video_windows(clips, length=4)
        features = small().fit(windows)
        expected = features.transform(windows)
        changed = {"appearance": False, "motion": "stack"}
        np.testing.assert_array_equal(features.set_params(**changed).transform(windows), expected)
        assert expected.shape[1] == len(features.get_feature_names_out())
        anew = features.fit(windows).transform(windows)
        np.testing.assert_array_equal(anew, small(**changed).fit_transform(windows))

    def test_a_stack_of_frames(self, clips):
        windows = video_windows(clips[:1], length=5)
        grey = clips[0].mean(axis=3) / 255
        stacked = np.stack([grey[:5], grey[2:7], grey[4:]], axis=3)
        expected = small().images.fit_transform(stacked)
        features = small(appearance=False, motion="stack").fit_transform(windows)
        np.testing.assert_allclose(features, expected, atol=1e-5)

    def test_a_stack_of_grey_frames_and_what_moves_in_frames_with_opacity(self, clips):
        grey = clips[0].mean(axis=3) / 255
        both, alone = small(motion="stack"), small(appearance=False, motion="stack")
        rows = both.fit_transform(video_windows([grey]))
        of_colour = alone.fit_transform(video_windows(clips[:1]))
        np.testing.assert_allclose(rows[:, rows.shape[1] // 2 :], of_colour, atol=1e-5)
        opaque = np.concatenate([clips[0], np.full_like(clips[0][..., :1], 255)], axis=3)
        for motion in ("difference", "stack"):
            expected = small(motion=motion).fit_transform(video_windows(clips[:1]))
            rows = small(motion=motion).fit_transform(video_windows([opaque]))
            np.testing.assert_allclose(rows, expected, atol=1e-5)

    def test_one_clip_or_pictures_in_the_place_of_several(self, clips):
        with pytest.raises(ValueError, match=r"clip 0 is .* \(16, 16, 3\), which is a single pic"):
            video_windows(clips[0])
        with pytest.raises(ValueError, match=r"which is pictures \(n, height, width, channels\)"):
            small().fit(clips[0])
        # With an axis for one channel, lines of the frames were counted as frames.
        grey = clips[0][..., :1]
        with pytest.raises(ValueError, match=r"clip 0 is .* \(16, 16, 1\), which is a single pic"):
            video_windows(grey)
        with pytest.raises(ValueError, match=r"and for one window X\[None\]"):
            small().fit(grey)
        with pytest.raises(ValueError, match=r"got generator. Pass list\(clips\)\.$"):
            video_windows(clip for clip in clips)
        windows = video_windows(clips, length=3)
        assert len(windows[[]]) == 0  # as of an array
        assert repr(windows) == "<VideoWindows: 17 windows of 3 frames, from 2 clips>"
        assert repr(windows[:1]) == "<VideoWindows: 1 window of 3 frames, from 1 clip>"

    def test_windows_in_an_array(self, clips):
        windows = video_windows(clips, length=4)
        expected = small().fit_transform(windows)
        as_array = np.stack(list(windows))
        np.testing.assert_allclose(small().fit_transform(as_array), expected, atol=1e-6)
        grey = as_array.mean(axis=4)
        assert small().fit_transform(grey).shape == (15, 12)

    def test_folds_never_split_a_clip(self):
        windows = video_windows([pixels(8, seed=i) for i in range(4)], length=3)
        model = make_pipeline(small(), IsolationForest(n_estimators=5, random_state=0))
        y = np.arange(len(windows)) % 2
        scores = cross_val_score(
            model, windows, y, groups=windows.groups, cv=GroupKFold(4), scoring="roc_auc"
        )
        assert len(scores) == 4
        expected = model.fit(windows[windows.groups != 2]).decision_function(
            windows[windows.groups == 2]
        )
        predicted = cross_val_predict(
            model, windows, groups=windows.groups, cv=GroupKFold(4), method="decision_function"
        )
        np.testing.assert_allclose(predicted[windows.groups == 2], expected)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"appearance": False, "motion": None}, "set appearance=True, or motion"),
            ({"motion": "flow"}, "motion must be one of 'difference', 'stack', None"),
        ],
    )
    def test_bad_parameters(self, clips, parameters, message):
        with pytest.raises(ValueError, match=message):
            small(**parameters).fit(video_windows(clips))

    def test_bad_windows(self, clips):
        with pytest.raises(ValueError, match="images must be an ImageFeatures or None"):
            VideoFeatures("efficientnet_lite0").fit(video_windows(clips))
        with pytest.raises(ValueError, match=r"made by video_windows.* \(9, 16, 16\)"):
            small().fit(clips[0][..., 0])
        for given in ([clips[0], clips[0][:4]], ["one.mp4", "other.mp4"], "folder"):
            came = type(given).__name__
            with pytest.raises(ValueError, match=rf"made by video_windows\(clips\).*got {came}\."):
                small().fit(given)
        fitted = small().fit(video_windows(clips))
        with pytest.raises(ValueError, match=r"\(16, 16, 3\); clip 0, window that ends with"):
            fitted.transform(video_windows([pixels(8, side=20)]))
        with pytest.raises(ValueError, match="no windows"):
            fitted.transform(video_windows(clips)[:0])


class TestSmoothing:
    def test_a_weighted_mean_over_frames_that_are_there(self):
        rng = np.random.default_rng(0)
        groups, frames = rng.integers(0, 3, 50), rng.permutation(50)
        scores = rng.normal(size=50)
        distance = np.abs(frames[:, None] - frames)
        weights = np.exp(-0.5 * (distance / 2.0) ** 2)
        weights *= (groups[:, None] == groups) & (distance <= 6)
        expected = weights @ scores / weights.sum(axis=1)
        smoothed = smooth_scores(scores, groups, frames, sigma=2.0)
        np.testing.assert_allclose(smoothed, expected)
        boxed = weights > 0
        boxed &= distance <= 2
        np.testing.assert_allclose(
            smooth_scores(scores, groups, frames, sigma=2.0, kernel="box"),
            boxed @ scores / boxed.sum(axis=1),
        )
        np.testing.assert_array_equal(smooth_scores(scores, groups, frames, sigma=0), scores)

    def test_many_named_clips_are_not_compared_with_each_score(self):
        ComparedName.n_compared = 0
        names = [f"clip {i}" for i in range(30)]
        rng = np.random.default_rng(0)
        scores, order = rng.normal(size=(30, 5)), rng.permutation(150)
        groups = np.array([ComparedName(name) for name in names for _ in range(5)], dtype=object)
        smoothed = smooth_scores(scores.ravel()[order], groups[order], order, sigma=9, kernel="box")
        expected = np.repeat(scores.mean(axis=1), 5)[order]
        np.testing.assert_allclose(smoothed, expected)
        assert ComparedName.n_compared <= 150

    def test_the_detector_of_clips(self, clips):
        windows = video_windows(clips, length=3)
        forest = IsolationForest(n_estimators=10, contamination=0.2, random_state=0)
        model = make_pipeline(small(), forest)
        smoothing = TemporalSmoothing(model, sigma=1.5).fit(windows)
        plain = model.fit(windows).score_samples(windows)
        expected = smooth_scores(plain, windows.groups, windows.frames, sigma=1.5)
        np.testing.assert_allclose(smoothing.score_samples(windows), expected)
        flagged = (smoothing.predict(windows) == -1).sum()
        assert flagged == (model.predict(windows) == -1).sum() == 4
        np.testing.assert_array_equal(smoothing.fit_predict(windows), smoothing.predict(windows))

    def test_parameters_that_are_set_after_the_fit(self, clips):
        windows = video_windows(clips, length=3)
        forest = IsolationForest(n_estimators=10, contamination=0.2, random_state=0)
        smoothing = TemporalSmoothing(make_pipeline(small(), forest), sigma=1.5).fit(windows)
        expected = smoothing.decision_function(windows)
        smoothing.set_params(sigma=4.0, kernel="box")
        # The threshold is that of the scores as the fit has smoothed them.
        np.testing.assert_array_equal(smoothing.decision_function(windows), expected)
        anew = TemporalSmoothing(smoothing.estimator, sigma=4.0, kernel="box").fit(windows)
        smoothing.fit(windows)
        assert smoothing.offset_ == anew.offset_
        np.testing.assert_array_equal(smoothing.score_samples(windows), anew.score_samples(windows))

    def test_another_threshold_and_new_clips(self, clips):
        windows = video_windows(clips, length=3)
        forest = IsolationForest(n_estimators=10, contamination=0.2, random_state=0)
        smoothing = TemporalSmoothing(make_pipeline(small(), forest), sigma=1.5).fit(windows)
        scores = smoothing.score_samples(windows)
        assert smoothing.set_threshold(n_flagged=2) is smoothing
        flagged = smoothing.predict(windows) == -1
        np.testing.assert_array_equal(np.flatnonzero(flagged), np.sort(np.argsort(scores)[:2]))
        assert smoothing.severity(windows).argmax() == scores.argmin()
        # Windows of calibration are smoothed within their clips too.
        of_second = windows[windows.groups == 1]
        others = smoothing.score_samples(of_second)
        expected = (1 + (others <= scores.min()).sum()) / (1 + len(others))
        assert smoothing.p_values(windows, of_second).min() == pytest.approx(expected)
        report = drift_report(smoothing, windows)
        assert report.flagged == report.flagged_reference == 2 / len(windows)
        for call in (
            lambda: smoothing.p_values(windows),
            lambda: smoothing.set_threshold(false_discovery_rate=0.1),
            lambda: smoothing.set_threshold(false_alarm_rate=0.1),
        ):
            with pytest.raises(ValueError, match="needs normal windows that were not trained on"):
                call()
        smoothing.set_threshold(false_alarm_rate=0.5, calibration=of_second)
        p_values = smoothing.p_values(windows, of_second)
        np.testing.assert_array_equal(smoothing.predict(windows) == -1, p_values <= 0.5)

    def test_rows_that_are_no_windows_are_left_alone(self):
        X = np.random.default_rng(0).normal(size=(40, 3))
        forest = IsolationForest(n_estimators=10, random_state=0)
        smoothing = TemporalSmoothing(forest).fit(X)
        np.testing.assert_array_equal(smoothing.score_samples(X), forest.fit(X).score_samples(X))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"sigma": -1}, "sigma must be a number"),
            ({"kernel": "triangle"}, "kernel must be one of"),
            ({"groups": [0, 1]}, r"one shape \(n_samples,\); got \(3,\) and \(2,\)"),
            ({"frames": [0, 1]}, r"one number for each score, 3; got the shape \(2,\)"),
            ({"frames": [0, 1, np.nan]}, "frames must be finite; got nan in row 2"),
            ({"frames": ["a", "b", "c"]}, "smooth_scores: frames must be numbers"),
            ({"groups": [0, np.nan, np.nan]}, "name the clip of each score; got nan"),
            ({"groups": ["a", None, "a"]}, "groups must name the clip of each score by numbers"),
        ],
    )
    def test_bad_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            smooth_scores([1, 2, 3], **{"groups": [0, 0, 0], **arguments})

    def test_without_a_width_scores_of_one_frame_stay_apart(self):
        assert smooth_scores([1, 2, 3], [0, 0, 0], [5, 5, 6], sigma=0).tolist() == [1, 2, 3]

    @pytest.mark.parametrize("estimator", [None, IsolationForest, LocalOutlierFactor(), "forest"])
    def test_what_is_no_detector(self, estimator):
        with pytest.raises(TypeError, match="estimator must be an outlier detector with score_sam"):
            TemporalSmoothing(estimator).fit(np.eye(9))
