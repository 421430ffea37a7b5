"""Things to do: predictions that are made before a demonstration plays."""

from .predict import Prediction, predict  # at once: a module of the same name would hide a function imported later

__all__ = ["Prediction", "predict"]
