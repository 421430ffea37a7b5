"""How the command line speaks: what it says, and what it says when it cannot do what was asked."""

import sys
from typing import TextIO

ASCII = str.maketrans({"✓": "ok", "✗": "!!", "–": "-", "→": "->", "…": "...", "’": "'"})


class Trouble(Exception):  # noqa: N818 (it is not an error of the program)
    """Something the person at the keyboard can put right: one message, and the status to leave with.

    Status 2: what was asked for cannot be done (no such file, a text column). Status 1: it could be, but not
    here or not this time (something is not installed, the fit collapsed).
    """

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line in the characters that the terminal knows, and at once."""
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    print(text, file=stream, flush=True)


def count(number: int, noun: str) -> str:
    """``count(1, "row")`` is '1 row', ``count(2, "row")`` is '2 rows'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
