"""How detectors look in a notebook."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from lofe_sklearn import (
    LOE,
    AutoEncoder,
    DeepSVDD,
    LOESearchCV,
    backbones,
    features,
    rules,
    tabular,
)
from lofe_sklearn._notebook import DOCUMENTATION
from lofe_sklearn._training import _seen_rows

ROOT = Path(__file__).resolve().parents[1]
X = np.random.default_rng(0).normal(size=(60, 3))
y = np.repeat([0, 1], [54, 6])
LINKED = [
    LOE(),
    LOESearchCV(LOE(), {}),
    *(getattr(backbones, name)() for name in ("NeuTraL", "ICL", "GOAD", "DeepSVDD", "MHRot")),
    *(rules.AAR(), rules.ALTBI(), rules.ODIM(), rules.Margin()),
    tabular.TableFeatures(),
    *(features.ImageFeatures(), features.VideoFeatures(), features.TemporalSmoothing(LOE())),
]


def shown(detector):
    """What a notebook shows, both ways."""
    whole, bundle = detector._repr_html_(), detector._repr_mimebundle_()
    assert bundle["text/plain"] == repr(detector)
    summary, _, diagram = whole.partition("</table>")
    assert bundle["text/html"].startswith(summary)
    assert "sk-top-container" in diagram
    return summary


def test_a_fitted_loe():
    detector = LOE([DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)], n_estimators=3)
    detector.set_params(evidence=["iforest", "knn"], random_state=0).fit(X)
    summary = shown(detector)
    low, high = detector.contamination_interval_
    n_flagged = int((detector.score_samples(X) < detector.offset_).sum())
    for text in (
        "2 DeepSVDD, 1 AutoEncoder",
        f"{100 * detector.contamination_:.3g} % (interval {100 * low:.2g} to {100 * high:.2g} %)",
        f"{detector.offset_:.4g}: {n_flagged} of 60 training rows",
        "iforest, knn",
        f'href="{DOCUMENTATION}generated/lofe_sklearn.LOE.html"',
    ):
        assert text in summary
    detector.set_threshold(n_flagged=7)
    assert "7 of 60 training rows" in shown(detector)


def test_a_ratio_that_was_given_has_no_interval():
    detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, random_state=0).fit(X)
    summary = shown(detector)
    assert ">10 %</td>" in summary
    assert ">none</td>" in summary


@pytest.mark.parametrize("kind", [DeepSVDD, AutoEncoder])
def test_a_fitted_backbone(kind):
    summary = shown(kind(max_epochs=2, random_state=0).fit(X))
    assert "6 of 60 training rows" in summary
    assert "2 epochs, 3 features" in summary
    assert "Contamination" not in summary


def test_a_fitted_search():
    pipeline = make_pipeline(StandardScaler(), LOE(DeepSVDD(max_epochs=1), random_state=0))
    search = LOESearchCV(pipeline, {"loe__contamination": [0.05, 0.1]}, cv=2)
    summary = shown(search.fit(X, y))
    for text in ("2 candidates, 2 folds", "loe__contamination=", "1 DeepSVDD", "LOESearchCV.html"):
        assert text in summary
    searched = LOESearchCV(pipeline, {}, cv=2, refit=False).fit(X, y)
    assert "1 candidate, 2 folds" in shown(searched)
    assert "Threshold" not in shown(searched)


def test_text_is_escaped():
    class Odd(str):
        def __repr__(self):
            return "<b>bold</b>"

    search = LOESearchCV(DeepSVDD(max_epochs=1), {"device": [Odd("cpu")]}, cv=2).fit(X, y)
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown(search)
    assert "<b>bold" not in shown(search)


def test_unfitted_is_scikit_learns():
    for detector in (LOE(), DeepSVDD(), LOESearchCV(LOE(), {})):
        assert "lofe-summary" not in detector._repr_html_()
        assert "lofe-summary" not in detector._repr_mimebundle_()["text/html"]


def test_where_diagrams_are_switched_off():
    detector = DeepSVDD(max_epochs=1, random_state=0).fit(X)
    with config_context(display="text"):
        assert not hasattr(detector, "_repr_html_")
        assert set(detector._repr_mimebundle_()) == {"text/plain"}


@pytest.mark.parametrize("estimator", LINKED, ids=lambda e: type(e).__name__)
def test_links_lead_to_pages_of_the_reference(estimator):
    link = estimator._get_doc_link()
    assert link in estimator_html_repr(estimator)
    start, _, page = link.partition("generated/")
    assert start == DOCUMENTATION
    module, _, name = page.removesuffix(".html").rpartition(".")
    reference = (ROOT / "docs" / "reference" / "api.rst").read_text(encoding="utf-8")
    listed = reference.split(f".. currentmodule:: {module}\n")[1:]
    assert any(f"   {name}\n" in part.partition(".. currentmodule::")[0] for part in listed)


def test_steps_of_a_pipeline_are_linked():
    shown = estimator_html_repr(make_pipeline(StandardScaler(), LOE()))
    assert "lofe_sklearn.LOE.html" in shown


def test_classes_of_users_have_no_page():
    class Own(DeepSVDD):
        pass

    detector = Own(max_epochs=1, random_state=0).fit(X)
    assert detector._get_doc_link() == ""
    assert "Documentation" not in shown(detector)


def test_the_address_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"]["Documentation"] == DOCUMENTATION


def test_one_of_a_kind_is_not_in_the_plural():
    summary = shown(DeepSVDD(max_epochs=1, random_state=0).fit(np.eye(9)[:, :1]))
    assert "1 epoch, 1 feature" in summary
    assert "1 epochs" not in summary
    assert "1 features" not in summary


def test_a_fit_to_parts_counts_all_rows(monkeypatch):
    monkeypatch.setattr(_seen_rows, "_LEAST", 20)
    monkeypatch.setattr(_seen_rows, "_MOST", 20)
    detector = DeepSVDD(contamination=0.1, random_state=0).partial_fit(X)
    assert "about 10 % of 60 training rows have a lower score" in shown(detector)
    assert "6 of 60 training rows have" in shown(detector.fit(X))
