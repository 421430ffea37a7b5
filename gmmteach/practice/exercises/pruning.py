"""Taking out the components that have died: those with next to no weight."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import weights_sum_to_one

Parameters = tuple[Array, Array, Array]


def prune(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    """Weights, means and covariances of the components whose weight is at least the threshold."""
    keep = weights >= threshold  # (K,), of truth values
    kept = weights[keep]
    return kept / kept.sum(), means[keep], covariances[keep]  # the weights must sum to 1 again


def cases() -> list[Arguments]:
    """Neighbours die, the last one, too; one weight lies exactly on the threshold; of three, none dies."""
    rows: tuple[tuple[list[float], int, float], ...] = (
        ([0.42, 0.003, 0.31, 0.05, 0.217], 2, 0.1),
        ([0.02, 0.01, 0.55, 0.06, 0.03, 0.29, 0.04], 3, 0.1),
        ([0.0625, 0.125, 0.5, 0.3125], 3, 0.125),
        ([0.5, 0.3, 0.2], 2, 0.01),
    )
    return [_mixture(np.array(weights), n_features, threshold) for weights, n_features, threshold in rows]


def _mixture(weights: Array, n_features: int, threshold: float) -> Arguments:
    numbers = np.arange(1.0, len(weights) + 1)
    means = numbers[:, None] * np.array([1.0, -2.0, 0.5])[:n_features]
    covariances = np.eye(n_features) * numbers[:, None, None] + 0.25
    return {"weights": weights, "means": means, "covariances": covariances, "threshold": threshold}


# --- the mistakes -------------------------------------------------------------------------------------------


def _kept(weights: Array, means: Array, covariances: Array, keep: Any) -> Parameters:
    """These components, renormalised."""
    return weights[keep] / weights[keep].sum(), means[keep], covariances[keep]


def _not_renormalised(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    keep = weights >= threshold
    return weights[keep], means[keep], covariances[keep]


def _set_to_0(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    kept = np.where(weights >= threshold, weights, 0.0)
    return kept / kept.sum(), means, covariances


def _set_to_0_alone(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    return np.where(weights >= threshold, weights, 0.0), means, covariances


def _weights_alone(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    return prune(weights, means, covariances, threshold)[0], means, covariances


def _covariances_stay(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    return (*prune(weights, means, covariances, threshold)[:2], covariances)


def _first_few(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    kept = prune(weights, means, covariances, threshold)[0]
    return kept, means[: len(kept)], covariances[: len(kept)]


def _shared_out(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    keep = weights >= threshold
    return weights[keep] + weights[~keep].sum() / keep.sum(), means[keep], covariances[keep]


def _to_the_largest(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    keep = weights >= threshold
    kept = weights[keep]
    kept[kept.argmax()] += weights[~keep].sum()
    return kept, means[keep], covariances[keep]


def _equal(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    kept, *rest = prune(weights, means, covariances, threshold)
    return np.full(len(kept), 1 / len(kept)), rest[0], rest[1]


def _by_the_largest(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    kept, *rest = _not_renormalised(weights, means, covariances, threshold)
    return kept / kept.max(), rest[0], rest[1]


def _sorted(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    order = np.argsort(weights)[::-1]
    return _kept(weights, means, covariances, order[weights[order] >= threshold])


def _one_only(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    keep = np.ones(len(weights), dtype=bool)
    keep[weights.argmin()] = weights.min() >= threshold
    return _kept(weights, means, covariances, keep)


def _while_walking(weights: Array, means: Array, covariances: Array, threshold: float) -> Parameters:
    """What `for k in range(K)` does, if the lists become shorter on the way: the next one moves up, and is skipped."""
    keep, k = list(range(len(weights))), 0
    while k < len(keep):
        if weights[keep[k]] < threshold:
            del keep[k]
        k += 1
    return _kept(weights, means, covariances, keep)


def _weights(outputs: Outputs, arguments: Arguments) -> str:
    return (
        f"From the weights {row(arguments['weights'])} and a threshold of {arguments['threshold']:g} you make "
        f"{row(outputs[0])}, which sum to {number(outputs[0].sum())}."
    )


def _lengths(outputs: Outputs, arguments: Arguments) -> str:
    return (
        f"For a threshold of {arguments['threshold']:g} you return {len(outputs[0])} weights, {len(outputs[1])} means "
        f"and {len(outputs[2])} covariances."
    )


def _first_mean(outputs: Outputs, arguments: Arguments) -> str:
    right = prune(**arguments)[1]
    n = int(np.abs(outputs[1] - right).max(axis=1).argmax())
    return f"Your mean {n} is {row(outputs[1][n], 1)}; it should be {row(right[n], 1)}."


MISTAKES = (
    Mistake(
        "the weights that are left are not divided by their sum",
        _not_renormalised,
        "A density has an area of 1. What is the area under your mixture now?",
        _weights,
    ),
    Mistake(
        "the small ones are kept and the large ones dropped",
        lambda w, m, S, t: _kept(w, m, S, w < t if (w < t).any() else w >= t),
        "Which components have died, those with a weight above the threshold or below?",
        _weights,
    ),
    Mistake(
        "a weight that is exactly the threshold is dropped",
        lambda w, m, S, t: _kept(w, m, S, w > t),
        "A component goes if its weight is *below* the threshold. On which side is one that is equal to it?",
        _weights,
    ),
    Mistake(
        "the small weights are set to 0, and the components stay",
        _set_to_0,
        "The density is right, and the dead are still carried along. How many components should be left?",
        _lengths,
    ),
    Mistake(
        "the small weights are set to 0 and the others left as they are",
        _set_to_0_alone,
        "How many components should be left, and what must their weights sum to?",
        _weights,
    ),
    Mistake(
        "the means and covariances of the dropped components are still there",
        _weights_alone,
        "Weight k, mean k and covariance k belong together. Which of the three have you gone through?",
        _lengths,
    ),
    Mistake(
        "the covariances of the dropped components are still there",
        _covariances_stay,
        "Weight k, mean k and covariance k belong together. Which of the three have you gone through?",
        _lengths,
    ),
    Mistake(
        "the first means and covariances are kept, whichever components have gone",
        _first_few,
        "There are the right number of them. Does mean 1 still belong to weight 1?",
        _first_mean,
    ),
    Mistake(
        "the weight of the dead is shared out equally",
        _shared_out,
        "Given that a sample does not come from a dead component, how much likelier is one of the living than another? "
        "Has that changed?",
        _weights,
    ),
    Mistake(
        "the largest component inherits the weight of the dead",
        _to_the_largest,
        "Given that a sample does not come from a dead component, how much likelier is one of the living than another? "
        "Has that changed?",
        _weights,
    ),
    Mistake(
        "the weights that are left are all made equal",
        _equal,
        "A large group is still large when a dead one has been taken out. What should stay the same about the weights?",
        _weights,
    ),
    Mistake(
        "the weights are divided by the largest, not by their sum",
        _by_the_largest,
        "Weights are probabilities. What must they sum to?",
        _weights,
    ),
    Mistake(
        "the threshold is taken as a share of the largest weight",
        lambda w, m, S, t: _kept(w, m, S, w >= t * w.max()),
        "A threshold of 0.1 means a tenth of all the samples. Of what is yours a tenth?",
        _weights,
    ),
    Mistake(
        "components are deleted while the loop walks over them, and the one after is skipped",
        _while_walking,
        "Delete number 0, and what was number 1 becomes number 0. Which one does your loop look at next?",
        _weights,
    ),
    Mistake(
        "only one component is dropped",
        _one_only,
        "There may be several below the threshold, or none. What does `weights >= threshold` return?",
        _weights,
    ),
    Mistake(
        "the components have been put in order of weight",
        _sorted,
        "Whoever has plotted them knows them by their numbers. Which order had they before?",
        _weights,
    ),
)

PROPERTIES = (
    weights_sum_to_one("Something was taken away. By what do the rest have to be divided?"),
    Property(
        "the weights that are left keep their proportions",
        lambda outputs, arguments: (
            ""
            if np.allclose(outputs[0] / outputs[0].max(), (kept := prune(**arguments)[0]) / kept.max(), atol=1e-4)
            else _weights(outputs, arguments)
        ),
        "Taking some out must not favour any of the others. What do you do to all of them alike?",
    ),
)

EXERCISE = Exercise(
    name="prune",
    signature="prune(weights, means, covariances, threshold)",
    task="Take out every component whose weight is below the threshold, and return the `weights, means, covariances` "
    "of "
    "those that are left, in their order, as a mixture again. `weights` is (K,), `means` (K, D), `covariances` "
    "(K, D, D).",
    reference=prune,
    cases=cases,
    outputs=("weights", "means", "covariances"),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Decide once which components stay, and use that decision three times.",
        "`weights >= threshold` is an array of truth values, and an array can be indexed with it: `means[keep]`. What "
        "do the weights that are left sum to?",
        "`keep = weights >= threshold`, then index all three with `keep`, and divide the weights by their sum.",
    ),
    commentary="One mask for all three, so that a weight never loses its mean. If no weight reaches the threshold, "
    "nothing "
    "is left to divide by: a function for other people would say so with an error.",
    insight="Pruning is conditioning: the new weights are the probabilities of the components, given that it is none "
    "of the "
    "dead. That is why they are divided by their sum, and why their proportions stay.",
    after="Next: try `threshold=1 / N`, which is one sample's worth, and then one so high that a small, real group "
    "goes.",
    notebook="12",
)
