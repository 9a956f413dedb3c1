"""What the options of the command line may be, and what they become."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterable


def at_least_one(text: str) -> int:
    """Read a whole number from 1."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(text)


def assumed_ratio(text: str) -> float | str | None:
    """Read the ratio given to LOE: a number, ``true``, or ``auto``, which becomes None."""
    if text in ("true", "auto"):
        return None if text == "auto" else text
    return float(text)


def parameters(pairs: Iterable[str]) -> dict[str, object]:
    """Read arguments ``NAME=VALUE``, values as Python literals where they are ones."""
    split = (pair.split("=", 1) for pair in pairs)
    return {name: literal(text) for name, text in split}


def literal(text: str) -> object:
    """Read a Python literal; anything else is a string."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
