"""``name__parameter`` in ``set_params``, also where `name` is None by default or a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class NestedParameters:
    """A mixin for estimators whose parameters hold other estimators; it must be the first base."""

    get_params: Any

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Values by name. ``name__parameter`` is the `parameter` of the estimator that `name`
            holds, or of each estimator in a list, which may hold names beside them. If `name` is
            None and stands for default estimators, it is set to these first.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        own, nested = {}, dict[str, dict[str, Any]]()
        for name, value in params.items():
            holder, delimiter, inner = name.partition("__")
            if delimiter:
                nested.setdefault(holder, {})[inner] = value
            else:
                own[name] = value
        parent: Any = super()
        parent.set_params(**own)  # set first: the nested parameters may belong to it
        for holder, values in nested.items():
            if holder in self.get_params(deep=False):
                self._set_nested(holder, values)
            else:  # scikit-learn's error
                parent.set_params(**{f"{holder}__{name}": v for name, v in values.items()})
        return self

    def _default_of(self, name: str) -> Any:
        """Return the estimator, or list of them, that None stands for; None for no estimator."""
        return None

    def _set_nested(self, holder: str, values: Mapping[str, Any]) -> None:
        given = getattr(self, holder)
        held = self._default_of(holder) if given is None else given
        listed = held if isinstance(held, (list, tuple)) else [held]
        # A list may have names too, as those of methods and evidence.
        each = [one for one in listed if not isinstance(one, str)]
        owner, first = type(self).__name__, next(iter(values))
        if not each or not all(map(_has_parameters, each)):
            raise ValueError(
                f"{owner}: {holder}__{first} cannot be set, since {holder} holds no estimator with "
                f"parameters of its own; it is {given!r}. Set {holder} to an estimator first."
            )
        if len(each) > 1:
            self._check_all_have(holder, each, values)
        for one in each:
            one.set_params(**values)
        setattr(self, holder, held)

    def _check_all_have(self, holder: str, each: list[Any], values: Mapping[str, Any]) -> None:
        names = [type(one).__name__ for one in each]
        for inner in values:
            parameter = inner.partition("__")[0]
            for one, name in zip(each, names, strict=True):
                if parameter not in one.get_params(deep=False):
                    raise ValueError(
                        f"{type(self).__name__}: {holder}__{inner} cannot be set, since {holder} "
                        f"holds {', '.join(names)}, and {name} has no parameter {parameter!r}. "
                        f"Pass {holder}=[{', '.join(f'{n}(...)' for n in names)}], each with the "
                        "parameters that it takes."
                    )


def _has_parameters(value: Any) -> bool:
    return hasattr(value, "set_params") and not isinstance(value, type)
