"""Vocabularies of text vectorizers, each stored as one text.

skops writes every entry of a dict as an object of its own. A column of texts has tens of thousands
of parts of words, and a model of such a table took longer to save than to fit.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse

from lofe_sklearn._saving._memory_safety import all_within
from lofe_sklearn.exceptions import ModelFileError

_NAME = "vocabulary_"


def with_packed_vocabularies(value: Any) -> Any:
    """Return an object, or a copy that shares its arrays and has each vocabulary as a text."""
    within = list(all_within(value))
    if not any(_is_vocabulary(_vocabulary_of(each)) for each in within):
        return value
    copied = copy.deepcopy(value, {id(each): each for each in within if _is_of_numbers(each)})
    for each in list(all_within(copied)):
        vocabulary = _vocabulary_of(each)
        if _is_vocabulary(vocabulary):
            vars(each)[_NAME] = json.dumps(sorted(vocabulary, key=vocabulary.__getitem__))
    return copied


def unpack_vocabularies(within: Iterable[Any]) -> None:
    """Give vectorizers that were loaded their vocabularies again.

    Raises
    ------
    ModelFileError
        If a text is no list of different texts.
    """
    for each in within:
        packed = _vocabulary_of(each)
        if isinstance(packed, str):
            words = json.loads(packed)
            if not isinstance(words, list) or not all(type(word) is str for word in words):
                raise ModelFileError("the vocabulary of a vectorizer is no list of texts")
            if len(set(words)) < len(words):
                raise ModelFileError("the vocabulary of a vectorizer has a text twice")
            vars(each)[_NAME] = {word: number for number, word in enumerate(words)}


def _is_of_numbers(value: Any) -> bool:
    return sparse.issparse(value) or (isinstance(value, np.ndarray) and value.dtype != object)


def _vocabulary_of(value: Any) -> Any:
    return None if isinstance(value, type) else getattr(value, "__dict__", {}).get(_NAME)


def _is_vocabulary(value: Any) -> bool:
    """Whether a value is a dict of texts to 0, 1, 2 and so on, in any order."""
    if not isinstance(value, dict) or not all(type(word) is str for word in value):
        return False
    numbers = list(value.values())
    return all(isinstance(number, int | np.integer) for number in numbers) and (
        sorted(numbers) == list(range(len(numbers)))
    )
