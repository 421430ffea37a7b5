"""What `check` answers: whether it is right, and what to think about next."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Literal

Kind = Literal["right", "empty", "unfinished", "mistake", "property", "error", "slow", "unknown"]
HEADINGS: dict[Kind, str] = {
    "right": "Right.",
    "empty": "Nothing is written yet.",
    "unfinished": "Some of it is left to you.",
    "mistake": "Not yet.",
    "property": "Not yet.",
    "error": "It did not run.",
    "slow": "It did not finish.",
    "unknown": "Not yet.",
}
BLANK = ("empty", "unfinished")  # no attempt yet


@dataclass(frozen=True)
class Verdict:
    """The answer to one attempt; shows itself in a notebook and in a terminal.

    Attributes
    ----------
    exercise : str
    kind : str
        'right', 'empty' (nothing written yet), 'unfinished' (a ``...`` is left), 'mistake' (a known one),
        'property' (an unknown one that breaks a rule), 'error' (an exception), 'slow' (longer than allowed) or
        'unknown'.
    message : str
        In plain text; paragraphs are separated by empty lines.
    diagnosis : str
        Name of the mistake or of the broken rule; empty where there is none.
    """

    exercise: str
    kind: Kind
    message: str
    diagnosis: str = ""

    @property
    def passed(self) -> bool:
        """Whether the function is right."""
        return self.kind == "right"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        mark = "✓" if self.passed else "·" if self.kind in BLANK else "✗"
        return f"{mark} {self.exercise}: {HEADINGS[self.kind]}\n{self.message}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        colour = "#00735a" if self.passed else "#6b6b6b" if self.kind in BLANK else "#b34a00"
        mark, _ = repr(self).split(maxsplit=1)
        paragraphs = "".join(f"<p style='margin:6px 0'>{markup(part)}</p>" for part in self.message.split("\n\n"))
        html = (
            f"<div role='status' style='border-left:5px solid {colour};padding:4px 14px;max-width:46em'>"
            f"<p style='margin:2px 0'><b>{mark} {escape(self.exercise)}: {HEADINGS[self.kind]}</b></p>"
            f"{paragraphs}</div>"
        )
        return {"text/plain": repr(self), "text/html": html}


def markup(text: str) -> str:
    """Escape a text; what stands between backquotes is code, and lines stay lines."""
    parts = escape(text, quote=False).split("`")
    marked = "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    return marked.replace("\n", "<br>")
