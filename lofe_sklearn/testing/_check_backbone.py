"""The call that goes through all checks."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from lofe_sklearn import engine
from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._training import fit_scaling
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.testing._findings import find_no_gain_from_labels, find_no_lower_bound
from lofe_sklearn.testing._fit_checks import FIT_CHECKS
from lofe_sklearn.testing._module_checks import MODULE_CHECKS


def check_backbone(
    estimator: Backbone,
    X: np.ndarray | None = None,
    *,
    scikit_learn: bool = True,
) -> list[str]:
    """Check that a backbone keeps the contract that `LOE` and scikit-learn rely on.

    Parameters
    ----------
    estimator : Backbone
        An instance with few epochs, so that this takes seconds: some twenty, on 250 rows.
    X : ndarray of shape (n_samples, n_features), optional
        Normal rows to check it on, at least 100. Default: 200 rows of 6 correlated features.
        Anomalies are made from them and moved away.
    scikit_learn : bool, default=True
        Whether to run scikit-learn's `check_estimator` too, which takes most of the time.

    Returns
    -------
    passed : list of str
        The checks that were passed, in order.

    Raises
    ------
    AssertionError
        If a check fails. Other errors, raised by the backbone itself, are passed on.

    Warns
    -----
    UserWarning
        If the anomaly loss has no lower bound, or if `LOE` does not separate planted anomalies
        better than blind training does. Such a check is not among the passed ones.

    Examples
    --------
    >>> from lofe_sklearn import AutoEncoder
    >>> passed = check_backbone(AutoEncoder(max_epochs=20), scikit_learn=False)
    """
    with engine.plain_torch():
        _check_declaration(estimator)
        if X is not None:
            check_plain_values(X, "X", "check_backbone")
        normal = _normal_rows() if X is None else np.asarray(X)
        resolved = estimator.resolved(normal)
        rows = torch.from_numpy(_scaled(resolved, normal))
        for check in MODULE_CHECKS.values():
            check(resolved, rows)
        for check_fit in FIT_CHECKS.values():
            check_fit(estimator, normal)
        passed = ["estimator", *MODULE_CHECKS, *FIT_CHECKS]
        findings = {
            "the anomaly loss has a lower bound": find_no_lower_bound(resolved, rows),
            "LOE's labels beat blind training": find_no_gain_from_labels(estimator, X),
        }
        for name, finding in findings.items():
            if finding is None:
                passed.append(name)
            else:
                warnings.warn(finding, UserWarning, stacklevel=2)
        if scikit_learn:
            quick = clone(estimator).set_params(max_epochs=2)
            check_estimator(quick, on_skip=None)
            passed.append("scikit-learn's check_estimator")
    return passed


def _check_declaration(estimator: Backbone) -> None:
    if not isinstance(estimator, Backbone):
        raise AssertionError(
            "check_backbone needs an instance of a subclass of lofe_sklearn.backbones.Backbone; "
            f"got {estimator!r}."
        )
    name = type(estimator).__name__
    stored = vars(estimator)
    constraints = estimator.parameter_constraints()
    # These two are checked where they are used, by torch's and scikit-learn's own rules.
    exempt = {"device", "random_state"}
    for parameter in type(estimator)._get_param_names():
        if parameter in exempt:
            continue
        if parameter not in stored:
            raise AssertionError(
                f"{name}.__init__ must store its parameter {parameter} unchanged: add "
                f"`self.{parameter} = {parameter}`, or pass it on to super().__init__()."
            )
        if parameter not in constraints:
            raise AssertionError(
                f"{name}: parameter {parameter} is not declared, so bad values of it would reach "
                f'the module. Add "{parameter}" to {name}.own_constraints, as Number(low=0), say.'
            )


def _normal_rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + np.arange(6.0)


def _scaled(estimator: Backbone, X: np.ndarray) -> np.ndarray:
    scaling = engine.RowScaling(fit_scaling(X, estimator.scaling), X.shape[1])
    rows = scaling.added_up(scaling.scaled(X))
    return np.ascontiguousarray(rows, dtype=np.float32)
