"""What an estimator requests by scikit-learn's metadata routing, as plain values and back."""

from __future__ import annotations

from typing import Any

from sklearn import config_context

Requests = dict[str, dict[str, Any]]


def requests_of(metadata_request: Any) -> Requests:
    """Return, for each method, which arguments are requested."""
    return {
        name: dict(one.requests)
        for name, one in vars(metadata_request).items()
        if getattr(one, "requests", None)
    }


def request_again(estimator: Any, requests: Requests) -> None:
    """Make the same requests by the public ``set_..._request`` methods."""
    with config_context(enable_metadata_routing=True):
        for method, arguments in requests.items():
            getattr(estimator, f"set_{method}_request")(**arguments)
