"""Things to do: predictions before a demonstration plays, functions to write, questions, an interview."""

from .checker import check
from .coach import hint, solution
from .folder import add_folder
from .interview_widget import Interview, interview
from .overview import show_progress
from .predict import Prediction, predict  # at once: a module of the same name would hide a function imported later
from .quiz_widget import quiz
from .quizzes import gain

__all__ = [
    "Interview", "Prediction", "add_folder", "check", "gain", "hint", "interview", "predict", "quiz", "show_progress",
    "solution",
]  # fmt: skip
