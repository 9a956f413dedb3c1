"""A zip archive of a few members, with the same bytes for the same members, read with care.

Members are read only from archives of the form that is written here: no folders, no links, no
encryption, and nothing that expands to more than a few times its size. So the memory that reading
takes is bounded by the size of the file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

from lofe_sklearn.exceptions import ModelFileError

# The earliest time that a zip can store, so that the time of writing does not change the file.
_TIME = (1980, 1, 1, 0, 0, 0)
# By how much a member may expand. Text of models is compressed to a fifth or a twentieth.
_LARGEST_EXPANSION = 50
_MOST_MEMBERS = 100_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of `members`; the text among them is compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = 3  # the same on every system
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, _compression(name, content))
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the members of a zip that `pack` may have written.

    Raises
    ------
    ModelFileError
        If it is none, or damaged.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        _check(members, len(data))
        return {member.filename: archive.read(member) for member in members}


def _compression(name: str, content: bytes) -> int:
    if not name.endswith(".json"):  # compression hardly shrinks a network's numbers
        return zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as trial:
        trial.writestr(name, content)
        [written] = trial.infolist()
    expands_too_much = len(content) > _LARGEST_EXPANSION * written.compress_size
    return zipfile.ZIP_STORED if expands_too_much else zipfile.ZIP_DEFLATED


def _check(members: list[zipfile.ZipInfo], size: int) -> None:
    """Raise ModelFileError for members that `pack` does not write."""
    if len(members) > _MOST_MEMBERS:
        raise ModelFileError(f"it has {len(members)} members, more than {_MOST_MEMBERS}")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if not _NAME.fullmatch(name) or name in seen:
            raise ModelFileError(f"a member's name is not allowed or not unique: {name[:100]!r}")
        seen.add(name)
        if member.flag_bits & 0x1 or member.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise ModelFileError(f"its member {name} is encrypted or compressed in another way")
        if member.file_size > _LARGEST_EXPANSION * member.compress_size:
            raise ModelFileError(
                f"its member {name} would expand from {member.compress_size} to "
                f"{member.file_size} bytes, more than {_LARGEST_EXPANSION} times its size"
            )
    # Members that share their bytes would be read many times.
    if sum(member.compress_size for member in members) > size:
        raise ModelFileError("its members overlap")
