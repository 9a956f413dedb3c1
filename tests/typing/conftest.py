"""The scripts of this folder are read by mypy; see tests/test_typing.py."""

collect_ignore_glob = ["*.py"]
