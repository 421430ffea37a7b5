"""The two halves of the log-likelihood: the bound and the divergence (Bishop 2006, eqs. 9.70 to 9.72)."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, rel_entr, xlogy

from .cases import log_joint as joint_of
from .cases import parameters, samples, shares
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row

SURE = slice(0, 3)  # rows of q that give everything to one component


def elbo(q: Array, log_joint: Array) -> float:
    """Lower bound on the log-likelihood, in nats, for shares q and log joint, both (n_samples, n_components)."""
    return float((q * log_joint).sum() - xlogy(q, q).sum())  # (9.71), the fraction taken apart


def kl(q: Array, posterior: Array) -> float:
    """Kullback-Leibler divergence of shares q from the posterior, in nats, summed over the samples."""
    return float(xlogy(q, q).sum() - xlogy(q, posterior).sum())  # (9.72)


def _with_zeros(q: Array) -> Array:
    """The same shares, and three rows that are quite sure."""
    sure = q.copy()
    sure[SURE] = np.eye(q.shape[1])[[0, 2, 1]]
    return sure


def elbo_cases() -> list[Arguments]:
    """First without zeros and without the outlier, so that what goes wrong there hides nothing else."""
    return [
        {"q": shares(2)[:-1], "log_joint": joint_of(samples(2)[:-1], **parameters(2))},
        {"q": _with_zeros(shares(3)), "log_joint": joint_of(samples(3), **parameters(3))},
    ]


def kl_cases() -> list[Arguments]:
    """First without zeros; then rows of q with zeros, one of them where the posterior is zero too."""
    joint = joint_of(samples(2)[:-1], **parameters(2))
    posterior = shares(3)
    posterior[0] = [0.75, 0.25, 0.0]  # q has (1, 0, 0) there
    return [
        {"q": shares(2)[:-1], "posterior": np.exp(joint - logsumexp(joint, axis=1, keepdims=True))},
        {"q": _with_zeros(shares(3)), "posterior": posterior},
    ]


# --- the mistakes -------------------------------------------------------------------------------------------


def _entropy(q: Array) -> float:
    return float(-xlogy(q, q).sum())


def _bounds(outputs: Outputs, arguments: Arguments) -> str:
    total = float(logsumexp(arguments["log_joint"], axis=1).sum())
    return (
        f"You return {number(float(outputs[0]))}; the bound is {number(elbo(**arguments))}, and the log-likelihood "
        f"above it {number(total)}."
    )


def _divergences(outputs: Outputs, arguments: Arguments) -> str:
    return f"You return {number(float(outputs[0]))}; it is {number(kl(**arguments))}."


def _zeros(outputs: Outputs, arguments: Arguments) -> str:
    return f"Row 0 of q is {row(arguments['q'][0])}, and you return {number(float(outputs[0]))}."


def _a_little_too_small(outputs: Outputs, arguments: Arguments) -> str:
    least, right = arguments["posterior"][arguments["posterior"] > 0].min(), kl(**arguments)
    if least > 1e-6 or not 0.95 < outputs[0] / right < 1 - 1e-7:
        return ""
    return (
        f"The smallest chance in the posterior is {number(least)}, and its logarithm {number(np.log(least), 1)}. "
        f"You return {number(float(outputs[0]), 6)}; it is {number(right, 6)}."
    )


def _shape(outputs: Outputs, arguments: Arguments) -> str:
    return f"Its shape is {np.shape(outputs[0])}, for {len(arguments['q'])} samples; one number is wanted."


ELBO_MISTAKES = (
    Mistake(
        "the entropy of q is forgotten",
        lambda q, joint: (q * joint).sum(),
        "That is the part of (9.71) which the M-step needs. Which other part is there, with nothing but q in it?",
        _bounds,
    ),
    Mistake(
        "the entropy of q has the wrong sign",
        lambda q, joint: (q * joint).sum() - _entropy(q),
        "The logarithm of a fraction is a difference. Where does q stand in the fraction of (9.71)?",
        _bounds,
    ),
    Mistake(
        "the entropy of q is added twice",
        lambda q, joint: (q * joint).sum() + 2 * _entropy(q),
        "An unsure q is rewarded once in (9.71). How often does q ln q stand in yours?",
        _bounds,
    ),
    Mistake(
        "0 · ln 0 has become NaN",
        lambda q, joint: (q * (joint - np.log(q))).sum(),
        "A sure q says 0 for the other components. To what does q ln q go as q goes to 0, and which function knows "
        "that?",
        _zeros,
    ),
    Mistake(
        "the mean over the samples is returned instead of the sum",
        lambda q, joint: elbo(q, joint) / len(q),
        "With KL it has to add up to the total log-likelihood. Of how many samples?",
        _bounds,
    ),
    Mistake(
        "q is not used: the log-likelihood itself is returned",
        lambda q, joint: logsumexp(joint, axis=1).sum(),
        "The bound touches the log-likelihood for one q alone, the E-step's. Is that the q which you were given?",
        _bounds,
    ),
    Mistake(
        "the joint density stands where its logarithm belongs",
        lambda q, joint: (q * np.exp(joint)).sum() + _entropy(q),
        "`log_joint` is a logarithm already. What does (9.71) average?",
        _bounds,
    ),
    Mistake(
        "the logarithm of the log joint is taken",
        lambda q, joint: (q * np.log(joint)).sum() + _entropy(q),
        "`log_joint` is a logarithm already, and negative. How many logarithms does (9.71) take of the joint density?",
        _bounds,
    ),
    Mistake(
        "the average is not weighted with q",
        lambda q, joint: joint.sum() + _entropy(q),
        "The bound is an average over the labels. With which chances does q draw them?",
        _bounds,
    ),
    Mistake(
        "the shares are rounded to the likeliest component",
        lambda q, joint: joint[np.arange(len(q)), q.argmax(axis=1)].sum(),
        "That is a hard q, which has no entropy. What happens to a share of 0.4?",
        _bounds,
    ),
    Mistake(
        "the sign is turned",
        lambda q, joint: -elbo(q, joint),
        "Variational inference often *minimises* its negative. Is this one to be lifted or lowered?",
        _bounds,
    ),
    Mistake(
        "there is one number for each sample, and not their sum",
        lambda q, joint: (q * joint).sum(axis=1) - xlogy(q, q).sum(axis=1),
        "Each sample has a bound of its own. How do N of them become the bound on the whole log-likelihood?",
        _shape,
    ),
)

ELBO = Exercise(
    name="elbo",
    signature="elbo(q, log_joint)",
    task="Return the evidence lower bound, one number, in nats, summed over the samples. `q` is (N, K), rows sum to 1 "
    "and some entries are 0; `log_joint` (N, K) is ln(π_k N(x_n | μ_k, Σ_k)).",
    reference=elbo,
    cases=elbo_cases,
    outputs=("bound",),
    mistakes=ELBO_MISTAKES,
    properties=(
        Property(
            "the bound is not above the log-likelihood",
            lambda outputs, arguments: (
                _bounds(outputs, arguments)
                if float(outputs[0]) > float(logsumexp(arguments["log_joint"], axis=1).sum()) + 1e-4
                else ""
            ),
            "A lower bound cannot be higher than what it bounds. Which term is too large, or missing?",
        ),
    ),
    hints=(
        "(9.71) is an average, with the chances in q, of the logarithm of a fraction. Take the fraction apart first.",
        "Two sums over all entries: one of q times `log_joint`, one of q times ln q. Which of them is taken off?",
        "`(q * log_joint).sum()` minus the sum of `xlogy(q, q)` (`from scipy.special import xlogy`), which is 0 where "
        "q "
        "is 0.",
    ),
    commentary="The expected log joint plus the entropy of q. The M-step changes the first alone, the parameters do "
    "not enter the second: that is why it may forget the entropy, and the bound may not.",
    insight="For q the E-step's responsibilities this is the log-likelihood. For any other q it is less, by exactly "
    "the KL divergence.",
    after="Next: `kl`, the gap. The two have to add up to the log-likelihood for every q that you try.",
    notebook="04",
)

KL_MISTAKES = (
    Mistake(
        "the divergence is turned round: that of the posterior from q",
        lambda q, posterior: rel_entr(posterior, q).sum(),
        "It is not symmetric. Whose chances are the averages in (9.72) taken with, q's or the posterior's?",
        _divergences,
    ),
    Mistake(
        "0 · ln 0 has become NaN",
        lambda q, posterior: (q * np.log(q / posterior)).sum(),
        "A sure q says 0 for the other components. To what does q ln q go as q goes to 0, and which function knows "
        "that?",
        _zeros,
    ),
    Mistake(
        "the minus sign of (9.72) is lost, or the fraction turned over",
        lambda q, posterior: -kl(q, posterior),
        "A divergence is never negative. Which of q and posterior stands below in your fraction?",
        _divergences,
    ),
    Mistake(
        "only q ln q is summed: the posterior is forgotten",
        lambda q, posterior: -_entropy(q),
        "How far is q, from what? Where does the posterior come in?",
        _divergences,
    ),
    Mistake(
        "only −q ln p is summed: that is the cross-entropy",
        lambda q, posterior: -xlogy(q, posterior).sum(),
        "For q = p this would not be 0. What has to be taken off, so that it is?",
        _divergences,
    ),
    Mistake(
        "the logarithms are averaged with the posterior's chances",
        lambda q, posterior: xlogy(posterior, q).sum() - xlogy(posterior, posterior).sum(),
        "That comes out negative. Which of the two is the factor before the logarithm in (9.72)?",
        _divergences,
    ),
    Mistake(
        "the logarithms are not weighted with q",
        lambda q, posterior: np.log(q).sum() - np.log(posterior).sum(),
        "A label that q thinks impossible should not count. With which chances is the average taken?",
        _divergences,
    ),
    Mistake(
        "squared differences are summed",
        lambda q, posterior: ((q - posterior) ** 2).sum(),
        "That is a distance between tables. Would it add up with the bound, which is made of logarithms?",
        _divergences,
    ),
    Mistake(
        "every term is made positive",
        lambda q, posterior: np.abs(xlogy(q, q) - xlogy(q, posterior)).sum(),
        "Single terms may be negative, where q is below the posterior; only their sum may not. What has `abs` hidden?",
        _divergences,
    ),
    Mistake(
        "the mean over the samples is returned instead of the sum",
        lambda q, posterior: kl(q, posterior) / len(q),
        "With the bound it has to add up to the total log-likelihood. Of how many samples?",
        _divergences,
    ),
    Mistake(
        "the logarithm has base 2",
        lambda q, posterior: kl(q, posterior) / np.log(2),
        "Those are bits, and the log-likelihood is in nats. Which logarithm undoes `np.exp`?",
        _divergences,
    ),
    Mistake(
        "there is one number for each sample, and not their sum",
        lambda q, posterior: xlogy(q, q).sum(axis=1) - xlogy(q, posterior).sum(axis=1),
        "Each sample has a gap of its own. How do N of them become the gap of the whole data set?",
        _shape,
    ),
)

KL = Exercise(
    name="kl",
    signature="kl(q, posterior)",
    task="Return the Kullback–Leibler divergence KL(q‖p) of q from the posterior p, one number, in nats, summed over "
    "the samples. Both are (N, K) and their rows sum to 1; some entries of q are 0.",
    reference=kl,
    cases=kl_cases,
    outputs=("divergence",),
    mistakes=KL_MISTAKES,
    properties=(
        Property(
            "a divergence is not negative",
            lambda outputs, arguments: _divergences(outputs, arguments) if float(outputs[0]) < -1e-6 else "",
            "It is 0 for q = p and positive otherwise. Which sign or which weights have gone wrong?",
        ),
        Property(
            "nothing is added inside the logarithms",
            _a_little_too_small,
            "Have you added a small number, against ln 0? Beside a chance that is smaller still, that number decides. "
            "Which function gives 0 for 0 · ln 0, so that nothing has to be added?",
        ),
    ),
    hints=(
        "(9.72) is an average, with the chances in q, of the logarithm of a fraction, and a minus sign before it.",
        "Two sums over all entries: one of q times ln q, one of q times ln p. Which of them is taken off?",
        "The sum of `xlogy(q, q)` minus the sum of `xlogy(q, posterior)` (`from scipy.special import xlogy`): both are "
        "0 where q is 0.",
    ),
    commentary="xlogy is 0 where q is 0, even if the posterior is 0 there too. Where q is not 0 and the posterior is, "
    "the divergence is infinite, and rightly so: q bets on what cannot be.",
    insight="After an E-step this is 0 and the bound touches. Any other q leaves a gap of exactly this size.",
    after="Next: add it to `elbo`, for several q and one set of parameters. What stays the same?",
    notebook="04",
)
