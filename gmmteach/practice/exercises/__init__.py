"""The exercises of the course, by name: a right answer, cases, and the mistakes that people make."""

from .e_step import EXERCISE as E_STEP
from .m_step import EXERCISE as M_STEP
from .model import Exercise

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in (E_STEP, M_STEP)}

__all__ = ["EXERCISES", "Exercise"]
