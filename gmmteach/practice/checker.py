"""Check a function that a learner has written: is it right, and if not, which mistake is it?

The function is run on the exercise's cases, on copies of the data, within a time limit, with its exceptions and
warnings caught. What it returns is compared with the right answer, then with what each known mistake returns, and then
with the rules that every right answer keeps.
"""

from __future__ import annotations

import ast
import inspect
import signal
import textwrap
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from .exercises import EXERCISES
from .exercises.model import Arguments, Exercise, Mistake, Outputs, number
from .progress import Store, now
from .verdict import BLANK, Verdict

SECONDS = 10.0  # for all cases together
YOURS = "your_"  # before a learner's function in a notebook that also needs the library's
SINGLE = 1e-4  # the tolerance for answers in single precision


def check(exercise: str | Callable[..., Any], function: Callable[..., Any] | None = None) -> Verdict:
    """Check a function that you have written.

    Parameters
    ----------
    exercise : str or callable
        The exercise's name; or the function itself, if it has that name, with or without ``your_`` before it.
    function : callable, optional
        The function, where the first argument is a name.

    Returns
    -------
    Verdict
        ``.passed`` and ``.message``; shows itself as the last line of a cell.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    TypeError
        If there is no function to check.
    """
    name, learners = _named(exercise, function)
    chosen = find(name)
    name, verdict = chosen.name, _judge(chosen, learners)
    if chosen.timed:
        verdict = _with_the_time(verdict)
    if verdict.kind not in BLANK:
        Store().change("exercises", name, lambda record: _remember(record, verdict))
    return verdict


def find(exercise: str | Callable[..., Any]) -> Exercise:
    """Look an exercise up by its name, or by a function of that name; raise ValueError if there is none."""
    name = _name(exercise) if callable(exercise) else str(exercise).removeprefix(YOURS)
    if name not in EXERCISES:
        near = get_close_matches(name, EXERCISES, n=1)
        there = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(EXERCISES))}."
        raise ValueError(f"there is no exercise {name!r}; {there}")
    return EXERCISES[name]


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__)).removeprefix(YOURS)


def _named(exercise: str | Callable[..., Any], function: Callable[..., Any] | None) -> tuple[str, Callable[..., Any]]:
    if callable(exercise) and isinstance(function, str):
        exercise, function = function, exercise  # in the other order there is only one thing it can mean
    if callable(exercise) and function is None:
        return _name(exercise), exercise
    if not isinstance(exercise, str):
        raise TypeError('check takes your function, or a name in quotes and a function: check("e_step", mine).')
    if not callable(function):
        raise TypeError(f'check("{exercise}", …) needs the function that you have written: check("{exercise}", mine).')
    return exercise, function


_began: dict[str, float] = {}  # when the empty cell was checked, in this session


def _with_the_time(verdict: Verdict) -> Verdict:
    """Start the clock at the empty cell; stop it at the right answer."""
    if verdict.kind in BLANK:
        _began[verdict.exercise] = time.monotonic()
    if not verdict.passed or verdict.exercise not in _began:
        return verdict
    minutes = (time.monotonic() - _began[verdict.exercise]) / 60
    return replace(verdict, message=f"{verdict.message}\n\nFrom the empty cell to here: {minutes:.0f} min.")


