"""The width of text in usual letters, for labels that are fitted before anything is drawn."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


def n_letters(text: str) -> int:
    """Return how many usual letters are as wide as a text; signs of Chinese and so on are two."""
    return sum(map(_width, text))


def beginning(text: str, room: int) -> str:
    """Return the longest beginning that is no wider than `room` letters."""
    taken = 0
    for place, sign in enumerate(text):
        taken += _width(sign)
        if taken > room:
            return text[:place]
    return text


def end(text: str, room: int) -> str:
    """Return the longest end that is no wider than `room` letters."""
    return beginning(text[::-1], room)[::-1]


def _width(sign: str) -> int:
    if combining(sign):
        return 0
    return 2 if east_asian_width(sign) in "WF" else 1
