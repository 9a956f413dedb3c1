"""Scripts that need no other file of the benchmarks, so that any checkout can be run with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class CheckoutError(Exception):
    """Another checkout that cannot be compared with."""


def run_in(checkout: Path, script: str, *arguments: str) -> list[Any]:
    """Run a script of this folder on the lofe_sklearn of `checkout`; return the lines of JSON."""
    checkout = checkout.resolve()
    if not (checkout / "lofe_sklearn" / "__init__.py").is_file():
        raise CheckoutError(f"{checkout} is no checkout: there is no lofe_sklearn in it.")
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    # -P: else this folder would come before the checkout in the search for modules.
    command = [sys.executable, "-P", str(Path(__file__).parent / script), *arguments]
    process = subprocess.run(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if process.returncode:
        raise CheckoutError(f"{script} failed in {checkout}, see above.")
    where, *lines = map(json.loads, process.stdout.splitlines())
    if Path(where).parents[1] != checkout:
        raise CheckoutError(f"{script} was to use {checkout}, and used {where}.")
    return lines
