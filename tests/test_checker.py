"""The checker: right answers pass, each known mistake is named and no other, and nothing a learner writes breaks it."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp, rel_entr, softmax, xlogy
from scipy.stats import multivariate_normal

from gmmteach.practice import check, checker, hint, solution
from gmmteach.practice.exercises import EXERCISES
from gmmteach.practice.exercises.model import Exercise, Mistake
from gmmteach.practice.progress import Store

EVERY = [EXERCISES[name] for name in sorted(EXERCISES)]
MISTAKES = [(exercise, mistake) for exercise in EVERY for mistake in exercise.mistakes]
LEAST = {"e_step": 10, "m_step": 10}  # mistakes; three for every other exercise

each_exercise = pytest.mark.parametrize("exercise", EVERY, ids=lambda exercise: exercise.name)
each_mistake = pytest.mark.parametrize(
    ("exercise", "mistake"), MISTAKES, ids=[f"{exercise.name}: {mistake.name}" for exercise, mistake in MISTAKES]
)


def outputs_of(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def rewrapped(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    """The same function with every output changed."""

    def changed(*arguments: Any) -> Any:
        made = [change(output) for output in outputs_of(function(*arguments))]
        return tuple(made) if len(made) > 1 else made[0]

    return changed


def in_words(exercise: Exercise) -> bool:
    """Whether it answers with words, which cannot be rounded or changed a little."""
    answers = [exercise.reference(*case.values()) for case in exercise.cases()]
    return any(isinstance(part, str) for answer in answers for part in outputs_of(answer))


# --- right answers --------------------------------------------------------------------------------------------


@each_exercise
def test_the_reference_passes(exercise: Exercise) -> None:
    verdict = check(exercise.name, exercise.reference)
    assert verdict.passed
    assert bool(verdict)
    assert verdict.kind == "right"
    assert exercise.insight in verdict.message
    assert exercise.after in verdict.message


ALTERNATIVES: dict[str, Callable[[Any], Any]] = {
    "single precision": lambda output: np.asarray(output, dtype=np.float32),
    "Fortran's order": lambda output: np.asfortranarray(output),
    "lists": lambda output: np.asarray(output).tolist(),
    "rounding": lambda output: np.asarray(output) * (1 + 1e-12),
}


@each_exercise
@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_other_right_answers_pass(exercise: Exercise, alternative: str) -> None:
    if in_words(exercise):
        pytest.skip("a word has no precision; test_other_words_pass")
    assert check(exercise.name, rewrapped(exercise.reference, ALTERNATIVES[alternative])).passed


def test_loops_pass() -> None:
    def mine(data: Any, pi: Any, mu: Any, sigma: Any) -> Any:  # other names, no NumPy tricks
        rows = []
        for x in data:
            logs = []
            for k in range(len(pi)):
                d = x - mu[k]
                distance = d @ np.linalg.solve(sigma[k], d)
                logs.append(np.log(pi[k]) - 0.5 * (distance + np.log(np.linalg.det(sigma[k]))))
            top = max(logs)
            parts = [np.exp(value - top) for value in logs]
            rows.append([part / sum(parts) for part in parts])
        return rows

    assert check("e_step", mine).passed


def test_other_words_pass() -> None:
    reference = EXERCISES["should_stop"].reference
    assert check("should_stop", lambda *a: (reference(*a) or "").upper() or False).passed
    verdict = check("should_stop", lambda *a: reference(*a) is not None)
    assert 'you return True, not "converged"' in verdict.message
    assert "you return something else" in check("should_stop", lambda *a: reference(*a) or "go on").message


def _by_cumulated_chances(X: Any, n_clusters: int, rng: Any) -> Any:
    points = [X[int(rng.random() * len(X))]]
    for _ in range(n_clusters - 1):
        squared = [min(sum((a - b) ** 2 for a, b in zip(x, c, strict=True)) for c in points) for x in X]
        place = rng.random() * sum(squared)
        points.append(X[min(np.searchsorted(np.cumsum(squared), place, side="right"), len(X) - 1)])
    return [list(point) for point in points]


def _with_a_generator_of_its_own(X: Any, n_clusters: int, rng: Any) -> Any:
    """Not reproducible, and right all the same."""
    return EXERCISES["kmeans_plus_plus"].reference(X, n_clusters, OWN)


OWN = np.random.default_rng(12345)


@pytest.mark.parametrize("mine", [_by_cumulated_chances, _with_a_generator_of_its_own])
def test_draws_in_another_order_pass(mine: Any) -> None:
    assert check("kmeans_plus_plus", mine).passed


def test_an_array_of_one_number_is_a_number() -> None:
    assert check("kl", lambda *a: np.array([[EXERCISES["kl"].reference(*a)]])).passed


@pytest.mark.parametrize("small", [1e-300, 1e-12, 1e-6])
def test_a_small_number_added_is_noticed(small: float) -> None:
    def your_e_step(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
        joint = [w * multivariate_normal(m, S).pdf(X) for w, m, S in zip(weights, means, covariances, strict=True)]
        shares = np.transpose(joint) + small
        return shares / shares.sum(axis=1, keepdims=True)

    verdict = check(your_e_step)
    assert "added a small number" in verdict.message
    assert "(0.333, 0.333, 0.333)" in verdict.message


def test_of_two_mistakes_the_visible_one_is_named() -> None:
    """At the outlier the total is infinite, which hides nothing in the case without it."""

    def mine(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
        equal = np.ones(len(weights))
        return np.log(EXERCISES["mixture_density"].reference(X, equal, means, covariances)).sum()

    assert check("log_likelihood", mine).diagnosis == "the weights are forgotten"


# --- mistakes ---------------------------------------------------------------------------------------------------


@each_exercise
def test_there_are_enough_mistakes_and_three_hints(exercise: Exercise) -> None:
    assert len(exercise.mistakes) >= LEAST.get(exercise.name, 3)
    assert len(exercise.hints) == 3
    assert all(len(text) > 20 for text in (*exercise.hints, exercise.insight, exercise.commentary, exercise.task))


@each_mistake
def test_each_mistake_is_named_and_no_other(exercise: Exercise, mistake: Mistake) -> None:
    verdict = check(exercise.name, mistake.function)
    assert (verdict.kind, verdict.diagnosis) == ("mistake", mistake.name)
    assert not verdict.passed
    first, question = verdict.message.split("\n\n", 1)
    assert any(letter.isdigit() for letter in first.removeprefix(f"It looks as if {mistake.name}.")), first
    assert "?" in question
    assert question == mistake.question


@pytest.mark.parametrize("small", [1e-5, 1e-9, 1e-12, 1e-15, 1e-16, np.finfo(float).eps])
def test_a_small_number_in_kl_is_noticed_wherever_it_stands(small: float) -> None:
    def logarithms(q: Any, p: Any) -> Any:
        return (q * (np.log(q + small) - np.log(p + small))).sum()

    def arguments(q: Any, p: Any) -> Any:
        return ((q + small) * np.log((q + small) / (p + small))).sum()

    def posterior(q: Any, p: Any) -> Any:
        return xlogy(q, q).sum() - xlogy(q, p + small).sum()

    def clipped(q: Any, p: Any) -> Any:
        return (q * np.log(np.clip(q, small, 1) / np.clip(p, small, 1))).sum()

    for mine in (logarithms, arguments, posterior, clipped):
        verdict = check("kl", mine)
        assert (verdict.kind, verdict.diagnosis) == ("property", "nothing is added inside the logarithms")
        assert "The smallest chance in the posterior is 9.76e−19, and its logarithm −41.5." in verdict.message
        assert "; it is 9.251430." in verdict.message
        assert "You return 9.251430;" not in verdict.message
    assert check("kl", lambda q, p: rel_entr(q, p).sum()).passed


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no alarms")
def test_an_alarm_that_somebody_waits_for_still_rings() -> None:
    """As that of pytest-timeout: a check sets one of its own."""
    others, _ = signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 300)
    try:
        check("kl", lambda q, p: 0.0)
        assert 200 < signal.getitimer(signal.ITIMER_REAL)[0] <= 300
    finally:
        signal.setitimer(signal.ITIMER_REAL, others)


def test_a_weight_beside_the_responsibilities_is_noticed() -> None:
    def mine(X: Any, responsibilities: Any, divide: Callable[[Any], Any]) -> Any:
        weights, means, _ = EXERCISES["m_step"].reference(X, responsibilities)
        difference = X[:, None] - means
        scatter = np.einsum("nk,nki,nkj->kij", weights * responsibilities, difference, difference)
        return weights, means, scatter / np.reshape(divide(responsibilities), (-1, 1, 1))

    diagnoses = [
        check("m_step", lambda X, r, divide=divide: mine(X, r, divide)).diagnosis
        for divide in (lambda r: r.sum(axis=0), lambda r: 1.0, len)
    ]
    assert len(set(diagnoses)) == 3
    assert all("multiplied by π_k" in diagnosis for diagnosis in diagnoses)
    right = check("m_step", lambda X, r: mine(X, r, lambda r: r.sum(axis=0) * r.mean(axis=0)))
    assert right.passed


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("m_step", "covariance"),
        ("m_step_map", "covariance"),
        ("condition", "covariance"),
        ("merge_statistics", "scatter"),
    ],
)
def test_an_entry_that_is_not_its_mirrors_is_said(name: str, what: str) -> None:
    def mine(*arguments: Any) -> Any:
        first, second, matrices = (np.array(part) for part in EXERCISES[name].reference(*arguments))
        matrices[1, :1, 1:] += 1
        return first, second, matrices

    verdict = check(name, mine)
    assert verdict.diagnosis == f"{what}s are symmetric"
    assert f"Entry (0, 1) of {what} 1 is " in verdict.message
    assert ", and entry (1, 0) is " in verdict.message


@each_exercise
def test_a_mistake_shows_on_the_cases(exercise: Exercise) -> None:
    """No two mistakes return the same, or the second could never be named."""
    seen: list[tuple[str, Any]] = []
    for mistake in exercise.mistakes:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = [checker._outputs(exercise.run(mistake.function, case)) for case in exercise.cases()]
        flat = [np.ravel(np.asarray(part, dtype=float)) for outputs in made for part in outputs]
        for name, other in seen:
            same = len(flat) == len(other) and all(
                a.shape == b.shape and np.allclose(a, b, equal_nan=True) for a, b in zip(flat, other, strict=True)
            )
            assert not same, f"{mistake.name} and {name} cannot be told apart"
        seen.append((mistake.name, flat))


@each_exercise
@pytest.mark.parametrize("seed", range(8))
def test_a_corrupted_right_answer_never_passes(exercise: Exercise, seed: int) -> None:
    rng = np.random.default_rng(seed)
    which = int(rng.integers(100))

    called = 0

    def spoil(*arguments: Any) -> Any:
        parts = [np.array(part, dtype=float) for part in outputs_of(exercise.reference(*arguments))]
        part = parts[which % len(parts)]
        place = tuple(int(rng.integers(size)) for size in part.shape)
        part[place] += (0.05 + 0.2 * rng.random()) * max(1.0, abs(float(part[place])))
        return tuple(parts) if len(parts) > 1 else parts[0]

    def wrong_word(*arguments: Any) -> Any:
        """Right for all cases but one, where it is the answer to another."""
        nonlocal called
        cases, right = exercise.cases(), exercise.reference(*arguments)
        others = [other for case in cases if (other := exercise.reference(*case.values())) != right]
        called += 1
        return others[seed % len(others)] if (called - 1) % len(cases) == which % len(cases) else right

    verdict = check(exercise.name, wrong_word if in_words(exercise) else spoil)
    assert not verdict.passed
    assert len(verdict.message) > 40


# --- whatever a learner writes ------------------------------------------------------------------------------------


def empty(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
    """To be written."""


def dots(X: Any, weights: Any, means: Any, covariances: Any) -> Any: ...


def unimplemented(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
    raise NotImplementedError


@pytest.mark.parametrize("stub", [empty, dots, unimplemented])
def test_a_stub_is_met_kindly_and_leaves_no_trace(stub: Any) -> None:
    verdict = check("e_step", stub)
    assert verdict.kind == "empty"
    assert 'hint("e_step")' in verdict.message
    assert Store().read()["exercises"] == {}


def test_gaps_are_named_and_leave_no_trace() -> None:
    def your_m_step(X: Any, responsibilities: Any) -> Any:
        counts = responsibilities[..., :].sum(axis=0)
        weights = ...  # (9.26)
        return weights, responsibilities.T @ X / ..., counts

    verdict = check(your_m_step)
    assert verdict.kind == "unfinished"
    assert "`weights = ...`\n`return weights, responsibilities.T @ X / ..., counts`" in verdict.message
    assert "counts =" not in verdict.message
    assert repr(verdict).startswith("· m_step: Some of it is left to you.")
    assert Store().read()["exercises"] == {}


def test_a_forgotten_return_is_said() -> None:
    def e_step(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
        weights / weights.sum()

    verdict = check(e_step)
    assert verdict.kind == "empty"
    assert "Is the `return` missing?" in verdict.message


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (lambda X, w, m, S: undefined_name, "does not exist here"),  # noqa: F821
        (lambda X, w, m, S: X @ S @ X, "ValueError"),
        (lambda X, w, m, S: X[99], "goes past the end"),
        (lambda X, w: 0, "It is called as `e_step(X, weights, means, covariances)`; yours takes `(X, w)`"),
        (lambda X, w, m, S: np.linalg.inv(np.zeros((2, 2))), "could not be inverted"),
        (lambda X, w, m, S: X.rows, "Print its type"),
        (lambda X, w, m, S: 1 / 0, "divided by 0"),
    ],
)
def test_exceptions_are_explained(expression: Any, said: str) -> None:
    verdict = check("e_step", expression)
    assert verdict.kind == "error"
    assert said in verdict.message


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text", "not made of numbers"),
        ({"a": 1}, "not made of numbers"),
        ([[1.0], [1.0, 2.0]], "not made of numbers"),
        (1.0, r"The shape of responsibilities is (), and (14, 3) is wanted."),
        ((np.ones((14, 3)), 2), "It returns 2 values, and 1 are wanted."),
        (np.full((14, 3), np.nan), "There is a NaN in responsibilities at (0, 0)"),
        (np.full((14, 3), 0.2), "Row 0 sums to 0.600"),
    ],
)
def test_wrong_forms_are_said(value: Any, said: str) -> None:
    verdict = check("e_step", lambda X, w, m, S: value)
    assert not verdict.passed
    assert said in verdict.message


def test_the_data_stay_as_they_are() -> None:
    def vandal(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
        right = EXERCISES["e_step"].reference(X, weights, means, covariances)
        X[:], weights[:], means[:], covariances[:] = 0, 0, 0, 0
        return right

    assert check("e_step", vandal).passed
    assert check("e_step", EXERCISES["e_step"].reference).passed


def test_a_function_may_be_called_yours() -> None:
    """A notebook needs the library's `e_step` besides."""

    def your_e_step(X: Any, weights: Any, means: Any, covariances: Any) -> Any:
        return EXERCISES["e_step"].reference(X, weights, means, covariances)

    assert check(your_e_step).passed


