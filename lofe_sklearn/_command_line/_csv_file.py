"""CSV files: every line is checked, so that a message can name the wrong one.

Values stay text here. So how a value is read depends neither on the other values of its column nor
on how many rows are read at a time.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lofe_sklearn._command_line._exits import BadData
from lofe_sklearn.tabular._stray_words import NULLS_OF_PANDAS

if TYPE_CHECKING:
    import pandas as pd

_CANDIDATES = ",;\t|"
# Text in UTF-8 from Windows begins with it, and so may any other Unicode text.
_MARK = "\ufeff"
_SAMPLE = 64 * 1024
_DECIMAL_COMMA = re.compile(r"\s*[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?([eE][+-]?\d+)?\s*")
# Whole numbers with points between their thousands, where the decimal sign is a comma.
_GROUPED = re.compile(r"\s*[+-]?\d{1,3}(\.\d{3})+\s*")
# The commas of 1,234,567 divide thousands.
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")
# Excel's first line "sep=;", which names the separator and is not part of the table.
_STATED = re.compile(r'"?sep=([^"\s]|\t)"?\s*', re.IGNORECASE)
# Exports of banks and devices begin with a title and so on, in hardly more lines than these.
_MOST_ABOVE = 50
_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "|"}


class CsvFile:
    """A CSV file with a header.

    Parameters
    ----------
    path : Path
        It is decompressed if its name ends in ``.gz``.
    separator : str
        A character, or ``"auto"``: the one of , ; tab | that divides the first lines most evenly.
    encoding : str
    decimal : {".", ","}

    Raises
    ------
    BadData
        If there is no header, or it cannot be read.
    """

    def __init__(self, path: Path, separator: str, encoding: str, decimal: str) -> None:
        self.path, self.decimal = path, decimal
        self.encoding = encoding
        self._lines: list[int] = []
        self._bytes_read, self._n_bytes = 0, path.stat().st_size
        csv.field_size_limit(2**24)
        lines = self._first_lines()
        self.separator = _separator_of(lines) if separator == "auto" else separator
        self._has_spaces = _has_space_before_quotes(lines, self.separator)
        header = next(self._records(), None)
        if header is None:
            raise BadData(f"{path} is empty: all of its lines are blank")
        self._header_line, names = header
        self.columns = [name.strip() or f"column {j}" for j, name in enumerate(names, 1)]

    def chunks(self, n_rows: int | None) -> Iterator[pd.DataFrame]:
        """Yield the rows as tables of at most `n_rows`."""
        self._lines = []
        rows: list[list[str]] = []
        records = self._records()
        next(records)
        for line, fields in records:
            if len(fields) != len(self.columns):
                raise BadData(self._other_length(line, fields))
            rows.append(fields)
            self._lines.append(line)
            if len(rows) == n_rows:
                yield self._frame(rows)
                rows = []
        if rows:
            yield self._frame(rows)

    def place(self, row: int) -> str:
        """Say where a row is."""
        return f"line {self._lines[row - 1]}"

    def share_read(self) -> float:
        """Return how much of the file was read, as a share of its bytes."""
        return self._bytes_read / max(1, self._n_bytes)

    def _frame(self, rows: list[list[str]]) -> pd.DataFrame:
        import pandas as pd

        first = len(self._lines) - len(rows) + 1
        index = pd.RangeIndex(first, first + len(rows))
        return pd.DataFrame(
            {
                name: pd.Series([self._value(text) for text in texts], index=index, dtype=object)
                for name, texts in zip(self.columns, zip(*rows, strict=True), strict=True)
            }
        )

    def _value(self, text: str) -> str | None:
        if text.strip() in NULLS_OF_PANDAS:
            return None
        if self.decimal == ".":
            return text
        if _GROUPED.fullmatch(text) or ("," in text and _DECIMAL_COMMA.fullmatch(text)):
            return text.replace(".", "").replace(",", ".")
        return text

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the fields of each record that is no blank line, and the line that it begins in."""
        line = 1
        with open(self.path, "rb") as source, self._text_of(source) as file:
            lines = _without_mark(file)
            reader = csv.reader(
                lines, delimiter=self.separator, strict=True, skipinitialspace=self._has_spaces
            )
            while True:
                line = reader.line_num + 1
                try:
                    fields = next(reader, None)
                except UnicodeError as error:
                    raise BadData(self._wrong_encoding(error)) from error
                except csv.Error as error:
                    raise BadData(self._bad_quotes(line, error)) from error
                except (OSError, EOFError, zlib.error) as error:
                    raise BadData(f"{self.path} cannot be read to its end: {error}") from error
                self._bytes_read = source.tell()
                if fields is None:
                    return
                if fields and "\0" in fields[0]:
                    raise BadData(f"{self.path}, line {line}: this is not text. {_NO_TEXT}")
                if fields and not (line == 1 and _STATED.fullmatch(self.separator.join(fields))):
                    yield line, fields

    def _text_of(self, source: IO[bytes]) -> IO[str]:
        return io.TextIOWrapper(self._unpacked(source), encoding=self.encoding, newline="")

    def _unpacked(self, source: IO[bytes]) -> IO[bytes]:
        is_packed = self.path.name.lower().endswith(".gz")
        return gzip.GzipFile(fileobj=source) if is_packed else source  # type: ignore[return-value]

    def _first_lines(self) -> list[str]:
        """Return whole lines from the beginning of the file."""
        try:
            with open(self.path, "rb") as source, self._text_of(source) as file:
                sample = file.read(_SAMPLE).removeprefix(_MARK)
        except UnicodeError as error:
            raise BadData(self._wrong_encoding(error)) from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadData(f"{self.path} cannot be read: {error}") from error
        lines = sample.splitlines()
        return lines[:-1] if len(sample) == _SAMPLE and len(lines) > 1 else lines

    def _other_length(self, line: int, fields: list[str]) -> str:
        wanted = len(self.columns)
        message = (
            f"{self.path}, line {line}: {len(fields)} field{'s' * (len(fields) != 1)}, but the "
            f"header has {wanted}"
        )
        text = self.separator.join(fields)
        others = [s for s in _CANDIDATES if s != self.separator and text.count(s) >= wanted - 1]
        if wanted > 1 and others and len(fields) < wanted:
            return (
                f"{message}. The line seems to be separated by {_NAMES[others[0]]}, the header by "
                f"{_NAMES.get(self.separator, self.separator)}: use one sign in all lines"
            )
        if len(fields) == wanted + 1 and not fields[-1].strip():
            return f"{message}. The line ends with a separator, the header does not: add one to it"
        if len(fields) < wanted:
            return f"{message}. If it is no row of the table, such as a total or a note, delete it"
        message += ". A field that holds the separator itself must be in double quotes"
        if len(self._lines) < _MOST_ABOVE:
            message += (
                f". If line {self._header_line} is a title and not the names of the columns, "
                "delete what is above these names"
            )
        return message

    def _bad_quotes(self, line: int, error: csv.Error) -> str:
        if "end of data" in str(error):
            return f"{self.path}, line {line}: a double quote is opened and never closed"
        if "field larger" in str(error):
            return f"{self.path}, line {line}: a field is longer than 16 million characters"
        return f"{self.path}, line {line}: {error}"

    def _wrong_encoding(self, error: UnicodeError) -> str:
        """Say which byte of which line cannot be read, and which encoding may be right."""
        codec = self.encoding
        with open(self.path, "rb") as source, self._unpacked(source) as file:
            start = file.read(4)
        if start in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
            return f"{self.path} is not {codec} but UTF-32: pass --encoding utf-32"
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return f"{self.path} is not {codec} but UTF-16: pass --encoding utf-16"
        for sign, what, ending in _OTHER_FILES:
            if start.startswith(sign):
                return f"{self.path} is {what}: its name must end in {ending}"
        if start[:4] == b"PK\x03\x04":
            return f"{self.path} is not text but a zip archive or a spreadsheet. {_NO_TEXT}"
        place = ""
        if not codec.lower().startswith(("utf-16", "utf-32", "utf16", "utf32")):
            with open(self.path, "rb") as source, self._unpacked(source) as file:
                for number, content in enumerate(file, 1):
                    try:
                        content.decode(codec)
                    except UnicodeDecodeError as bad:
                        place = (
                            f", line {number}, byte {bad.start + 1} (0x{content[bad.start]:02x})"
                        )
                        break
        return (
            f"{self.path}{place}: this is not {codec}. Pass the encoding it was written in, often "
            "--encoding cp1252 for files from Windows, or latin-1"
        )


