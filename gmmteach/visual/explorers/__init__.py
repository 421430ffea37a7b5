"""Pictures to play with: a few lines in a notebook, an idea under the hand.

Each function returns a widget: sliders, a picture and a sentence that says what the picture shows. Show it as
the last line of a cell. Where there is no kernel (GitHub, a printed page) the picture of its starting state
stands in its place, with the sentence as its alternative text.
"""

from .bound import explore_bound
from .collapse import explore_collapse
from .conditional import explore_conditional
from .covariance import explore_covariance
from .gaussian import explore_gaussian
from .landscape import explore_landscape
from .limit import explore_limit
from .mixture import explore_mixture
from .prior import explore_prior
from .responsibilities import explore_responsibilities
from .selection import explore_selection
from .shapes import explore_shapes
from .stopping import explore_stopping
from .story import explore_story
from .threshold import explore_threshold

__all__ = [
    "explore_bound",
    "explore_collapse",
    "explore_conditional",
    "explore_covariance",
    "explore_gaussian",
    "explore_landscape",
    "explore_limit",
    "explore_mixture",
    "explore_prior",
    "explore_responsibilities",
    "explore_selection",
    "explore_shapes",
    "explore_stopping",
    "explore_story",
    "explore_threshold",
]
