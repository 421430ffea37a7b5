"""scikit-learn's estimators, with the run they made.

They take the arguments, have the attributes and give the numbers of their namesakes in scikit-learn, for the same
``random_state``; a learner changes one import line to move between the two. On top of that they keep every
iteration, as ``trace_``.
"""

from .bayesian import BayesianGaussianMixture
from .gaussian import GaussianMixture
from .kmeans import KMeans

__all__ = ["BayesianGaussianMixture", "GaussianMixture", "KMeans"]
