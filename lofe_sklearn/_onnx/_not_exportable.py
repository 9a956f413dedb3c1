"""What is raised for parts of a detector that have no ONNX graph."""

from __future__ import annotations


class NotExportable(Exception):
    """A part of a detector cannot be exported; the message names it."""
