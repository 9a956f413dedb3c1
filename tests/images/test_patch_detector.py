"""PatchDetector: what it finds, where, and on which pictures it refuses to work."""

import pickle

import numpy as np
import pytest
import torch
from conftest import slow_but
from parts import GRID, SIDE, Averages, encoded, parts, small, write_folder
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

import lofe_sklearn
from lofe_sklearn.features import BrokenImage, ImageFeatures
from lofe_sklearn.images import PatchDetector, _patch_detector, pixel_roc_auc
from lofe_sklearn.images._heat_maps import heat_map
from lofe_sklearn.images._standing_out import standing_out
from lofe_sklearn.inspection import drift_report, explain
from lofe_sklearn.plotting import (
    ContaminationDisplay,
    DriftDisplay,
    ScoresDisplay,
    TrainingDisplay,
)

POSITIONS = ("padim", "patchcore", "anywhere")


@pytest.mark.filterwarnings("ignore:.*do not look like square images:UserWarning")
@pytest.mark.filterwarnings("ignore:.*are taken to lie between 0 and 1:UserWarning")
@pytest.mark.parametrize(
    "position",
    ["padim", *(pytest.param(other, marks=pytest.mark.slow) for other in POSITIONS[1:])],
)
def test_scikit_learns_own_checks(position):
    # With "auto" there may be no outlier, which two of the checks want to see.
    detector = small(4, position=position, contamination=0.1)
    results = check_estimator(detector, on_fail=None, on_skip=None)
    failed = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    skipped = [r["check_name"] for r in results if r["status"] == "skipped"]
    assert not failed
    assert set(skipped) <= {"check_array_api_input"}  # unless SCIPY_ARRAY_API is set
    assert len(results) >= 40


@pytest.mark.parametrize("position", POSITIONS)
def test_defects_are_found_and_located(position):
    pictures, _ = parts()
    detector = small(position=position, contamination=4 / 34).fit(pictures)
    assert np.flatnonzero(detector.labels_ == -1).tolist() == [30, 31, 32, 33]
    new, new_masks = parts(20, 10, seed=1)
    is_defective = np.arange(30) >= 20
    assert roc_auc_score(is_defective, -detector.score_samples(new)) == 1.0
    np.testing.assert_array_equal(detector.score_images(new), detector.score_samples(new))
    heat = detector.heatmap(new)
    assert heat.shape == (30, SIDE, SIDE)
    assert heat.dtype == np.float32
    assert pixel_roc_auc(heat, new_masks) > 0.95
    assert (detector.predict(new)[is_defective] == -1).all()
    patches = detector.score_patches(new)
    assert patches.shape == (30, GRID, GRID)
    np.testing.assert_array_equal(patches.min(axis=(1, 2)), detector.score_samples(new))


@pytest.mark.parametrize(("aligned", "position"), [(True, "padim"), (False, "anywhere")])
def test_whether_pictures_are_aligned_is_found_out(aligned, position):
    pictures, _ = parts(aligned=aligned)
    detector = small().fit(pictures)
    assert detector.position_ == position
    assert (detector.explained_by_position_ > 0.6) == aligned
    assert aligned or abs(detector.explained_by_position_) < 0.2
    new, _ = parts(20, 10, seed=1, aligned=aligned)
    assert roc_auc_score(np.arange(30) >= 20, -detector.score_samples(new)) > 0.95


@pytest.mark.parametrize("position", ["padim", "patchcore"])
def test_labels_clean_what_a_repeated_defect_does_to_blind_training(position):
    """Six pictures of thirty have the same hole, which blind training takes for normal."""
    pictures, _ = parts(24, 6, same_place=True)
    new, _ = parts(20, 10, seed=1, same_place=True)
    gaps = {}
    for method in ("blind", "soft", "hard"):
        detector = small(position=position, contamination=0.2, method=method).fit(pictures)
        scores = -detector.score_samples(new)
        gaps[method] = scores[20:].mean() / scores[:20].mean()
        n_marked = (detector.patch_labels_ == -1).sum(axis=0)
        assert (n_marked == (0 if method == "blind" else 6)).all()
    assert gaps["hard"] > 2 * gaps["blind"]
    assert gaps["hard"] > gaps["soft"] > gaps["blind"]
    assert (detector.patch_labels_[24:, 3, 5] == -1).all()


