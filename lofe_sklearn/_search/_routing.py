"""Where parameters of a search's ``fit`` go: to the estimator, the splitter or the scorers."""

from __future__ import annotations

from typing import Any

from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from lofe_sklearn._search._fit_params import is_routing_enabled
from lofe_sklearn._search._scoring import Scoring, as_dict, resolve_scoring, routed_as


class RoutingMixin:
    """Metadata routing of a search, as scikit-learn's searches have it."""

    estimator: Any
    scoring: Any
    cv: Any

    def _route(
        self, params: dict[str, Any], scoring: Scoring
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, Any]]]:
        """Parameters of `fit` for the estimator, the splitter, and each scorer."""
        if is_routing_enabled():
            routed = process_routing(self, "fit", **params)
            score_params = {name: routed[routed_as(name)].score for name in as_dict(scoring)}
            return routed.estimator.fit, routed.splitter.split, score_params
        rest = dict(params)
        groups = rest.pop("groups", None)
        return rest, {"groups": groups}, {}

    def get_metadata_routing(self) -> MetadataRouter:
        """Say which metadata the estimator, the scorers and the splitter take.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            As GridSearchCV's, but with several scorers each by its name.
        """
        router = MetadataRouter(owner=self)
        router.add(
            estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit")
        )
        scoring = resolve_scoring(self.scoring, has_labels=True)
        router.add(
            **{routed_as(name): scorer for name, scorer in as_dict(scoring).items()},
            method_mapping=MethodMapping()
            .add(caller="fit", callee="score")
            .add(caller="score", callee="score"),
        )
        return router.add(
            splitter=self.cv,
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )
