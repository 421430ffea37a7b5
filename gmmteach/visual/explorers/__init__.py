"""Pictures to play with: a few lines in a notebook, an idea under the hand.

Each function returns a widget: sliders, a picture and a sentence that says what the picture shows. Show it as
the last line of a cell. Where there is no kernel (GitHub, a printed page) the picture of its starting state
stands in its place, with the sentence as its alternative text.
"""

from .covariance import explore_covariance
from .gaussian import explore_gaussian
from .mixture import explore_mixture
from .responsibilities import explore_responsibilities
from .story import explore_story

__all__ = [
    "explore_covariance",
    "explore_gaussian",
    "explore_mixture",
    "explore_responsibilities",
    "explore_story",
]