@pytest.mark.parametrize("position", POSITIONS)
def test_training_pictures_are_scored_as_if_they_were_new(position):
    pictures, _ = parts(25, 0)
    detector = small(position=position).fit(pictures)
    np.testing.assert_array_equal(detector.predict(pictures), detector.labels_)
    np.testing.assert_array_equal(detector.score_samples(pictures), detector._training_scores)
    new, _ = parts(25, 0, seed=1)
    ratio = np.median(detector.score_samples(new)) / np.median(detector.score_samples(pictures))
    assert 0.8 < ratio < 1.25
    one_less = clone(detector).set_params(method="blind").fit(np.delete(pictures, 3, axis=0))
    blind = clone(detector).set_params(method="blind").fit(pictures)
    # The scale of features, and what is shared by cells, still know the picture a little.
    np.testing.assert_allclose(
        blind.score_patches(pictures[3:4]), one_less.score_patches(pictures[3:4]), rtol=0.2
    )


@pytest.mark.parametrize("position", ["padim", "patchcore"])
@pytest.mark.parametrize(
    "turn", [lambda picture: picture[:, ::-1], lambda picture: np.rot90(picture, 2)]
)
def test_a_training_picture_that_is_turned_is_a_new_picture(position, turn):
    """Its patches are the same ones, at other places: it was scored as the training picture."""
    pictures, _ = parts(20, 0)
    detector = small(position=position, contamination=0.1).fit(pictures)
    turned = np.stack([turn(picture) for picture in pictures])
    # Turned pictures that differ a little from those of training, so that none is recognised.
    new = np.stack([turn(picture) for picture in parts(20, 0, seed=1)[0]])
    scores, usual = detector.score_samples(turned), detector.score_samples(new)
    assert np.median(scores) == pytest.approx(np.median(usual), rel=0.1)
    assert scores.max() < detector.score_samples(pictures).min()
    assert (detector.predict(turned) == -1).all()


@pytest.mark.parametrize("position", POSITIONS)
def test_a_folder_that_holds_each_picture_twice(position):
    """With a bank all scores of training were 0, and all new pictures were flagged."""
    pictures = parts(20, 2)[0]
    detector = small(position=position).fit(np.concatenate([pictures, pictures]))
    assert (detector.predict(parts(20, 0, seed=1)[0]) == 1).mean() > 0.9
    assert (detector.predict(parts(0, 5, seed=1)[0]) == -1).all()
    assert (detector.labels_[:22] == detector.labels_[22:]).all()


def test_the_threshold_without_a_contamination():
    pictures, _ = parts(40, 3)
    detector = small().fit(pictures)
    flagged = np.flatnonzero(detector.labels_ == -1)
    assert {40, 41, 42} <= set(flagged)
    assert len(flagged) <= 5
    assert detector.contamination_ == pytest.approx(len(flagged) / 43)
    clean = small().fit(pictures[:40])
    assert clean.contamination_ < 0.06
    assert (clean.predict(parts(40, 0, seed=1)[0]) == 1).mean() > 0.95
    detector.set_threshold(n_flagged=5)
    assert (detector.predict(pictures) == -1).sum() == (detector.labels_ == -1).sum() == 5
    assert detector.p_values(parts(0, 1, seed=2)[0])[0] < 0.1
    with pytest.raises(ValueError, match="PatchDetector: a false_discovery_rate needs pictures"):
        detector.set_threshold(false_discovery_rate=0.1)


def test_a_folder(tmp_path):
    pictures = (255 * parts(12, 1)[0]).round().astype(np.uint8)
    folder = write_folder(tmp_path / "parts", pictures)
    detector = small(contamination=0.1).fit(folder)
    np.testing.assert_allclose(
        detector.score_samples(folder),
        small(contamination=0.1).fit(pictures).score_samples(pictures),
    )
    files = sorted(folder.iterdir())
    assert detector.predict(files[-1:]).tolist() == [-1]
    assert detector.heatmap(files[:2]).shape == (2, SIDE, SIDE)
    assert detector.heatmap(files[:2], size=(10, 20)).shape == (2, 10, 20)


