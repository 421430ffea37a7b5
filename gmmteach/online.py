"""Online EM: learn from batches as they come, look at each once, and keep none.

The M-step needs sums over the data, and nothing else (`statistics.py`). So keep the sums, per sample, and when a batch
comes, let them forget a little and add the batch's own (Cappé & Moulines 2009, *On-line expectation-maximization
algorithm for latent data models*, eq. 11):

    s ← (1 - γ_t) s + γ_t s(batch; θ),     θ ← M-step from s,     Σ γ_t = ∞,  Σ γ_t² < ∞

Here γ_t = (w_t / W_t)^a, with w_t the weight of the batch, W_t that of all data so far, and ½ < a <= 1. With batches of
one size this is t^-a. With a = 1 every sample counts alike for ever, even those that were shared out by the first, bad
parameters; a smaller a forgets these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from .covariance import CollapseError, collapse, covariance_type_of
from .em import check_spread
from .mixture import Mixture
from .statistics import Source, Statistics, source
from .trace import Snapshot

OBJECTIVE = "log-likelihood of the batch, per sample"
FORGETTING = 0.8  # a: on ten batches of the course's data it came closer than 0.6, which suits long streams


def online_em(
    batches: Iterable[ArrayLike | Source], start: Mixture, *, exponent: float = FORGETTING, reg_covar: float = 0.0
) -> Iterator[Snapshot]:
    """Learn from a stream of batches: yield the start, then the mixture after every batch.

    Parameters
    ----------
    batches : iterable of (n_samples, n_features), or of other `Source`s
    start : Mixture
    exponent : float
        a in the step γ_t = (w_t / W_t)^a: above ½, at most 1.
    reg_covar : float
        Added to every variance.

    Yields
    ------
    Snapshot
        See `judged`: its objective belongs to another batch each time, so it may fall.
    """
    mixture, seen = start, 0.0
    for iteration, batch in enumerate(batches, start=1):
        data = source(batch)
        if iteration == 1:
            yield judged(0, mixture, data)
        mixture, seen = learn(mixture, data, seen, exponent=exponent, reg_covar=reg_covar, batch=iteration)
        yield judged(iteration, mixture, data)


def learn(
    mixture: Mixture, data: Source, seen: float, *, exponent: float = FORGETTING, reg_covar: float = 0.0, batch: int = 1
) -> tuple[Mixture, float]:
    """Learn from one batch.

    Parameters
    ----------
    mixture : Mixture
        What has been learned so far.
    data : Source
        The batch.
    seen : float
        Weight of the data that ``mixture`` was learned from; with 0 it is a start, and only the batch counts.
    exponent, reg_covar : float
        See `online_em`.
    batch : int
        Its number, for messages.

    Returns
    -------
    mixture : Mixture
    seen : float, with this batch

    Raises
    ------
    CollapseError
        If a component is left with too few distinct points.
    """
    if not 0.5 < exponent <= 1:
        raise ValueError(f"exponent is {exponent}, but it must be above 0.5 and at most 1 for the steps to add up.")
    weight = data.total_weight
    rate = (weight / (seen + weight)) ** exponent
    # The start may be far from the data, and squares about far points cost digits: then about the batch's own means.
    centres = mixture.means if seen else data.expect(mixture.density).moments()[1]
    fresh = data.expect(mixture.density, about=centres).about(centres) * (rate / weight)
    together = fresh + remembered(mixture, reg_covar) * (1 - rate) if seen else fresh
    try:
        weights, means, covariances = together.parameters(reg_covar)
        learned = Mixture(weights, means, covariances, mixture.covariance_type)
        check_spread(learned, together.counts * (seen + weight), data.largest)
    except CollapseError as error:
        raise collapse(error, together.counts * (seen + weight), batch) from None
    return learned, seen + weight


def remembered(mixture: Mixture, reg_covar: float = 0.0) -> Statistics:
    """Statistics, per sample, from which an M-step would give this mixture: nothing more has to be remembered."""
    kind = covariance_type_of(mixture.covariance_type)
    covariances = kind.add_to_diagonal(mixture.covariances, -reg_covar)
    return Statistics(
        mixture.covariance_type,
        origin=np.zeros_like(mixture.means[0]),
        centres=mixture.means,
        counts=mixture.weights,
        sums=np.zeros_like(mixture.means),
        squares=kind.scatter_of(covariances, mixture.weights),
        log_likelihood=0.0,
    )


def judged(iteration: int, mixture: Mixture, data: Source) -> Snapshot:
    """Snapshot whose objective is the log-likelihood of one batch, in nats per sample, of this very mixture."""
    log_likelihood = data.expect(mixture.density).log_likelihood / data.total_weight
    return Snapshot(iteration, mixture, log_likelihood, objective_name=OBJECTIVE)
