"""gmmteach: a course on Gaussian mixture models, and the small library under it.

Every run of EM or k-means is a `Trace` of snapshots, so that it can be played, stepped through and checked.
"""

from importlib.metadata import version
from typing import Any

from .em import e_step, em, m_step
from .estimators import GaussianMixture, KMeans
from .kmeans import lloyd
from .mixture import Mixture
from .trace import Snapshot, Trace

__version__ = version("gmmteach")

__all__ = [
    "GaussianMixture",
    "KMeans",
    "Mixture",
    "Snapshot",
    "Trace",
    "animate",
    "e_step",
    "em",
    "lloyd",
    "m_step",
]


def __getattr__(name: str) -> Any:
    # Pictures need matplotlib, which takes a second to import; whoever only fits does not pay for it.
    if name == "animate":
        from .visual.animate import animate

        return animate
    raise AttributeError(f"module 'gmmteach' has no attribute {name!r}")