@pytest.mark.parametrize("position", POSITIONS)
def test_copies_and_seeds(position, tmp_path):
    pictures, _ = parts(12, 1)
    detector = small(position=position, n_components=4).fit(pictures)
    new, _ = parts(3, 2, seed=1)
    scores = detector.score_samples(new)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(detector)).score_samples(new), scores)
    np.testing.assert_array_equal(clone(detector).fit(pictures).score_samples(new), scores)
    other = clone(detector).set_params(random_state=1).fit(pictures)
    assert not np.allclose(other.score_samples(new), scores)


@pytest.mark.parametrize("position", slow_but(["padim", "patchcore"], POSITIONS))
def test_models_in_files(position, tmp_path):
    pytest.importorskip("skops", reason="skops is not installed")
    pytest.importorskip("efficientnet_lite_pytorch", reason="extra 'images' is not installed")
    images = ImageFeatures(layers=["_blocks.2"], pooling="grid", grid_size=4, image_size=32)
    pictures, _ = parts(5, 1)
    detector = PatchDetector(images, position=position, random_state=0).fit(pictures)
    lofe_sklearn.save(detector, tmp_path / "model.lofe")
    loaded = lofe_sklearn.load(tmp_path / "model.lofe")
    new, _ = parts(2, 2, seed=1)
    for X in (pictures, new):
        np.testing.assert_array_equal(loaded.heatmap(X), detector.heatmap(X))
        np.testing.assert_array_equal(loaded.predict(X), detector.predict(X))


def test_the_last_step_of_a_pipeline():
    pictures, _ = parts(12, 1)
    darker = FunctionTransformer(lambda X: X / 2)
    pipeline = make_pipeline(darker, small(contamination=0.1)).fit(pictures)
    expected = small(contamination=0.1).fit(pictures / 2).score_samples(pictures / 2)
    np.testing.assert_allclose(pipeline.score_samples(pictures), expected)


def test_parameters_of_the_default_images_can_be_set():
    detector = PatchDetector().set_params(images__grid_size=7)
    assert detector.images.grid_size == 7
    assert detector.images.pooling == "grid"
    assert detector.images.layers == ["_blocks.2", "_blocks.4", "_blocks.10"]


def test_memory_holds_one_batch_of_pictures_at_a_time():
    class Pictures:
        """Counts the pictures that somebody still holds."""

        held, most = 0, 0

        def __len__(self):
            return 20

        def __getitem__(self, i):
            rng = np.random.default_rng(i)
            Pictures.held += 1
            Pictures.most = max(Pictures.most, Pictures.held)
            return Counted(rng.random((SIDE, SIDE)))

    class Counted:
        def __init__(self, pixels):
            self.pixels = pixels

        def __array__(self, dtype=None, copy=None):
            return self.pixels

        def __del__(self):
            Pictures.held -= 1

    detector = small().fit(Pictures())
    detector.heatmap(Pictures())
    assert Pictures.most <= 3