def _remember(record: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """One more attempt; a mistake made once is worth knowing about later."""
    diagnoses = dict(record.get("diagnoses", {}))
    if verdict.diagnosis:
        diagnoses[verdict.diagnosis] = diagnoses.get(verdict.diagnosis, 0) + 1
    passed = verdict.passed or bool(record.get("passed"))
    first = record.get("passed_at") or (now() if verdict.passed else None)
    return {
        **record, "attempts": record.get("attempts", 0) + 1, "passed": passed, "passed_at": first, "last": now(),
        "diagnoses": diagnoses,
    }  # fmt: skip


# --- judging ------------------------------------------------------------------------------------------------


def _judge(exercise: Exercise, learners: Callable[..., Any]) -> Verdict:
    def verdict(kind: Any, message: str, diagnosis: str = "") -> Verdict:
        return Verdict(exercise.name, kind, message, diagnosis)

    if _is_stub(learners):
        return verdict("empty", _invitation(exercise, learners))
    if gaps := _gaps(learners):
        return verdict("unfinished", _what_is_left(exercise, gaps))
    cases = exercise.cases()
    right = [_ours(exercise, exercise.reference, index) for index in range(len(cases))]
    try:
        with _time_limit(SECONDS), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            returned = [exercise.run(learners, case) for case in cases]
    except _TooLong:
        return verdict("slow", _too_long())
    except NotImplementedError:
        return verdict("empty", _invitation(exercise, learners))
    except Exception as error:
        return verdict("error", _explained(error, learners, exercise), type(error).__name__)
    if all(value is None or value is ... for value in returned):
        return verdict("empty", _invitation(exercise, learners) + "\n\n(It returns nothing. Is the `return` missing?)")
    try:
        got = [_plain(_outputs(value), wanted) for value, wanted in zip(returned, right, strict=True)]
    except (TypeError, ValueError) as error:
        return verdict("property", f"What it returns is not made of numbers: {error}.", "not numbers")
    if all(_same(exercise, a, b) for a, b in zip(got, right, strict=True)):
        return verdict("right", f"{exercise.insight}\n\n{exercise.after}")
    return _diagnose(exercise, cases, got, right, verdict)


def _diagnose(
    exercise: Exercise,
    cases: list[Arguments],
    got: list[Outputs],
    right: list[Outputs],
    verdict: Callable[..., Verdict],
) -> Verdict:
    for mistake in exercise.mistakes:
        if where := _made(exercise, mistake, got, right):
            case, output = where
            if mistake.evidence:
                said = mistake.evidence(got[case], cases[case])
            else:
                said = _farthest(exercise, got[case], right[case], output)
            return verdict("mistake", f"It looks as if {mistake.name}. {said}\n\n{mistake.question}", mistake.name)
    if problem := _wrong_form(exercise, got, right):
        return verdict("property", f"{problem}\n\n{exercise.task}", "form")
    for rule in exercise.properties:
        for outputs, case in zip(got, cases, strict=True):
            if problem := rule.problem(outputs, case):
                return verdict("property", f"{problem}\n\n{rule.question}", rule.name)
    index = next(i for i, (a, b) in enumerate(zip(got, right, strict=True)) if not _same(exercise, a, b))
    output = _first_wrong(exercise, got[index], right[index])
    message = (
        f"{_farthest(exercise, got[index], right[index], output)} That is none of the mistakes that this course "
        "knows, and "
        "no rule is broken.\n\n"
        f'Go through it with the smallest case you can do by hand, or ask for a hint: `hint("{exercise.name}")`.'
    )
    return verdict("unknown", message)


def _made(exercise: Exercise, mistake: Mistake, got: list[Outputs], right: list[Outputs]) -> tuple[int, int] | None:
    """Where this mistake has been made: the case and the output, or None.

    Of several outputs those up to the first wrong one count: what comes after it may be wrong because of it.
    """
    found = None
    for index, (outputs, wanted) in enumerate(zip(got, right, strict=True)):
        wrong = _ours(exercise, mistake.function, index)
        if _same(exercise, outputs, wanted):
            if not _same(exercise, wrong, wanted):
                return None  # here the mistake would show, and does not
            continue
        output = _first_wrong(exercise, outputs, wanted)
        if output >= min(len(outputs), len(wrong)):
            return None
        if not all(_alike(exercise, a, b) for a, b in zip(outputs[: output + 1], wrong, strict=False)):
            if not np.isfinite(outputs[output]).any() and not _same(exercise, wrong, wanted):
                continue  # a second mistake has left nothing to compare: the other cases decide
            return None
        found = found or (index, output)
    return found


_measured: dict[tuple[Any, ...], Outputs] = {}  # many calls each, and the same numbers every time


def _ours(exercise: Exercise, function: Callable[..., Any], index: int) -> Outputs:
    """What the reference or a known mistake returns for one case; kept, where it had to be measured."""
    key = (exercise.cases, function, index)
    if key in _measured:
        return _measured[key]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = _outputs(exercise.run(function, exercise.cases()[index]))
    if exercise.measure is not None:
        _measured[key] = outputs
    return outputs


def _first_wrong(exercise: Exercise, got: Outputs, right: Outputs) -> int:
    pairs = zip(got, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if not _close(exercise, a, b)), min(len(got), len(right)))


