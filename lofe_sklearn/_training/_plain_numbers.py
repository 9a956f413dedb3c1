"""Numbers of parameters as Python has them."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return a parameter whose numbers are Python's: those of NumPy may overflow."""
    if isinstance(value, (np.number, np.bool_)):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value