def test_its_scores_are_drawn_and_compared(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    pictures, new = parts(40, 4)[0], parts(40, 4, seed=1)[0]
    detector = small(contamination=0.1).fit(pictures)
    display = ScoresDisplay.from_estimator(detector)
    np.testing.assert_array_equal(display.scores, detector.score_samples(pictures))
    np.testing.assert_array_equal(display.labels, detector.labels_)
    assert display.offset == detector.offset_
    folder = write_folder(tmp_path / "new", (255 * new).astype(np.uint8))
    of_files = ScoresDisplay.from_estimator(make_pipeline(detector), folder, name="parts")
    np.testing.assert_array_equal(of_files.scores, detector.score_samples(folder))
    plt.close("all")
    report = drift_report(detector, folder)
    assert report.in_sample
    assert report.n_reference == 44
    assert report.flagged_reference == pytest.approx(detector.contamination_, abs=1 / 44)
    assert drift_report(detector, new[:40] * 0.8, reference=new[:40]).verdict == "refit"
    assert DriftDisplay.from_estimator(detector, new).report.n_rows == 44
    plt.close("all")
    for draw in (ContaminationDisplay, TrainingDisplay):
        with pytest.raises(TypeError, match="must be LOE, a backbone, .*; got PatchDetector"):
            draw.from_estimator(detector)
    with pytest.raises(
        TypeError, match=r"explain: .* PatchDetector\. Its heatmap\(X\) shows where"
    ):
        explain(detector, new)
    with pytest.raises(NotFittedError):
        ScoresDisplay.from_estimator(small())


# Pictures that cannot be used.


def test_a_folder_of_one_picture(tmp_path):
    folder = write_folder(tmp_path / "one", (255 * parts(1, 0)[0]).astype(np.uint8))
    with pytest.raises(ValueError, match=r"minimum of 2 pictures.*got 1 sample \(.*000\.png\)"):
        small().fit(folder)
    with pytest.raises(NotFittedError):
        small().predict(folder)


@pytest.mark.parametrize("odd", [np.zeros((30, 32), np.uint8), np.zeros((32, 32, 3), np.uint8)])
def test_pictures_of_another_size_or_mode_are_named(tmp_path, odd):
    folder = write_folder(tmp_path / "parts", (255 * parts(4, 0)[0]).astype(np.uint8))
    fitted = small().fit(folder)
    (folder / "odd.png").write_bytes(encoded(odd))
    detector = small()
    with pytest.raises(ValueError, match=r"\(32, 32, 1\); .*odd\.png has .*allow_mixed=True"):
        detector.fit(folder)
    assert not hasattr(detector, "images_")
    for call in (fitted.predict, fitted.heatmap):
        with pytest.raises(ValueError, match=r"odd\.png"):
            call(folder)
    mixed = ImageFeatures(
        Averages(), image_size=SIDE, pooling="grid", grid_size=GRID, allow_mixed=True
    )
    assert small(images=mixed).fit(folder).heatmap(folder).shape == (5, 32, 32)


def test_a_broken_file_is_named(tmp_path):
    folder = write_folder(tmp_path / "parts", (255 * parts(4, 0)[0]).astype(np.uint8))
    (folder / "broken.png").write_bytes(b"no picture")
    skipping = small().images.set_params(on_error="skip")
    # What would be ignored is not recommended.
    with pytest.raises(BrokenImage, match=r"broken\.png.*Mend or remove it\.$"):
        small(images=skipping).fit(folder)


def test_a_picture_for_which_the_network_gives_no_numbers():
    """Its score was NaN, which is not below the threshold: it counted as normal."""
    pictures = parts(8, 0)[0]
    detector = small().fit(pictures)
    bad = pictures.copy()
    bad[1, 3, 3] = 1e30  # whose square is infinite
    for call in (detector.predict, detector.heatmap, detector.fit):
        with pytest.raises(ValueError, match="PatchDetector: .* NaN or infinity for image 1"):
            call(bad)
    bad[1, 3, 3] = 1e39  # infinite in single precision
    with pytest.raises(BrokenImage, match="image 1: some pixels are NaN or infinite"):
        detector.predict(bad)


def test_a_grid_that_is_larger_than_the_maps(tmp_path):
    folder = write_folder(tmp_path / "parts", (255 * parts(4, 0)[0]).astype(np.uint8))
    message = r"grid_size=9 is larger than the maps.*8 by 8 at most for .*000\.png. Set grid_size=8"
    with pytest.raises(ValueError, match=message):
        small(9).fit(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position", "padin"),
        ("contamination", 0.6),
        ("contamination", "half"),
        ("method", "refine"),
        ("n_components", 0),
        ("radius", -1),
        ("bank_size", 0),
        ("smoothing", -1),
        ("max_iter", 0),
        ("random_state", "one"),
        ("images", "efficientnet_lite0"),
        ("images", ImageFeatures(torch.nn.AvgPool2d(4))),
    ],
)
def test_bad_parameters(name, value):
    detector = small().set_params(**{name: value})
    with pytest.raises(ValueError, match=f"PatchDetector: {name} must be"):
        detector.fit(parts(4, 0)[0])
    assert not hasattr(detector, "images_")


def test_images_that_are_changed_after_the_fit():
    """The grid is that of the fit, and no picture is left out."""
    pictures, _ = parts()
    detector = small().fit(pictures)
    expected = detector.score_patches(pictures[-3:]), detector.heatmap(pictures[-3:])
    detector.images_.set_params(grid_size=4, on_error="skip")
    found = detector.score_patches(pictures[-3:]), detector.heatmap(pictures[-3:])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(BrokenImage, match=r"^image 1: .* Mend or remove it\.$"):
        detector.score_samples([pictures[0], b"no picture"])


