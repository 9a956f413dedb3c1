"""Inventories for sphinx.ext.intersphinx on a machine without network, from inventories.toml.

conf.py calls `mapping` in each build. An inventory is a file of Sphinx's own format: four lines of
text, then one compressed line for each name.
"""

import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path

Mapping = dict[str, tuple[str, tuple[str | None, str]]]


def mapping(names: Path, folder: Path) -> Mapping:
    """Write an inventory for each project, and return what intersphinx needs.

    None stands for the project's own inventory, which is tried first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for project, entry in tomllib.loads(names.read_text()).items():
        path = folder / f"{project}.inv"
        path.write_bytes(inventory(project, entry["objects"]))
        found[project] = (entry["url"], (None, str(path)))
    return found


def inventory(project: str, objects: dict[str, dict[str, list[str]]]) -> bytes:
    """Return the bytes of an inventory."""
    head = (
        f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    return head.encode() + zlib.compress("".join(lines(objects)).encode())


def lines(objects: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    """Yield a line for each name: name, role, priority, address, shown text."""
    for address, kinds in objects.items():
        for kind, names in kinds.items():
            role = f"std:{kind}" if kind in ("label", "term") else f"py:{kind}"
            for name in names:
                yield f"{name} {role} 1 {address.format(name=name)} -\n"