def _same(exercise: Exercise, got: Outputs, right: Outputs) -> bool:
    return len(got) == len(right) and all(_close(exercise, a, b) for a, b in zip(got, right, strict=True))


def _close(exercise: Exercise, got: Any, right: Any) -> bool:
    """Whether two arrays are equal up to rounding, NaN being equal to NaN."""
    if np.shape(got) != np.shape(right):
        return False
    tolerance = SINGLE if np.asarray(got).dtype == np.float32 else exercise.tolerance
    finite = np.abs(right[np.isfinite(right)])
    scale = float(finite.max()) if finite.size else 1.0
    return bool(np.allclose(got, right, rtol=tolerance, atol=tolerance * max(scale, 1e-300), equal_nan=True))


def _alike(exercise: Exercise, got: Any, wrong: Any) -> bool:
    """Whether this may be the same mistake: where the learner has NaN besides, what is finite decides."""
    finite = np.isfinite(got)
    if finite.all() or np.shape(got) != np.shape(wrong) or 2 * finite.sum() < finite.size:
        return _close(exercise, got, wrong)
    return _close(exercise, got, wrong) or _close(exercise, got[finite], wrong[finite])


def _outputs(value: Any) -> Outputs:
    """What a function returned, as a tuple of arrays of numbers."""
    parts = value if isinstance(value, tuple) else (value,)
    arrays = []
    for part in parts:
        array = np.asarray(part)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{type(part).__name__} of {array.dtype}")
        arrays.append(array if array.dtype == np.float32 else array.astype(np.float64))
    return tuple(arrays)


def _plain(got: Outputs, right: Outputs) -> Outputs:
    """An array of one number is a number, where one is wanted."""
    if len(got) != len(right):
        return got
    return tuple(a.reshape(()) if b.shape == () and a.size == 1 else a for a, b in zip(got, right, strict=True))


def _wrong_form(exercise: Exercise, got: list[Outputs], right: list[Outputs]) -> str:
    for outputs, wanted in zip(got, right, strict=True):
        if len(outputs) != len(wanted):
            return f"It returns {len(outputs)} value{'s' * (len(outputs) != 1)}, and {len(wanted)} are wanted."
        for name, mine, theirs in zip(exercise.outputs, outputs, wanted, strict=True):
            if np.shape(mine) != np.shape(theirs):
                return f"The shape of {name} is {np.shape(mine)}, and {np.shape(theirs)} is wanted."
            if not np.isfinite(mine).all() and np.isfinite(theirs).all():
                place = tuple(int(i) for i in np.argwhere(~np.isfinite(mine))[0])
                where = f" at {place}" if place else ""
                return f"There is a {number(mine[place])} in {name}{where}, for data in which nothing is infinite."
    return ""


def _farthest(exercise: Exercise, got: Outputs, right: Outputs, output: int) -> str:
    """The value that is farthest from right."""
    mine, theirs = np.asarray(got[output], dtype=np.float64), np.asarray(right[output], dtype=np.float64)
    if mine.shape != theirs.shape:
        return f"The shape of {exercise.outputs[output]} is {mine.shape}, and {theirs.shape} is wanted."
    with np.errstate(all="ignore"):
        apart = np.nan_to_num(np.abs(mine - theirs), nan=np.inf, posinf=np.inf)
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    index = ", ".join(str(int(i)) for i in place)
    where = f"{exercise.outputs[output]}[{index}]" if place else exercise.outputs[output]
    return f"`{where}` is {number(mine[place])} and should be {number(theirs[place])}."


# --- running somebody else's code ---------------------------------------------------------------------------