@pytest.mark.parametrize("size", [(4, 4), (3, 5), (1, 1), (3, 40), (8, 8)])
def test_a_map_smaller_than_the_grid_leaves_no_patch_out(size):
    for place in range(GRID**2):
        cells = np.zeros(GRID**2)
        cells[place] = 1.0
        heat = heat_map(cells.reshape(GRID, GRID), *size, smoothing=0)
        assert heat.shape == size
        if size[1] <= GRID:  # larger maps are interpolated
            assert heat.max() == 1.0
        row, column = np.unravel_index(heat.argmax(), size)
        off = (row + 0.5) / size[0] - (place // GRID + 0.5) / GRID
        assert abs(off) <= 0.5 / size[0] + 0.5 / GRID
        off = (column + 0.5) / size[1] - (place % GRID + 0.5) / GRID
        assert abs(off) <= 0.5 / size[1] + 0.5 / GRID


def test_a_bad_size_of_heat_maps():
    detector = small().fit(parts(4, 0)[0])
    with pytest.raises(ValueError, match="size must be a pair"):
        detector.heatmap(parts(1, 0)[0], size=(0, 5))
    with pytest.raises(ValueError, match="PatchDetector: smoothing must be"):
        detector.set_params(smoothing=-1).heatmap(parts(1, 0)[0])


def test_p_values_by_pictures_that_are_known_to_be_normal(tmp_path):
    detector = small().fit(parts(10, 1)[0])
    new, calibration = parts(3, 1, seed=1)[0], parts(9, 0, seed=2)[0]
    others, scores = detector.score_samples(calibration), detector.score_samples(new)
    expected = [(1 + (others <= score).sum()) / 10 for score in scores]
    folder = write_folder(tmp_path / "empty", [])
    np.testing.assert_allclose(detector.p_values(new, calibration=calibration), expected)
    assert detector.p_values(new, calibration=list(calibration))[-1] == 0.1
    with pytest.raises(ValueError, match="has no images"):
        detector.p_values(new, calibration=folder)
    # One picture that is not in a list.
    with pytest.raises(ValueError, match=r"several images, or one in a list; got .* \(32, 32\)"):
        detector.predict(new[0])


def test_a_second_fit_leaves_the_first_until_it_ends(monkeypatch):
    detector, seen = small(4), []
    first, others = parts(10, 2)[0], parts(12, 2, seed=1)[0]
    learn = _patch_detector.fit_patch_model

    def look(*args, **options):
        try:
            seen.append((detector.score_samples(first), detector.offset_, len(detector.labels_)))
        except NotFittedError:
            seen.append(None)
        return learn(*args, **options)

    monkeypatch.setattr(_patch_detector, "fit_patch_model", look)
    expected = detector.fit(first).score_samples(first), detector.offset_
    detector.fit(others)
    assert seen[0] is None
    np.testing.assert_array_equal(seen[1][0], expected[0])
    assert seen[1][1:] == (expected[1], 12)
    assert len(detector.labels_) == 14


def test_pictures_that_tie_are_no_exceptions():
    # The logarithm's inverse rounds a third of all distances down.
    distances = np.random.default_rng(0).uniform(0.1, 30, 200).astype(np.float32)
    for distance in distances.astype(np.float64):
        assert standing_out(np.full(6, distance)) >= distance
    pictures, _ = parts(2, 0)
    several = np.concatenate([pictures, np.repeat(pictures[1:], 4, axis=0)])
    for seed in range(8):
        detector = small(4, position="patchcore", random_state=seed).fit(several)
        assert (detector.labels_[1:] == 1).all()
        np.testing.assert_array_equal(detector.predict(several), detector.labels_)


def test_the_median_deviation_of_copies_is_replaced_by_the_mean_one():
    distances = np.exp([0.0] * 6 + [0.1, 0.2, 0.3, 0.4])
    # Of the logarithms the median is 0, and so is that of their sizes; the mean is 0.1.
    assert standing_out(distances) == pytest.approx(np.exp(3.5 * np.sqrt(np.pi / 2) * 0.1))
    pictures, _ = parts(12, 0)
    several = np.concatenate([pictures, np.repeat(pictures[:1], 16, axis=0)])
    detector = small(4, position="patchcore", random_state=0).fit(several)
    scores = detector.score_samples(several)
    assert (scores[1:12] < scores[0]).any()  # less normal than the copies, but not by much
    assert (detector.labels_ == 1).all()
    several[1, 8:16, 8:16] = 0
    labels = small(4, position="patchcore", random_state=0).fit(several).labels_
    assert np.flatnonzero(labels == -1).tolist() == [1]
