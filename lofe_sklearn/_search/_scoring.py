"""Read `scoring`, and check that y and the folds suffice for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer as scorer_of_scikit_learn
from sklearn.metrics import get_scorer_names as names_of_scikit_learn
from sklearn.pipeline import Pipeline

from lofe_sklearn._validation import did_you_mean, warn_user
from lofe_sklearn.metrics import (
    ExcessMassScorer,
    OutlierScorer,
    get_scorer,
    get_scorer_names,
    is_anomaly,
)
from lofe_sklearn.metrics._label_free import rows_in_a_box

Scoring = Callable | dict[str, Callable]

_WITH_LABELS = "roc_auc"
_WITHOUT_LABELS = "excess_mass"


def resolve_scoring(scoring: Any, *, has_labels: bool) -> Scoring:
    """One scorer, or several by name."""
    if scoring is None:
        return get_scorer(_WITH_LABELS if has_labels else _WITHOUT_LABELS)
    if isinstance(scoring, str) or callable(scoring):
        return _scorer(scoring)
    if isinstance(scoring, Mapping):
        several = {name: _scorer(scorer) for name, scorer in scoring.items()}
    elif isinstance(scoring, (list, tuple, set)):
        for name in scoring:
            if not isinstance(name, str):
                raise ValueError(
                    f"LOESearchCV: a list of scorers is one of names; got {name!r} in it. Name it "
                    "with a dict, as in {'mine': scorer}."
                )
        if len(set(scoring)) < len(scoring):
            raise ValueError(f"LOESearchCV: scoring names a scorer twice; got {scoring!r}.")
        several = {name: _scorer(name) for name in scoring}
    else:
        raise ValueError(
            "LOESearchCV: scoring must be a name, a callable (estimator, X, y), a list of names, "
            f"a dict of either, or None; got {scoring!r}."
        )
    if not several:
        raise ValueError("LOESearchCV: scoring must hold at least one scorer; got none.")
    if not all(isinstance(name, str) for name in several):
        raise ValueError(f"LOESearchCV: scorers are named by strings; got {list(several)!r}.")
    return several


def _scorer(scoring: Any) -> Callable:
    if (
        isinstance(scoring, str)
        and scoring not in get_scorer_names()
        and scoring in names_of_scikit_learn()
    ):
        raise ValueError(
            f"LOESearchCV: {scoring!r} is a scorer of scikit-learn, which treats the normal rows "
            "as the class to be found, so that it ranks candidates from worst to best if 1 stands "
            f"for anomalies. Those of this package are {', '.join(map(repr, get_scorer_names()))}. "
            f"If it is what you want, pass it as scoring=sklearn.metrics.get_scorer({scoring!r})."
        )
    return get_scorer(scoring)


def warn_of_foreign_scorers(scoring: Scoring, y: Any) -> None:
    """Warn of scikit-learn scorers that rank candidates from worst to best with these labels.

    They expect that rows of the greater label score high, and that `predict` returns 1 for them.
    Those are the normal rows, so the scorers are wrong if 1, or True, stands for anomalies.
    """
    if y is None or not _is_one_for_anomalies(y):
        return
    metrics = {repr(scorer_of_scikit_learn(name)) for name in names_of_scikit_learn()}
    metrics = {metric.partition(",")[0].rstrip(")") for metric in metrics}
    for scorer in as_dict(scoring).values():
        # By the text of the scorer, which alone is public; a scorer with a negative sign is
        # deliberate.
        text = repr(scorer)
        known = text.partition(",")[0].rstrip(")") in metrics
        if known and "greater_is_better=False" not in text:
            warn_user(
                f"LOESearchCV: scoring={text} is scikit-learn's. It takes the label 1 for normal "
                "rows, which score high, but in y it stands for anomalies: candidates are ranked "
                "from worst to best. Use the scorers of lofe_sklearn.metrics, such as "
                "scoring='roc_auc', or hand scikit-learn's y = np.where(is_anomaly(y), -1, 1)."
            )


def _is_one_for_anomalies(y: Any) -> bool:
    labels = np.asarray(y)
    return labels.dtype.kind in "biuf" and set(np.unique(labels).tolist()) == {0, 1}


def as_dict(scoring: Scoring) -> dict[str, Callable]:
    """Scorers by name; a single one is called "score", as in the names of its results."""
    return scoring if isinstance(scoring, dict) else {"score": scoring}


def routed_as(name: str) -> str:
    """Name of a scorer in the metadata routing."""
    return f"scorer_{name}"


def looks_at_labels(scoring: Scoring) -> bool:
    """Whether a scorer may need y: all that are not known to ignore it."""
    return any(not isinstance(s, ExcessMassScorer) for s in as_dict(scoring).values())


def check_refit(refit: Any, scoring: Scoring) -> None:
    """Raise ValueError unless `refit` says which of several scores to choose by."""
    if not isinstance(scoring, dict) or refit is False or callable(refit):
        return
    if not (isinstance(refit, str) and refit in scoring):
        raise ValueError(
            "LOESearchCV: of several scorers, refit must name the one to choose by, "
            f"{', '.join(map(repr, scoring))}, or be a callable or False; got {refit!r}."
            f"{did_you_mean(refit, scoring)}"
        )


def check_scorable(
    scoring: Scoring,
    estimator: Any,
    X: Any,
    y: Any,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    refit: bool | str | Callable,
) -> None:
    """Check before the training that the scores can be computed.

    Raises
    ------
    ValueError
        If there are no labels for a scorer that needs some, if they cannot be read, or if the score
        to choose by cannot be computed: from rows that are no numbers, or on a fold that has only
        anomalies, or none.

    Warns
    -----
    UserWarning
        If a score that is not used for the choice cannot be computed. It will be NaN.
    """
    name = refit if isinstance(scoring, dict) and isinstance(refit, str) else "score"
    chosen_by = as_dict(scoring).get(name)
    # A detector by itself says which columns it cannot use.
    if isinstance(chosen_by, ExcessMassScorer) and isinstance(estimator, Pipeline):
        rows_in_a_box(X)
    needy = [name for name, s in as_dict(scoring).items() if isinstance(s, OutlierScorer)]
    if not needy:
        return
    scorer = as_dict(scoring)[needy[0]]
    if y is None:
        raise ValueError(
            f"LOESearchCV: {scorer!r} needs labels; pass them as y, or choose a scorer that needs "
            f"none, scoring={_WITHOUT_LABELS!r}."
        )
    anomalous = is_anomaly(y, name="LOESearchCV: y")
    poor = [
        f"fold {number} has no test rows"
        if len(test) == 0
        else f"those of fold {number} are all {'anomalies' if anomalous[test].all() else 'normal'}"
        for number, (_, test) in enumerate(splits)
        if anomalous[test].all() or not anomalous[test].any()
    ]
    if not poor:
        return
    if anomalous.all() or not anomalous.any():
        poor = [f"y holds {'anomalies' if anomalous.all() else 'normal rows'} only"]
    message = (
        f"LOESearchCV: {scorer!r} needs anomalies and normal rows among the test rows, but "
        f"{', '.join(poor[:3])}{' ...' if len(poor) > 3 else ''}. Use "
        "lofe_sklearn.model_selection.OutlierStratifiedKFold, or fewer folds."
    )
    if isinstance(chosen_by, OutlierScorer) and refit is not False and not callable(refit):
        raise ValueError(message)
    warn_user(message + " The score will be NaN.")
