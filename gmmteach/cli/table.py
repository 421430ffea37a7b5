"""A person's own CSV file, read with care and explained in words when it cannot be.

Commas, semicolons, tabs, bars or spaces between the values; a header or none; UTF-8 with or without a byte order
mark, UTF-16 as Excel writes it, or Windows-1252; decimal commas where semicolons separate.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .trouble import Trouble, count

MISSING = {"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "."}
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
SAMPLE = 200  # lines that decide on the delimiter

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """The text of a CSV file, by column."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]  # the line of the file that each row ends on
    has_header: bool
    decimal_comma: bool
    notes: list[str]


@dataclass(frozen=True)
class Chosen:
    """The numbers to fit: complete rows of the chosen columns."""

    names: list[str]
    X: np.ndarray
    n_dropped: int
    notes: list[str]


class NotANumberError(Exception):
    """A column has a value that is not a finite number."""

    def __init__(self, value: str, line: int) -> None:
        super().__init__(f"{value!r} in line {line}")
        self.value = value


# --- reading --------------------------------------------------------------------------------------


def read_table(path: Path) -> Table:
    """Read a CSV file into columns of text. Raises `Trouble` with what is wrong and what to do."""
    text, notes = _text(path)
    lines = text.splitlines()
    delimiter = _delimiter([line for line in lines[:SAMPLE] if line.strip()])
    rows, numbers = _rows(path, lines, delimiter)
    if not rows:
        raise Trouble(f"{path} is empty.")

    has_header = not any(_is_number(cell, delimiter) for cell in rows[0])
    header = rows[0] if has_header else [str(number + 1) for number in range(len(rows[0]))]
    body, numbers = (rows[1:], numbers[1:]) if has_header else (rows, numbers)
    if not body:
        raise Trouble(f"{path} has a header ({', '.join(header)}) and no rows.")
    if has_header and all(len(row) == len(header) + 1 for row in body):
        header = ["", *header]  # R's write.table gives the row names no header
    for row, line in zip(body, numbers, strict=True):
        if len(row) != len(header):
            separated = DELIMITERS.get(delimiter, "spaces")
            raise Trouble(
                f"{path}: line {line} has {count(len(row), 'value')} where {len(header)} are expected (separated "
                f"by {separated}). Put text that holds a separator between double quotes."
            )

    columns: dict[str, list[str]] = {}
    for index, name in enumerate(_unique(header)):
        cells = [row[index] for row in body]
        if name or any(cells):  # a separator at the end of each line makes a column of nothing
            columns[name or f"column {index + 1}"] = cells
    decimal_comma = delimiter == ";" and any(_COMMA.fullmatch(cell) for row in body for cell in row)
    if decimal_comma:
        notes.append("Numbers are read with a decimal comma: 3,6 is 3.6.")
    if not has_header:
        notes.append(f"The first line holds numbers, so there is no header: the columns are {', '.join(columns)}.")
    return Table(path, columns, numbers, has_header, decimal_comma, notes)


def _text(path: Path) -> tuple[str, list[str]]:
    """The file's characters, and a note if its encoding had to be guessed."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise Trouble(f"There is no file {path}. Look for a typing mistake, or give its full path.") from None
    except IsADirectoryError:
        raise Trouble(f"{path} is a folder; name a CSV file in it.") from None
    except OSError as error:
        if path.is_dir():  # Windows calls it a permission error
            raise Trouble(f"{path} is a folder; name a CSV file in it.") from None
        raise Trouble(f"Cannot read {path}: {error.strerror or error}.") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Trouble(f"{path} is a spreadsheet or an archive, not a text file: export it as CSV first.")
    if content.startswith(b"\x1f\x8b"):
        raise Trouble(f"{path} is compressed: unpack it first.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), []
    if b"\0" in content:
        raise Trouble(f"{path} is not a text file: it holds binary data.")
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), ["The file is not UTF-8; it was read as Windows-1252."]


def _delimiter(lines: Sequence[str]) -> str:
    """The separator under which the lines have equally many cells, and most of the cells are numbers."""
    best, delimiter = 0.0, ","
    for candidate in DELIMITERS:
        try:
            rows = list(csv.reader(lines, delimiter=candidate, skipinitialspace=True))
        except csv.Error:
            continue
        width, agreeing = Counter(len(row) for row in rows).most_common(1)[0] if rows else (1, 0)
        if width > 1:
            cells = [cell for row in rows for cell in row]
            numeric = sum(_is_number(cell.strip(), candidate) or _is_missing(cell) for cell in cells) / len(cells)
            score = 2 * agreeing / len(rows) + numeric
            if score > best:
                best, delimiter = score, candidate
    widths = {len(line.split()) for line in lines[1:] or lines}
    return " " if not best and len(widths) == 1 and widths != {1} else delimiter


def _rows(path: Path, lines: Sequence[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The cells of each line that is not blank, and its number."""
    if delimiter == " ":
        numbered = [(line.split(), number) for number, line in enumerate(lines, 1) if line.strip()]
        return [row for row, _ in numbered], [number for _, number in numbered]
    rows, numbers = [], []
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip().replace("\N{MINUS SIGN}", "-") for cell in row]
            if len(cells) > 1 or any(cells):
                rows.append(cells)
                numbers.append(reader.line_num)
    except csv.Error as error:
        raise Trouble(f"{path}: line {reader.line_num} cannot be read as CSV: {error}.") from None
    return rows, numbers