class _TooLong(BaseException):
    """Not an Exception, so that a bare ``except Exception`` in a learner's loop does not swallow it."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Stop the block after so many seconds, where the system can: on the main thread of one that has alarms."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise _TooLong

    before, began = signal.signal(signal.SIGALRM, ring), time.monotonic()
    others, _ = signal.setitimer(signal.ITIMER_REAL, seconds)  # an alarm that somebody else is waiting for
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(others - (time.monotonic() - began), 1e-3) if others else 0)
        signal.signal(signal.SIGALRM, before)


def _too_long() -> str:
    return (
        f"It was stopped after {SECONDS:.0f} seconds; the data are a few dozen rows.\n\n"
        "Is there a `while` whose condition never becomes false?"
    )


def _is_stub(function: Callable[..., Any]) -> bool:
    """Whether the body is nothing but a docstring and ``...``, ``pass`` or ``raise NotImplementedError``."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    constants = set(code.co_consts) - {getattr(function, "__doc__", None), None, ...}
    return not constants and set(code.co_names) <= {"NotImplementedError"} and not _computes(code)


def _computes(code: Any) -> bool:
    import dis

    quiet = {"RESUME", "NOP", "POP_TOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "LOAD_GLOBAL", "RAISE_VARARGS",
             "PRECALL", "CALL", "PUSH_NULL", "LOAD_COMMON_CONSTANT", "CACHE", "NOT_TAKEN"}  # fmt: skip
    return any(instruction.opname not in quiet for instruction in dis.get_instructions(code))


def _gaps(function: Callable[..., Any]) -> list[str]:
    """The lines of a function in which a ``...`` stands for something to be written; an index may have one."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return []  # written where nothing keeps the source: whatever goes wrong then is explained when it does
    indices = {
        id(node) for index in ast.walk(tree) if isinstance(index, ast.Subscript) for node in ast.walk(index.slice)
    }
    numbers = {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value is ... and id(node) not in indices
    }
    lines = source.splitlines()
    return [lines[number - 1].split("  #")[0].strip() for number in sorted(numbers)]


def _what_is_left(exercise: Exercise, gaps: list[str]) -> str:
    lines = "\n".join(f"`{line}`" for line in gaps)
    return (
        f"{exercise.task}\n\nEach `...` is yours:\n{lines}\n\n"
        f'Run the cell again then. For a nudge: `hint("{exercise.name}")`. The notebook runs on without it.'
    )


def _invitation(exercise: Exercise, learners: Callable[..., Any]) -> str:
    name = getattr(learners, "__name__", "")
    signature = exercise.signature.replace(exercise.name, name if name.isidentifier() else exercise.name, 1)
    return (
        f"{exercise.task}\n\nFill in `{signature}` and run the cell again. "
        f'For a nudge: `hint("{exercise.name}")`. The notebook runs on without it.'
    )


def _explained(error: Exception, learners: Callable[..., Any], exercise: Exercise) -> str:
    """An exception in words: what, in which of the learner's own lines, and what usually causes it."""
    code = getattr(learners, "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    where = ""
    if frames and (line := (frames[-1].line or "").strip()):
        where = f"\n\nThe line is `{line}`"
    elif frames and code:
        where = f"\n\nIt is line {(frames[-1].lineno or 0) - code.co_firstlineno + 1} of your function"
    message = f"`{type(error).__name__}: {error}`{where}{'.' if where else ''}"
    if isinstance(error, TypeError) and "argument" in str(error) and not frames:
        return f"{message}\n\nIt is called as `{exercise.signature}`; yours takes `{_signature(learners)}`."
    for kind, advice in _ADVICE.items():
        if isinstance(error, kind):
            return f"{message}\n\n{advice}"
    return message


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(…)"


_ADVICE: dict[type[Exception], str] = {
    NameError: "A name is used that does not exist here. Is it spelt as in the signature, or is an import missing?",
    IndexError: "An index goes past the end of an array. How many rows, columns and components are there?",
    np.linalg.LinAlgError: "A matrix could not be inverted or factorised. Is it the covariance that you mean, (D, D)?",
    ValueError: "Print the shapes of what goes into that line. N samples, D features and K components are three "
    "different numbers here, so shapes that do not fit are noticed.",
    ZeroDivisionError: "Something is divided by 0. What is it the number of?",
    AttributeError: "That object does not have this attribute. Print its type.",
    TypeError: "A value has another type than the line expects. Print its type.",
}
