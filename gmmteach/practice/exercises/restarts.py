"""The best of several runs: another seed for each, and one that failed must not win.

The fit is a table: the first seed that it meets gets the first of its ends, the next new seed the second, and a seed
that comes again gets what it got before, as from any program. So it does not matter how seeds are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number

Run = tuple[float, Array]  # total log-likelihood, means
NAN, LOWEST, MISSING = -1e12, -2e12, -3e12  # stand for NaN, −∞ and nothing, which cannot be compared
FINE, SAME_EVERY_TIME, FROM_ELSEWHERE = 0.0, 1.0, 2.0  # where the seeds come from


def best_of(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> tuple[float, Array | None]:
    """Total log-likelihood and means of the best of n_init runs."""
    best = -np.inf, None
    for _ in range(n_init):
        run = fit(rng.integers(2**32))
        if run[0] > best[0]:  # NaN is not larger than anything
            best = run
    return best


class Fit:
    """A fit whose runs end as planned, in the order in which seeds are met; it remembers the seeds."""

    def __init__(self, log_likelihoods: tuple[float, ...], n_components: int, n_features: int) -> None:
        self.log_likelihoods = log_likelihoods
        self.places = np.arange(1.0, n_components * n_features + 1).reshape(n_components, n_features)
        self.seeds: list[Any] = []

    def __call__(self, seed: Any = None) -> Run:
        """Log-likelihood and means from this seed, the same whenever it comes."""
        self.seeds.append(_known_by(seed))
        return self.end(self.met().index(self.seeds[-1]))

    def met(self) -> list[Any]:
        """The different seeds, in order."""
        return list(dict.fromkeys(self.seeds))

    def end(self, number: int) -> Run:
        """The end of a run; each has means of its own."""
        number %= len(self.log_likelihoods)
        return self.log_likelihoods[number], np.round(self.places * (1 + 0.25 * number) - number, 2)

    def whose(self, log_likelihood: float, means: Array) -> tuple[list[int], list[int]]:
        """The runs that have this log-likelihood, and those that have these means."""
        runs = [self.end(number) for number in range(len(self.log_likelihoods))]
        same = [i for i, (total, _) in enumerate(runs) if np.isclose(total, log_likelihood, 1e-5, equal_nan=True)]
        return same, [i for i, (_, theirs) in enumerate(runs) if np.allclose(theirs, means, 1e-4)]


def _known_by(seed: Any) -> Any:
    """What tells a seed from another. From a generator a fit draws, so one that comes twice is no longer the same."""
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**62))
    if isinstance(seed, np.random.RandomState):
        return int(seed.randint(2**31))
    if isinstance(seed, np.random.SeedSequence):
        return tuple(seed.generate_state(4).tolist())
    if seed is None:
        return object()  # the system's own randomness
    return tuple(np.ravel(seed).tolist())


def cases() -> list[Arguments]:
    """Ends in the order in which the runs come; the last three of each belong to runs too many, and are better."""
    nan, inf = np.nan, np.inf
    rows: tuple[tuple[tuple[float, ...], int, int], ...] = (
        ((-1074.9, nan, -1034.1, -1080.2, -inf, -1051.3, -1000.0, -990.0, -980.0), 3, 2),
        ((nan, -310.2, -295.7, -300.1, -280.0, -270.0, -260.0), 4, 3),
        ((41.5, 60.3, 35.0, 52.0, 47.5, 70.0, 80.0, 90.0), 3, 2),  # densities above 1
        ((-820.5, -801.0, -815.5, -812.0, -799.3, -840.0, -805.0, nan, -790.0, -780.0, -770.0), 4, 3),
    )
    return [
        {"fit": Fit(ends, n_components, n_features), "n_init": len(ends) - 3, "rng": np.random.default_rng(seed)}
        for seed, (ends, n_components, n_features) in enumerate(rows)
    ]


def measure(function: Callable[..., Any], arguments: Arguments) -> Any:
    """Call it three times; return what it returned first, and what it asked of the fit.

    In this order: how many values there are, and whether the first is a number; how many runs, and from how many
    seeds; where the seeds come from (see `FINE`), which the other two calls tell, one with an equal generator and one
    with a generator further on; log-likelihood and means in one row, since they belong together; each alone.
    """
    fit, n_init, rng = arguments.values()
    equal, fits = deepcopy(rng), [deepcopy(fit) for _ in range(3)]
    value = function(fits[0], n_init, rng)
    if value is None or value is ...:
        return None
    function(fits[1], n_init, equal)
    function(fits[2], n_init, rng)
    seeds = [each.met() for each in fits]
    origin = FROM_ELSEWHERE if seeds[1] != seeds[0] else SAME_EVERY_TIME if seeds[2] == seeds[0] else FINE
    count, log_likelihood, means = _parts(value)
    form = np.array([count, np.size(log_likelihood) == 1 and log_likelihood is not None], dtype=float)
    log_likelihood = _coded(log_likelihood)
    means = np.full(fit.places.shape, MISSING) if means is None else means
    run = np.concatenate([np.ravel(log_likelihood), np.ravel(means)])
    return form, np.array([len(fits[0].seeds), len(seeds[0])]), origin, run, log_likelihood, means


def _parts(value: Any) -> tuple[int, Any, Any]:
    """How many values, the log-likelihood, the means; None for one that is not there."""
    several = isinstance(value, tuple | list) and not all(_axes(part) == 1 for part in value)  # else rows of means
    first, second, *_ = (*value, None) if several else (value, None)
    if _axes(first) is None:
        return len(value), None, None
    if second is None and np.size(first) > 1:
        first, second = None, first
    return len(value) if several else 1, first, second


def _axes(part: Any) -> int | None:
    """The number of axes; None for a run, which has a number and an array in it."""
    try:
        return np.ndim(part)
    except ValueError:
        return None


def _coded(log_likelihood: Any) -> Any:
    """A log-likelihood with numbers in the place of nothing, NaN and −∞: that a run failed is an answer, too."""
    if log_likelihood is None:
        return MISSING
    value = np.asarray(log_likelihood)
    if value.dtype.kind != "f" or value.size != 1 or np.isfinite(value).all():
        return log_likelihood
    return NAN if np.isnan(value).all() else LOWEST


def _decoded(log_likelihood: Any) -> float:
    value = float(np.ravel(log_likelihood)[0])
    return {NAN: float("nan"), LOWEST: -float("inf"), MISSING: float("nan")}.get(value, value)


# --- the mistakes -------------------------------------------------------------------------------------------


def _runs(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> list[Run]:
    return [fit(int(rng.integers(2**32))) for _ in range(n_init)]


def _chosen(choose: Callable[[list[Run]], Any]) -> Callable[..., Any]:
    """Right runs, and another choice among them."""
    return lambda fit, n_init, rng: choose(_runs(fit, n_init, rng))


def _seeded(seeds: Callable[[int, np.random.Generator], list[int]]) -> Callable[..., Any]:
    """The right choice among runs from other seeds."""

    def made(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> Run:
        return _best([fit(seed) for seed in seeds(n_init, rng)])

    return made


def _best(runs: list[Run]) -> Run:
    best: Any = (-np.inf, None)
    for run in runs:
        if run[0] > best[0]:
            best = run
    return best


def _totals(runs: list[Run]) -> list[float]:
    return [total for total, _ in runs]


def _first_unbeaten(runs: list[Run]) -> Run:
    best = runs[0]
    for run in runs[1:]:
        if run[0] > best[0]:
            best = run
    return best


def _from_0(runs: list[Run]) -> Any:
    best: Any = (0.0, None)
    for run in runs:
        if run[0] > best[0]:
            best = run
    return best


def _last_that_did_not_fail(runs: list[Run]) -> Run:
    return [run for run in runs if run[0] > -np.inf][-1]


def _better_than_the_one_before(runs: list[Run]) -> Any:
    kept: Any = (-np.inf, None)
    before = -np.inf
    for run in runs:
        if run[0] > before:
            kept = run
        before = run[0]
    return kept


def _lowest(runs: list[Run]) -> Run:
    return min((run for run in runs if not np.isnan(run[0])), key=lambda run: run[0])


def _smallest_in_size(runs: list[Run]) -> Run:
    return min((run for run in runs if not np.isnan(run[0])), key=lambda run: abs(run[0]))


def _largest_in_size(runs: list[Run]) -> Run:
    finite = [run for run in runs if np.isfinite(run[0])]
    return max(finite, key=lambda run: abs(run[0]))


def _twice_each(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> Run:
    seeds = rng.integers(2**32, size=n_init).tolist()
    return _best([(fit(seed)[0], fit(seed)[1]) for seed in seeds])


def _best_again(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> Run:
    seeds = rng.integers(2**32, size=n_init).tolist()
    totals = [fit(seed)[0] for seed in seeds]
    return fit(seeds[int(np.nanargmax(totals))])


def _ended_by_a_failure(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> Run:
    best: Any = (-np.inf, None)
    for _ in range(n_init):
        run = fit(int(rng.integers(2**32)))
        if np.isnan(run[0]):
            break
        if run[0] > best[0]:
            best = run
    return best


def _one_more(fit: Callable[[Any], Run], n_init: int, rng: np.random.Generator) -> Run:
    return _best(_runs(fit, n_init + 1, rng))


def _seed_once(n_init: int, rng: np.random.Generator) -> list[int]:
    return [int(rng.integers(2**32))] * n_init


def _elsewhere(n_init: int, rng: np.random.Generator) -> list[int]:
    return np.random.default_rng().integers(2**32, size=n_init).tolist()


def _told(outputs: Outputs, arguments: Arguments) -> str:
    """The ends of the runs, and what was made of them."""
    fit, n_init, _ = arguments.values()
    totals = ", ".join(number(total, 1) for total in fit.log_likelihoods[:n_init])
    right = number(max(total for total in fit.log_likelihoods[:n_init] if total == total), 1)
    said = f"you return {number(_decoded(outputs[4]), 1)}" if np.size(outputs[4]) == 1 else "you return an array first"
    return f"The {n_init} runs ended with log-likelihoods of {totals}; {said}, and {right} is the best."


def _asked(outputs: Outputs, arguments: Arguments) -> str:
    """How many runs, from how many seeds."""
    runs, seeds = outputs[1].astype(int).tolist()
    return (
        f"For n_init={arguments['n_init']} there {'was' if runs == 1 else 'were'} {runs} run{'s' * (runs != 1)}, from "
        f"{seeds} different seed{'s' * (seeds != 1)}."
    )


def _same_start(outputs: Outputs, arguments: Arguments) -> str:
    return (
        f"{int(outputs[1][0])} runs from 1 seed: all began with the same means, and all ended with "
        f"{number(_decoded(outputs[4]), 1)}."
    )


def _owners(outputs: Outputs, arguments: Arguments) -> str:
    """Which run the log-likelihood is from, and which the means."""
    totals, means = arguments["fit"].whose(_decoded(outputs[4]), outputs[5])
    if not totals:
        return _told(outputs, arguments)
    theirs = f"are those of run {means[0]}" if means else "are those of none of the runs"
    return f"Counted from 0, the log-likelihood is that of run {totals[0]}, and the means {theirs}."


def _values(outputs: Outputs, arguments: Arguments) -> str:
    count = int(outputs[0][0])
    what = "" if count != 1 else ", a number" if outputs[0][1] else ", an array"
    return f"You return {count} value{'s' * (count != 1)}{what}; 2 are wanted."


def _origin(outputs: Outputs, arguments: Arguments) -> str:
    """What three calls have shown of the seeds."""
    if float(outputs[2]) == SAME_EVERY_TIME:
        return f"It was called again with the same `rng`, and took the same {int(outputs[1][1])} seeds again."
    return f"It was called with two equal generators, and did not take the same {int(outputs[1][1])} seeds."


MISTAKES = (
    Mistake(
        "every restart has the same seed",
        _seeded(_seed_once),
        "Fifty equal runs are one run. Where is the seed drawn, before the loop or inside it?",
        _same_start,
    ),
    Mistake(
        "the same seeds come at every call: `rng` is not used",
        _seeded(lambda n_init, rng: list(range(n_init))),
        "Whoever calls it again to try more starts gets the old ones. From what are the seeds to be drawn?",
        _origin,
    ),
    Mistake(
        "the seeds do not come from `rng`",
        _seeded(_elsewhere),
        "Nobody could repeat such a run, not even to show it to you. Which generator was given to you?",
        _origin,
    ),
    Mistake(
        "only n_init − 1 runs are made",
        lambda fit, n_init, rng: _best(_runs(fit, n_init - 1, rng)),
        "Where does your loop begin, and does `range` reach its end?",
        _asked,
    ),
    Mistake(
        "one run too many is made",
        _one_more,
        "A run before the loop is a run. How many are left for the loop?",
        _asked,
    ),
    Mistake(
        "only one run is made",
        lambda fit, n_init, rng: _runs(fit, 1, rng)[0],
        "Is there a `return` inside the loop? When is it reached?",
        _asked,
    ),
    Mistake(
        "`n_init` is not used: there are always ten runs",
        lambda fit, n_init, rng: _best(_runs(fit, 10, rng)),
        "Who decides how many runs are worth their time?",
        _asked,
    ),
    Mistake(
        "each run is made twice, once for the log-likelihood and once for the means",
        _twice_each,
        "`fit(seed)` returns both. How can you keep both from one call?",
        _asked,
    ),
    Mistake(
        "the best seed is run once more",
        _best_again,
        "The result is right, and costs a run too much: you had it already. Where could it be kept?",
        _asked,
    ),
    Mistake(
        "a run that failed ends the loop",
        _ended_by_a_failure,
        "The runs after it might have been better. What is the difference between `break` and `continue`?",
        _asked,
    ),
    Mistake(
        "the last run is kept instead of the best",
        _chosen(lambda runs: runs[-1]),
        "Each run overwrites the one before. When only should it?",
        _told,
    ),
    Mistake(
        "the last run that did not fail is kept: every one is better than −∞",
        _chosen(_last_that_did_not_fail),
        "With what is each run compared, and does that ever change?",
        _told,
    ),
    Mistake(
        "each run is compared with the one before, and not with the best so far",
        _chosen(_better_than_the_one_before),
        "After a bad run a mediocre one looks good. Which number has to be remembered from run to run?",
        _told,
    ),
    Mistake(
        "the first run is kept",
        _chosen(lambda runs: runs[0]),
        "The others are made and thrown away. Which comparison decides, and is it ever true?",
        _told,
    ),
    Mistake(
        "the lowest log-likelihood is kept",
        _chosen(_lowest),
        "k-means' inertia is to be small. And a log-likelihood?",
        _told,
    ),
    Mistake(
        "the log-likelihood nearest to 0 is kept",
        _chosen(_smallest_in_size),
        "Densities above 1 have positive logarithms. Is 35 better than 60 then?",
        _told,
    ),
    Mistake(
        "the log-likelihood of the largest size is kept",
        _chosen(_largest_in_size),
        "Which is more, −1,080 or −1,034?",
        _told,
    ),
    Mistake(
        "a run that failed (NaN) wins",
        _chosen(lambda runs: runs[int(np.argmax(_totals(runs)))]),
        "`np.argmax` takes NaN for the largest, and a 0 in its place would be larger than most. "
        "What does `nan > x` say, and what does `np.nanargmax` do?",
        _told,
    ),
    Mistake(
        "a first run that failed (NaN) cannot be beaten",
        _chosen(_first_unbeaten),
        "`x > nan` is False for every x. What could the best so far be *before* the first run?",
        _told,
    ),
    Mistake(
        "the search begins at 0, and no negative log-likelihood beats it",
        _chosen(_from_0),
        "Log-likelihoods are mostly negative. Which number is below all of them?",
        _told,
    ),
    Mistake(
        "the average of the runs is returned",
        _chosen(lambda runs: (np.mean(_totals(runs)), np.mean([means for _, means in runs], axis=0))),
        "Component 0 of one run may be component 2 of another. Of what is your average the centre?",
        _told,
    ),
    Mistake(
        "the means are averaged over the runs",
        _chosen(lambda runs: (_best(runs)[0], np.mean([means for _, means in runs], axis=0))),
        "Component 0 of one run may be component 2 of another. Of what is your average the centre?",
        _owners,
    ),
    Mistake(
        "the log-likelihood is that of the best run, and the means are those of the last",
        _chosen(lambda runs: (_best(runs)[0], runs[-1][1])),
        "The two belong together. Where is the one remembered, and the other not?",
        _owners,
    ),
    Mistake(
        "the log-likelihood is that of the best run, and the means are those of the first",
        _chosen(lambda runs: (_best(runs)[0], runs[0][1])),
        "The two belong together. Where is the one remembered, and the other not?",
        _owners,
    ),
    Mistake(
        "the means are those of the best run, and the log-likelihood is that of the last",
        _chosen(lambda runs: (runs[-1][0], _best(runs)[1])),
        "The two belong together. Where is the one remembered, and the other not?",
        _owners,
    ),
    Mistake(
        "the two are returned in the other order",
        _chosen(lambda runs: _best(runs)[::-1]),
        "`log_likelihood, means`, says the task. What is first in yours?",
        lambda outputs, arguments: f"What you return first has the shape {np.shape(outputs[4])}, and is no number.",
    ),
    Mistake(
        "the means are not returned",
        _chosen(lambda runs: _best(runs)[0]),
        "Whoever has the log-likelihood alone has nothing to go on with. What else does a run return?",
        _values,
    ),
    Mistake(
        "the log-likelihood is not returned",
        _chosen(lambda runs: _best(runs)[1]),
        "Whoever wants to compare with another thirty runs needs both. What else does a run return?",
        _values,
    ),
    Mistake(
        "all the runs are returned",
        _chosen(lambda runs: runs),
        "That is a table of all the runs, and worth a look. Which of its rows is wanted?",
        lambda outputs, arguments: f"You return {int(outputs[0][0])} runs; 1 is wanted.",
    ),
    Mistake(
        "more is returned than was asked for",
        _chosen(lambda runs: (*_best(runs), len(runs))),
        "`log_likelihood, means = best_of(…)` should work. How many values may it return?",
        _values,
    ),
)


def _fewer(outputs: Outputs, arguments: Arguments) -> str:
    return _asked(outputs, arguments) if outputs[1][0] < arguments["n_init"] else ""


def _more(outputs: Outputs, arguments: Arguments) -> str:
    return _asked(outputs, arguments) if outputs[1][0] > arguments["n_init"] else ""


def _repeated(outputs: Outputs, arguments: Arguments) -> str:
    return _asked(outputs, arguments) if outputs[1][1] < outputs[1][0] else ""


def _mixed(outputs: Outputs, arguments: Arguments) -> str:
    totals, means = arguments["fit"].whose(_decoded(outputs[4]), outputs[5])
    if not totals:
        return f"{_told(outputs, arguments)} None of the runs has yours."
    return "" if set(totals) & set(means) else _owners(outputs, arguments)


def _beaten(outputs: Outputs, arguments: Arguments) -> str:
    n_init = arguments["n_init"]
    best = max(total for total in arguments["fit"].log_likelihoods[:n_init] if total == total)
    return "" if np.isclose(outputs[4], best, 1e-5) else _told(outputs, arguments)


EXERCISE = Exercise(
    name="best_of",
    signature="best_of(fit, n_init, rng)",
    task="Return the `(log_likelihood, means)` of the best of `n_init` runs of `fit(seed)`, each with another seed "
    "that is drawn from `rng`, a `numpy.random.Generator`. Each run returns `(log_likelihood, means)`, the total "
    "log-likelihood and an array (K, D). A run that failed has NaN or −∞, and must not win.",
    reference=best_of,
    cases=cases,
    outputs=(
        "what is returned",
        "runs and seeds",
        "origin of the seeds",
        "log-likelihood and means, in a row",
        "log-likelihood",
        "means",
    ),
    mistakes=MISTAKES,
    properties=(
        Property(
            "no run is left out",
            _fewer,
            "A bad run says nothing about the next. What ends your loop early: a `break`, a `return`, its condition?",
        ),
        Property(
            "no run is made besides",
            _more,
            "A run that failed is one of the `n_init`, too. How often is `fit(…)` called before the loop, in it and "
            "after it?",
        ),
        Property(
            "every run has another seed",
            _repeated,
            "A seed that comes again is a run for nothing. From how many numbers are they drawn?",
        ),
        Property(
            "the seeds come from rng",
            lambda outputs, arguments: _origin(outputs, arguments) if outputs[2] else "",
            "The same generator, the same runs; and other runs when it has gone on. Where do your seeds come from?",
        ),
        Property(
            "log-likelihood and means are those of one run",
            _mixed,
            "What you return has to be one run, as it was. Where are the two kept, and are they kept together?",
        ),
        Property(
            "no run is better",
            _beaten,
            "Go through these runs by hand. Which is the best so far after each, and which does your function keep?",
        ),
    ),
    hints=(
        "A loop that remembers one thing: the best run so far, both of its values. What should it remember before the "
        "first run?",
        "`rng.integers(2**32)` is a seed, another one each time. Start from `best = -np.inf, None`, which every run "
        "beats but a failed one.",
        "In the loop: `run = fit(rng.integers(2**32))`, and `if run[0] > best[0]: best = run`. Nothing else is needed "
        "for NaN, because every comparison with NaN is False.",
    ),
    commentary="−∞ at the start does two things: every real number beats it, and a failed run does not. Had the first "
    "run been the start, and failed with NaN, no other would ever have beaten it. If all fail, the means are None.",
    insight="More runs never make the best one worse. How many runs came close to it tells how hard it was to find, "
    "not that there is nothing better: notebook 05 has ten runs that agree and are all far from the best.",
    after="Next: keep all the log-likelihoods as well, as the library's `traces_` do, and count how many come near "
    "the best.",
    notebook="05",
    measure=measure,
)
