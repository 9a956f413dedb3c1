"""Digests of scores for fixed seeds, so that a refactoring can prove that it changed nothing.

    python -m benchmarks study digest
    python -m benchmarks study digest --parts NeuTraL stacks
    python -m benchmarks study digest --against ../other-checkout

Equal digests mean equal scores, thresholds, labels, ratios and histories, to the last bit. They
depend on the machine and the versions of numpy and torch, so both sides of a comparison are to be
made by one run, which --against does. Nothing is kept in a file.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.standalone import run_in
from benchmarks.standalone.score_digests import PARTS, digests
from benchmarks.study import Axis, Cell, Study


def run(cell: Row) -> Iterator[Row]:
    """Return the digests of one part."""
    for name, digest in digests(cell["part"]):
        print(f"{name:45} {digest}", file=sys.stderr, flush=True)
        yield {"name": name, "digest": digest}


def tables(rows: list[Row]) -> str:
    """Return all digests, and one over them."""
    pairs = [(row["name"], row["digest"]) for row in rows]
    return f"{table(['what', 'digest'], pairs)}\n\nAll: {over_all(pairs)}"


def over_all(pairs: list[tuple[str, str]]) -> str:
    """Return a digest of the names and digests."""
    text = "\n".join(f"{name} {digest}" for name, digest in pairs)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def against(cells: list[Cell], checkout: Path) -> int:
    """Print the digests of both checkouts; 1 if one of them differs."""
    parts = [cell.fields["part"] for cell in cells]
    here = Path(__file__).parents[2]
    ours, theirs = (
        [tuple(pair) for pair in run_in(one, "score_digests.py", *parts)]
        for one in (here, checkout)
    )
    lines = [
        [name, digest, other, "" if digest == other else "differs"]
        for (name, digest), (_, other) in zip(ours, theirs, strict=True)
    ]
    print(table(["what", "here", "there", ""], lines))
    print(f"\nAll: {over_all(ours)} here, {over_all(theirs)} there")
    return int(ours != theirs)


STUDY = Study(
    "digest",
    "digests of scores for fixed seeds: what a refactoring must not change",
    axes={"part": Axis(tuple(PARTS), choices=tuple(PARTS))},
    run=run,
    tables=tables,
    against=against,
    is_kept=False,
)
