"""gmmteach: a course on Gaussian mixture models, and the small library under it.

Every run of EM, variational EM or k-means is a `Trace` of snapshots, so that it can be played, stepped through and
checked.
"""

from importlib.metadata import version
from typing import Any

from .em import e_step, em, m_step
from .estimators import BayesianGaussianMixture, GaussianMixture, KMeans
from .kmeans import lloyd
from .mixture import Mixture
from .selection import Selection, select
from .trace import Snapshot, Trace
from .variational import variational_em

__version__ = version("gmmteach")

__all__ = [
    "BayesianGaussianMixture",
    "GaussianMixture",
    "KMeans",
    "Mixture",
    "Selection",
    "Snapshot",
    "Trace",
    "animate",
    "e_step",
    "em",
    "lloyd",
    "m_step",
    "select",
    "variational_em",
]


def __getattr__(name: str) -> Any:
    # Pictures need matplotlib, which takes a second to import; whoever only fits does not pay for it.
    if name == "animate":
        from .visual.animate import animate

        return animate
    raise AttributeError(f"module 'gmmteach' has no attribute {name!r}")
