"""The program ``lofe``: anomalies in files. ``python -m lofe_sklearn`` is the same.

Only what reads the command line is imported at once, so that ``--help`` does not wait for torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lofe_sklearn._command_line._exits import MISSING_PACKAGE

_WITHOUT_TYPER = """Usage: lofe COMMAND [OPTIONS]

  demo   Train detectors on bundled data, and show what LOE does.
  fit    Find the anomalies of a table in a file. Needs lofe-sklearn[cli].
  score  Score another file by a model. Needs lofe-sklearn[cli].

Install the other commands with: pip install 'lofe-sklearn[cli]'"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program, and exit with one of the codes in `_exits`.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: the arguments of the process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        import typer  # noqa: F401
    except ModuleNotFoundError:
        _main_without_typer(arguments)
        return
    from lofe_sklearn._command_line._program import program

    program(args=arguments, prog_name="lofe")


def _main_without_typer(arguments: list[str]) -> None:
    """Run the commands that do not need typer, and say what the other commands need."""
    command = arguments[0] if arguments else "--help"
    if command == "demo":
        from lofe_sklearn._command_line._demo_command import run_demo

        run_demo(arguments[1:])
    elif command == "--help":
        sys.stdout.write(_WITHOUT_TYPER + "\n")
    elif command == "--version":
        from lofe_sklearn import __version__

        sys.stdout.write(f"lofe_sklearn {__version__}\n")
    else:
        sys.stderr.write(
            f"lofe: {command} needs the package typer. Install it with: "
            "pip install 'lofe-sklearn[cli]'\n"
        )
        raise SystemExit(MISSING_PACKAGE)
