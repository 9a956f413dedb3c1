"""How detectors look in a notebook: scikit-learn's diagram, below a summary of what was fitted.

Only fitted detectors have a summary.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

# As in pyproject.toml.
DOCUMENTATION = "https://lofe-sklearn.github.io/lofe_sklearn/"
_PACKAGE = "lofe_sklearn"
# In the colours of the page, light or dark.
_STYLE = "border-collapse:collapse;margin:0.3em 0 0.6em 0;text-align:left;background:transparent"
_CELL = "padding:0.1em 1em 0.1em 0;text-align:left;vertical-align:top"


class DocumentationMixin:
    """Links the diagram of an estimator to its page in the documentation of this package.

    Classes that users derive have no page there, and no link.
    """

    # The names are those that scikit-learn's diagrams look for.
    _doc_link_module = _PACKAGE

    @property
    def _doc_link_template(self) -> str:
        # The complete address: versions of scikit-learn fill in templates in different ways.
        return page_of(type(self))


class NotebookMixin(DocumentationMixin):
    """Shows a summary of the fitted detector above scikit-learn's diagram."""

    @property
    def _repr_html_(self) -> Callable[[], str]:
        # An AttributeError where the diagram is switched off, as in scikit-learn.
        diagram: Callable[[], str] = super()._repr_html_  # type: ignore[misc]
        return lambda: self._html_summary() + diagram()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] = self._html_summary() + bundle["text/html"]
        return bundle

    def _summary(self) -> dict[str, str]:
        """Say what was fitted: lines of text by their titles."""
        return summary_of(self)

    def _html_summary(self) -> str:
        """Return the summary as a table; nothing if the detector is not fitted."""
        try:
            check_is_fitted(self)
        except NotFittedError:
            return ""
        lines = [(title, escape(text)) for title, text in self._summary().items()]
        if type(self).__module__.partition(".")[0] == _PACKAGE:
            page = f'<a href="{page_of(type(self))}" rel="noreferrer" target="_blank">'
            lines.append(("Documentation", f"{page}{type(self).__name__}</a>"))
        rows = "".join(
            f'<tr><th scope="row" style="{_CELL}">{escape(title)}</th>'
            f'<td style="{_CELL}">{text}</td></tr>'
            for title, text in lines
        )
        return f'<table class="lofe-summary" style="{_STYLE}"><tbody>{rows}</tbody></table>'


def page_of(kind: type) -> str:
    """Return the address of a public class's page, by the name that users import."""
    parts = kind.__module__.split(".")
    public = [part for part in parts[1:] if not part.startswith("_")]
    # The package's own names are listed without importing any of them.
    if kind.__name__ in sys.modules[_PACKAGE].__all__:
        public = []
    return f"{DOCUMENTATION}generated/{'.'.join([_PACKAGE, *public, kind.__name__])}.html"


def summary_of(detector: Any) -> dict[str, str]:
    """Say what was fitted, by the public attributes of `LOE` or a backbone."""
    members = getattr(detector, "estimators_", None)
    summary = {}
    if members is not None:
        kinds = Counter(type(member).__name__ for member in members)
        summary["Backbones"] = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        summary["Contamination"] = _ratio(detector)
    summary["Threshold"] = f"{detector.offset_:.4g}: {_flagged(detector)} a lower score"
    if members is not None:
        evidence = detector.evidence_
        summary["Evidence"] = "none" if not evidence else ", ".join(map(str, evidence))
    epochs = counted(detector.n_iter_, "epoch")
    summary["Training"] = f"{epochs}, {counted(detector.n_features_in_, 'feature')}"
    return summary


def _flagged(detector: Any) -> str:
    """Say how many training rows have a lower score than the threshold, with the verb."""
    scores = detector._training_scores
    below, n_rows = scores < detector.offset_, detector._n_rows_seen
    if n_rows is not None and n_rows != len(scores):  # the scores stand for more rows
        return f"about {100 * np.mean(below):.2g} % of {n_rows} training rows have"
    n_flagged = int(np.count_nonzero(below))
    has = "has" if n_flagged == 1 else "have"
    return f"{n_flagged} of {len(scores)} training rows {has}"


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, such as ``2 rows``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _ratio(detector: Any) -> str:
    low, high = detector.contamination_interval_
    text = f"{100 * detector.contamination_:.3g} %"
    return f"{text} (interval {100 * low:.2g} to {100 * high:.2g} %)" if low < high else text