def test_an_endless_loop_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(*_: Any) -> Any:
        while True:
            with suppress(Exception):
                time.sleep(0.01)

    monkeypatch.setattr(checker, "SECONDS", 0.2)
    verdict = check("e_step", forever)
    assert verdict.kind == "slow"
    assert "while" in verdict.message


def test_warnings_of_the_learners_code_are_kept_quiet() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check("e_step", lambda X, w, m, S: np.log(X * 0))


def test_what_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match=r"there is no exercise 'z_step'; did you mean '[em]_step'"):
        check("z_step", empty)
    with pytest.raises(TypeError, match="needs the function that you have written"):
        check("e_step")
    for nonsense in ((3,), (empty, dots)):
        with pytest.raises(TypeError, match="takes your function, or a name in quotes and a function"):
            check(*nonsense)
    assert check(EXERCISES["m_step"].reference, "m_step").passed  # type: ignore[arg-type]


# --- how it shows itself, and what is remembered ----------------------------------------------------------------


def test_a_verdict_shows_itself() -> None:
    verdict = check("e_step", lambda X, w, m, S: np.full((14, 3), 0.2))
    shown = verdict._repr_mimebundle_()
    assert shown["text/plain"] == repr(verdict)
    assert repr(verdict).startswith("✗ e_step: Not yet.\n")
    assert "role='status'" in shown["text/html"]
    assert "<script" not in check("e_step", lambda X, w, m, S: X["<script>"])._repr_mimebundle_()["text/html"]