def _unique(header: Sequence[str]) -> list[str]:
    """The names, a second ``x`` being called ``x.1``, as pandas does."""
    seen: Counter[str] = Counter()
    names = []
    for name in header:
        names.append(f"{name}.{seen[name]}" if name and seen[name] else name)
        seen[name] += 1
    return names


# --- numbers --------------------------------------------------------------------------------------


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _is_number(cell: str, delimiter: str) -> bool:
    return bool(_POINT.fullmatch(cell) or (delimiter != "," and _COMMA.fullmatch(cell)))


def numbers(table: Table, name: str) -> np.ndarray:
    """A column as numbers, NaN where missing. Raises `NotANumberError` with the first value that is not one."""
    values = np.full(len(table.lines), np.nan)
    cells = table.columns[name]
    comma = table.decimal_comma and not any("." in cell for cell in cells if not _is_missing(cell))
    for row, cell in enumerate(cells):
        if _POINT.fullmatch(cell):
            values[row] = float(cell)
        elif comma and _COMMA.fullmatch(cell):
            values[row] = float(cell.replace(",", "."))
        elif not _is_missing(cell):
            raise NotANumberError(cell, table.lines[row])
        if np.isinf(values[row]):
            raise NotANumberError(cell, table.lines[row])
    return values


def choose(table: Table, wanted: Sequence[str] | None) -> Chosen:
    """The columns asked for, or the first two that are fit for it; only the rows that have them all."""
    names, columns, notes = _asked_for(table, wanted) if wanted else _first_two(table)
    X = np.column_stack(columns)
    complete = ~np.isnan(X).any(axis=1)
    for name, values in zip(names, X[complete].T, strict=True):
        if len(values) > 1 and np.ptp(values) == 0:
            raise Trouble(f"Column {name} has the same value, {values[0]:g}, in every row: leave it out.")
    return Chosen(names, X[complete], int((~complete).sum()), [*table.notes, *notes])


def _asked_for(table: Table, wanted: Sequence[str]) -> tuple[list[str], list[np.ndarray], list[str]]:
    there = ", ".join(table.columns)
    columns = []
    for name in wanted:
        if name not in table.columns:
            raise Trouble(f"There is no column {name!r} in {table.path}. Its columns are: {there}.")
        if wanted.count(name) > 1:
            raise Trouble(f"Column {name} is named twice in --columns: name each one once.")
        try:
            values = numbers(table, name)
        except NotANumberError as error:
            raise Trouble(f"Column {name} is not all numbers: {error}. {_advice(table, error.value)}") from None
        if np.isnan(values).all():
            raise Trouble(f"Column {name} has no values at all: leave it out.")
        columns.append(values)
    return list(wanted), columns, []


def _advice(table: Table, value: str) -> str:
    if _INFINITE.fullmatch(value) or _POINT.fullmatch(value):
        return "A fit needs finite numbers: correct the value, or leave its cell empty to leave out the row."
    if re.fullmatch(r"[+-]?[\d.,' ]*\d[\d.,' ]*", value):
        return "Write numbers with a decimal point and nothing between the thousands: 1234.5."
    usable = [name for name in table.columns if _is_numeric(table, name)]
    others = f"Choose among: {', '.join(usable)}; or c" if usable else "C"
    return f"{others}orrect the value, or leave its cell empty to leave out the row."


def _is_numeric(table: Table, name: str) -> bool:
    try:
        return not np.isnan(numbers(table, name)).all()
    except NotANumberError:
        return False


def _first_two(table: Table) -> tuple[list[str], list[np.ndarray], list[str]]:
    """The first two columns that can be fitted, and a note on each that was passed over."""
    usable: dict[str, np.ndarray] = {}
    left_out = []
    for name in table.columns:
        try:
            values = numbers(table, name)
        except NotANumberError as error:
            left_out.append(f"{name} (not all numbers: {error})")
            continue
        present = values[~np.isnan(values)]
        if not len(present):
            left_out.append(f"{name} (no values)")
        elif len(present) > 1 and np.ptp(present) == 0:
            left_out.append(f"{name} (always {present[0]:g})")
        elif len(present) == len(values) > 2 and (np.diff(present) == 1).all():
            left_out.append(f"{name} (it numbers the rows)")
        else:
            usable[name] = values
    notes = [f"Left out: {'; '.join(left_out)}."] if left_out else []
    if not usable:
        raise Trouble(f"{table.path} has no column of numbers to fit. {' '.join(notes)}".strip())
    names = list(usable)[:2]
    if len(usable) > 2:
        notes.append(
            f"Of {len(usable)} numeric columns the first two are used; choose others with --columns: "
            f"{', '.join(usable)}."
        )
    return names, [usable[name] for name in names], notes
