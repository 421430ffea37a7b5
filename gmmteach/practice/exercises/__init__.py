"""The exercises of the course, by name: a right answer, cases, and the mistakes that people make."""

from . import conditional, e_step, m_step, memory, merging, prior, pruning, selection
from .model import Exercise

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        e_step.EXERCISE, m_step.EXERCISE,
        prior.EXERCISE, selection.N_PARAMETERS, selection.BIC, selection.ICL, conditional.EXERCISE, pruning.EXERCISE,
        merging.EXERCISE, memory.EXERCISE,
    )
}  # fmt: skip

__all__ = ["EXERCISES", "Exercise"]