def test_attempts_are_remembered() -> None:
    mistake = EXERCISES["e_step"].mistakes[0]
    check("e_step", mistake.function)
    check("e_step", mistake.function)
    record = Store().read()["exercises"]["e_step"]
    assert (record["attempts"], record["passed"], record["diagnoses"]) == (2, False, {mistake.name: 2})
    check("e_step", EXERCISES["e_step"].reference)
    check("e_step", mistake.function)  # once passed stays passed
    record = Store().read()["exercises"]["e_step"]
    assert (record["attempts"], record["passed"]) == (4, True)
    assert record["passed_at"]


def test_the_whiteboard_has_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = EXERCISES["em_from_memory"].reference
    monkeypatch.setattr(checker, "_began", {})
    assert "min." not in check("em_from_memory", reference).message  # nobody has started it
    monkeypatch.setattr(checker.time, "monotonic", lambda: 1000.0)
    check("em_from_memory", dots)
    monkeypatch.setattr(checker.time, "monotonic", lambda: 1000.0 + 14 * 60)
    assert check("em_from_memory", reference).message.endswith("From the empty cell to here: 14 min.")
    assert "min." not in check("m_step", EXERCISES["m_step"].reference).message


def test_three_hints_one_at_a_time() -> None:
    given = [hint("m_step") for _ in range(4)]
    assert [each.number for each in given] == [1, 2, 3, 1]
    assert [each.text for each in given[:3]] == list(EXERCISES["m_step"].hints)
    assert "hint 1 of 3" in repr(given[0])
    assert Store().read()["exercises"]["m_step"]["hints"] == 3
    with pytest.raises(ValueError, match="there is no exercise 'nothing'; there are"):
        hint("nothing")
    with pytest.raises(ValueError, match="there is no exercise 'mstep'; did you mean 'm_step'"):
        hint("mstep")

    def your_elbo(q: Any, log_joint: Any) -> None: ...

    assert hint(your_elbo).exercise == hint("your_elbo").exercise == "elbo"
    assert "def elbo(" in solution(your_elbo, sure=True).code


