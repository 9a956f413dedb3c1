"""The sets that can be fetched: names, sizes, checksums and sources, from data/registry.tsv."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Entry:
    """One file: `path` in the folder of data, `url` in the net, either of which may be empty.

    An empty `sha256` means unknown. `content_sha256` is that of a .gz file's content, which other
    sources may compress differently.
    """

    collection: str
    name: str
    n_samples: int
    n_features: int
    n_anomalies: int
    sha256: str
    path: str
    url: str = ""
    same_as: str = ""
    origin: str = ""
    content_sha256: str = ""


@cache
def entries() -> tuple[Entry, ...]:
    """All rows of the registry, in its order."""
    text = (resources.files("lofe_sklearn.datasets") / "data" / "registry.tsv").read_text("utf-8")
    return tuple(
        Entry(
            **{k: int(v) if k.startswith("n_") else v for k, v in row.items()}  # type: ignore[arg-type]
        )
        for row in csv.DictReader(text.splitlines(), delimiter="\t")
    )


def entries_of(*collections: str) -> list[Entry]:
    """Rows of some collections."""
    return [entry for entry in entries() if entry.collection in collections]


def simplified(name: str) -> str:
    """Names as they are compared: case, hyphens, dots and the ending do not count."""
    name = name.lower().removesuffix(".npz").rpartition("/")[2]
    return "".join("_" if letter in "-. " else letter for letter in name)


def spellings(entry: Entry) -> set[str]:
    """Every simplified name of an entry; ADBench's sets go with and without their number."""
    full = simplified(entry.name)
    number, _, rest = full.partition("_")
    return {full, rest} if number.isdigit() else {full}


def entry_called(collection: str, name: str) -> Entry:
    """Return the entry of exactly this name."""
    return next(e for e in entries_of(collection) if e.name == name)


def find(name: str, candidates: Iterable[Entry]) -> Entry | None:
    """Return the entry of a name, or None."""
    return next((e for e in candidates if simplified(name) in spellings(e)), None)


def check_name(name: object, fetcher: str) -> str:
    """Return the name if it is text."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{fetcher}: name must be a non-empty str, like 'cardio'; got {name!r}.")
    return name.strip()


def unknown_name(name: str, candidates: Iterable[Entry], fetcher: str, lister: str) -> ValueError:
    """Return the error for a name that is in no list, with the nearest ones that are."""
    known = {spelling: e.name for e in candidates for spelling in spellings(e)}
    close = difflib.get_close_matches(simplified(name), known, n=3, cutoff=0.6)
    hint = " or ".join(dict.fromkeys(repr(known[match]) for match in close))
    return ValueError(
        f"{fetcher}: no set is called {name!r}."
        + (f" Did you mean {hint}?" if hint else "")
        + f" {lister}() lists all names."
    )
