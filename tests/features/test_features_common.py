"""scikit-learn's own checks of what is public here."""

import pytest
import torch
from sklearn.ensemble import IsolationForest
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from lofe_sklearn.features import ImageFeatures, TemporalSmoothing, VideoFeatures


class NoWeights(torch.nn.Module):
    """A small network. What holds tensors has no stable hash, which one of the checks asks for."""

    def forward(self, images):
        weights = torch.linspace(-1, 1, 108).sin().reshape(4, 3, 3, 3)
        return torch.nn.functional.conv2d(images, weights).relu()


SMALL = ImageFeatures(NoWeights(), image_size=8, device="cpu")


@pytest.mark.filterwarnings("ignore:.*do not look like square images:UserWarning")
@pytest.mark.filterwarnings("ignore:.*are taken to lie between 0 and 1:UserWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        SMALL,
        VideoFeatures(SMALL, motion=None),
        VideoFeatures(SMALL),
        TemporalSmoothing(IsolationForest(n_estimators=5, random_state=0)),
    ],
    ids=["ImageFeatures", "VideoFeatures without motion", "VideoFeatures", "TemporalSmoothing"],
)
def test_scikit_learns_own_checks(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    skipped = [r["check_name"] for r in results if r["status"] == "skipped"]
    assert not failed
    assert set(skipped) <= {"check_array_api_input"}  # unless SCIPY_ARRAY_API is set
    assert len(results) >= 40


@pytest.mark.filterwarnings("ignore:.*do not look like square images:UserWarning")
@pytest.mark.filterwarnings("ignore:.*are taken to lie between 0 and 1:UserWarning")
def test_scikit_learns_checks_of_what_a_network_could_break():
    """Those where a network that is loaded, copied or changed by a fit would show."""
    pytest.importorskip("efficientnet_lite_pytorch", reason="extra 'images' is not installed")
    names = {
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_fit_idempotent",
        "check_methods_subset_invariance",
        "check_transformer_general",
    }
    images = ImageFeatures(image_size=32, device="cpu")
    for estimator, check in estimator_checks_generator(images):
        name = getattr(check, "func", check).__name__
        if name in names:
            check(estimator)
            names.discard(name)  # some are there twice
    assert not names
