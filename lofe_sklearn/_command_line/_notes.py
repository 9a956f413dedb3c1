"""The package's warnings during a command, as notes for users who do not write Python."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lofe_sklearn._command_line._exits import say
from lofe_sklearn._command_line._table_files import TableFile
from lofe_sklearn._progress import job

_MOST = 12
# Python's names of things, in the words of the command line.
_WORDS = (
    (r"^(TableFeatures|LOE|load): ", ""),
    (r" Leave them out of X to silence this warning, or keep them with keep=\[\.\.\.\]\.", ""),
    (r", or name the column in keep=\[\.\.\.\]\.", "."),
    (r"Keep some with keep=\[\.\.\.\], or add others\.", "Add columns that do."),
    (r" Leave it out of evidence to fit without this warning\.", ""),
    (
        r"predict flags ([\d.e-]+) of the training rows",
        r"The share \1 of the rows is taken as anomalous",
    ),
    (
        r"held_out_folds=\d+ (needs .*); got (\d+)\. Lower held_out_folds.*",
        r"--false-alarm-rate without --calibration \1; got \2. Give a file of other normal rows as "
        r"--calibration",
    ),
    (
        r"set contamination if you know it, or how many rows you can look at by "
        r"set_threshold\(n_flagged=\.\.\.\)",
        "pass --contamination if you know it",
    ),
    (
        r"the known labels leave (no row unknown.*) Use 0 for rows whose label is not known; of "
        r"masks, False in both\.",
        r"--known leaves \1 Leave the field empty where the label is not known.",
    ),
    (r"\bthe known labels name\b", "--known names"),
    (r"\bcontamination=\(([\d.e-]+), ([\d.e-]+)\)", r"--contamination \1,\2"),
    (r"\bcontamination=", "--contamination "),
    (r"\bset contamination to the share\b", "pass --contamination with the share"),
    (
        r"calibration=rows, normal ones as far as possible",
        "--calibration FILE, a file of rows that are normal as far as possible",
    ),
    (r"\bfalse_alarm_rate=", "--false-alarm-rate "),
    (r"\bX has columns\b", "the file has columns"),
    (r"\breplace it by NaN if it stands", "leave the field empty if it stands"),
    (r"\bReplace it by NaN if it stands", "Leave the field empty if it stands"),
    # Not in the name of a file.
    (r"(?<![\w/\\.-])X(?![\w/\\-]|\.\w)", "the table"),
)
# Names and values of the user's, which may be called X.
_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")


class Notes:
    """Notes in the order in which they came, each once."""

    def __init__(self, *, quiet: bool) -> None:
        self.texts: list[str] = []
        self._quiet = quiet

    def add(self, text: str) -> None:
        """Keep a note, and write it to stderr."""
        if text in self.texts:
            return
        self.texts.append(text)
        if self._quiet or len(self.texts) > _MOST:
            return
        say(f"note: {text}")
        if len(self.texts) == _MOST:
            say("note: there are more notes, which are not shown")

    def tell(self, text: str) -> None:
        """Write how far the command is."""
        if not self._quiet:
            say(text)

    @contextmanager
    def progress(self, name: str) -> Iterator[None]:
        """Show a progress bar if stderr is a terminal."""
        with job(name, show=not self._quiet and sys.stderr.isatty()):
            yield

    @contextmanager
    def of_warnings(self) -> Iterator[None]:
        """Make notes of all warnings for a user."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            try:
                yield
            finally:
                for warning in caught:
                    self.add(plain_words(str(warning.message)))


def plain_words(message: str, table: TableFile | None = None, first_row: int = 1) -> str:
    """Return a message of the package in the words of the command line.

    Parameters
    ----------
    message : str
    table : TableFile, optional
        Finds the place in the file of a row that the message names by its number.
    first_row : int
        The number in the file of the first row that the message may be about.
    """
    quoted: list[str] = []

    def taken_out(found: re.Match[str]) -> str:
        quoted.append(found.group())
        return f"\0{len(quoted) - 1}\0"

    message = _QUOTED.sub(taken_out, message)
    for pattern, words in _WORDS:
        message = re.sub(pattern, words, message)
    if table is not None:
        message = re.sub(
            r"\bin row (\d+)\b",
            lambda found: f"in {table.place(first_row + int(found.group(1)))}",
            message,
        )
    return re.sub("\0(\\d+)\0", lambda found: quoted[int(found.group(1))], message)
