"""What skops writes of an object: its schema, and the files of its arrays."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any


def schema_and_files(value: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the schema of an object, as JSON holds it, and the files that it names.

    `skops.io.dumps` writes the schema with indentation, which Python does slowly: for the encoders
    of a table with many columns it takes most of the time. So the schema is taken from skops before
    it is written, by functions that are not public. Where they are not there, `dumps` writes it.
    """
    import skops.io

    try:
        from skops.io._utils import SaveContext, get_state
    except ImportError:  # of another version of skops
        return _taken_apart(skops.io.dumps(value))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        context = SaveContext(zip_file=archive)
        schema = get_state(value, context)
        schema |= {"protocol": context.protocol, "_skops_version": skops.__version__}
        archive.writestr("schema.json", json.dumps(schema))
    return _taken_apart(buffer.getvalue())


def _taken_apart(written: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("schema.json")), members
