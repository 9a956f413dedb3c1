"""Features of images kept on disk, one entry for each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import joblib
import numpy as np


def _row(fingerprint: str, key: str, row: np.ndarray) -> np.ndarray:
    """Be what joblib keeps: `row` as the value for the other two."""
    return row


class Cache:
    """A joblib memory that is asked for many rows at once.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        The folder, or the memory itself.
    fingerprint : str
        What the rows depend on besides the images.
    """

    def __init__(self, memory: str | Path | joblib.Memory, fingerprint: str) -> None:
        if not hasattr(memory, "cache"):
            memory = joblib.Memory(memory, verbose=0)
        self.kept = memory.cache(_row, ignore=["row"])
        self.fingerprint = fingerprint

    def rows(
        self,
        keys: Mapping[int, str],
        compute: Callable[[Sequence[int]], Mapping[int, np.ndarray]],
    ) -> dict[int, np.ndarray]:
        """Rows by position; `compute` gets the positions of those that are not kept yet.

        It may leave some out, which are left out here too.
        """
        missing = [
            i
            for i, key in keys.items()
            if not self.kept.check_call_in_cache(self.fingerprint, key, None)
        ]
        computed = compute(missing) if missing else {}
        there = set(keys) - set(missing) | set(computed)
        return {
            i: self.kept(self.fingerprint, key, computed.get(i))
            for i, key in keys.items()
            if i in there
        }
