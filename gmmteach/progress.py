"""A progress bar for whatever takes more than a second, which leaves nothing behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Progress(Generic[Item]):
    """Go through some items, with a progress bar once it has taken more than a second.

    In a notebook a bar under the cell, in a terminal a line on stderr, elsewhere nothing. It leaves nothing behind, so
    that a notebook's outputs do not depend on how fast the computer was.

    Parameters
    ----------
    items : iterable
    what : str
        What is counted, in the plural: 'fits'.
    total : int, optional
        How many items there are, where ``len(items)`` does not say.
    wanted : bool
        False for no bar.
    """

    DELAY = 1.0  # seconds before a bar is worth a look
    PAUSE = 0.1  # seconds between two looks

    def __init__(self, items: Iterable[Item], what: str, *, total: int | None = None, wanted: bool = True) -> None:
        if total is None:
            if not isinstance(items, Sized):
                raise TypeError(f"{type(items).__name__} has no length: say how many {what} there are by total=.")
            total = len(items)
        self.items, self.what, self.total, self.wanted = items, what, total, wanted

    def __iter__(self) -> Iterator[Item]:
        started = shown = time.perf_counter()
        bar: _TerminalBar | _NotebookBar | None = None
        try:
            for done, item in enumerate(self.items):
                now = time.perf_counter()
                if self.wanted and bar is None and now - started > self.DELAY:
                    bar = self._make_bar()
                    self.wanted = bar is not None
                    shown = now - self.PAUSE
                if bar is not None and now - shown >= self.PAUSE:
                    bar.show(done, self.total)
                    shown = now
                yield item
        finally:
            if bar is not None:
                bar.close()

    def _make_bar(self) -> _TerminalBar | _NotebookBar | None:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is not None and getattr(shell, "kernel", None) is not None:
            return _NotebookBar(self.what)
        return _TerminalBar(self.what) if sys.stderr.isatty() else None


class _TerminalBar:
    def __init__(self, what: str) -> None:
        self.what = what

    def show(self, done: int, total: int) -> None:
        filled = 30 * done // max(total, 1)
        sys.stderr.write(f"\r{self.what} [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


class _NotebookBar:
    """The browser's own progress bar. It is no widget, so that the floors below the pictures can have it."""

    def __init__(self, what: str) -> None:
        from IPython.display import display

        self.what = what
        self.handle = display({"text/plain": f"{what}: …"}, raw=True, display_id=True)

    def show(self, done: int, total: int) -> None:
        text = f"{self.what}: {done} of {total}"
        page = f'<label>{text} <progress value="{done}" max="{total}">{text}</progress></label>'
        self.handle.update({"text/plain": text, "text/html": page}, raw=True)

    def close(self) -> None:
        self.handle.update({}, raw=True)