def _separator_of(lines: list[str]) -> str:
    """Return the character that divides the first lines into most fields, all alike."""
    stated = _STATED.fullmatch(lines[0]) if lines else None
    if stated is not None:
        return stated[1]

    def merit(sign: str) -> tuple[float, int]:
        reader = csv.reader(lines[:50], delimiter=sign, skipinitialspace=True)
        counts = [len(record) for record in reader if record]
        if not counts or counts[0] == 1:
            return 0.0, 0
        return sum(count == counts[0] for count in counts) / len(counts), counts[0]

    return max(_CANDIDATES, key=merit)


def _has_space_before_quotes(lines: list[str], separator: str) -> bool:
    """Whether fields in quotes have white space in front of them, as in 1, "Doe, Jane", 2."""
    records = csv.reader(lines[:50], delimiter=separator)
    return any(re.match(' +"', field) for record in records for field in record)


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, the first one without a byte order mark, which is no part of a name."""
    lines = iter(lines)
    for first in lines:
        yield first.removeprefix(_MARK)
        break
    yield from lines


def looks_like_decimal_commas(texts: Iterable[object]) -> bool:
    """Whether most values are numbers with a comma that does not divide thousands."""
    values = [text for text in texts if isinstance(text, str)]
    found = [text for text in values if "," in text and _DECIMAL_COMMA.fullmatch(text)]
    return 2 * len(found) > len(values) and not all(map(_THOUSANDS.fullmatch, found))


_OTHER_FILES = (
    (b"\x1f\x8b", "compressed by gzip", ".csv.gz"),
    (b"PAR1", "a Parquet file", ".parquet"),
)
_NO_TEXT = "Export it as CSV, or pass --encoding utf-16 if it is text in that encoding"
