"""What the parameters of LOE may be, and what those left open stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from lofe_sklearn import engine
from lofe_sklearn._loe import _ratio
from lofe_sklearn._training import SKETCHED, n_inputs_of
from lofe_sklearn._validation import (
    MOST_PARTS,
    N_JOBS,
    RANDOM_STATE,
    AnyOf,
    Constraint,
    Number,
    OneOf,
    check_parameters,
    did_you_mean,
)
from lofe_sklearn.backbones import AutoEncoder, Backbone, DeepSVDD, RealNVP
from lofe_sklearn.rules import AAR, ALTBI, ODIM, LabelRule, Margin, PURisk

OneMethod: TypeAlias = (
    Literal["hard", "soft", "refine", "blind"]
    | Callable[[Tensor, Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]
)
Method: TypeAlias = Literal["auto"] | OneMethod | Sequence[OneMethod]

# Of a few hundred rows each is seen so often then that networks know them by heart, the anomalies
# too: more epochs rank rows worse (study `nothing-chosen`, 80 and 300 rows).
_MOST_EPOCHS = 80
# Learning rate of the default backbones as members of an ensemble, over that which they have alone.
_BRISK = 3.0
# Which part of their own epochs is enough then, and how many epochs at least. A step of the flow
# takes longest.
_ENOUGH_EPOCHS: dict[type, tuple[int, int]] = {
    DeepSVDD: (2, 20),
    AutoEncoder: (2, 10),
    RealNVP: (5, 2),
}
# From so many features on an autoencoder stands in for Deep SVDD. With numbers it is about as good
# there, and with one-hot columns much better.
_WIDE = 40
# From more features than these on both see sums of them: see `scaling="sketched"`.
_MANY = 1024
# Batches of these two grow with the rows, so that a pass has no more steps than these, until they
# are so many times as large. The learning rate grows with the square root of the batch.
_STEPS_OF_AN_EPOCH, _MOST_GROWTH = 13, 4
# Rows that they are trained on at most: see `most_rows`.
_ENOUGH_ROWS = 50_000
_SHARE = AnyOf(Number(Integral, low=1), Number(low=0, high=1, exclude_low=True, noun="a float"))

CONSTRAINTS: dict[str, Constraint] = {
    "contamination": _ratio.CONSTRAINT,
    "n_estimators": Number(Integral, low=1, optional=True, most=MOST_PARTS),
    "max_samples": AnyOf(OneOf(("auto",)), _SHARE),
    "max_features": _SHARE,
    "label_update": OneOf(("auto", "batch", "epoch")),
    "warmup_epochs": Number(Integral, low=0, optional=True),
    "known_weight": Number(low=0, exclude_low=True, optional=True),
    "outlier_weight": Number(low=0, exclude_low=True),
    "held_out_folds": Number(Integral, low=2, optional=True),
    "keep": OneOf(("partial", None)),
    "warm_start": OneOf((False, True)),
    "n_jobs": N_JOBS,
    "verbose": Number(Integral, low=0),
    "random_state": RANDOM_STATE,
}


def is_auto(value: Any) -> bool:
    """Whether a parameter is the text "auto"; ``==`` alone would compare each value of an array."""
    return isinstance(value, str) and value == "auto"


def backbones_of(estimator: Any) -> list[Any]:
    """Return what members are copies of, in turn.

    Where nothing is given: two kinds whose mistakes differ, a distance and a density. Together they
    are, on the mean over benchmarks, better than each alone. With an autoencoder as a third they
    were not better, and took longer (study `default-kinds`).
    """
    if estimator is None:
        return [DeepSVDD(), RealNVP()]
    return list(estimator) if isinstance(estimator, (list, tuple)) else [estimator]


def for_rows_of(estimator: Any, n_samples: int, n_features: int) -> list[Any]:
    """Return the backbones for rows of a shape: those of `backbones_of`, where these are given.

    Where nothing is given an autoencoder stands in for Deep SVDD if the rows are wide. They are
    trained at three times their learning rate. Half of their steps are then enough, as long as
    these are 20 epochs, or 10 of the autoencoder's, and a fifth of the flow's: over the benchmarks'
    sets members rank as well as after all steps. After more than 80 epochs they rank worse. All but
    the flow also do in larger batches, of more than 2,000 rows. Those go by distances, to which one
    far value makes all others alike, so they cut such values off. The flow sees them: it is there
    to find rows that are extreme. Of rows that are much wider all see sums of features: a step
    takes no longer then, and rows are ranked as well (study `wide-rows`).
    """
    backbones = backbones_of(estimator)
    if estimator is None:
        if n_features >= _WIDE:
            backbones = [AutoEncoder(), RealNVP()]
        n_samples = min(n_samples, _ENOUGH_ROWS)
        for each in backbones:
            if n_features > _MANY:
                each.set_params(scaling=SKETCHED)
            elif not isinstance(each, RealNVP):
                each.set_params(scaling="winsorized")
            whole = epochs_of(each, n_samples, n_features)
            part, least = _ENOUGH_EPOCHS[type(each)]
            n_epochs = min(max(-(-whole // part), min(whole, least)), _MOST_EPOCHS)
            each.set_params(lr=_BRISK * each.lr, max_epochs=n_epochs)
            if not isinstance(each, RealNVP):
                growth = n_samples / (_STEPS_OF_AN_EPOCH * each.batch_size)
                growth = min(max(1.0, growth), _MOST_GROWTH)
                each.set_params(
                    batch_size=round(growth * each.batch_size), lr=growth**0.5 * each.lr
                )
    return backbones


def epochs_of(backbone: Backbone, n_samples: int, n_features: int) -> int:
    """Return the epochs of a backbone whose scaling is decided."""
    return backbone.choose_max_epochs(n_samples, n_inputs_of(backbone.scaling, n_features))


def most_rows(estimator: Any) -> int | None:
    """Return how many rows the backbones are trained on at most; None for all there are.

    The default ones need a number of steps, whatever the number of rows, and see each row several
    times. With more rows than these they rank no better (study `large-sets`).
    """
    return _ENOUGH_ROWS if estimator is None else None


def check_backbones(templates: Sequence[Any]) -> None:
    """Raise TypeError or ValueError unless these are backbones with valid parameters."""
    for template in templates:
        if not isinstance(template, Backbone):
            got = template.__name__ if isinstance(template, type) else type(template).__name__
            raise TypeError(
                "LOE: estimator must be an instance of a backbone, such as NeuTraL(), "
                f"DeepSVDD() or AutoEncoder(), or a list of such; got {got}. A class needs "
                "parentheses; a Pipeline goes around LOE, as in "
                "make_pipeline(scaler, LOE(NeuTraL()))."
            )
        template._check_parameters()
    if not templates:
        raise ValueError("LOE: estimator must hold at least one backbone; got an empty list.")


def amount_of(name: str, value: Any, available: int, least: int) -> int:
    """How many rows or features a share or a number of them is.

    Raises
    ------
    ValueError
        If it is more than there are, or too few.
    """
    amount = int(value) if isinstance(value, Integral) else round(value * available)
    if amount > available:
        raise ValueError(
            f"LOE: {name}={value} is more than X has ({available}). Lower it, or give a share in "
            "(0, 1]."
        )
    if amount < least:
        raise ValueError(
            f"LOE: {name}={value} leaves {amount} of {available}; at least {least} are needed. "
            "Raise it."
        )
    return amount


def methods_of(method: Any, n_backbones: int) -> list[Any]:
    """Return the method of each backbone: those of a list, or the same for all.

    ``"auto"`` is ``"hard"``. `LOE` with nothing chosen but the ratio has a list of its own.

    Raises
    ------
    ValueError
        If a list does not have one for each backbone, or holds what is no method.
    """
    if not isinstance(method, (list, tuple)):
        return [_named(method)] * n_backbones
    if len(method) != n_backbones:
        raise ValueError(
            "LOE: a list of methods must have one for each backbone of estimator, in their order; "
            f"got {len(method)} for {n_backbones}. A single method, as method='hard', is that of "
            "all backbones."
        )
    return [_named(each) for each in method]


def _named(method: Any) -> Any:
    """Return a method, checked, with what "auto" stands for filled in."""
    named = "hard" if is_auto(method) else method
    label_rule(named)
    return named


def check_warmup(warmup: int | None, n_epochs: Sequence[int], methods: Sequence[Any]) -> None:
    """Raise ValueError if the warm-up leaves one of the backbones no epoch to infer labels in."""
    for available, method in zip(n_epochs, methods, strict=True):
        if labels_rows(method) and (warmup or 0) >= available:
            raise ValueError(
                f"LOE: warmup_epochs={warmup} must be below the estimator's "
                f"max_epochs={available}, or no label would be inferred. Lower warmup_epochs or "
                "raise max_epochs."
            )


def labels_rows(method: Any) -> bool:
    """Whether a valid `method` labels rows at all."""
    return method.labels_rows if isinstance(method, LabelRule) else method != "blind"


def known_weight(given: float | None, method: Any) -> float | None:
    """Return what the parameter `known_weight` stands for with a valid `method`."""
    if given is None and isinstance(method, LabelRule):
        return method.known_weight
    return given


def check_known(method: Any, known: np.ndarray | None, *, again: bool = False) -> None:
    """Raise ValueError if a valid `method` cannot be used with these known labels.

    With `again` there were known anomalies in parts of the rows that came earlier.
    """
    if not isinstance(method, LabelRule) or not method.needs_known_anomalies:
        return
    n_anomalies = 0 if known is None else int((known < 0).sum())
    n_normal = 0 if known is None else int((known > 0).sum())
    if (n_anomalies == 0 and not again) or n_normal > 0:
        raise ValueError(
            f"LOE: method={method!r} is for known anomalies without known normal rows; got "
            f"{n_anomalies} known anomalies and {n_normal} known normal rows. Pass "
            'fit(X, known_anomalies=mask), or take method="hard", which uses both kinds or none.'
        )


def course_of(method: Any) -> engine.Course:
    """Return what a valid `method` asks of the training besides labels.

    Raises
    ------
    TypeError
        If a user's rule returns anything else.
    """
    course = method.course() if isinstance(method, LabelRule) else engine.Course()
    if not isinstance(course, engine.Course):
        raise TypeError(
            f"LOE: {type(method).__name__}.course() must return a lofe_sklearn.rules.Course; got "
            f"{type(course).__name__}. Return Course() where it asks for nothing."
        )
    return course


def label_rule(method: Any) -> engine.Rule:
    """Return the label rule that `method` names, or the user's own with a check around it.

    Raises
    ------
    ValueError
        If `method` is none, or a parameter of it is out of its range.
    """
    if isinstance(method, type) and issubclass(method, LabelRule):
        raise ValueError(
            f"LOE: method must be an instance; got the class {method.__name__}. Pass "
            f"method={method.__name__}()."
        )
    if isinstance(method, LabelRule):
        check_parameters(method, method.parameter_constraints)
    if type(method) in (AAR, ALTBI, ODIM, Margin, PURisk):
        return method
    if callable(method):
        return _checked_rule(method)
    if isinstance(method, str) and method in engine.RULES:
        return engine.RULES[method]
    known_methods = ", ".join(map(repr, ("auto", *engine.RULES)))
    raise ValueError(
        f"LOE: method must be one of {known_methods}, a rule of lofe_sklearn.rules such as AAR(), "
        f"or a callable (loss_n, loss_a, alpha, known) -> (w_n, w_a); got {method!r}."
        f"{did_you_mean(method, ('auto', *engine.RULES))}"
    )


def _checked_rule(method: Callable) -> engine.Rule:
    """Wrap a user's label rule with a check of what it returns."""

    def rule(
        loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        # Copies, since a rule may compute in place.
        given = (None if t is None else t.detach().clone() for t in (loss_n, loss_a, alpha, known))
        weights = method(*given)
        is_pair = isinstance(weights, (tuple, list)) and len(weights) == 2
        shapes = [tuple(getattr(w, "shape", ())) for w in weights] if is_pair else None
        if shapes != [tuple(loss_n.shape)] * 2:
            raise ValueError(
                f"LOE: the callable method must return two weight tensors of shape "
                f"{tuple(loss_n.shape)}, (w_n, w_a); got "
                f"{type(weights).__name__ if shapes is None else f'shapes {shapes}'}."
            )
        # Of losses that are not finite, nor are the weights: the training says that it diverged.
        if bool(loss_n.isfinite().all() & loss_a.isfinite().all()):
            _check_weights(weights, loss_n.device)
        # numpy's are mostly in double precision. A rule with parameters of its own may leave a
        # gradient, but labels are constants of the training.
        w_n, w_a = (torch.as_tensor(w).detach().to(loss_n) for w in weights)
        return w_n, w_a

    return rule


def _check_weights(weights: Sequence[Any], device: torch.device) -> None:
    """Raise ValueError unless a user's rule returned dense tensors of finite real numbers."""
    for name, weight in zip(("w_n", "w_a"), weights, strict=True):
        if not isinstance(weight, Tensor):
            got = f"{type(weight).__name__}; torch.as_tensor({name}) makes it a tensor"
        elif weight.is_complex():
            got = f"complex numbers, {weight.dtype}"
        elif weight.layout is not torch.strided:
            got = f"a tensor of the layout {weight.layout}; {name}.to_dense() is plain"
        elif weight.is_meta:
            got = f"no values, on the device meta; compute it on {device}, where the losses are"
        elif not weight.isfinite().all():
            bad = weight[~weight.isfinite()].flatten()[0].item()
            got = f"{bad}; guard divisions and logarithms, with torch.clamp for example"
        else:
            continue
        raise ValueError(
            f"LOE: the weights that the callable method returns must be tensors of finite real "
            f"numbers; {name} holds {got}."
        )
