"""When to stop: the gain of a round for each sample, and a fall that is not called an arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .model import Arguments, Exercise, Mistake, Outputs, Property, row

GO_ON, CONVERGED, DECREASED, YES, ELSE = range(5)  # a verdict as a number
WORDS = ("None", '"converged"', '"decreased"', "True", "something else")


def should_stop(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
    """None to go on, or why to stop: "converged" or "decreased"."""
    if len(objective) < 2:
        return None  # no round yet, so no gain
    gain = objective[-1] - objective[-2]
    if gain < -1e-12 * abs(objective[-1]):  # a real fall, not rounding
        return "decreased"
    return "converged" if gain / n_samples < tol else None


def measure(function: Callable[..., Any], arguments: Arguments) -> int:
    """Number the verdict on one list. False means the same as None."""
    verdict = function(*arguments.values())
    if verdict is None:
        return GO_ON
    if isinstance(verdict, bool | np.bool_):
        return YES if verdict else GO_ON
    word = verdict.strip().lower() if isinstance(verdict, str) else ""
    return {"converged": CONVERGED, "decreased": DECREASED}.get(word, ELSE)


def cases() -> list[Arguments]:
    """Log-likelihoods of runs over 50 samples; each tells at least one wrong rule from the right one."""
    last = -1221.0407
    lists: list[tuple[list[float], float]] = [
        ([-130.0, -120.0, -110.0], 1e-3),  # still climbing
        ([-130.0, -110.0, -109.98], 1e-3),  # 0.0004 a sample: arrived, though 0.02 is more than tol
        ([-130.0, -110.0, -109.92], 1e-3),  # 0.0016 a sample, though less than a thousandth of 110
        ([-130.0, -110.0, -110.01], 1e-3),  # a small fall
        ([-130.0, -110.0, -115.0], 1e-3),  # a large fall
        ([-130.0], 1e-3),  # the start
        ([-130.0, -129.99, -120.0], 1e-3),  # a plateau behind it
        ([-130.0, -135.0, -120.0], 1e-3),  # a fall behind it
        ([-130.0, -110.0, -109.98], 1e-6),  # the same list, another tol
        ([-1300.0, last, float(np.nextafter(last, -np.inf))], 1e-3),  # lower by the last binary digit
        ([-130.0, -110.0, -109.99, -109.98], 1e-3),  # two small gains in a row
        ([-110.0, -115.0, -112.0], 1e-3),  # still below what it once was, and climbing
        ([8.0, 10.0, 10.01], 1e-3),  # positive log-likelihoods, for densities above 1
    ]
    return [{"objective": objective, "tol": tol, "n_samples": 50} for objective, tol in lists]


# --- the mistakes -------------------------------------------------------------------------------------------


def _rule(judge: Callable[[float, Sequence[float], float, int], bool], *, falls: bool = True) -> Callable[..., Any]:
    """The right frame with another rule for 'converged': gain, objective, tol, n_samples -> bool."""

    def made(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
        if len(objective) < 2:
            return None
        gain = objective[-1] - objective[-2]
        if falls and gain < -1e-12 * abs(objective[-1]):
            return "decreased"
        return "converged" if judge(gain, objective, tol, n_samples) else None

    return made


def _stops_at_the_start(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
    return "converged" if len(objective) < 2 else should_stop(objective, tol, n_samples)


def _no_rounding(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
    if len(objective) > 1 and objective[-1] < objective[-2]:
        return "decreased"
    return should_stop(objective, tol, n_samples)


def _any_fall(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
    fallen = any(b < a - 1e-12 * abs(b) for a, b in pairwise(objective))
    return "decreased" if fallen else should_stop(objective, tol, n_samples)


def _two_in_a_row(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
    verdict = should_stop(objective, tol, n_samples)
    settled = len(objective) > 2 and (objective[-2] - objective[-3]) / n_samples < tol
    return None if verdict == "converged" and not settled else verdict


def _below_the_best(objective: Sequence[float], tol: float, n_samples: int) -> str | None:
    fallen = len(objective) > 1 and objective[-1] < max(objective) * (1 - 1e-12 * np.sign(max(objective)))
    return "decreased" if fallen else should_stop(objective, tol, n_samples)


def _told(outputs: Outputs, arguments: Arguments) -> str:
    """What was said about one list, and what is true of it."""
    right = measure(should_stop, arguments)
    return (
        f"For the log-likelihoods {row(arguments['objective'], 2)}, `tol={arguments['tol']}` and "
        f"{arguments['n_samples']} samples you return {WORDS[int(outputs[0])]}, not {WORDS[right]}."
    )


def _rounded(outputs: Outputs, arguments: Arguments) -> str:
    fall = arguments["objective"][-2] - arguments["objective"][-1]
    return f"The last two log-likelihoods are {row(arguments['objective'][-2:], 4)}, and differ by {fall:.0e}."


MISTAKES = (
    Mistake(
        "`abs()` hides a fall",
        _rule(lambda gain, objective, tol, n: abs(gain) / n < tol, falls=False),
        "A round that loses a little has a small size too. Has a run that loses ground arrived?",
        _told,
    ),
    Mistake(
        "a fall counts as a small gain",
        _rule(lambda gain, objective, tol, n: gain / n < tol, falls=False),
        "Every negative number is smaller than `tol`. Which question has to be asked before this one?",
        _told,
    ),
    Mistake(
        "the gain is not divided by the number of samples",
        _rule(lambda gain, objective, tol, n: gain < tol),
        "Twice the data, twice the log-likelihood, twice the gain. Should a run on more data need a smaller `tol`?",
        _told,
    ),
    Mistake(
        "the gain is divided by the log-likelihood",
        _rule(lambda gain, objective, tol, n: abs(gain / objective[-1]) < tol),
        "In other units of the data the log-likelihood shifts by a constant, and may even be 0. Is your rule the same "
        "then?",
        _told,
    ),
    Mistake(
        "the gain since the start is compared, and not that of the last round",
        _rule(lambda gain, objective, tol, n: (objective[-1] - objective[0]) / n < tol),
        "A run that has climbed far may have stopped climbing. Between which two rounds is the gain?",
        _told,
    ),
    Mistake(
        "the comparison is turned round: it stops while the gain is large",
        _rule(lambda gain, objective, tol, n: gain / n > tol),
        "Read the line aloud: *stop when the gain is …*. Is it smaller or larger?",
        _told,
    ),
    Mistake(
        "one small gain, long ago, ends the run",
        _rule(lambda gain, objective, tol, n: bool((np.diff(objective) / n < tol).any())),
        "Behind a plateau the climb may go on. Which gain is the newest?",
        _told,
    ),
    Mistake(
        "a fall long ago ends the run",
        _any_fall,
        "A run would have stopped there and then. Which two numbers are the newest?",
        _told,
    ),
    Mistake(
        "two small gains in a row are waited for",
        _two_in_a_row,
        "That is a more patient rule than the one asked for. How many gains does `tol` look at here?",
        _told,
    ),
    Mistake(
        "the newest value is compared with the best so far",
        _below_the_best,
        "The last round has gained, though an earlier one had lost. Between which two numbers is the gain?",
        _told,
    ),
    Mistake(
        "the start, before any round, is called converged",
        _stops_at_the_start,
        "One number has no gain yet. What should be answered until there are two?",
        _told,
    ),
    Mistake(
        "rounding is taken for a fall",
        _no_rounding,
        "A sum of many logarithms is right to some thirteen digits. By how much may it seem to fall while nothing "
        "falls?",
        _rounded,
    ),
    Mistake(
        "`tol` is not used: it is always a thousandth",
        _rule(lambda gain, objective, tol, n: gain / n < 1e-3),
        "It happens to be the default. Who decides how small is small?",
        _told,
    ),
    Mistake(
        "it never stops",
        lambda objective, tol, n_samples: None if objective else "converged",
        "For every list that was tried it says: go on. Is a `return` missing, or a branch never reached?",
        _told,
    ),
)

PROPERTIES = (
    Property(
        "the answer is a reason",
        lambda outputs, arguments: _told(outputs, arguments) if int(outputs[0]) in (YES, ELSE) else "",
        "*Stop* has two very different reasons here. Can whoever reads your answer tell which?",
    ),
    Property(
        "every list has its verdict",
        lambda outputs, arguments: (
            _told(outputs, arguments) if int(outputs[0]) != measure(should_stop, arguments) else ""
        ),
        "Take this list by hand: what is the gain of the last round, what is it per sample, and is it negative?",
    ),
)

EXERCISE = Exercise(
    name="should_stop",
    signature="should_stop(objective, tol, n_samples)",
    task='Return None to go on, "converged" when the last round has gained less than `tol` per sample, "decreased" '
    "when it has lost something (more than rounding, of 1e-12 of the value). `objective` is the list of total "
    "log-likelihoods so far, the newest last; at the start it has only one.",
    reference=should_stop,
    cases=cases,
    outputs=("verdict",),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Three questions, in this order: is there a gain at all yet? Is it negative? Is it small?",
        "`gain = objective[-1] - objective[-2]`, once you know that there are two. A fall is `gain` below a very small "
        "negative number.",
        'Fewer than two numbers: None. `gain < -1e-12 * abs(objective[-1])`: "decreased". `gain / n_samples < tol`: '
        '"converged". Else None.',
    ),
    commentary="The fall is asked for first, since a negative number is smaller than any `tol`. It is compared with "
    "the size of the objective, because sums of thousands of logarithms are rounded.",
    insight="*Converged* says that the last step was small. It does not say that the top is near: many small steps "
    "can still lead far.",
    after="Next in this notebook: what is left to climb can be guessed from the last two gains (Aitken).",
    notebook="06",
    measure=measure,
)
