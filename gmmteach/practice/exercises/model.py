"""What an exercise is made of: a right answer, cases to try it on, and the mistakes that people make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Outputs = tuple[Any, ...]
Arguments = dict[str, Any]


@dataclass(frozen=True)
class Mistake:
    """A known mistake: a function that makes it, and what to say to somebody who has made it too.

    Attributes
    ----------
    name : str
        What was done, in a few words: 'the weights are forgotten'.
    function : callable
        The exercise's function with this mistake in it.
    question : str
        Leads to the mend without giving it.
    evidence : callable, optional
        Takes what the learner's function returned and the arguments it got; says the number or the row that gives the
        mistake away. By default that is the place where the result is farthest from right.
    """

    name: str
    function: Callable[..., Any]
    question: str
    evidence: Callable[[Outputs, Arguments], str] | None = None


@dataclass(frozen=True)
class Property:
    """Something that every right answer has, for mistakes that nobody has thought of.

    Attributes
    ----------
    name : str
        'every row sums to 1'.
    problem : callable
        Takes outputs and arguments; says what is wrong, or returns an empty string.
    question : str
    """

    name: str
    problem: Callable[[Outputs, Arguments], str]
    question: str


@dataclass(frozen=True)
class Exercise:
    """A function to write.

    Attributes
    ----------
    name, signature, task : str
        ``task`` says what it returns, with shapes.
    reference : callable
        A right answer, which is also the solution that is shown.
    cases : callable
        Makes the arguments to try, a list of dictionaries. Together they have to make every mistake visible.
    outputs : sequence of str
        Names of what is returned, one or several.
    mistakes, properties : sequences
        Mistakes are compared in this order; properties are asked where no mistake fits.
    hints : three str
        From a nudge to nearly the line.
    commentary : str
        What to notice in the solution.
    insight : str
        What somebody who was right should see now.
    after : str
        What comes next.
    notebook : str
        Where it is, '02'.
    tolerance : float
        Relative to the largest value of the right answer.
    measure : callable, optional
        Takes a function and the arguments of a case; returns numbers that can be compared. For functions of which one
        call says nothing, because they draw (call them often, and count), and for those that answer in words (number
        the words). It may return None where the function does. By default the function is called once.
    timed : bool
        Whether `check` says how long it took, from the first look at the empty cell to the right answer.
    """

    name: str
    signature: str
    task: str
    reference: Callable[..., Any]
    cases: Callable[[], list[Arguments]]
    outputs: Sequence[str]
    mistakes: Sequence[Mistake]
    hints: tuple[str, str, str]
    commentary: str
    insight: str
    after: str
    notebook: str
    properties: Sequence[Property] = field(default_factory=tuple)
    tolerance: float = 1e-6
    measure: Callable[[Callable[..., Any], Arguments], Any] | None = None
    timed: bool = False

    def __post_init__(self) -> None:
        names = [mistake.name for mistake in self.mistakes]
        if len(set(names)) != len(names):
            raise ValueError(f"two mistakes of {self.name} have one name.")

    def run(self, function: Callable[..., Any], arguments: Arguments) -> Any:
        """Call a function with copies of the arguments, in order: they may have other names. Or measure it."""
        copies = deepcopy(arguments)
        return function(*copies.values()) if self.measure is None else self.measure(function, copies)


def row(values: Any, digits: int = 3) -> str:
    """Write a few numbers: (0.120, 0.880)."""
    numbers = np.ravel(np.asarray(values, dtype=np.float64))
    return f"({', '.join(number(value, digits) for value in numbers)})"


def number(value: float, digits: int = 3) -> str:
    """Write a number for people, with a real minus sign; very small and very large ones with a power of ten."""
    value = float(value)
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "∞" if value > 0 else "−∞"
    small = value != 0 and (abs(value) < 10**-digits or abs(value) >= 1e6)
    text = f"{value:.2e}" if small else f"{value:,.{digits}f}"
    return text.replace("-", "−")
