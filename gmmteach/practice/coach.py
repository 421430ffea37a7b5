"""Help with an exercise: one hint at a time, and the solution for whoever asks twice."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets

from .checker import find
from .exercises.model import Exercise
from .progress import Store
from .verdict import markup

FIRST = "You learn more by asking hint() first."
_given: dict[str, int] = {}  # hints given since this session began


@dataclass(frozen=True)
class Hint:
    """One hint of three; shows itself in a notebook and in a terminal."""

    exercise: str
    number: int
    text: str

    def __repr__(self) -> str:
        return f"{self.exercise}, hint {self.number} of 3: {self.text}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        head = f"<b>{escape(self.exercise)}, hint {self.number} of 3.</b>"
        return {"text/plain": repr(self), "text/html": f"<p role='status'>{head} {markup(self.text)}</p>"}


def hint(exercise: str | Callable[..., Any]) -> Hint:
    """Get the next of three hints: a nudge, the way, nearly the line. A fourth call begins again.

    Parameters
    ----------
    exercise : str or callable
        Its name, or your function.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    """
    chosen = find(exercise)
    number = _given.get(chosen.name, 0) % len(chosen.hints) + 1
    _given[chosen.name] = number
    Store().change("exercises", chosen.name, lambda record: {**record, "hints": max(record.get("hints", 0), number)})
    return Hint(chosen.name, number, chosen.hints[number - 1])


def solution(exercise: str | Callable[..., Any], *, sure: bool | None = None) -> Any:
    """Show the reference solution with its commentary, after asking whether you are sure.

    Parameters
    ----------
    exercise : str or callable
        Its name, or your function.
    sure : bool, optional
        True shows it at once. By default a notebook gets a button to press, a terminal a question.

    Returns
    -------
    A widget with a button, in a notebook; else the `Solution`, or None if the answer was no.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    """
    shown = Solution(find(exercise))
    if sure is None and _in_a_notebook():
        return _Curtain(shown)
    if sure is None:
        sure = input(
            f"Show the solution of {exercise}? You learn more by asking hint() first. [y/N] "
        ).strip().lower() in ("y", "yes")
    return shown if sure else None


_IMPORTS = {
    "np.": "import numpy as np",
    "logsumexp(": "from scipy.special import logsumexp",
    "xlogy(": "from scipy.special import xlogy",
}


class Solution:
    """The reference code of an exercise, as a learner would write it, and what to notice in it.

    Attributes
    ----------
    exercise, commentary : str
    code : str
        With its imports and without annotations: it runs where it is pasted.
    """

    def __init__(self, exercise: Exercise) -> None:
        self.exercise, self.commentary = exercise.name, exercise.commentary
        code = inspect.getsource(exercise.reference)
        code = re.sub(r"\Adef .*?:\n", f"def {exercise.signature}:\n", code, count=1, flags=re.DOTALL)
        code = re.sub(r"\) -> \w+:\n", "):\n", code)  # of a function inside
        imports = [line for name, line in _IMPORTS.items() if name in code]
        self.code = "\n".join([*imports, "", "", code]) if imports else code

    def remember(self) -> None:
        """Keep that it has been seen."""
        Store().change("exercises", self.exercise, lambda record: {**record, "solution_seen": True})

    def __repr__(self) -> str:
        return f"{self.code}\n{self.commentary}"

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.code}```\n\n{self.commentary}"


class _Curtain(ipywidgets.VBox):
    """A button, and behind it the solution."""

    def __init__(self, shown: Solution) -> None:
        self._shown = shown
        self.words = ipywidgets.HTML(FIRST)
        self.button = ipywidgets.Button(
            description=f"Show the solution of {shown.exercise}", layout={"width": "max-content", "padding": "0 1em"}
        )
        self.output = ipywidgets.HTML()
        self.button.on_click(self._open)
        super().__init__([self.words, self.button, self.output])

    def _open(self, _button: object) -> None:
        self._shown.remember()
        code = f"<pre style='line-height:1.4'>{escape(self._shown.code)}</pre>"
        self.output.value = (
            f"{code}<p style='max-width:46em;line-height:1.5;white-space:normal'>{markup(self._shown.commentary)}</p>"
        )
        for hidden in (self.words, self.button):
            hidden.layout.display = "none"

    def __repr__(self) -> str:
        return f'The solution of {self._shown.exercise}: solution("{self._shown.exercise}", sure=True) shows it.'

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """A page without widgets says how to see it."""
        shown = super()._repr_mimebundle_(**kwargs)
        if shown is None:
            return {"text/plain": repr(self)}
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, "text/plain": repr(self)}, metadata


def _in_a_notebook() -> bool:
    """Whether a kernel is running, which can show a button."""
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell else None
    return instance is not None and hasattr(instance, "kernel")
