"""A user's script is type-checked: it passes, and a user's mistakes are found."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


# `make lint` runs the same check.
@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("mypy") is None,
    reason="mypy is not installed; pip install 'lofe-sklearn[lint]'",
)
@pytest.mark.parametrize("script", ["user_script.py", "mistakes.py"])
def test_what_mypy_says_of_a_users_script(script):
    arguments = ["--config-file", "tests/typing/mypy.ini", f"tests/typing/{script}"]
    finished = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