@each_exercise
def test_a_solution_is_shown_after_asking(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert solution(exercise.name) is None
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert solution(exercise.name) is None
    monkeypatch.setattr("builtins.input", lambda question: "y")
    shown = solution(exercise.name)
    assert f"def {exercise.name}(" in shown.code
    assert exercise.commentary in repr(shown)
    monkeypatch.setattr("gmmteach.practice.coach._in_a_notebook", lambda: True)
    curtain = solution(exercise.name)
    assert "def " not in curtain.output.value
    assert "hint()" in curtain.words.value
    Store().delete()
    assert "sure=True" in repr(curtain)
    curtain.button.click()
    assert f"def {exercise.name}(" in curtain.output.value
    assert Store().read()["exercises"][exercise.name]["solution_seen"]
    assert "def " in solution(exercise.name, sure=True).code


@each_exercise
def test_the_solution_as_shown_runs_where_it_is_pasted(exercise: Exercise) -> None:
    code = solution(exercise.name, sure=True).code
    assert "Array" not in code
    names: dict[str, Any] = {}
    exec(code, names)
    assert check(exercise.name, names[exercise.name]).passed


# --- other right answers of single exercises --------------------------------------------------------------------

SEEDS: dict[str, Callable[[Any, int], Any]] = {  # a generator, how many -> seeds
    "whole numbers": lambda rng, n: rng.integers(2**31, size=n),
    "small ones": lambda rng, n: [rng.integers(1000) for _ in range(n)],
    "fractions": lambda rng, n: [rng.random() for _ in range(n)],
    "one and those after it": lambda rng, n: int(rng.integers(2**31)) + np.arange(n),
    "arrays of one number": lambda rng, n: rng.integers(2**31, size=(n, 1)),
    "the generator itself": lambda rng, n: [rng] * n,
    "generators": lambda rng, n: rng.spawn(n),
    "old generators": lambda rng, n: [np.random.RandomState(rng.integers(2**31)) for _ in range(n)],
    "seed sequences": lambda rng, n: rng.bit_generator.seed_seq.spawn(n),
}


@pytest.mark.parametrize("kind", SEEDS)
def test_seeds_drawn_in_other_ways_pass(kind: str) -> None:
    def mine(fit: Any, n_init: int, rng: Any) -> Any:
        runs = [fit(seed) for seed in SEEDS[kind](rng, n_init)]
        return list(runs[int(np.nanargmax([log_likelihood for log_likelihood, _ in runs]))])

    assert check("best_of", mine).passed


def test_seeds_from_too_few_numbers_are_said() -> None:
    def mine(fit: Any, n_init: int, rng: Any) -> Any:
        return max((fit(rng.integers(3)) for _ in range(n_init)), key=lambda run: np.nan_to_num(run[0], nan=-np.inf))

    verdict = check("best_of", mine)
    assert verdict.diagnosis == "every run has another seed"
    assert "6 runs, from " in verdict.message


EXPONENTS: dict[str, Callable[[Any, Any, float], Any]] = {
    "a root, squared again": lambda X, means, v: -(np.linalg.norm(X[:, None] - means, axis=2) ** 2) / (2 * v),
    "multiplied out": lambda X, means, v: (X @ means.T - (means**2).sum(axis=1) / 2) / v,
    "whole densities": lambda X, means, v: (-((X[:, None] - means) ** 2) / (2 * v) - np.log(2 * np.pi * v) / 2).sum(2),
}


@pytest.mark.parametrize("kind", EXPONENTS)
@pytest.mark.parametrize("ends", [softmax, lambda e, axis: np.exp(e - logsumexp(e, axis=axis, keepdims=True))])
def test_other_softmaxes_pass(kind: str, ends: Any) -> None:
    """That of the notebook loses some of its digits beside exponents of 1e12."""
    assert check("soft_labels", lambda X, means, v: ends(EXPONENTS[kind](X, means, v), axis=1)).passed


def test_a_ratio_of_shares_gives_an_exponent_away() -> None:
    verdict = check("soft_labels", lambda X, means, v: softmax(EXPONENTS["whole densities"](X, means, 3 * v), axis=1))
    assert verdict.diagnosis == "the ratio of two shares is right"


@pytest.mark.parametrize("changed", ["full", "tied", "diag", "spherical"])
def test_an_argument_that_is_changed_for_one_type_is_noticed(changed: str) -> None:
    def mine(covariances: Any, covariance_type: str, reg_covar: float) -> Any:
        right = EXERCISES["regularise"].reference(covariances, covariance_type, reg_covar)
        if covariance_type == changed:
            covariances[...] = right
        return right

    assert check("regularise", mine).diagnosis == "the argument stays as it is"
